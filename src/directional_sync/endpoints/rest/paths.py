"""Where something is inside JSON: dotted paths, and what to do with all that they name.

spec.name           the member `name` of the member `spec`
domains.*.phase     of every element of a list, or every member
**.updated_at       at any depth
a\\.b                the member `a.b`
data.0.id           an element by its number (not for `keep`, `drop` and `unordered`)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from itertools import pairwise
from typing import Any, Final

from directional_sync.core.strict_json import encoded

Path = tuple[str, ...]
ONE, ANY = "*", "**"
_DOT = re.compile(r"(?<!\\)\.")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Missing(Enum):
    """Nothing is there; not even null."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


def parse(text: str, *, wildcards: bool = False) -> Path:
    """The path that `text` stands for. Raises ValueError, with the reason."""
    parts = tuple(part.replace("\\.", ".") for part in _DOT.split(text.removeprefix("$.")))
    if not all(parts):
        raise ValueError(f"{text!r} has an empty part; a dot inside a name is written \\.")
    if not wildcards and any(part in (ONE, ANY) for part in parts):
        raise ValueError(f"{text!r} must name one thing, so it holds no * here")
    if parts[-1] == ANY or any(one == other == ANY for one, other in pairwise(parts)):
        raise ValueError(f"{text!r}: ** stands for any depth, so a name follows it")
    return parts


def shown(path: Path) -> str:
    """For people and for other tools: `$.spec.name`, `$.data[0]["odd name"]`."""
    return "$" + "".join(_step(part) for part in path)


def _step(part: str) -> str:
    if part in (ONE, ANY) or part.isdigit():
        return f"[{part}]"
    return f".{part}" if _PLAIN.fullmatch(part) else f'["{part}"]'


def get(value: Any, path: Path) -> Any:
    """What is there; MISSING when nothing is."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def there(value: Any, path: Path) -> Path:
    """How much of `path` there is."""
    for length in range(len(path), 0, -1):
        if get(value, path[:length]) is not MISSING:
            return path[:length]
    return ()


def drop(value: Any, paths: Sequence[Path]) -> Any:
    """`value` without all that the paths name."""
    return _walk(value, paths, lambda inside: MISSING) if paths else value


def unordered(value: Any, paths: Sequence[Path]) -> Any:
    """`value` with the lists that the paths name in an order of their own content."""
    if not paths:
        return value
    return _walk(value, paths, lambda inside: sorted(inside, key=encoded) if isinstance(inside, list) else inside)


def keep(value: Any, paths: Sequence[Path]) -> Any:
    """Of `value` only what the paths name, and what it stands in; MISSING when they name nothing in it."""
    if () in paths:
        return value
    if isinstance(value, dict):
        members = {name: keep(item, _on(paths, name)) for name, item in value.items()}
        found: Any = {name: item for name, item in members.items() if item is not MISSING}
    elif isinstance(value, list):
        elements = [keep(item, _on(paths, None)) for item in value]
        found = [item for item in elements if item is not MISSING]
    else:
        return MISSING
    return found if found else MISSING


def _walk(value: Any, paths: Sequence[Path], deed: Callable[[Any], Any]) -> Any:
    """`value` with `deed` done, from the inside out, to all that the paths name; what it makes MISSING is left out."""
    if isinstance(value, dict):
        members = {name: _next(item, _on(paths, name), deed) for name, item in value.items()}
        return {name: item for name, item in members.items() if item is not MISSING}
    if isinstance(value, list):
        elements = [_next(item, _on(paths, None), deed) for item in value]
        return [item for item in elements if item is not MISSING]
    return value


def _next(value: Any, paths: Sequence[Path], deed: Callable[[Any], Any]) -> Any:
    if not paths:
        return value
    inside = _walk(value, [path for path in paths if path], deed)
    return deed(inside) if () in paths else inside


def _on(paths: Sequence[Path], name: str | None) -> list[Path]:
    """What is left of the paths inside the member `name`, or inside an element of a list (None)."""
    left: list[Path] = []
    for path in paths:
        if not path:
            continue
        if path[0] == ANY:
            left.append(path)
            path = path[1:]
        if path[0] == ONE or path[0] == name:
            left.append(path[1:])
    return left
