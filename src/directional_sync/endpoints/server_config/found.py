"""From what a server answered to files: which process and which file count, what is secret, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from directional_sync.core.escape import one_line
from directional_sync.endpoints.server_config import complaints, conf, documents, processes, variables
from directional_sync.endpoints.server_config.answer import Answer, FarFile, Look, Process
from directional_sync.endpoints.server_config.disguise import Disguise, Show
from directional_sync.endpoints.server_config.script import DEFAULT_CONFIG, DEFAULT_PROCESS
from directional_sync.endpoints.ssh.complaints import complaint
from directional_sync.errors import Kind, SyncError

if TYPE_CHECKING:
    from directional_sync.endpoints.server_config.options import ServerConfigOptions

_SAYS = {
    Look.MISSING: "there is no {path} on {server}",
    Look.FORBIDDEN: "{path} on {server} may not be read by the user that we are there",
    Look.FOLDER: "{path} on {server} is a folder",
    Look.LARGE: "{path} on {server} is larger than any such file",
    Look.BROKEN: "{path} on {server} could not be read to its end",
    Look.CHANGED: "{path} on {server} was changed while it was read",
}
_READABLE = "let the user that we are there read it: ssh in and try `cat`, or become the service's own user"


@dataclass(frozen=True)
class Found:
    """What a look came to."""

    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """File name -> content, secrets replaced."""
    errors: Mapping[str, SyncError] = field(default_factory=dict)
    """File name -> why it could not be made."""
    notes: tuple[str, ...] = ()

    def with_(self, other: Found) -> Found:
        return Found({**self.files, **other.files}, {**self.errors, **other.errors}, (*self.notes, *other.notes))


def gather(options: ServerConfigOptions, answer: Answer, server: str) -> Found:
    """The files that the answer allows. Raises SyncError E-SERVER-PROCESS when the server's process was looked for and
    not found: without it nobody knows which file it reads, or what its command line changes."""
    process = _process(options, answer, server)
    sections: Mapping[str, Mapping[str, str]] = {}
    environment: Mapping[str, str] = {}
    errors: dict[str, SyncError] = {}
    names = options.files
    path = _config_path(options, process)
    try:
        sections = _sections(answer, path, server)
    except SyncError as error:
        errors |= {name: error for name in (names.addons_path, names.database, names.settings) if name}
    wanted = options.environment != "none" and bool(names.environment)
    try:
        environment = _environment(options, answer, process, server) if wanted else {}
    except SyncError as error:
        errors[names.environment] = error
    said = processes.said(process.argv) if process is not None else {}
    disguise = Disguise(options.placeholder, tuple(options.keep), tuple(options.hide), options.values == "listed")
    line = [("", " ".join(process.argv))] if process is not None else []
    show = disguise.over([*(part.items() for part in sections.values()), said.items(), environment.items(), line])
    files = _documents(options, sections, said, _shown_path(path, show), show)
    if wanted:
        origin = options.environment_file or "its process"
        lasting = documents.lasting(environment, options.drop, options.keep)
        files[names.environment] = documents.environment(lasting, show, origin)
    return Found({name: content for name, content in files.items() if name and name not in errors}, errors)


def _documents(
    options: ServerConfigOptions,
    sections: Mapping[str, Mapping[str, str]],
    said: Mapping[str, str],
    path: str,
    show: Show,
) -> dict[str, bytes]:
    names = options.files
    settings = {**sections.get(conf.OPTIONS, {}), **said}

    def origin(concerned: bool) -> str:
        return path + (" and the command line of its process" if concerned else "")

    by_hand = any(documents.is_database(name) for name in said)
    return {
        names.addons_path: documents.addons(conf.addons_path(settings), show, origin("addons_path" in said)),
        names.database: documents.database(settings, show, origin(by_hand)),
        names.settings: documents.others(sections, show, path),
    }


def _process(options: ServerConfigOptions, answer: Answer, server: str) -> Process | None:
    if not options.process:
        return None
    standard = tuple(options.process) == DEFAULT_PROCESS
    if answer.no_proc:
        raise _held(complaints.PROCESS, f"{server} has no /proc in which its process could be found")
    if answer.crowd:
        raise _held(complaints.PROCESS, f"too many processes on {server} match `process`")
    try:
        return processes.choose(answer.processes, options.config_file, standard=standard)
    except processes.Unclear as unclear:
        what = f"{unclear}: {server}"
        hint = "" if answer.processes else _hint_for_none(standard)
        raise _held(complaints.PROCESS, what, hint) from None


def _hint_for_none(standard: bool) -> str:
    start = "start the server; " if standard else ""
    return (
        f"{start}if it runs, name its command line by `process` (`ps axww`), or, where other users' processes are "
        "hidden, be the service's own user there; `process: []` reads files only"
    )


def _config_path(options: ServerConfigOptions, process: Process | None) -> str:
    return options.config_file or (process.config if process is not None else "") or DEFAULT_CONFIG


def _sections(answer: Answer, path: str, server: str) -> dict[str, dict[str, str]]:
    content = _content(answer.files.get(path), path, server, "say where it is by `config_file`")
    try:
        return conf.parse(content)
    except conf.NotAConf as wrong:
        what = f"{one_line(path, 200)} on {server} is not a configuration file of Odoo: {wrong}"
        raise _held(complaints.FILE, what, "mend it there, or say where the right one is by `config_file`") from None


def _environment(options: ServerConfigOptions, answer: Answer, process: Process | None, server: str) -> dict[str, str]:
    instead = "name an `environment_file`, or set `environment: none`"
    try:
        if options.environment_file:
            path = options.environment_file
            return variables.of_file(_content(answer.environment_file, path, server, instead))
        if process is None or process.environ is None:
            what = f"the variables of the process on {server} may not be read by the user that we are there"
            raise _held(complaints.PROCESS, what, f"be the service's own user there (or root); else {instead}")
        return variables.of_process(process.environ)
    except variables.NotVariables as wrong:
        what = f"the variables of the server on {server} cannot be told: {wrong}"
        kind = complaints.FILE if options.environment_file else complaints.PROCESS
        raise _held(kind, what, instead) from None


def _content(file: FarFile | None, path: str, server: str, hint: str) -> bytes:
    look = file.look if file is not None else Look.MISSING
    if file is not None and look is Look.OK:
        return file.content
    hint = _READABLE if look is Look.FORBIDDEN else "" if look in (Look.BROKEN, Look.CHANGED) else hint
    what = _SAYS[look].format(path=one_line(path, 200), server=server)
    raise _held(complaints.FILE, what, hint or "the next run tries again")


def _shown_path(path: str, show: Show) -> str:
    """The path of the file in the head of what is made of it; it may stem from a command line."""
    return one_line(show.location("config_file", path), 200)


def _held(kind: Kind, what: str, hint: str = "") -> SyncError:
    return complaint(kind, what, hint=hint)
