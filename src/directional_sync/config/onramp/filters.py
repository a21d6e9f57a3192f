"""Which files of an upstream vendir takes, in the words of `subdir`, `paths` and `exclude`.

vendir filters first, by globs over the whole upstream, and takes a folder as the new root after that; here the
folder comes first, and globs are relative to it.
"""

from __future__ import annotations

import itertools
import re

from directional_sync.config.onramp.base import Fate
from directional_sync.config.onramp.piece import Piece, quoted
from directional_sync.config.onramp.places import dollars
from directional_sync.core import globs

_LEGAL = tuple(f"{name}*" for name in ("LICENSE", "LICENCE", "License", "Licence", "COPYRIGHT", "Copyright"))
_LEGAL_TOO = (*_LEGAL, "NOTICE*", "Notice*")
"""What vendir keeps beside `includePaths`, unless it is told otherwise."""
_BRACES = re.compile(r"\{([^{}]*)\}")
_MANY = 100
_PARTS_MAX = 60


def filters(piece: Piece, subdir: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """`paths` and `exclude` for what `piece` says, seen from the folder `subdir`. None when the first would be
    empty though there were some, which is told."""
    include = _globs(piece.at("includePaths"), subdir)
    exclude = _globs(piece.at("excludePaths"), subdir)
    legal = _globs(piece.at("legalPaths"), subdir)
    if piece.at("legalPaths").value is None:
        legal = () if subdir else _LEGAL_TOO
    if piece.at("includePaths").value and not include:
        piece.at("includePaths").tell("`includePaths`", "nothing is left of it", "write `paths` by hand")
        return None
    kept = [name for name in ("LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE") if globs.matches(name, exclude)]
    if kept and legal:
        why = f"vendir keeps {', '.join(kept)} all the same, here it is left out"
        piece.at("excludePaths").tell("`excludePaths`", why, "name files more closely", fate=Fate.CHANGED)
    paths = tuple(dict.fromkeys([*include, *legal])) if include else ()
    return tuple(map(dollars, paths)), tuple(map(dollars, exclude))


def _globs(piece: Piece, subdir: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for each in piece.each():
        spelled = spellings(each.text)
        if spelled is None:
            each.tell(f"`{quoted(each.text)}`", "this glob cannot be written here", "write it by hand")
            continue
        for glob in spelled:
            found.update(dict.fromkeys(below(glob, subdir)))
    return tuple(found)


def spellings(glob: str) -> list[str] | None:
    """The globs without braces that mean the same together, normalised; None when there are too many, or when it is
    no glob of paths inside of a folder."""
    waiting, found = [glob], []
    while waiting:
        now = waiting.pop(0)
        inner = _BRACES.search(now)
        if inner is None:
            found.append(now)
        else:
            waiting += [now[: inner.start()] + part + now[inner.end() :] for part in inner[1].split(",")]
        if len(waiting) + len(found) > _MANY:
            return None
    tidy = ["/".join(part for part in one.split("/") if part not in ("", ".")) for one in found]
    bad = [one for one in tidy if not one or ".." in one.split("/") or re.search(r"[{}\\\x00-\x1f\x7f]", one)]
    return None if bad or any(one.count("/") > _PARTS_MAX for one in tidy) else list(dict.fromkeys(tidy))


def below(glob: str, folder: str) -> list[str]:
    """The globs that name inside of `folder`, relative to it, what `glob` names there."""
    states = [tuple(glob.split("/"))]
    for name in folder.split("/") if folder else ():
        states = list(dict.fromkeys(itertools.chain.from_iterable(_past(state, name) for state in states)))
    return ["/".join(state) for state in states if state]


def _past(parts: tuple[str, ...], name: str) -> list[tuple[str, ...]]:
    """What can be left of a glob after the folder `name`."""
    found = []
    while parts and parts[0] == "**":
        found.append(parts)
        parts = parts[1:]
    if len(parts) > 1 and globs.matches(name, (parts[0],)):
        found.append(parts[1:])
    return found
