"""A live server's configuration as files: what its configuration file, its process and its API say, without secrets.

A look asks everything at once, decides in memory what is secret, and only then makes files of it. A part that could not
be looked at is unreadable: its file stays as it is in the repository, with the reason told, and is never taken for
gone or empty.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.endpoints.server_config import complaints
from directional_sync.endpoints.server_config.found import Found, gather
from directional_sync.endpoints.server_config.script import DEFAULT_CONFIG, Question
from directional_sync.endpoints.server_config.way import Way
from directional_sync.endpoints.ssh.complaints import complaint
from directional_sync.endpoints.ssh.words import trusted_keys
from directional_sync.errors import InternalError, SyncError
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import FILE, Entry, Snapshot
from directional_sync.model.values import kind_of
from directional_sync.system.host import monotonic
from directional_sync.system.retry import persist

if TYPE_CHECKING:
    from directional_sync.endpoints.server_config.api import OdooApi
    from directional_sync.endpoints.server_config.options import ServerConfigOptions


def __getattr__(name: str) -> Any:
    """`OPTIONS`, loaded when it is asked for: a run may have its options without their class."""
    if name != "OPTIONS":
        raise AttributeError(name)
    from directional_sync.endpoints.server_config import options as server_options

    return server_options.ServerConfigOptions


def open(context: Context) -> Endpoint:
    """The server of a target."""
    return ServerConfigEndpoint(context)


class ServerConfigEndpoint:
    """One server, for one run of one target."""

    capabilities = Capabilities(writes=False, previews=True)

    def __init__(self, context: Context) -> None:
        options = context.target.options
        if kind_of(options) != "ServerConfigOptions":
            raise InternalError("E-INTERNAL", "the server_config endpoint was opened with options of another kind")
        self._context = context
        self._options: ServerConfigOptions = options
        self._stop = threading.Event()
        self._api: OdooApi | None = None

    def __repr__(self) -> str:
        options = self._options
        return f"ServerConfigEndpoint({options.host or options.path or ' '.join(options.command) or 'api'})"

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """One entry per file. Raises the error itself when nothing at all could be looked at."""
        deadline = monotonic() + self._context.target.timeout_s
        found = Found()
        if self._options.host or self._options.command or self._options.path:
            found = self._beside(deadline)
        if self._options.api is not None:
            found = found.with_(self._over_the_api(deadline))
        if found.errors and not found.files:
            raise next(iter(found.errors.values()))
        return self._answer(found)

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        if changes:
            raise InternalError("E-INTERNAL", "the server_config endpoint cannot write to servers")
        return iter(())

    def close(self) -> None:
        self._stop.set()
        if self._api is not None:
            self._api.close()

    def _beside(self, deadline: float) -> Found:
        """What the program beside the server finds."""
        options, context = self._options, self._context
        question = Question(
            options.config_file,
            options.process,
            options.environment == "process" and not options.environment_file,
            options.environment_file,
            options.path,
        )
        self._must_stay_inside(options.config_file or DEFAULT_CONFIG, options.environment_file)
        way = Way(options, context.environment, context.cache, trusted_keys(options, context))
        answer = persist(
            lambda: way.ask(question, max(1.0, deadline - monotonic())),
            retries=context.target.retries,
            timeout_s=max(0.0, deadline - monotonic()),
            stop=self._stop,
        )
        return gather(options, answer, way.server)

    def _over_the_api(self, deadline: float) -> Found:
        """Version and modules; each file on its own, since a refused key leaves the version to be seen."""
        from directional_sync.endpoints.server_config import documents
        from directional_sync.endpoints.server_config.api import OdooApi
        from directional_sync.service.credential import credential

        options, context = self._options, self._context
        assert options.api is not None
        names, files, errors = options.files, {}, {}
        main = 0
        try:
            self._api = OdooApi(
                options.api,
                credential(context.target, options.api.key, context.environment),
                context.environment,
                retries=context.target.retries,
                timeout_s=max(1.0, deadline - monotonic()),
                stop=context.stop,
            )
            text, main = self._api.version()
            files[names.version] = documents.version(text)
            files[names.modules] = documents.modules(self._api.modules(main))
        except SyncError as error:
            if error.code == "E-INTERRUPTED":
                raise
            errors = {name: error for name in (names.version, names.modules) if name and name not in files}
        return Found({name: content for name, content in files.items() if name}, errors)

    def _must_stay_inside(self, *paths: str) -> None:
        """A link in a mounted file system must not lead to a file of this machine. Raises SyncError E-SERVER-FILE."""
        root = self._options.path
        for path in paths if root not in ("", "/") else ():
            real = Path(root + path).resolve() if path else Path(root).resolve()
            if not real.is_relative_to(Path(root).resolve()):
                what = f"{path} under {root} leads out of it by a link"
                raise complaint(complaints.FILE, what, hint="name the file where it really is")

    def _answer(self, found: Found) -> Snapshot:
        into = f"{self._options.into}/" if self._options.into else ""
        digests = {name: self._context.objects.write_blob(content) for name, content in sorted(found.files.items())}
        return Snapshot(
            {into + name: Entry(digest, FILE) for name, digest in digests.items()},
            {into + name: _reason(error) for name, error in sorted(found.errors.items())},
            notes=found.notes,
            advice={into + name: error.hint for name, error in sorted(found.errors.items()) if error.hint},
        )


def _reason(error: SyncError) -> str:
    return f"{error.code}: {error.message}"
