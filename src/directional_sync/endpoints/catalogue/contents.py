"""Files by their sha256: those that the agreed skills hold already, those that were downloaded before, and the rest.

What was downloaded lies in the disposable cache under its sha256, so that a plan and the run after it, or a run that
was refused and the one after the approval, download it once. Nothing there is believed: a file counts only when its
content still has the sha256 that it is named by.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.catalogue import trouble
from directional_sync.endpoints.catalogue.document import File, Listed
from directional_sync.endpoints.catalogue.origin import Origin
from directional_sync.errors import CredentialError, InterruptedRun, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.snapshot import EXECUTABLE, FILE, Snapshot
from directional_sync.system import host
from directional_sync.system.threads import each

_BLOCK_BYTES = 1 << 20
_READ_AT_ONCE = 200

Wanted = tuple[Listed, File]


class Contents:
    """Obtains files, several at once."""

    def __init__(self, context: Context, store: ObjectStore, origin: Origin) -> None:
        self._context = context
        self._store = store
        self._origin = origin
        self._folder = context.cache / "content"
        self._guard = threading.Lock()
        self.known: dict[str, str] = {}
        """sha256 -> git's id, of what the store holds."""
        self.failed: dict[str, SyncError] = {}
        """sha256 -> why it cannot be had."""

    def know(self, held: Snapshot, wanted: Iterable[File]) -> None:
        """Looks which of `wanted` are among the files of `held`. Only files of a fitting size are read."""
        digests = {file.sha256 for file in wanted}
        sizes = {file.size for file in wanted}
        flat = trees.flatten(self._store, held)
        blobs = {entry.digest for entry in flat.entries.values() if entry.mode in (FILE, EXECUTABLE)}
        fitting = sorted(blob for blob, size in self._store.size_many(blobs).items() if size in sizes)
        for start in range(0, len(fitting), _READ_AT_ONCE):
            for blob, content in self._store.read_many(fitting[start : start + _READ_AT_ONCE]).items():
                digest = sha256(content).hexdigest()
                if digest in digests:
                    self.known[digest] = blob

    def obtain(self, wanted: Sequence[Wanted], at_once: int) -> None:
        """Afterwards each of them is `known` or has `failed`. Raises InterruptedRun, and CredentialError at once, since
        nothing else of the catalogue can be had then either."""
        open_ = {file.sha256: (skill, file) for skill, file in wanted if file.sha256 not in self.known}
        if not open_:
            return
        host.make_folder(self._folder)
        missing = [pair for digest, pair in open_.items() if not self._cached(digest, pair[1].size)]
        if missing:
            self._context.expect()
            self._download(missing, at_once)
        here = [digest for digest in open_ if digest not in self.failed]
        ids = self._store.write_files([self._folder / digest for digest in here])
        self.known |= dict(zip(here, ids, strict=True))

    def _download(self, missing: Sequence[Wanted], at_once: int) -> None:
        done = 0

        def one(pair: Wanted) -> None:
            nonlocal done
            skill, file = pair
            try:
                self._fetch(skill, file)
            except CredentialError:
                raise
            except SyncError as error:
                with self._guard:
                    self.failed[file.sha256] = error
            with self._guard:
                done += 1
                data = {"done": done, "of": len(missing), "failed": len(self.failed), "phase": "downloading"}
            name = self._context.target.name
            self._context.tell(Event(EventType.PROGRESS, f"downloading {skill.name}", target=name, data=data))

        def keep_on() -> None:
            if self._context.stop():
                raise InterruptedRun("E-INTERRUPTED", "stopped while downloading skills", kept="nothing was changed")

        each(one, missing, at_once, keep_on=keep_on, give_up=self._origin.close, name="download")

    def _fetch(self, skill: Listed, file: File) -> None:
        """Into the cache, under its sha256, once it is known to have it."""
        part = self._folder / f".{file.sha256}.part"
        try:
            self._origin.fetch(skill, file, part)
            digest, size = _measured(part)
            if (digest, size) != (file.sha256, file.size):
                raise trouble.other_content(file, digest, size)
            with host.host_errors(part):
                part.replace(self._folder / file.sha256)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _cached(self, digest: str, size: int) -> bool:
        path = self._folder / digest
        try:
            if path.is_symlink() or not path.is_file():
                return False
            return _measured(path) == (digest, size)
        except OSError:
            return False

    def forget_others(self, wanted: Iterable[str]) -> None:
        """Removes from the cache what is not among these any more."""
        keep = set(wanted)
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path.name not in keep:
                    path.unlink()


def _measured(path: Path) -> tuple[str, int]:
    """sha256 and size of a file."""
    total, size = sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            total.update(block)
            size += len(block)
    return total.hexdigest(), size


def failure_of(skill: Listed, failed: Mapping[str, SyncError]) -> SyncError | None:
    """Why a skill cannot be had: the first of its files' failures, with the others beside it."""
    errors = [failed[file.sha256] for file in skill.files if file.sha256 in failed]
    if len(errors) < 2:
        return errors[0] if errors else None
    first = errors[0]
    return type(first)(
        first.code,
        first.message,
        hint=first.hint,
        kept=first.kept,
        detail=[error.message for error in errors],
        retryable=first.retryable,
    )
