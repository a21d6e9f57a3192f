"""Which endpoints there are: names to modules, loaded only when a target uses them.

A module exposes `OPTIONS`, the class of its options, and `open(context)`; one by a third party also `API`, the version
of the interface that it is made for. Those are found through entry points of the group `directional_sync.endpoints`.
None is loaded unless the file allows its package, by name and by the digest of all that it has installed; and none ever
hides a built-in one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from directional_sync.errors import HostError, InternalError
from directional_sync.model.target import Approve, Direction, HiddenText, Target

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from directional_sync.endpoints.base import Context, Endpoint, Options

GROUP = "directional_sync.endpoints"
API = 1
"""The version of the interface between this program and endpoints by third parties."""
COMMAND = "command"
GONE = "gone-from-the-file"
"""The endpoint of targets that the file no longer holds."""


@dataclass(frozen=True, slots=True)
class _BuiltIn:
    description: str
    module: str = ""
    """Where `OPTIONS` and `open` are; "" when this version does not contain it."""
    options: str = ""
    """`module:class` of the options where they can be had without loading the endpoint."""
    directions: tuple[Direction, ...] = tuple(Direction)
    records: bool = False
    """Its keys are records of the far side; see `endpoints.base.Translating`."""
    far: tuple[str, ...] = ()
    """Options of which the first that is given says on which host the far side is. `a.b`: b under a."""
    beside: tuple[str, ...] = ()
    """Options that name files or folders of the repository that it reads beside those of the target."""
    credentials: tuple[str, ...] = ()
    """Options that name variables with its own credentials: one name each, or a mapping to names. `a.b`: b under a."""
    pins: bool = False
    """Its sources stand in the lock, and can be taken exactly as they stand there."""
    instructs: bool = False
    """What comes from it tells agents what to do: more care is taken with it where the file does not say otherwise."""


_BUILT_IN: dict[str, _BuiltIn] = {
    "git": _BuiltIn(
        "Git repositories whose content is vendored.",
        "directional_sync.endpoints.git.endpoint",
        "directional_sync.endpoints.git.options:GitOptions",
        (Direction.PULL,),
        far=("url",),
        beside=("patches", "names_from", "signed_by"),
        pins=True,
    ),
    COMMAND: _BuiltIn(
        "Any program in the repository.",
        "directional_sync.endpoints.command.endpoint",
        "directional_sync.endpoints.command.options:CommandOptions",
    ),
    GONE: _BuiltIn("Nothing; of targets that left the file.", "directional_sync.endpoints.gone"),
    "catalogue": _BuiltIn(
        "A skills catalogue: HTTP, git or a folder.",
        "directional_sync.endpoints.catalogue.endpoint",
        "directional_sync.endpoints.catalogue.options:CatalogueOptions",
        (Direction.PULL,),
        far=("url",),
        credentials=("token",),
        pins=True,
        instructs=True,
    ),
    "files": _BuiltIn(
        "The files of a folder or of an object store.",
        "directional_sync.endpoints.files.endpoint",
        "directional_sync.endpoints.files.options:FilesOptions",
        far=("endpoint_url", "url"),
        credentials=("key", "secret", "token", "credentials"),
    ),
    "notion": _BuiltIn(
        "Rows of a Notion database, by external id.",
        "directional_sync.endpoints.notion.endpoint",
        "directional_sync.endpoints.notion.options:NotionOptions",
        (Direction.PUSH,),
        far=("url",),
        credentials=("token",),
        records=True,
    ),
    "rest": _BuiltIn(
        "A paged JSON list of a service, as one document or one file per item.",
        "directional_sync.endpoints.rest.endpoint",
        "directional_sync.endpoints.rest.options:RestOptions",
        (Direction.PULL,),
        far=("url",),
        credentials=("token",),
    ),
    "sections": _BuiltIn(
        "Entries of a document's sections, kept equal with settings files, agents and skills.",
        "directional_sync.endpoints.sections.endpoint",
        "directional_sync.endpoints.sections.options:SectionsOptions",
        (Direction.BIDIRECTIONAL,),
        records=True,
        instructs=True,
    ),
    "server_config": _BuiltIn(
        "A live server's configuration, secrets replaced at the source.",
        "directional_sync.endpoints.server_config.endpoint",
        "directional_sync.endpoints.server_config.options:ServerConfigOptions",
        (Direction.PULL,),
        far=("host", "api.url"),
        beside=("known_hosts",),
        credentials=("api.key",),
    ),
    "ssh-files": _BuiltIn(
        "The files of a folder on another machine, over ssh.",
        "directional_sync.endpoints.files.endpoint",
        "directional_sync.endpoints.files.options:SshFilesOptions",
        far=("host",),
        beside=("known_hosts",),
    ),
}


def builtin_types() -> tuple[str, ...]:
    """What `remote.type` may say without any plugin, sorted. `command` is not among them: a target has it by its
    `entrypoint`."""
    return tuple(sorted(name for name in _BUILT_IN if name not in (COMMAND, GONE)))


def endpoint_types() -> tuple[str, ...]:
    """All names, plugins included, sorted. Loads no endpoint."""
    return tuple(sorted({*_BUILT_IN, *_third_parties()} - {GONE}))


def known(name: str) -> bool:
    """Whether `name` is an endpoint, available or not."""
    return name in endpoint_types()


def available(name: str) -> bool:
    """Whether targets with this endpoint can run with this installation."""
    return bool(_BUILT_IN[name].module) if name in _BUILT_IN else name in _third_parties()


def built_in(name: str) -> bool:
    """Whether the endpoint belongs to this program, available or not."""
    return name in _BUILT_IN


def described(name: str) -> str:
    """What the endpoint is, in one sentence; "" for third parties."""
    built_in = _BUILT_IN.get(name)
    if built_in is None:
        return ""
    return built_in.description if built_in.module else f"{built_in.description} Not available in this version."


def directions(name: str) -> tuple[Direction, ...]:
    """The directions that a target with this endpoint may have."""
    return _BUILT_IN[name].directions if name in _BUILT_IN else tuple(Direction)


def records(name: str) -> bool:
    """Whether the keys of targets with this endpoint are records of the far side, and not paths. Third parties say so
    by `RECORDS = True` in their module."""
    if name in _BUILT_IN:
        return _BUILT_IN[name].records
    try:
        return name in _third_parties() and bool(getattr(_module(name), "RECORDS", False))
    except HostError:
        return False  # its targets will say why, each by itself


def pins(name: str) -> bool:
    """Whether the lock names the sources of targets with this endpoint, so that they can be taken as it says."""
    return name in _BUILT_IN and _BUILT_IN[name].pins


def cautions(name: str) -> Mapping[str, Approve | HiddenText]:
    """Fields of targets with this endpoint that are more careful by default than those of others."""
    instructs = name in _BUILT_IN and _BUILT_IN[name].instructs
    return {"approve": Approve.EXECUTABLES, "hidden_text": HiddenText.REFUSE} if instructs else {}


def credentials(target: Target) -> tuple[str, ...]:
    """Names of the variables that hold what the target's endpoint proves itself with. They are for the endpoint alone:
    programs and checks of the target see only what `env` names."""
    built_in = _BUILT_IN.get(target.endpoint)
    found: list[str] = []
    for option in built_in.credentials if built_in is not None and target.options is not None else ():
        said = _said(target.options, option)
        found += said.values() if isinstance(said, dict) else [said]
    return tuple(dict.fromkeys(name for name in found if name))


def far_host(target: Target) -> str:
    """On which other machine the target's far side is, in lower case; "" for this one, and where nobody can tell."""
    built_in = _BUILT_IN.get(target.endpoint)
    for option in built_in.far if built_in is not None and target.options is not None else ():
        if said := _said(target.options, option):
            return _host(str(said), alone=option == "host")
    return ""


def beside(target: Target) -> tuple[str, ...]:
    """Globs of what the target's endpoint reads of the repository beside what belongs to the target."""
    built_in = _BUILT_IN.get(target.endpoint)
    if built_in is None or target.options is None:
        return ()
    repositories = getattr(target.options, "repositories", None)
    options = [target.options, *(repositories.values() if isinstance(repositories, dict) else ())]
    said = [_said(each, option) for each in options for option in built_in.beside]
    paths = (path.replace("{name}", "*") for path in said if path and "://" not in path and path[0] not in "/~")
    return tuple(dict.fromkeys(glob for path in paths for glob in (path, f"{path}/**")))


def _said(options: Any, option: str) -> Any:
    """What is given for an option; None where it is none."""
    for part in option.split("."):
        options = getattr(options, part, None)
    return options


def _host(address: str, *, alone: bool) -> str:
    """The host of an address: `https://host:443/x`, `git@host:x`, or nothing but the host (`alone`)."""
    if "://" in address:
        from urllib.parse import urlsplit

        parts = urlsplit(address)
        return "" if parts.scheme.lower() == "file" else (parts.hostname or "")
    place, colon, _ = address.partition(":")
    if not alone and (not colon or "/" in place):
        return ""
    return (address if alone else place).rpartition("@")[2].lower()


def options_model(name: str) -> type[Options] | None:
    """The class of the endpoint's options; None when the endpoint is not available. Raises HostError E-PLUGIN..."""
    if not available(name):
        return None
    built_in = _BUILT_IN.get(name)
    if built_in is not None and built_in.options:
        module, _, attribute = built_in.options.partition(":")
        found: type[Options] = getattr(import_module(module), attribute)
        return found
    model: type[Options] = _exposed(name, _module(name), "OPTIONS")
    return model


def open_endpoint(context: Context) -> Endpoint:
    """The far side of one target, for one run. Raises HostError E-PLUGIN..., and what the endpoint raises."""
    name = context.target.endpoint
    if not available(name):
        raise InternalError("E-INTERNAL", f"the endpoint {name!r} of {context.target.name} is not available")
    opening = _exposed(name, _module(name), "open")
    if name in _BUILT_IN:
        endpoint: Endpoint = opening(context)
        return endpoint
    from directional_sync.endpoints import foreign

    options_model(name)  # where it has none, the target's options were not checked
    return foreign.opened(_who(name, _chosen(name)), opening, context)


def allow(packages: Mapping[str, str]) -> None:
    """From now on third parties' endpoints come from these packages only: name -> sha256 of what it has installed."""
    _allowed.clear()
    _allowed.update({_plain(name): digest.removeprefix("sha256:") for name, digest in packages.items()})


@dataclass(frozen=True, slots=True)
class Installed:
    """An endpoint by a third party that is installed here."""

    name: str
    package: str
    version: str
    sha256: str
    allowed: bool
    """The file names the package with this digest."""
    named: bool
    """The file names the package."""


def installed() -> list[Installed]:
    """All of them, whether they may be loaded or not. Loads none."""
    found = []
    for name, entries in sorted(_third_parties().items()):
        for entry in entries:
            package, digest = _plain(entry.dist.name) if entry.dist else "", _digest(entry)
            allowed = bool(digest) and _allowed.get(package) == digest
            version = entry.dist.version if entry.dist else ""
            found.append(Installed(name, package, version, digest, allowed, package in _allowed))
    return found


_allowed: dict[str, str] = {}


def _plain(package: str) -> str:
    """A package's name as all who compare names of packages write it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _module(name: str) -> Any:
    if name in _BUILT_IN:
        return import_module(_BUILT_IN[name].module)
    from directional_sync.endpoints import foreign

    entry = _chosen(name)
    module = foreign.loaded(_who(name, entry), entry.load)
    version = getattr(module, "API", None)
    if version != API:
        raise HostError(
            "E-PLUGIN",
            f"{_who(name, entry)} is made for version {version!r} of the interface, and this program has {API}",
            hint="install a version of it that fits; its module says `API = 1`",
            kept="nothing of it was run",
        )
    return module


def _chosen(name: str) -> EntryPoint:
    """The one entry that the file allows and that is what it allows. Raises HostError."""
    entries = _third_parties()[name]
    named = [entry for entry in entries if entry.dist is not None and _plain(entry.dist.name) in _allowed]
    if len(named) > 1:
        raise _refused("E-PLUGIN-TWICE", f"more than one allowed package provides the endpoint {name!r}", named)
    if not named:
        message = f"the endpoint {name!r} is a plugin that the file does not allow"
        raise _refused("E-PLUGIN-NOT-ALLOWED", message, entries)
    [entry] = named
    assert entry.dist is not None
    if _digest(entry) != _allowed[_plain(entry.dist.name)]:
        message = f"{_who(name, entry)} is not what the file allows: its files are others"
        raise _refused("E-PLUGIN-CHANGED", message, named)
    from directional_sync.system import distributions

    strange = distributions.outside(entry.dist, entry.value.partition(":")[0])
    if strange:
        message = f"{_who(name, entry)} would run {strange}, which the package has not installed"
        raise _refused("E-PLUGIN-CHANGED", message, named)
    return entry


def _refused(code: str, message: str, entries: Sequence[EntryPoint]) -> HostError:
    lines = [f"{_who(entry.name, entry)}: sha256 {_digest(entry) or 'not known'}" for entry in entries]
    hint = "allow the one that you have looked at, under `plugins`: NAME: SHA256 (see: dsync doctor)"
    return HostError(code, message, hint=hint, kept="nothing of it was run", detail=lines)


def _who(name: str, entry: EntryPoint) -> str:
    about = f" ({entry.dist.name} {entry.dist.version})" if entry.dist is not None else ""
    return f"the plugin {name}{about}"


def _digest(entry: EntryPoint) -> str:
    from directional_sync.system import distributions

    try:
        return distributions.digest(entry.dist) if entry.dist is not None else ""
    except OSError:
        return ""


def _exposed(name: str, module: Any, attribute: str) -> Any:
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise HostError(
            "E-PLUGIN",
            f"the endpoint {name!r} has no `{attribute}`",
            hint="an endpoint module exposes OPTIONS and open(context)",
            kept="nothing was run",
        ) from error


@lru_cache(maxsize=1)
def _third_parties() -> dict[str, tuple[EntryPoint, ...]]:
    """By name, all that are installed; of one name in the order of their values, however they were installed."""
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        if entry.name not in _BUILT_IN:
            found[entry.name] = (*found.get(entry.name, ()), entry)
    return found
