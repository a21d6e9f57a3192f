"""Ranges of semantic versions, and the highest tag in one: `^1.4`, `~1.2.3`, `1.x`, `>=1.2 <2`, `1.2 - 1.4`, `1 || 2`.

The grammar is npm's (node-semver), where people know it from, with a comma as another word for "and". A *partial* is a
version with parts left out or written `x`, `X` or `*`. Every comparator becomes a half-open interval of *keys*: tuples
that compare as semantic versions do.

A tag counts as a version when it is one in full, `1.2.3`, with at most a `v` or `V` before it. So a moving tag (`v1`,
`v1.4`) is never chosen, nor is `name-1.2.3`, which could mean a part of the repository. A prerelease is chosen only
when the range names a prerelease of the same three numbers, as npm does it. Build metadata (`+...`) decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from directional_sync.errors import Kind, SyncError
from directional_sync.upstream.addresses import BadAddress, shown
from directional_sync.upstream.complaints import complaint

NONE = Kind(
    "E-UPSTREAM-VERSION", "{} has no tag in the range", "set `version` to a range that holds one, or name a `ref`"
)
_LENGTH_MAX = 200
_TOLD_MAX = 5

_NUMBER = r"(?:0|[1-9][0-9]{0,14})"
_WORD = r"(?:0|[1-9][0-9]{0,14}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_EXTRA = rf"(?:-(?P<pre>{_WORD}(?:\.{_WORD})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_TAG = re.compile(rf"(?P<v>[vV]?)(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER}){_EXTRA}")
_X = rf"(?:{_NUMBER}|[xX*])"
_PARTIAL = re.compile(rf"[vV]?(?P<major>{_X})(?:\.(?P<minor>{_X})(?:\.(?P<patch>{_X}){_EXTRA})?)?")
_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")
_COMPARATOR = re.compile(r"(\^|~>?|>=?|<=?|=)?\s*([^\s^~<>=]+)(?:\s+|$)")

_Key = tuple[Any, ...]
"""(major, minor, patch, (1,)) of a release, (major, minor, patch, (0, *words)) of a prerelease."""
_LOWEST: _Key = ()
_HIGHEST: _Key = (float("inf"),)


@dataclass(frozen=True, slots=True)
class _Interval:
    low: _Key
    high: _Key
    """The first that is not in it."""
    named: tuple[tuple[int, ...], ...] = ()
    """The numbers of which prereleases are named."""


def check_range(text: str) -> None:
    """Raises BadAddress, with the reason, unless `text` is a range that some version can satisfy."""
    if not any(_meet(parts) for parts in _parsed(text)):
        raise _bad(f"no version can ever satisfy {shown(text)!r}")


def highest(tags: Iterable[str], wanted: str) -> str | None:
    """The tag, as given, of the highest version that satisfies the range `wanted`; None when none does. Tags are short
    names or full (`refs/tags/...`); of those that mean the same version the one without build metadata, then without
    `v`, then with `v`, is taken. Raises BadAddress when the range cannot be read."""
    alternatives = _parsed(wanted)
    versions = [(key, _plainness(tag), tag) for tag in tags if (key := _version(tag)) is not None]
    fitting = (tag for key, _, tag in sorted(versions, reverse=True) if any(_holds(one, key) for one in alternatives))
    return next(fitting, None)


def none_satisfies(url: str, tags: Iterable[str], wanted: str) -> SyncError:
    """The error to raise when `highest` found nothing, with the highest versions that are there."""
    versions = sorted({(key, tag) for tag in tags if (key := _version(tag)) is not None}, reverse=True)
    there = ", ".join(shown(tag.removeprefix("refs/tags/")) for _, tag in versions[:_TOLD_MAX])
    hint = f"the highest versions there: {there}" if there else "none of its tags is a version in full, like v1.2.3"
    return complaint(NONE, url, wanted, hint=hint)


def _version(tag: str) -> _Key | None:
    found = _TAG.fullmatch(tag.removeprefix("refs/tags/")) if len(tag) <= _LENGTH_MAX else None
    return _key(_numbers(found), found["pre"]) if found else None


def _plainness(tag: str) -> tuple[bool, bool, bool]:
    name = tag.removeprefix("refs/tags/")
    return "+" not in name, name[0].isdigit(), name[0] == "v"


def _key(numbers: tuple[int, ...], pre: str | None = None) -> _Key:
    words = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in pre.split(".")] if pre else []
    return (*numbers, (0, *words) if words else (1,))


def _after(key: _Key) -> _Key:
    """Greater than `key` and not greater than any other that is."""
    return (*key[:3], (*key[3], (-1,)))


def _before_all(numbers: tuple[int, ...]) -> _Key:
    """Not greater than the first prerelease of these."""
    return (*numbers, (0,))


# Ranges


def _parsed(text: str) -> list[list[_Interval]]:
    """Alternatives, each a list of intervals that must all hold."""
    if len(text) > _LENGTH_MAX or not text.isascii() or re.search(r"[\x00-\x1f\x7f]", text):
        raise _bad(f"a range is at most {_LENGTH_MAX} plain characters")
    return [[found for part in one.split(",") for found in _comparators(part.strip())] for one in text.split("||")]


def _comparators(text: str) -> Iterator[_Interval]:
    if not text:
        raise _bad("a part of the range is empty; `*` says any version")
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen:
        yield _interval(">=", hyphen[1])
        yield _interval("<=", hyphen[2])
        return
    at = 0
    while at < len(text):
        found = _COMPARATOR.match(text, at)
        if found is None:
            raise _bad(f"{text[at:]!r} is not understood; a range is like ^1.4, ~1.2.3, 1.x, >=1.2 <2 or 1.2 - 1.4")
        yield _interval(found[1] or "", found[2])
        at = found.end()


def _interval(operator: str, text: str) -> _Interval:
    found = _PARTIAL.fullmatch(text)
    given = _numbers(found) if found else ()
    parts = [part for part in found.group("major", "minor", "patch") if part] if found else []
    if found is None or any(part.isdigit() for part in parts[len(given) :]) or (found["pre"] and len(given) < 3):
        raise _bad(f"{text!r} is not a version; a version is like 1.2.3, 1.2, 1.x or 1.2.3-rc.1")
    if not given:
        return _Interval(_LOWEST, _LOWEST if operator in ("<", ">") else _HIGHEST)
    first = _key((*given, 0, 0)[:3], found["pre"])
    named = (given,) if found["pre"] else ()
    full = len(given) == 3
    past = _bumped(given, len(given) - 1)
    past_key = _after(first) if full else _before_all(past)
    match operator:
        case ">=":
            return _Interval(first, _HIGHEST, named)
        case ">":
            return _Interval(past_key if full else _key(past), _HIGHEST, named)
        case "<":
            return _Interval(_LOWEST, first if full else _before_all(first[:3]), named)
        case "<=":
            return _Interval(_LOWEST, past_key, named)
        case "~" | "~>":
            return _Interval(first, _before_all(_bumped(given, min(len(given) - 1, 1))), named)
        case "^":
            leading = next((at for at, number in enumerate(given) if number), len(given) - 1)
            return _Interval(first, _before_all(_bumped(given, leading)), named)
        case _:
            return _Interval(first, past_key, named)


def _numbers(found: re.Match[str]) -> tuple[int, ...]:
    """The numbers up to the first that is left out."""
    numbers: list[int] = []
    for part in found.group("major", "minor", "patch"):
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _bumped(numbers: tuple[int, ...], at: int) -> tuple[int, ...]:
    """The next one at that place, zeros behind it."""
    return (*numbers[:at], numbers[at] + 1, 0, 0)[:3]


def _meet(parts: list[_Interval]) -> bool:
    return max(part.low for part in parts) < min(part.high for part in parts)


def _holds(parts: list[_Interval], key: _Key) -> bool:
    if not all(part.low <= key < part.high for part in parts):
        return False
    return key[3] == (1,) or any(key[:3] in part.named for part in parts)


def _bad(why: str) -> BadAddress:
    return BadAddress(why, "E-UPSTREAM-VERSION")
