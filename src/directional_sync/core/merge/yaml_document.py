"""YAML with the place of every value, from the parser's events.

One document of the core schema of YAML 1.2, without anchors, aliases and tags: what these mean hangs on the rest of the
document, so that parts of it cannot be merged by themselves. Comments belong to the key that they precede; those that
are indented deeper than the keys around them belong to what they follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from directional_sync.core.merge import flow
from directional_sync.core.merge.node import DEPTH_MAX, Chunk, Document, Item, Node, Shape, Style, Take, Unfit
from directional_sync.core.merge.render import shifted
from directional_sync.core.merge.text import merge_lines
from directional_sync.core.merge.values import Referee

COMMENT = re.compile(r"#[^\n]*")
_COMMENT_IN_GAP = re.compile(r"(?:(?<=[\s,\[\]{}:-])|\A)#[^\n]*")
_BEHIND_KEY = re.compile(r"[ \t]*:(?=\s|\Z|[^\s])")


@dataclass
class _Raw:
    """A node as the parser has it; `items` are pairs of key and value, the key None in a list."""

    shape: Shape
    flow: bool
    start: int
    end: int
    data: Any
    items: list[tuple[_Raw | None, _Raw]] = field(default_factory=list)
    literal: bool = False

    @property
    def done(self) -> int:
        """Where the text of it ends, comments and blank lines left out."""
        return self.end if self.flow or self.shape is Shape.SCALAR or not self.items else self.items[-1][1].done


def read(text: str) -> Document:
    """The document that `text` is. Raises Unfit."""
    parsed = _Parsed(text)
    root = parsed.root()
    comments = [
        (found.start() + start, found.end() + start)
        for start, end in parsed.gaps()
        for found in _COMMENT_IN_GAP.finditer(text[start:end])
    ]
    layout = _Layout(text, parsed.begins)
    node = layout.root(root)

    def chunked(one: Node) -> list[Chunk]:
        if one.style is Style.FLOW:
            return flow.chunks(text, one, COMMENT, lambda item: item.node.end)
        return layout.chunks[one.start]

    return Document(text, node, comments, chunked, join=_joined)


def sound(text: str) -> bool:
    """Whether `text` is YAML in which no key stands twice, with whatever anchors, tags and documents."""
    import yaml

    maps: list[set[str] | None] = []
    is_key: list[bool] = []
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
            if isinstance(event, yaml.CollectionEndEvent):
                maps.pop()
                is_key.pop()
            elif isinstance(event, yaml.NodeEvent):
                if maps and is_key[-1] and isinstance(event, yaml.ScalarEvent):
                    keys = maps[-1]
                    if keys is not None and event.value in keys and event.value != "<<":
                        return False
                    if keys is not None:
                        keys.add(event.value)
                if maps and maps[-1] is not None:
                    is_key[-1] = not is_key[-1]
                if isinstance(event, yaml.CollectionStartEvent):
                    in_map = isinstance(event, yaml.MappingStartEvent)
                    maps.append(set() if in_map else None)
                    is_key.append(in_map)
    except (yaml.YAMLError, RecursionError):
        return False
    return True


def _joined(where: str, base: Take | None, repo: Take, remote: Take, referee: Referee) -> Take | None:
    """Block scalars, merged by lines. What is in their first line is one thing."""
    sides = [side for side in (base, repo, remote) if side is not None]
    if base is None or any(side.node.style is not Style.BLOCK or side.item is None for side in sides):
        return None
    assert repo.item is not None
    column = repo.document.column(repo.item.start)
    texts = []
    for side in sides:
        assert side.item is not None
        text = side.document.text[side.node.start : side.node.end]
        texts.append(shifted(text, column - side.document.column(side.item.start)).split("\n", 1))
    if any(len(one) < 2 for one in texts):
        return None
    was, mine_begins, other_begins = (header for header, _ in texts)
    if other_begins not in (was, mine_begins) and mine_begins != was:
        return None
    header = other_begins if mine_begins == was else mine_begins
    first = repo.document.text.count("\n", 0, repo.node.start) + 2
    old, mine, other = (f"{body}\n" for _, body in texts)
    text = f"{header}\n{merge_lines(old, mine, other, referee, where=where, first_line=first)}".rstrip("\n")
    written = _Parsed(f"{' ' * column}x: {text}\n").root().data
    before = " " * column + "x: "
    node = Node(Shape.SCALAR, Style.BLOCK, len(before), len(before) + len(text), written["x"])
    made = Document(before + text, node, [], lambda _: [])
    return Take(made, node, Item("x", column, node))


class _Parsed:
    """The events of one document as a tree."""

    def __init__(self, text: str) -> None:
        import yaml

        if len(text) > 1 and re.search("[\x85\u2028\u2029]", text):
            raise Unfit("it has line ends that are none elsewhere")
        loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        self._yaml = yaml
        self._text = text
        self._scalars: list[tuple[int, int]] = []
        self.begins = 0
        """Where the content of the document may begin."""
        self._events = iter(yaml.parse(text, Loader=loader))

    def root(self) -> _Raw:
        yaml = self._yaml
        try:
            self._next()  # the beginning of the stream
            begin = self._next()
            if isinstance(begin, yaml.StreamEndEvent):
                raise Unfit("it is empty")
            if begin.version or begin.tags:
                raise Unfit("it has directives")
            if begin.explicit:
                self.begins = begin.end_mark.index
            root = self._node(self._next(), 0)
            if self._next().explicit or not isinstance(self._next(), yaml.StreamEndEvent):
                raise Unfit("it is more than one document")
        except (yaml.YAMLError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            raise Unfit(f"it is not YAML (line {mark.line + 1})" if mark else "it is not YAML") from error
        return root

    def gaps(self) -> list[tuple[int, int]]:
        """What is outside of scalars."""
        edges = [0, *(edge for span in sorted(self._scalars) for edge in span), len(self._text)]
        return list(zip(edges[::2], edges[1::2], strict=True))

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, depth: int) -> _Raw:
        yaml = self._yaml
        if depth > DEPTH_MAX:
            raise Unfit(f"it is nested more than {DEPTH_MAX} deep")
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise Unfit("it has anchors or aliases")
        if event.tag:
            raise Unfit("it has tags")
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, start, end)
        flows = bool(event.flow_style)
        if isinstance(event, yaml.SequenceStartEvent):
            raw = _Raw(Shape.LIST, flows, start, end, [])
            while not isinstance(event := self._next(), yaml.SequenceEndEvent):
                raw.items.append((None, self._node(event, depth + 1)))
            raw.data = [value.data for _, value in raw.items]
        else:
            raw = _Raw(Shape.MAP, flows, start, end, {})
            while not isinstance(event := self._next(), yaml.MappingEndEvent):
                self._pair(raw, event, depth)
        if flows:
            raw.end = event.end_mark.index
            if self._text[raw.start] not in "[{" or self._text[raw.end - 1] not in "]}":
                raise Unfit("it has a pair without brackets in a list")
        return raw

    def _pair(self, raw: _Raw, event: Any, depth: int) -> None:
        key = self._node(event, depth + 1)
        if key.shape is not Shape.SCALAR or key.literal:
            raise Unfit("it has a key that is no plain text")
        name = str(event.value)
        if name in raw.data:
            raise Unfit("a key stands twice in one map")
        value = self._node(self._next(), depth + 1)
        raw.data[name] = value.data
        key.data = name
        raw.items.append((key, value))

    def _scalar(self, event: Any, start: int, end: int) -> _Raw:
        literal = event.style in ("|", ">")
        if literal:
            end = start + len(self._text[start:end].rstrip())
        if end > start:
            self._scalars.append((start, end))
        data = event.value if event.style else _meaning(event.value)
        return _Raw(Shape.SCALAR, False, start, end, data, literal=literal)


def _meaning(written: str) -> Any:
    """What a plain scalar means. Numbers are their own writing: 1.1 and 1.10 may be two versions of something."""
    from directional_sync.core.yaml12 import resolved

    value = resolved(written)
    return value if value is None or isinstance(value, str) else (type(value).__name__, _canonical(value, written))


def _canonical(value: Any, written: str) -> Any:
    return value if isinstance(value, bool) else written


class _Layout:
    """Gives every block container its region, and every item its chunk."""

    def __init__(self, text: str, begins: int) -> None:
        self._text = text
        self._begins = begins
        self.chunks: dict[int, list[Chunk]] = {}
        """By where the region of a block begins: behind its colon or dash, so no two begin alike."""

    def root(self, raw: _Raw) -> Node:
        if raw.flow or raw.shape is Shape.SCALAR:
            return self._node(raw, raw.start, raw.end)
        return self._block(raw, self._begins, len(self._text), is_root=True)

    def _node(self, raw: _Raw, start: int, stop: int) -> Node:
        """The node of `raw`, which has the region from `start` to `stop`."""
        if raw.shape is Shape.SCALAR:
            return Node(raw.shape, Style.BLOCK if raw.literal else Style.FLOW, raw.start, raw.end, raw.data)
        if not raw.flow:
            return self._block(raw, start, stop)
        items = []
        for at, (key, value) in enumerate(raw.items):
            node = self._node(value, value.start, value.end)
            begins = value.start if key is None else key.start
            if key is not None and key.start == key.end:
                raise Unfit("it has an empty key")
            items.append(Item(str(at) if key is None else key.data, begins, node))
        return Node(raw.shape, Style.FLOW, raw.start, raw.end, raw.data, tuple(items))

    def _block(self, raw: _Raw, start: int, stop: int, *, is_root: bool = False) -> Node:
        column = raw.start - (self._text.rfind("\n", 0, raw.start) + 1)
        begins = self._beginnings(raw, column)
        chunks: list[Chunk] = []
        items: list[Item] = []
        lead = self._first_lead(start, begins[0], is_root)
        for at, (key, value) in enumerate(raw.items):
            following = begins[at + 1] if at + 1 < len(begins) else stop
            end = self._boundary(value.done, following, column, at + 1 < len(begins))
            behind = begins[at] + 1 if key is None else self._behind(key)
            node = self._node(value, behind, end)
            items.append(Item(str(at) if key is None else key.data, begins[at], node))
            chunks.append(Chunk(lead, end))
            lead = end
        made = Node(raw.shape, Style.BLOCK, start, stop, raw.data, tuple(items))
        self.chunks[start] = chunks
        return made

    def _beginnings(self, raw: _Raw, column: int) -> list[int]:
        """Where the items begin: their keys, or their dashes."""
        found: list[int] = []
        for key, value in raw.items:
            if key is not None:
                begins = key.start
                before = self._text[self._text.rfind("\n", 0, begins) + 1 : begins]
                if begins - len(before) + column != begins and found:
                    raise Unfit("keys of one map stand in different columns")
                if "?" in before:
                    raise Unfit("it has keys with a question mark")
            elif not found:
                begins = raw.start
            else:
                begins = self._dash(raw.items[len(found) - 1][1].done, value.start, column)
            found.append(begins)
        return found

    def _dash(self, start: int, end: int, column: int) -> int:
        at = self._text.find("\n", start, end)
        while at >= 0:
            line = at + 1
            if self._text[line : line + column + 1] == " " * column + "-":
                return line + column
            at = self._text.find("\n", line, end)
        raise Unfit("an item of a list was not found")

    def _behind(self, key: _Raw) -> int:
        found = _BEHIND_KEY.match(self._text, key.end)
        if found is None:
            raise Unfit("it has keys that are written in an unusual way")
        return found.end()

    def _first_lead(self, start: int, begins: int, is_root: bool) -> int:
        line_end = self._text.find("\n", start, begins)
        if is_root and start == 0 and "\n\n" not in self._text[:begins]:
            return 0
        if line_end < 0:
            return start
        if not is_root:
            return line_end + 1
        blank = self._text.rfind("\n\n", start, begins)
        return blank + 2 if blank >= 0 else line_end + 1

    def _boundary(self, done: int, following: int, column: int, has_next: bool) -> int:
        """Where the chunk of an item ends whose text ends at `done`: behind its line, and behind the comments that
        follow and are indented deeper than the items."""
        line_end = self._text.find("\n", done, following)
        if line_end < 0:
            if has_next:
                raise Unfit("two items of a block stand in one line")
            return following
        end = at = line_end + 1
        while at < following:
            line_end = self._text.find("\n", at, following)
            if line_end < 0:
                break
            line = self._text[at:line_end]
            bare = line.lstrip(" \t")
            at = line_end + 1
            if bare and len(line) - len(bare) > column:
                end = at
            elif bare:
                break
        return end
