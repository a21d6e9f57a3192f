"""The statements and headers of a TOML text, with their places.

Whether the text is TOML is asked of the standard library before; here it is only taken apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from directional_sync.core.merge.node import DEPTH_MAX, Item, Node, Shape, Style, Unfit

COMMENT = re.compile(r"#[^\n]*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"(?P<bare>[A-Za-z0-9_-]+)|\"(?P<basic>(?:[^\"\\\n]|\\.)*)\"|'(?P<literal>[^'\n]*)'")
_STRING = re.compile(r"\"\"\"(?:[^\\]|\\.)*?\"\"\"\"{0,2}|'''.*?''''{0,2}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'", re.DOTALL)
_WORD = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9][0-9:.Z+-]*|[^\s,\]}#]+")


@dataclass
class Section:
    """What stands under one header; the first of a text has none."""

    path: tuple[str, ...] = ()
    is_element: bool = False
    """Its header has double brackets."""
    start: int = 0
    behind_header: int = 0
    statements: list[Item] = field(default_factory=list)
    line_ends: list[int] = field(default_factory=list)
    """Where the line of each statement ends, behind its line feed."""
    header_ends: int = 0


class Scan:
    """Takes `text` apart, which is TOML and ends with a line feed. Raises Unfit where it cannot."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.comments: list[tuple[int, int]] = []
        self.sections = [Section()]
        while self._to_next():
            if text[self._at] == "[":
                self._header()
            else:
                self._statement()

    def _to_next(self) -> bool:
        """Goes to the next thing that is neither white space nor a comment."""
        while self._at < len(self._text):
            if self._text[self._at] in " \t\r\n":
                self._at += 1
            elif self._text[self._at] == "#":
                self._comment()
            else:
                return True
        return False

    def _comment(self) -> None:
        found = COMMENT.match(self._text, self._at)
        assert found is not None
        self.comments.append(found.span())
        self._at = found.end()

    def _space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _line_end(self) -> int:
        self._space()
        if self._text[self._at : self._at + 1] == "#":
            self._comment()
        end = self._text.find("\n", self._at)
        if end < 0 or self._text[self._at : end].strip():
            raise Unfit("a line of it was not understood")
        self._at = end + 1
        return self._at

    def _header(self) -> None:
        start, double = self._at, self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        self._space()
        path = self._path()
        self._at += 2 if double else 1
        behind = self._at
        self.sections.append(Section(path, double, start, behind, header_ends=self._line_end()))

    def _path(self) -> tuple[str, ...]:
        parts = []
        while True:
            found = _KEY.match(self._text, self._at)
            if found is None:
                raise Unfit("a key of it was not understood")
            basic = found["basic"]
            parts.append(
                _plain(found[0])
                if basic is not None and "\\" in basic
                else next(g for g in found.groups() if g is not None)
            )
            self._at = found.end()
            self._space()
            if self._text[self._at : self._at + 1] != ".":
                return tuple(parts)
            self._at += 1
            self._space()

    def _statement(self) -> None:
        start = self._at
        item = self._pair(start)
        section = self.sections[-1]
        if any(item.key == one.key for one in section.statements):
            raise Unfit("a key stands twice in one table")
        section.statements.append(item)
        section.line_ends.append(self._line_end())

    def _pair(self, start: int) -> Item:
        path = self._path()
        if self._text[self._at : self._at + 1] != "=":
            raise Unfit("a line of it was not understood")
        self._at += 1
        self._space()
        return Item(joined(path), start, self._value(), under=grouped(path))

    def _value(self) -> Node:
        start, sign = self._at, self._text[self._at : self._at + 1]
        if sign in ("[", "{"):
            return self._container(start, "]" if sign == "[" else "}")
        found = _STRING.match(self._text, start) or _WORD.match(self._text, start)
        if found is None:
            raise Unfit("a value of it was not understood")
        self._at = found.end()
        return Node(Shape.SCALAR, Style.FLOW, start, self._at, _meaning(found[0]))

    def _container(self, opened: int, closing: str) -> Node:
        self._at += 1
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Unfit(f"it is nested more than {DEPTH_MAX} deep")
        items: list[Item] = []
        while self._to_next() and self._text[self._at] != closing:
            if self._text[self._at] == ",":
                self._at += 1
                continue
            at = self._at
            items.append(self._pair(at) if closing == "}" else Item(str(len(items)), at, self._value()))
        self._at += 1
        self._depth -= 1
        data: Any = (
            {item.key: item.node.data for item in items} if closing == "}" else [item.node.data for item in items]
        )
        shape = Shape.MAP if closing == "}" else Shape.LIST
        return Node(shape, Style.FLOW, opened, self._at, data, tuple(items))


def joined(path: tuple[str, ...]) -> str:
    """A dotted key, the same for all ways to write it."""
    return ".".join(
        part if part and re.fullmatch(r"[A-Za-z0-9_-]+", part) else '"' + re.sub(r'(["\\])', r"\\\1", part) + '"'
        for part in path
    )


def grouped(path: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the maps that a dotted key leads through, and its own."""
    return tuple(joined(path[:length]) for length in range(1, len(path) + 1))


def _plain(written: str) -> Any:
    import tomllib

    return tomllib.loads(f"x = {written}")["x"]


def _meaning(written: str) -> Any:
    if written[0] in "\"'" and "\\" not in written and written[:3] not in ('"""', "'''"):
        return written[1:-1]
    value = _plain(written)
    if isinstance(value, str):
        return value
    # Numbers are their own writing: 1.1 and 1.10 may be two versions of something.
    return (type(value).__name__, value if isinstance(value, bool) else written)
