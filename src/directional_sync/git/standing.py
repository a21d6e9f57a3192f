"""What the work tree holds where changes would write: what they expect, what they want, or something else.

Content is compared by its raw bytes. Only where these differ git is asked what it would make of the file, since
a repository may keep other line endings in files than in blobs; the user's own filter programs are never run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from directional_sync.git.plumbing import Git
from directional_sync.git.repository import Repository
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import EXECUTABLE, FILE, GITLINK, LINK, Entry
from directional_sync.system.reach import Hash, Kind, Reach, signature

_FILES = (FILE, EXECUTABLE)


class State(Enum):
    BEFORE = "before"
    AFTER = "after"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Seen:
    """A file or link as it was looked at."""

    entry: Entry
    """Its mode and the object id of its raw bytes."""
    signature: tuple[int, ...]
    """As long as it stays, so does the content; empty when that is not certain."""
    permissions: int


@dataclass(frozen=True, slots=True)
class Stand:
    """What one change finds at its key."""

    state: State
    seen: Seen | None = None
    """None when nothing is there, or a folder that is about to go."""
    why: str = ""
    """What stands there instead, in words; OTHER only."""


def look(reach: Reach, repository: Repository, changes: Sequence[Change]) -> dict[str, Stand]:
    """Key -> what stands there, for every change. Writes nothing. Raises OSError where something that is there
    cannot be read."""
    return _Looking(reach, repository, changes).all()


def see(reach: Reach, key: str, hash_name: str) -> Seen | None:
    """The file or link at `key`; None when there is something else, or nothing. Raises OSError."""
    sight = reach.sight(key)
    if sight.blocked or sight.stat is None or sight.kind not in (Kind.FILE, Kind.LINK):
        return None
    if sight.kind is Kind.LINK:
        target = reach.link_target(key)
        total = _blob(hash_name)(len(target))
        total.update(target)
        return Seen(Entry(total.hexdigest(), LINK), signature(sight.stat), 0)
    digest, found = reach.hash(key, _blob(hash_name))
    mode = EXECUTABLE if found.st_mode & 0o100 else FILE
    return Seen(Entry(digest, mode), signature(found) if digest else (), found.st_mode & 0o777)


def _blob(hash_name: str) -> Callable[[int], Hash]:
    return lambda size: hashlib.new(hash_name, b"blob %d\0" % size)


class _Looking:
    def __init__(self, reach: Reach, repository: Repository, changes: Sequence[Change]) -> None:
        self.reach, self.repository, self.changes = reach, repository, changes
        self.going = {c.key for c in changes if c.after.absent and c.before.present and c.before.mode != GITLINK}

    def all(self) -> dict[str, Stand]:
        stands = {change.key: self.one(change) for change in self.changes}
        unsure = [c for c in self.changes if _may_be_converted(c, stands[c.key])]
        if unsure:
            converted = convert(self.repository.git, [c.key for c in unsure])
            for change in unsure:
                seen = stands[change.key].seen
                assert seen is not None
                state = self.compare(change, Entry(converted.get(change.key, ""), seen.entry.mode))
                if state is not State.OTHER:
                    stands[change.key] = Stand(state, seen)
        return stands

    def one(self, change: Change) -> Stand:
        sight = self.reach.sight(change.key)
        if sight.blocked:
            if sight.blocked in self.going and sight.kind in (Kind.FILE, Kind.LINK):
                return self.nothing(change)
            return Stand(State.OTHER, why=f"{sight.blocked} is {sight.kind}")
        if sight.kind is Kind.ABSENT:
            return self.nothing(change)
        if sight.kind is Kind.FOLDER:
            return self.folder(change)
        if sight.kind is Kind.OTHER:
            return Stand(State.OTHER, why=str(sight.kind))
        seen = see(self.reach, change.key, self.repository.hash_name)
        if seen is None:
            return Stand(State.OTHER, why="it is changing just now")
        state = self.compare(change, seen.entry)
        return Stand(state, seen, "" if state is not State.OTHER else f"other content in {sight.kind}")

    def nothing(self, change: Change) -> Stand:
        if change.before.absent or change.before.mode == GITLINK:
            return Stand(State.BEFORE)
        return Stand(State.AFTER) if change.after.absent else Stand(State.OTHER, why="it is gone")

    def folder(self, change: Change) -> Stand:
        """A submodule's folder may be empty or hold its checkout; neither is ours to write to."""
        if change.after.mode == GITLINK and (change.before.absent or change.before.mode == GITLINK):
            return Stand(State.AFTER)
        if change.before.mode == GITLINK and change.after.absent:
            return Stand(State.BEFORE if self.empties(change.key) else State.AFTER)
        if (change.before.absent or change.before.mode == GITLINK) and self.empties(change.key):
            return Stand(State.BEFORE)
        return Stand(State.OTHER, why="a folder with files of its own")

    def empties(self, folder: str) -> bool:
        """Whether nothing is in `folder` but what the changes delete."""
        folders = [folder]
        while folders:
            above = folders.pop()
            for name, kind in self.reach.names(above):
                key = f"{above}/{name}"
                if kind is Kind.FOLDER:
                    folders.append(key)
                elif key not in self.going or kind is Kind.REPOSITORY:
                    return False
        return True

    def compare(self, change: Change, found: Entry) -> State:
        if self.equal(found, change.after):
            return State.AFTER
        return State.BEFORE if self.equal(found, change.before) else State.OTHER

    def equal(self, found: Entry, wanted: Entry) -> bool:
        if not found.digest or found.digest != wanted.digest:
            return False
        return found.mode == wanted.mode or (found.mode in _FILES and wanted.mode in _FILES and not self.modes_count)

    @cached_property
    def modes_count(self) -> bool:
        """Whether the executable bit of a file means anything on this file system."""
        return self.repository.git.setting("core.fileMode").lower() not in ("false", "no", "off", "0")


def _may_be_converted(change: Change, stand: Stand) -> bool:
    if stand.state is not State.OTHER or stand.seen is None or stand.seen.entry.mode not in _FILES:
        return False
    return any(entry.mode in _FILES for entry in (change.before, change.after))


def convert(git: Git, keys: Iterable[str]) -> Mapping[str, str]:
    """Key -> object id git would give to the file there, by the repository's attributes but without running any
    filter program. Files that cannot be read are left out."""
    keys = list(keys)
    said = git.run("config", "--local", "--includes", "--null", "--name-only", "--get-regexp", "^filter[.]", ok=(0, 1))
    names = {name.rpartition(".")[0] for name in said.decode("utf-8", "replace").split("\0") if name}
    settings = {f"{name}.{part}": "" for name in sorted(names) for part in ("clean", "smudge", "process")}
    settings |= {f"{name}.required": "false" for name in sorted(names)}
    lines = "".join(f"{_on_a_line(key)}\n" for key in keys).encode("utf-8", "surrogateescape")
    finished = git.including(config=settings).attempt("hash-object", "--stdin-paths", stdin=lines)
    answers = finished.stdout.decode("ascii").split()
    return dict(zip(keys, answers, strict=False))


def _on_a_line(key: str) -> str:
    """As git reads a path from a list of lines: quoted where it must be."""
    if not any(character in key for character in '"\\') and key.isprintable():
        return key
    quoted = "".join(f"\\{ord(c):03o}" if c < " " else f"\\{c}" if c in '"\\' else c for c in key)
    return f'"{quoted}"'
