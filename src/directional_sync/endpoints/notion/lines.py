"""On which line each row of a JSON document begins: looked for only when there is something to say about one."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def json_lines(text: str, rows: str) -> list[int]:
    """1-based lines of the entries of the list at the dotted place `rows`, or of the document where that is no list.
    `text` is JSON, and the place is there."""
    at = _skip(text, 0)
    for name in rows.split(".") if rows else ():
        at = next(start for key, start in _members(text, at) if key == name)
    ends = [found.start() for found in re.finditer("\n", text)]
    starts = list(_items(text, at)) if text[at] == "[" else [at]
    return [bisect_right(ends, start) + 1 for start in starts]


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _members(text: str, at: int) -> Iterator[tuple[str, int]]:
    """Key and beginning of each value of the object at `at`."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        yield key, start
        _, at = _DECODER.raw_decode(text, start)
        at = _after(text, at)


def _items(text: str, at: int) -> Iterator[int]:
    """The beginning of each entry of the list at `at`."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        yield at
        _, at = _DECODER.raw_decode(text, at)
        at = _after(text, at)


def _after(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at
