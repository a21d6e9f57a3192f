"""JSON that means the same to everybody who reads it, and the one way in which this program writes it.

Python's own reader takes the last of two equal keys, NaN, and numbers of any length; of each of these another reader
makes something else. Here they are mistakes, with the place where they stand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring as _quoted
from math import isfinite
from typing import Any, NoReturn

DEPTH_MAX = 100
_DIGITS_MAX = 100
_STEP = "  "


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is no integer, digit by digit as it was written: 0.10 is neither 0.1 nor the nearest double."""

    text: str


class BadJson(ValueError):
    """The bytes are no JSON that everybody reads alike. `line` and `column` are 1-based, 0 where nobody knows."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def parse(content: bytes, *, exact: bool = False) -> Any:
    """The value that `content` stands for: UTF-8, with or without a byte order mark. `exact`: what is no integer comes
    as `Number`, for those who hand it on, instead of as float. Raises BadJson."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadJson("it is not UTF-8", line, error.start - content.rfind(b"\n", 0, error.start)) from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_exactly if exact else _float,
        )
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
    return encoded(value) + b"\n"


def encoded(value: Any, level: int = 0) -> bytes:
    """`value` as `dump` writes it inside a document, `level` containers deep: no line feed at the end, and no
    indentation of its first line. Raises as `dump`."""
    parts: list[str] = []
    _write(value, "\n" + _STEP * level, parts.append)
    # Half a surrogate pair has no bytes of its own: it stays the escape that it came as.
    return "".join(parts).encode("utf-8", "backslashreplace")


def _write(value: Any, margin: str, put: Any) -> None:
    """`margin`: a line feed and the indentation of the line that `value` begins on."""
    if isinstance(value, str):
        put(_quoted(value))
    elif isinstance(value, dict):
        opening, inside = "{", margin + _STEP
        for name in sorted(value):
            put(f"{opening}{inside}{_quoted(name)}: ")
            _write(value[name], inside, put)
            opening = ","
        put(f"{margin}}}" if value else "{}")
    elif isinstance(value, list | tuple):
        opening, inside = "[", margin + _STEP
        for item in value:
            put(opening + inside)
            _write(item, inside, put)
            opening = ","
        put(f"{margin}]" if value else "[]")
    else:
        put(_plain(value))


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, Number):
        return value.text
    if isinstance(value, float) and isfinite(value):
        return float.__repr__(value)
    raise ValueError(f"JSON does not know {value!r}")


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


def _float(text: str) -> float:
    if len(text) > _DIGITS_MAX:
        raise BadJson(f"a number has {len(text)} digits")
    found = float(text)
    if not isfinite(found):
        raise BadJson(f"the number {text} is too large for most readers")
    return found


def _exactly(text: str) -> Number:
    _float(text)
    return Number(text)


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
