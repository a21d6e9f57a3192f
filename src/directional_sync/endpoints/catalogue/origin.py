"""The ways in which a catalogue is read: over HTTP, from a git repository, from a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote, urljoin, urlsplit

from directional_sync.core.strict_json import BadJson, parse
from directional_sync.endpoints.base import Context
from directional_sync.endpoints.catalogue import trouble
from directional_sync.endpoints.catalogue.document import BYTES_MAX, File, Listed
from directional_sync.endpoints.catalogue.places import Via, folder_of, via_of
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.snapshot import EXECUTABLE, FILE, FOLDER, Entry, Snapshot
from directional_sync.system.host import host_errors, monotonic

if TYPE_CHECKING:
    from directional_sync.endpoints.catalogue.options import CatalogueOptions
    from directional_sync.service.client import Client
    from directional_sync.upstream.remotes import Remotes

_BLOCK_BYTES = 1 << 20


class Origin(Protocol):
    """One catalogue, reached in one way. Safe to use from many threads."""

    where: str
    """For people, without a credential."""
    base: str
    """The URL that files are found from; "" where files lie beside the document and nowhere else."""

    def document(self) -> Any:
        """The document, parsed. Raises SyncError when it cannot be had whole or is no JSON."""

    def fetch(self, skill: Listed, file: File, into: Path) -> None:
        """Makes the file `into` of what is there, at most `file.size` bytes and one more. Raises SyncError."""

    def close(self) -> None:
        """Ends what is under way. Safe to call twice."""


def origin(context: Context, options: CatalogueOptions) -> Origin:
    """Raises SyncError when it cannot be reached that way at all."""
    via = via_of(options.url, options.via)
    if via is Via.HTTP:
        return Http(context, options)
    if via is Via.GIT:
        return Repository(context, options)
    return Folder(context, options)


class Http:
    def __init__(self, context: Context, options: CatalogueOptions) -> None:
        from directional_sync.service.client import Client, Service
        from directional_sync.service.credential import credential

        target = context.target
        token = credential(target, options.token, context.environment) if options.token else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.base = options.url
        service = Service(urljoin(options.url, ".").rstrip("/"), headers, options.token)
        self.where = f"{service.name}{urlsplit(options.url).path}"
        self._hosts = tuple(host.lower() for host in options.hosts)
        self._client: Client = Client(
            service,
            context.environment,
            retries=target.retries,
            timeout_s=target.timeout_s,
            stop=context.stop,
            waiting=lambda message: context.tell(Event(EventType.PROGRESS, message, target=target.name)),
        )

    def document(self) -> Any:
        from directional_sync.service import complaints

        # Static hosts send JSON as plain text, so the type says nothing; the reader of the document takes no guesses.
        content = self._client.fetch(self.base, bytes_max=BYTES_MAX, hosts=())
        try:
            return parse(content)
        except BadJson as error:
            place = f" (line {error.line}, column {error.column})" if error.line else ""
            name = self._client.service.name
            raise complaints.complaint(complaints.NOT_JSON, name, f"{error.reason}{place}") from error

    def fetch(self, skill: Listed, file: File, into: Path) -> None:
        url = file.url or urljoin(self.base, quote(f"{skill.name}/{file.path}"))
        self._client.fetch(url, bytes_max=file.size + 1, into=into, hosts=self._hosts)

    def close(self) -> None:
        self._client.close()


class Repository:
    """One commit of a git repository; its objects are borrowed, nothing is checked out."""

    def __init__(self, context: Context, options: CatalogueOptions) -> None:
        from directional_sync.upstream.addresses import shown
        from directional_sync.upstream.remotes import Remotes

        self.where = f"{shown(options.url)} {options.document}"
        self.base = ""
        self._context = context
        self._options = options
        self._store = cast(ObjectStore, context.objects)
        target = context.target
        self._remotes: Remotes = Remotes(context.environment, target.retries, monotonic() + target.timeout_s)
        self._commit: Entry | None = None

    def document(self) -> Any:
        from directional_sync.upstream.cache import UpstreamCache

        cache = UpstreamCache(self._context.cache / "git", self._remotes, self._store.hash_name)
        cache.forget_others([self._options.url])
        (resolved,) = self._remotes.resolve(self._options.url, self._options.ref)
        self._store.borrow(cache.obtain(self._options.url, resolved).objects)
        try:
            self._commit = Entry(self._store.tree_of(resolved.commit), FOLDER)
        except KeyError:
            raise trouble.no_document(self.where, "what `ref` names is no commit") from None
        entry = self._at(self._options.document)
        if entry.mode not in (FILE, EXECUTABLE):
            raise trouble.no_document(self.where, "there is no such file in it")
        if self._store.size_many([entry.digest]).get(entry.digest, 0) > BYTES_MAX:
            raise trouble.not_json(self.where, f"it has more than {BYTES_MAX:,} bytes")
        return _parsed(self.where, self._store.read(entry.digest))

    def fetch(self, skill: Listed, file: File, into: Path) -> None:
        folder = self._options.document.rpartition("/")[0]
        entry = self._at("/".join(part for part in (folder, skill.name, file.path) if part))
        if entry.mode not in (FILE, EXECUTABLE):
            raise trouble.no_file(file, "there is no such file at that commit")
        size = self._store.size_many([entry.digest])[entry.digest]
        if size != file.size:
            raise trouble.other_content(file, "", size)
        with host_errors(into), into.open("wb") as out:
            for part in self._store.parts(entry.digest):
                out.write(part)

    def _at(self, path: str) -> Entry:
        assert self._commit is not None
        return trees.at(self._store, Snapshot({"root": self._commit}), f"root/{path}")

    def close(self) -> None:
        self._remotes.close()


class Folder:
    """A folder of this machine. Links are not followed: the document speaks of files."""

    def __init__(self, context: Context, options: CatalogueOptions) -> None:
        root = context.git_dir.parent if context.git_dir.name == ".git" else context.git_dir
        self._document = root / folder_of(options.url) / options.document
        self.where = str(self._document)
        self.base = ""

    def document(self) -> Any:
        return _parsed(self.where, b"".join(self._blocks(self._document, BYTES_MAX, self._no_document)))

    def fetch(self, skill: Listed, file: File, into: Path) -> None:
        path = self._document.parent / skill.name / file.path
        try:
            inside = path.resolve().is_relative_to(self._document.parent.resolve())
        except OSError as error:
            raise trouble.no_file(file, error.strerror or "it cannot be read") from error
        if not inside:
            raise trouble.no_file(file, "a link on the way leads out of the catalogue")
        blocks = self._blocks(path, file.size + 1, lambda why: trouble.no_file(file, why))
        with host_errors(into), into.open("wb") as out:
            out.writelines(blocks)

    def _no_document(self, why: str) -> Exception:
        return trouble.no_document(self.where, why)

    def _blocks(self, path: Path, bytes_max: int, told: Callable[[str], Exception]) -> list[bytes]:
        """At most `bytes_max` bytes of a regular file."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise told(error.strerror or "it cannot be read") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise told("it is no regular file")
        blocks, left = [], bytes_max
        with os.fdopen(descriptor, "rb") as source:
            try:
                while left and (block := source.read(min(_BLOCK_BYTES, left))):
                    blocks.append(block)
                    left -= len(block)
                if path == self._document and source.read(1):
                    raise told(f"it has more than {bytes_max:,} bytes")
            except OSError as error:
                raise told(error.strerror or "it cannot be read") from error
        return blocks

    def close(self) -> None:
        """Nothing to let go of."""


def _parsed(where: str, content: bytes) -> Any:
    try:
        return parse(content)
    except BadJson as error:
        place = f" (line {error.line}, column {error.column})" if error.line else ""
        raise trouble.not_json(where, f"{error.reason}{place}") from error
