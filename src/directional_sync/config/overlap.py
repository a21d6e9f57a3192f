"""Whether two globs can name the same path, name by name.

The answer is exact for names, `?`, `*` in one of the two, and `**`. Where both have a pattern for the same name, one
must match an example of the other: `*.json` and `report.*` are taken as apart, because a false alarm would stop
a file that works, and the gate over declared paths still sees what really happens.
"""

from __future__ import annotations

import re
from functools import lru_cache

from directional_sync.core import globs

_ANY = "**"
_MAGIC = re.compile(r"[*?\[]")


def overlap(one: str, other: str) -> bool:
    """Whether some path is named by both."""
    return _meet(_names(one), _names(other)) or _holds(one, other) or _holds(other, one)


def inside(glob: str, folder: str) -> bool:
    """Whether everything that `glob` names lies in the literal path `folder` or is that path."""
    names, parts = _names(glob), folder.casefold().split("/")
    return [name.casefold() for name in names[: len(parts)]] == parts


def covers(glob: str, path: str) -> bool:
    """Whether `glob` names whole folders, and the literal `path` is among what they hold."""
    names, parts = _names(glob), path.casefold().split("/")
    if names[-1] != _ANY:
        return False
    fixed = [name.casefold() for name in names[:-1]]
    return _ANY not in fixed and parts[: len(fixed)] == fixed


@lru_cache(maxsize=1024)
def _names(glob: str) -> tuple[str, ...]:
    return tuple([name for name in glob.split("/") if name] + ([_ANY] if glob.endswith("/") else []))


def _holds(one: str, other: str) -> bool:
    """Whether `one` is a literal path, hence perhaps a folder, and `other` begins below it."""
    names = _names(one)
    return not any(_MAGIC.search(name) for name in names) and _names(other)[: len(names)] == names


@lru_cache(maxsize=4096)
def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if not one or not other:
        return all(name == _ANY for name in (*one, *other))
    if one[0] == _ANY:
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == _ANY:
        return _meet(one, other[1:]) or _meet(one[1:], other)
    return _same(one[0], other[0]) and _meet(one[1:], other[1:])


def _same(one: str, other: str) -> bool:
    if one == other or "*" in (one, other):
        return True
    return globs.matches(_example(one), (other,)) or globs.matches(_example(other), (one,))


def _example(name: str) -> str:
    """A name that the pattern names."""
    text = re.sub(r"\[[!^]?[^\]]+\]", _from_class, name)
    return text.replace("*", "x").replace("?", "x")


def _from_class(found: re.Match[str]) -> str:
    return "~" if found.group()[1] in "!^" else found.group()[1]
