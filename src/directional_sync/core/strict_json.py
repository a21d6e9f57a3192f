"""JSON that means the same to everybody who reads it, and the one way in which this program writes it.

Python's own reader takes the last of two equal keys, NaN, and integers of any length; of each of these another reader
makes something else. Here they are mistakes, with the place where they stand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

DEPTH_MAX = 100
_DIGITS_MAX = 100


class BadJson(ValueError):
    """The bytes are no JSON that everybody reads alike. `line` and `column` are 1-based, 0 where nobody knows."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def parse(content: bytes) -> Any:
    """The value that `content` stands for: UTF-8, with or without a byte order mark. Raises BadJson."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadJson("it is not UTF-8", line, error.start - content.rfind(b"\n", 0, error.start)) from error
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise BadJson(error.msg[:1].lower() + error.msg[1:], error.lineno, error.colno) from error
    except RecursionError as error:
        raise BadJson("it is nested too deeply") from error
    if _deeper(value, DEPTH_MAX):
        raise BadJson(f"it is nested more than {DEPTH_MAX} deep")
    return value


def dump(value: Any) -> bytes:
    """`value` as a document: keys sorted, two spaces of indentation, UTF-8, a line feed at the end. The same bytes for
    the same value, whatever its order was. Raises ValueError for NaN and for what JSON does not know."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(
        "utf-8", "surrogatepass"
    )


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadJson(f"the key {twice!r} stands twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is no JSON")


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS_MAX:
        raise BadJson(f"a number has {len(digits)} digits")
    return int(digits)


def _deeper(value: Any, levels: int) -> bool:
    """Whether containers lie within each other more than `levels` deep; walks one level at a time."""
    here = [value]
    for _ in range(levels + 1):
        inside: list[Any] = []
        for one in here:
            if isinstance(one, dict):
                inside.extend(one.values())
            elif isinstance(one, list):
                inside.extend(one)
        here = [one for one in inside if isinstance(one, (dict, list))]
        if not here:
            return False
    return True
