"""A document as a tree that knows where everything is written: the same for JSON, YAML and TOML.

A *node* is a map, a list or a scalar, with the stretch of text that stands for it. An *item* is what a map or a list
holds; its *chunk* is all text that goes and comes with it: comments before it, itself, its comma, the comment after it.
The chunks of a container follow each other without a gap, between its *head* and its *tail*.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from directional_sync.core.merge.values import Referee

DEPTH_MAX = 100
"""How deep maps and lists may lie within each other to be merged by parts."""


class Unfit(Exception):
    """The content cannot be merged by its parts; the message says why, in words that fit behind "because"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Shape(Enum):
    MAP = "map"
    LIST = "list"
    SCALAR = "scalar"


class Style(Enum):
    FLOW = "flow"
    """Brackets and commas."""
    BLOCK = "block"
    """Lines, held together by their indentation."""
    SECTIONS = "sections"
    """Lines under headers."""


@dataclass(frozen=True, eq=False, slots=True)
class Item:
    key: str
    """In a list: its place, as text."""
    start: int
    """Where the key begins, or the dash, or the value."""
    node: Node
    rank: int = 0
    """Items of a higher rank stand behind those of a lower one."""
    under: tuple[str, ...] = ()
    """Where maps are written flat, in sections: the names of the maps that it is in, outermost first, and its own."""


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    shape: Shape
    style: Style
    start: int
    end: int
    data: Any
    """What it means: dict, list, text, None, or a pair of type and value. Equal data means the same."""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    lead: int
    """Where the chunk begins: the end of the one before."""
    stop: int


def path_to(parent: str, key: str) -> str:
    """The place of `key` in the map at `parent`: `$.a.b`, `$["a b"]`."""
    plain = key and all(letter.isalnum() or letter in "_-" for letter in key)
    if plain:
        return f"{parent}.{key}"
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{parent}["{escaped}"]'


class Join(Protocol):
    """Merges a scalar by its lines. None: it has none, or they are written in ways that differ."""

    def __call__(self, where: str, base: Take | None, repo: Take, remote: Take, referee: Referee) -> Take | None: ...


@dataclass(frozen=True, eq=False)
class Document:
    """One of the three contents, read."""

    text: str
    root: Node
    comments: Sequence[tuple[int, int]]
    """Where comments stand, in order."""
    lay_out: Callable[[Node], list[Chunk]]
    """Finds the chunks of a container."""
    path: Callable[[str, str], str] = path_to
    """The place of a key in the map at a place."""
    rows: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    """Of each list that is written in sections: by what its items are told apart ("": their number), and all of it."""
    join: Join | None = None
    """How two versions of a scalar become one, where the format has scalars of many lines."""
    _chunks: dict[int, list[Chunk]] = field(default_factory=dict, repr=False)

    def chunked(self, node: Node) -> list[Chunk]:
        """The chunks of the items of a container of this document, one for each."""
        found = self._chunks.get(id(node))
        if found is None:
            found = self._chunks[id(node)] = self.lay_out(node)
        return found

    def comments_in(self, start: int, end: int) -> list[str]:
        """The comments that begin in [start, end), without the space around their lines."""
        if not self.comments:
            return []
        found = []
        for at in range(bisect_left(self.comments, (start, start)), len(self.comments)):
            begins, ends = self.comments[at]
            if begins >= end:
                break
            found.append("\n".join(line.strip() for line in self.text[begins:ends].splitlines()))
        return found

    def column(self, at: int) -> int:
        """How many characters stand before `at` in its line."""
        return at - (self.text.rfind("\n", 0, at) + 1)

    def indentation(self, at: int) -> str:
        """The white space that the line of `at` begins with."""
        begins = self.text.rfind("\n", 0, at) + 1
        ends = begins
        while ends < len(self.text) and self.text[ends] in " \t":
            ends += 1
        return self.text[begins:ends]


@dataclass(frozen=True, eq=False, slots=True)
class Take:
    """A node as one document has it, text and all."""

    document: Document
    node: Node
    item: Item | None = None
    """The item that holds it there."""

    @property
    def data(self) -> Any:
        return self.node.data


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """An item of the merged container: key and comments as `document` has them, and a value."""

    document: Document
    holder: Node
    """The container in `document` that has the item."""
    place: int
    """Which of its items it is."""
    value: Take | Mix
    key: str

    @property
    def item(self) -> Item:
        return self.holder.items[self.place]

    @property
    def verbatim(self) -> bool:
        return isinstance(self.value, Take) and self.value.node is self.item.node


@dataclass(frozen=True, eq=False, slots=True)
class Mix:
    """A container that is put together: in the layout that `document` has, of pieces."""

    document: Document
    node: Node
    pieces: tuple[Piece, ...]
    item: Item | None
    """The item that holds it in `document`."""
    head: Take
    """The container whose head is taken."""
    tail: Take

    @property
    def data(self) -> Any:
        if self.node.shape is Shape.MAP:
            return {piece.key: piece.value.data for piece in self.pieces}
        return [piece.value.data for piece in self.pieces]


Value = Take | Mix


def keys_by_identity(containers: Sequence[Node]) -> list[list[str]] | None:
    """Names for the items of lists that are versions of one another, or None where nothing tells them apart: the
    items are maps that all have a `name`, `id` or `key` of their own, or scalars that differ."""
    items = [item.node for container in containers for item in container.items]
    if all(node.shape is Shape.SCALAR for node in items):
        named = [[named_scalar(item.node.data) for item in container.items] for container in containers]
        return named if all(len(set(names)) == len(names) for names in named) else None
    if not all(node.shape is Shape.MAP for node in items):
        return None
    for known in ("name", "id", "key"):
        if not all(_is_name(node.data.get(known)) for node in items):
            continue
        named = [
            [f"{known}={named_scalar(item.node.data[known])}" for item in container.items] for container in containers
        ]
        if all(len(set(names)) == len(names) for names in named):
            return named
    return None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, tuple) and value[0] == "int")


def named_scalar(value: Any) -> str:
    return value if isinstance(value, str) else "null" if value is None else f"{value[0]}:{value[1]}"


def token(data: Any) -> str:
    """Equal for equal data, whatever the order of keys."""
    if isinstance(data, dict):
        return "{" + ",".join(f"{key!r}:{token(data[key])}" for key in sorted(data)) + "}"
    if isinstance(data, list):
        return "[" + ",".join(token(one) for one in data) + "]"
    return repr(data)
