"""Which spellings of paths, globs and renames inside a vendored folder are accepted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from directional_sync.upstream.addresses import BadAddress, shown


def check_glob(glob: str) -> None:
    """Raises BadAddress, with the reason, unless `glob` follows the rules of `outputs`: relative, forward, inside."""
    if glob.startswith("!"):
        raise _bad(f"{shown(glob)!r} begins with `!`, which negates nothing here: what to leave out goes to `exclude`")
    if re.search(r"\{[^{}/]*,[^{}/]*\}", glob):
        raise _bad(f"{shown(glob)!r} has braces, which mean nothing here: write one glob for each alternative")
    _check(glob, "a glob")


def check_inside(path: str) -> None:
    """Raises BadAddress, with the reason, unless `path` names a file or folder inside a folder, literally."""
    _check(path, "a path")


def check_renames(pairs: Sequence[tuple[str, str]]) -> None:
    """Raises BadAddress unless all are paths inside, and neither two sources nor two new places overlap."""
    for pair in pairs:
        for path in pair:
            check_inside(path)
            if path.endswith("/"):
                raise _bad(f"{shown(path)!r} ends in a slash; `rename` takes names as they are")
        if pair[0] == pair[1]:
            raise _bad(f"{shown(pair[0])} is renamed to itself")
    for paths in ([source for source, _ in pairs], [target for _, target in pairs]):
        for one, other in itertools.pairwise(sorted(f"{path}/" for path in paths)):
            if other.startswith(one):
                raise _bad(f"{shown(one[:-1])} and {shown(other[:-1])} in `rename` overlap")


def _check(path: str, what: str) -> None:
    parts = path.removesuffix("/").split("/")
    if not path:
        raise _bad(f"{what} must not be empty")
    if re.search(r"[\x00-\x1f\x7f]", path):
        raise _bad(f"{what} must not hold control characters")
    if "\\" in path:
        raise _bad(f"{shown(path)!r} has a backslash; {what} has forward slashes")
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path):
        raise _bad(f"{shown(path)!r} does not begin inside: {what} is relative to the root of what is taken")
    if ".." in parts:
        raise _bad(f"{shown(path)!r} leads outside: no `..`")
    if "." in parts or "" in parts:
        raise _bad(f"{shown(path)!r} has a `.` or an empty part")
    if any(part.casefold() == ".git" for part in parts):
        raise _bad(f"{shown(path)!r} holds `.git`, which belongs to git alone")


def _bad(why: str) -> BadAddress:
    return BadAddress(why, "E-CONFIG")
