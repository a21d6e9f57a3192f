"""TOML with the place of every value.

A document is a map of the keys before the first header, and of the tables under headers, each a map of the keys that
stand there. An item of a list in sections (`[[server]]`) is known by its `name`, `id` or `key` where all have one of
their own, and so are the tables under it.
"""

from __future__ import annotations

import re
from typing import Any

from directional_sync.core.merge import flow
from directional_sync.core.merge.node import (
    Chunk,
    Document,
    Item,
    Node,
    Shape,
    Style,
    Unfit,
    named_scalar,
    path_to,
)
from directional_sync.core.merge.toml_scan import COMMENT, Scan, Section, grouped, joined

__all__ = ["COMMENT", "read", "sound"]


def read(text: str) -> Document:
    """The document that `text` is. Raises Unfit."""
    if not sound(text):
        raise Unfit("it is not TOML")
    scan = Scan(text)
    top, *tables = scan.sections
    rows = _Rows(tables)
    chunks: dict[int, list[Chunk]] = {}
    items, bounds = list(top.statements), list(top.line_ends)
    for section, name in zip(tables, rows.names, strict=True):
        stop = section.line_ends[-1] if section.line_ends else section.header_ends
        data = {item.key: item.node.data for item in section.statements}
        node = Node(Shape.MAP, Style.SECTIONS, section.behind_header, stop, data, tuple(section.statements))
        chunks[node.start] = _chunks(section.header_ends, section.line_ends)
        items.append(Item(name, section.start, node, rank=1, under=rows.under[len(items) - len(top.statements)]))
        bounds.append(stop)
    names = [item.key for item in items]
    if len(set(names)) < len(names):
        raise Unfit("a table of it stands twice")
    begins = text.rfind("\n\n", 0, items[0].start) if items else -1
    root = Node(Shape.MAP, Style.SECTIONS, 0, len(text), {item.key: item.node.data for item in items}, tuple(items))
    # A root and a table never begin alike: before a table is its header.
    chunks[root.start] = _chunks(begins + 2 if begins >= 0 else 0, bounds)

    def chunked(one: Node) -> list[Chunk]:
        if one.style is Style.FLOW:
            return flow.chunks(text, one, COMMENT, lambda item: item.node.end)
        return chunks[one.start]

    return Document(text, root, scan.comments, chunked, _path, rows.told)


def sound(text: str) -> bool:
    """Whether `text` is TOML."""
    import tomllib

    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _chunks(lead: int, stops: list[int]) -> list[Chunk]:
    return [Chunk(start, stop) for start, stop in zip([lead, *stops], stops, strict=False)]


_TABLE = re.compile(r"\[+([^\]]*)\]+(.*)", re.DOTALL)


def _path(parent: str, key: str) -> str:
    found = _TABLE.fullmatch(key)
    return f"{parent}.{found[1]}{found[2]}" if found else f"{parent}.{key}" if "." in key else path_to(parent, key)


class _Rows:
    """Names for the tables of a text."""

    def __init__(self, tables: list[Section]) -> None:
        self.names: list[str] = []
        self.under: list[tuple[str, ...]] = []
        self.told: dict[str, tuple[str, Any]] = {}
        elements: dict[str, list[Section]] = {}
        where: list[list[tuple[str, int]]] = []
        current: dict[tuple[str, ...], int] = {}
        for table in tables:
            if table.is_element:
                current[table.path] = current.get(table.path, -1) + 1
                for longer in [path for path in current if len(path) > len(table.path)]:
                    if longer[: len(table.path)] == table.path:
                        raise Unfit(f"the list {joined(longer)} lies in another list")
            around = []
            for length in range(1, len(table.path) + 1):
                if table.path[:length] in current:
                    around.append((joined(table.path[:length]), current[table.path[:length]]))
            where.append(around)
            if table.is_element:
                elements.setdefault(joined(table.path), []).append(table)
        labels = {name: self._labels(name, ones) for name, ones in elements.items()}
        for name in elements:
            under = [(t, a) for t, a in zip(tables, where, strict=True) if any(name == one for one, _ in a)]
            data = [(joined(t.path), a, {item.key: item.node.data for item in t.statements}) for t, a in under]
            self.told[name] = (self.told[name][0], data)
        for table, around in zip(tables, where, strict=True):
            label = "".join(f"[{labels[name][at]}]" for name, at in around)
            header = f"[[{joined(table.path)}]]" if table.is_element else f"[{joined(table.path)}]"
            self.names.append(header + label)
            within = dict(around)
            groups, prefix = [], ""
            for group in grouped(table.path):
                prefix += f"[{labels[group][within[group]]}]" if group in within else ""
                groups.append(group + prefix if prefix else group)
            self.under.append(tuple(groups))

    def _labels(self, name: str, ones: list[Section]) -> list[str]:
        for field in ("name", "id", "key"):
            found = [{item.key: item.node.data for item in one.statements}.get(field) for one in ones]
            if all(isinstance(one, str) or (isinstance(one, tuple) and one[0] == "int") for one in found):
                labels = [f"{field}={named_scalar(one)}" for one in found]
                if len(set(labels)) == len(labels):
                    self.told[name] = (field, None)
                    return labels
        self.told[name] = ("", None)
        return [str(at) for at in range(len(ones))]
