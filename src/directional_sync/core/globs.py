"""Globs over keys, relative to the repository root: which keys they name, folder by folder.

The rules are those of wcmatch's GLOBSTAR and DOTGLOB, always case-sensitive: `*` and `?` stay within one name,
`[...]` is a character class, `\\` takes a character literally, `**` as a whole name stands for any number of
folders, and at the end for everything below (`a/**` does not name a file `a`). Hidden names are like others.
Beyond that a glob without any of these characters names a folder as well as a file, as git lets a folder's
name stand for all that is in it: `docs/report` is the file, or the folder with all it holds. A slash at the end
(`docs/report/`) is the same as `docs/report/**`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

_MAGIC = re.compile(r"[*?\[\\]")

_Segment = str | re.Pattern[str] | Literal[True]
"""A name, a pattern for one name, or True: `**`."""
_State = frozenset[tuple[int, int]]
"""Which segment of which glob comes next."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a set of globs says about one name in a folder."""

    whole: bool
    """Everything at and below this name is named."""
    file: bool
    """Named if it is a file."""
    folder: bool
    """Named, with all it holds, if it is a folder."""
    inside: Place | None
    """How it goes on inside, if it is a folder; None when nothing in there can be named."""


_NOTHING = Step(False, False, False, None)


class Place:
    """One folder, as a set of globs sees it."""

    def __init__(self, globs: _Globs, state: _State) -> None:
        self._globs = globs
        self._names: dict[str, list[tuple[int, int]]] = {}
        self._patterns: list[tuple[int, int]] = []
        for glob, at in sorted(state):
            segment = globs.segments[glob][at]
            if isinstance(segment, str):
                self._names.setdefault(segment, []).append((glob, at))
            else:
                self._patterns.append((glob, at))

    def step(self, name: str) -> Step:
        """What the globs say about `name` in this folder."""
        named = self._names.get(name, ())
        if not named and not self._patterns:
            return _NOTHING
        whole = file = folder = False
        state: set[tuple[int, int]] = set()
        for glob, at in (*named, *self._patterns):
            segments = self._globs.segments[glob]
            segment, last = segments[at], at == len(segments) - 1
            if segment is True:
                whole = whole or last
                state |= self._globs.onward(glob, at)
            elif isinstance(segment, str) or segment.match(name):
                file = file or last
                folder = folder or (last and self._globs.literal[glob])
                if not last:
                    state |= self._globs.onward(glob, at + 1)
                    folder = folder or self._globs.takes_all(glob, at + 1)
        return Step(whole, file or whole, folder or whole, self._globs.place(frozenset(state)) if state else None)


@dataclass(frozen=True)
class _Globs:
    segments: tuple[tuple[_Segment, ...], ...]
    literal: tuple[bool, ...]

    def takes_all(self, glob: int, at: int) -> bool:
        """Whether nothing but `**` is left."""
        return all(segment is True for segment in self.segments[glob][at:])

    def onward(self, glob: int, at: int) -> set[tuple[int, int]]:
        """`**` in the middle also stands for no folder at all."""
        found = {(glob, at)}
        while self.segments[glob][at] is True and at < len(self.segments[glob]) - 1:
            at += 1
            found.add((glob, at))
        return found

    @cached_property
    def _places(self) -> dict[_State, Place]:
        return {}

    def place(self, state: _State) -> Place:
        found = self._places.get(state)
        if found is None:
            found = self._places[state] = Place(self, state)
        return found


@lru_cache(maxsize=128)
def root(globs: tuple[str, ...]) -> Place:
    """The root of the repository, as these globs see it."""
    segments = tuple(found for glob in globs if (found := _segments(glob)))
    whole = _Globs(segments, tuple(all(isinstance(part, str) for part in parts) for parts in segments))
    state: set[tuple[int, int]] = set()
    for glob in range(len(segments)):
        state |= whole.onward(glob, 0)
    return whole.place(frozenset(state))


def matches(key: str, globs: Sequence[str]) -> bool:
    """Whether one of the globs names the file at `key`."""
    place: Place | None = root(tuple(globs))
    *folders, name = key.split("/")
    for folder in folders:
        if place is None:
            return False
        step = place.step(folder)
        if step.folder:
            return True
        place = step.inside
    return place is not None and place.step(name).file


def _segments(glob: str) -> tuple[_Segment, ...]:
    names = [name for name in glob.split("/") if name not in ("", ".")]
    if names and glob.endswith("/"):
        names.append("**")
    return tuple(_segment(name) for name in names)


def _segment(name: str) -> _Segment:
    if name == "**":
        return True
    if not _MAGIC.search(name):
        return name
    if "[" in name:
        # Slow to load, and hardly ever needed.
        from wcmatch import fnmatch

        (pattern,), _ = fnmatch.translate(name, flags=fnmatch.DOTMATCH | fnmatch.FORCEUNIX)
        return re.compile(pattern)
    pattern, at = "", 0
    while at < len(name):
        if name[at] == "\\" and at + 1 < len(name):
            at += 1
            pattern += re.escape(name[at])
        else:
            pattern += {"*": ".*", "?": "."}.get(name[at]) or re.escape(name[at])
        at += 1
    return re.compile(f"(?s:{pattern})\\Z")
