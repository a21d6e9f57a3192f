"""JSON with the place of every value.

Strict, as `core.strict_json` is (no key twice, no NaN), but for what the settings files of editors have: comments, and
a comma after the last item.
"""

from __future__ import annotations

import json
import re
from typing import Any

from directional_sync.core.merge import flow
from directional_sync.core.merge.node import DEPTH_MAX, Chunk, Document, Item, Node, Shape, Style, Unfit

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r'[ \t\r\n]*(?:(?P<text>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?P<sign>[{}\[\],:])'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?))(?![0-9A-Za-z.+-])"
    r"|(?P<word>true|false|null)(?![0-9A-Za-z])|(?P<comment>//[^\n]*|/\*.*?\*/))",
    re.DOTALL,
)
_WORDS: dict[str, Any] = {"null": None, "true": ("bool", True), "false": ("bool", False)}


def read(text: str) -> Document:
    """The document that `text` is. Raises Unfit."""
    reader = _Reader(text)
    try:
        kind, start, end, found = reader.next()
        root = reader.value(kind, start, end, found, 0)
        kind, start, *_ = reader.next()
    except _Bad as bad:
        raise Unfit(f"it is not JSON (line {text.count(chr(10), 0, bad.at) + 1})") from bad
    if kind != "end":
        raise Unfit(f"something follows the JSON (line {text.count(chr(10), 0, start) + 1})")
    return Document(text, root, reader.comments, lambda node: _chunks(text, node))


def sound(text: str) -> bool:
    """Whether `text` can be read."""
    try:
        read(text)
    except Unfit:
        return False
    return True


def _chunks(text: str, node: Node) -> list[Chunk]:
    return flow.chunks(text, node, COMMENT, lambda item: item.node.end)


class _Bad(Exception):
    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


_Token = tuple[str, int, int, Any]


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.comments: list[tuple[int, int]] = []

    def next(self) -> _Token:
        """Kind, start, end and value of the token that follows; comments are noted and passed over."""
        while True:
            found = _TOKEN.match(self._text, self._at)
            if found is None:
                if _SPACE.fullmatch(self._text, self._at):
                    return "end", len(self._text), len(self._text), None
                raise _Bad(self._at)
            self._at = found.end()
            kind = found.lastgroup
            if kind == "rest":
                kind = "number"
            assert kind is not None
            start = found.start(kind)
            if kind == "comment":
                self.comments.append((start, found.end()))
                continue
            if kind == "text":
                raw = found[kind]
                return kind, start, found.end(), json.loads(raw) if "\\" in raw else raw[1:-1]
            if kind == "number":
                return kind, start, found.end(), ("float" if found["rest"] else "int", found["number"])
            return kind, start, found.end(), _WORDS[found[kind]] if kind == "word" else found[kind]

    def value(self, kind: str, start: int, end: int, found: Any, depth: int) -> Node:
        if kind in ("text", "number", "word"):
            return Node(Shape.SCALAR, Style.FLOW, start, end, found)
        if depth >= DEPTH_MAX:
            raise Unfit(f"it is nested more than {DEPTH_MAX} deep")
        if found == "{":
            return self._map(start, depth)
        if found == "[":
            return self._list(start, depth)
        raise _Bad(start)

    def _map(self, opened: int, depth: int) -> Node:
        items: list[Item] = []
        data: dict[str, Any] = {}
        kind, start, end, found = self.next()
        while found != "}" or kind != "sign":
            if kind != "text":
                raise _Bad(start)
            key, key_start = found, start
            kind, start, end, found = self.next()
            if kind != "sign" or found != ":":
                raise _Bad(start)
            node = self.value(*self.next(), depth + 1)
            if key in data:
                raise Unfit("a key stands twice in one object")
            data[key] = node.data
            items.append(Item(key, key_start, node))
            kind, start, end, found = self._behind_item("}")
        return Node(Shape.MAP, Style.FLOW, opened, end, data, tuple(items))

    def _list(self, opened: int, depth: int) -> Node:
        items: list[Item] = []
        token = self.next()
        while token[3] != "]" or token[0] != "sign":
            items.append(Item(str(len(items)), token[1], self.value(*token, depth + 1)))
            token = self._behind_item("]")
        return Node(Shape.LIST, Style.FLOW, opened, token[2], [item.node.data for item in items], tuple(items))

    def _behind_item(self, closing: str) -> _Token:
        """The token after an item and its comma."""
        token = self.next()
        if token[0] != "sign" or token[3] not in (",", closing):
            raise _Bad(token[1])
        return self.next() if token[3] == "," else token
