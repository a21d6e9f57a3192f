"""The user's work tree as it is: what in it differs from the branch, what a change would hit, what it holds.

Nothing here writes to the work tree or to the index; `checkout` writes to a folder of this program's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from directional_sync.core import globs as patterns
from directional_sync.errors import HostError
from directional_sync.git.checkout import checkout
from directional_sync.git.objects import ObjectStore
from directional_sync.git.placing import PREFIX
from directional_sync.git.repository import Repository
from directional_sync.git.standing import State, look
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, LINK, Entry, Snapshot
from directional_sync.system import host
from directional_sync.system.reach import Kind, Reach

_MAGIC = re.compile(r"[*?\[\\]")
_NAMED_SINGLY = 200
"""Up to so many paths are handed to git one by one; more would be slower than asking for all."""


def dirty(repository: Repository, globs: Sequence[str]) -> list[str]:
    """Tracked paths named by `globs` whose staged or work-tree content differs from the branch, sorted. Exact:
    a file that was only written again with the same content is not among them. Raises HostError."""
    within = _prefixes(globs)
    git = repository.git
    staged = {path for path in git.staged(repository.head, *within) if patterns.matches(path, globs)}
    suspects = [p for p in git.touched(*within) if p not in staged and patterns.matches(p, globs)]
    if not suspects:
        return sorted(staged)
    named = set(suspects)
    listed = git.ls_index(*(suspects if len(suspects) <= _NAMED_SINGLY else within))
    items = [item for item in listed if item.path in named]
    conflicted = {item.path for item in items if item.stage}
    expected = [Change(i.path, Entry(i.digest, i.mode), ABSENT) for i in items if i.path not in conflicted]
    with host.host_errors(repository.root), Reach(repository.root) as reach:
        stands = look(reach, repository, expected)
    edited = {key for key, stand in stands.items() if stand.state is not State.BEFORE}
    return sorted(staged | conflicted | edited)


def collisions(repository: Repository, changes: Sequence[Change]) -> list[str]:
    """Keys of changes that would write where the work tree holds neither what they expect nor what they want:
    an edited, untracked or ignored file, a folder with other files, a parent that is a link or belongs to
    another repository. In the order of `changes`. Raises HostError."""
    with host.host_errors(repository.root), Reach(repository.root) as reach:
        stands = look(reach, repository, changes)
    return [change.key for change in changes if stands[change.key].state is State.OTHER]


def snapshot(repository: Repository, store: ObjectStore, globs: Sequence[str]) -> Snapshot:
    """What of the work tree `globs` name, tracked or not, raw bytes; the content is put into `store`. What
    cannot be read, special files and other repositories are unreadable. Raises HostError."""
    with host.host_errors(repository.root), Reach(repository.root) as reach:
        return _Walk(repository, store, reach).all(globs)


class _Walk:
    def __init__(self, repository: Repository, store: ObjectStore, reach: Reach) -> None:
        self.repository, self.store, self.reach = repository, store, reach
        self.entries: dict[str, Entry] = {}
        self.unreadable: dict[str, str] = {}
        self.files: list[str] = []

    def all(self, globs: Sequence[str]) -> Snapshot:
        for key, kind in self.walk(globs):
            if kind is Kind.FILE:
                self.files.append(key)
            elif kind is Kind.LINK:
                self.entries[key] = Entry(self.store.write_blob(self.reach.link_target(key)), LINK)
            else:
                self.entries[key] = Entry(unreadable=str(kind))
        modes = self.modes()
        for key, digest in self.digests(self.files):
            self.entries[key] = Entry(digest, modes[key]) if digest else Entry(unreadable="it cannot be read")
        return Snapshot(self.entries, self.unreadable)

    def walk(self, globs: Sequence[str]) -> Iterator[tuple[str, Kind]]:
        """Every file, link and special file that the globs name. A place of None stands for everything below."""
        level: list[tuple[str, patterns.Place | None]] = [("", patterns.root(tuple(globs)))]
        while level:
            folder, place = level.pop()
            try:
                listed = sorted(self.reach.names(folder))
            except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
                self.unreadable[folder] = error.strerror or str(error)
                continue
            for name, kind in listed:
                if name == ".git" or name.startswith(PREFIX):
                    continue
                key = f"{folder}/{name}" if folder else name
                step = place.step(name) if place is not None else None
                if kind in (Kind.FOLDER, Kind.REPOSITORY):
                    if step is not None and not step.folder and step.inside is None:
                        continue
                    if kind is Kind.REPOSITORY:
                        self.unreadable[key] = str(kind)
                    else:
                        level.append((key, None if step is None or step.folder else step.inside))
                elif step is None or step.file:
                    yield key, kind

    def modes(self) -> dict[str, str]:
        """By the executable bit; where the file system has none, as the index has it."""
        if self.repository.git.setting("core.fileMode").lower() in ("false", "no", "off", "0"):
            kept = {item.path: item.mode for item in self.repository.git.ls_index() if item.mode == EXECUTABLE}
            return {key: kept.get(key, FILE) for key in self.files}
        stats = ((key, self.reach.sight(key).stat) for key in self.files)
        return {key: EXECUTABLE if found is not None and found.st_mode & 0o100 else FILE for key, found in stats}

    def digests(self, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(key, object id, "" where it cannot be read) of each file."""
        paths = [_path(self.repository.root, key) for key in keys]
        try:
            yield from zip(keys, self.store.write_files(paths), strict=True)
            return
        except HostError as error:
            if error.code != "E-IO" and error.code != "E-PERMISSION":
                raise
        for key, path in zip(keys, paths, strict=True):
            try:
                yield key, self.store.write_files([path])[0]
            except HostError:
                yield key, ""


def _path(root: Path, key: str) -> Path:
    return root / os.fsdecode(key.encode("utf-8", "surrogateescape"))


def _prefixes(globs: Sequence[str]) -> tuple[str, ...]:
    """Folders or files that hold everything the globs can name; () stands for the whole repository."""
    found = set()
    for glob in globs:
        names = [name for name in glob.split("/") if name not in ("", ".")]
        literal = []
        for name in names:
            if _MAGIC.search(name):
                break
            literal.append(name)
        if not literal:
            return ()
        found.add("/".join(literal))
    return tuple(sorted(found))


__all__ = ["checkout", "collisions", "dirty", "snapshot"]
