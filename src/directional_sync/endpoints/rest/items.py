"""One item of the list: its key, what is taken of it, its bytes, and the name of its file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from directional_sync.core.strict_json import Number, encoded
from directional_sync.endpoints.rest import paths
from directional_sync.endpoints.rest.complaints import KEY, SHAPE, complaint
from directional_sync.endpoints.rest.paths import MISSING, Path, get, shown
from directional_sync.endpoints.rest.shape import kind
from directional_sync.endpoints.rest.templates import HOLE, template

if TYPE_CHECKING:
    from directional_sync.endpoints.rest.options import RestOptions

_KEY_LENGTH_MAX = 1000
_NAME_BYTES_MAX = 200
"""Of what a key becomes in a file name; 255 is what file systems take for the whole name."""
Order = tuple[tuple[int, Any], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """What is taken of one item."""

    key: str
    order: Order
    """What it is sorted by: the values that `sort` names, then the key."""
    content: bytes = field(repr=False)
    """Canonical JSON, as it stands in its document."""

    @property
    def digest(self) -> bytes:
        return hashlib.blake2b(self.content, digest_size=16).digest()


@dataclass(frozen=True)
class Recipe:
    """How items are made; from the options, once."""

    key: tuple[str | Path, ...]
    """Literal text and paths, in turn. (): the item itself is its key."""
    keep: tuple[Path, ...]
    drop: tuple[Path, ...]
    unordered: tuple[Path, ...]
    require: tuple[Path, ...]
    sort: tuple[Path, ...]
    level: int
    """How many containers deep an item stands in its document."""


def recipe(options: RestOptions) -> Recipe:
    """The recipe that the options stand for; they have passed their checks."""

    def parsed(texts: Sequence[str]) -> tuple[Path, ...]:
        return tuple(paths.parse(text, wildcards=True) for text in texts)

    level = 0 if HOLE in options.into else 1 if options.wrap == "" else 2
    return Recipe(
        key=template(options.key),
        keep=parsed(options.keep),
        drop=parsed(options.drop),
        unordered=parsed(options.unordered),
        require=parsed(options.require),
        sort=parsed(options.sort),
        level=level,
    )


def make(value: Any, recipe: Recipe, where: str) -> Item:
    """What is taken of `value`. `where`: `item 3 of page 1`, for errors. Raises SyncError E-REST-KEY, -SHAPE."""
    key = _key(value, recipe.key, where)
    for path in recipe.require:
        found = get(value, path)
        if found is MISSING or found is None or found == "":
            what = "missing" if found is MISSING else kind(found)
            raise complaint(SHAPE, f"{shown(path)} of {key!r} ({where}) is {what}, and `require` names it")
    taken = paths.keep(value, recipe.keep) if recipe.keep else value
    if taken is MISSING:
        raise complaint(SHAPE, f"{key!r} ({where}) has nothing of what `keep` names")
    taken = paths.unordered(paths.drop(taken, recipe.drop), recipe.unordered)
    order = (*(_order(get(value, path)) for path in recipe.sort), (0, key))
    return Item(key, order, encoded(taken, recipe.level))


def _key(value: Any, key: tuple[str | Path, ...], where: str) -> str:
    if not isinstance(value, dict | list):  # a list of names
        return _part(value, (), where)
    text = "".join(part if isinstance(part, str) else _part(get(value, part), part, where) for part in key)
    if len(text) > _KEY_LENGTH_MAX:
        raise complaint(KEY, f"the key of {where} has {len(text)} characters: {text[:60]}...")
    return text


def _part(value: Any, path: Path, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        what = "missing" if value is MISSING else kind(value)
        raise complaint(KEY, f"{shown(path)} of {where} must be text or a whole number to be a key, and is {what}")
    return str(value)


def _order(value: Any) -> tuple[int, Any]:
    """Something to compare by, whatever the kinds: nothing, then false and true, numbers, text, the rest."""
    if value is MISSING or value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, int | Number):
        return (2, Decimal(value.text if isinstance(value, Number) else value))
    return (3, value) if isinstance(value, str) else (4, encoded(value).decode())


def file_name(key: str) -> str:
    """`key` as a part of a path that is the same file everywhere, and that can be read back (percent-decoding). ASCII
    letters, digits, `.`, `-` and `_` stay; a dot at the beginning or end does not. Raises SyncError E-REST-KEY when it
    is too long."""
    name = quote(key, safe="", errors="surrogatepass").replace("~", "%7E")
    name = re.sub(r"\A\.|\.\Z", "%2E", name)
    if len(name) > _NAME_BYTES_MAX:
        hint = f"choose a shorter `key`; a file name has room for {_NAME_BYTES_MAX} bytes of it"
        raise complaint(KEY, f"the key {key[:60]!r}... is too long for a file name ({len(name)} bytes)", hint=hint)
    return name


def document(items: Sequence[Item], wrap: str) -> bytes:
    """One document with all items, in their order. `wrap`: the name under which the list stands; "": the list alone."""
    ordered = sorted(items, key=lambda item: item.order)
    if not wrap:
        return _list([item.content for item in ordered], "") + b"\n"
    return b"{\n  %s: %s\n}\n" % (encoded(wrap), _list([item.content for item in ordered], "  "))


def _list(contents: Sequence[bytes], margin: str) -> bytes:
    inside = f"\n{margin}  ".encode()
    return b"[" + inside + (b"," + inside).join(contents) + f"\n{margin}]".encode() if contents else b"[]"
