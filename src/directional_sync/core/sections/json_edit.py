"""Changing single keys of a JSON file, comments, order and layout around them kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from directional_sync.core.merge import flow
from directional_sync.core.merge.json_document import COMMENT, read
from directional_sync.core.merge.node import Document, Node, Shape, Unfit


def root(text: str) -> Any:
    """What the file says: dict, list, text, None, or a pair of type and what is written. Raises Unfit."""
    return read(text).root.data


def plain(data: Any) -> Any:
    """The same as JSON's own types; numbers stay pairs, since nobody writes them."""
    if isinstance(data, tuple) and data[0] == "bool":
        return data[1]
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    return [plain(item) for item in data] if isinstance(data, list) else data


def put(text: str, path: Sequence[str], value: Any) -> str:
    """The text once the key at `path`, whose parents are maps, is there with `value` (text, lists and maps of these).
    Parents that are missing are made. Raises Unfit."""
    document = read(text)
    node = document.root
    for at, key in enumerate(path):
        if node.shape is not Shape.MAP:
            raise Unfit(f"what `{key}` would stand in is no object")
        item = next((one for one in node.items if one.key == key), None)
        if item is None:
            for missing in reversed(path[at + 1 :]):
                value = {missing: value}
            return _inserted(document, node, key, value)
        node = item.node
    column = document.indentation(node.start)
    written = text[node.start : node.end]
    one_line = "\n" not in written and isinstance(value, list) and node.shape is Shape.LIST and bool(node.items)
    return text[: node.start] + _dump(document, value, column, one_line=one_line) + text[node.end :]


def merge(text: str, path: Sequence[str], keys: Mapping[str, Any]) -> str:
    """The text once the map at `path` has just these keys: those that it has keep their values."""
    node = _node(read(text).root, path)
    for item in node.items:
        if item.key not in keys:
            text = remove(text, [*path, item.key])
    there = {item.key for item in node.items}
    for key, value in keys.items():
        if key not in there:
            text = put(text, [*path, key], value)
    return text


def remove(text: str, path: Sequence[str]) -> str:
    """The text without the key at `path`, and without the comments that belong to it. Raises Unfit."""
    document = read(text)
    node = _node(document.root, path[:-1])
    place = next((n for n, item in enumerate(node.items) if item.key == path[-1]), -1)
    if place < 0:
        return text
    if len(node.items) == 1:
        inside = text[node.start + 1 : node.items[0].start] + text[node.items[0].node.end : node.end - 1]
        if not document.comments_in(node.start, node.end) and not inside.strip(" \t\r\n,"):
            return text[: node.start] + "{}" + text[node.end :]
    chunk = document.chunked(node)[place]
    after = flow.after(text[node.items[place].node.end : chunk.stop], COMMENT)
    lead, stop = chunk.lead, chunk.stop
    if lead == node.start + 1 and "\n" not in text[lead : node.items[place].start]:
        while text[stop : stop + 1] in (" ", "\t"):
            stop += 1
    result = text[:lead] + text[stop:]
    if place and place == len(node.items) - 1 and not after.comma:
        end = node.items[place - 1].node.end
        comma, _ = flow.parts(text[end : node.items[place].start], COMMENT)
        result = result[: end + comma] + result[end + comma + 1 :]
    return result


def _node(node: Node, path: Sequence[str]) -> Node:
    for key in path:
        found = next((item.node for item in node.items if item.key == key), None)
        if found is None or node.shape is not Shape.MAP:
            raise Unfit(f"there is no `{key}`")
        node = found
    return node


def _inserted(document: Document, node: Node, key: str, value: Any) -> str:
    text = document.text
    if not node.items:
        around = document.indentation(node.start)
        if "\n" not in text.strip() and document.root is not node:
            made = f"{{{_pair(document, key, value, '')}}}"
        else:
            inner = around + _unit(document)
            end = _end(text)
            made = f"{{{end}{inner}{_pair(document, key, value, inner)}{end}{around}}}"
        if document.comments_in(node.start, node.end):
            raise Unfit("an object that holds nothing but comments cannot be added to")
        return text[: node.start] + made + text[node.end :]
    last = node.items[-1]
    stop = document.chunked(node)[-1].stop
    after = flow.after(text[last.node.end : stop], COMMENT)
    if "\n" in text[node.start : node.items[0].start]:
        inner = document.indentation(last.start)
        made = f"{_end(text)}{inner}{_pair(document, key, value, inner)}"
    else:
        made = f" {_pair(document, key, value, '')}"
    comma = "" if after.comma else ","
    return (
        text[: last.node.end] + comma + text[last.node.end : stop] + made + ("," if after.comma else "") + text[stop:]
    )


def _pair(document: Document, key: str, value: Any, column: str) -> str:
    return f"{json.dumps(key, ensure_ascii=False)}: {_dump(document, value, column)}"


def _dump(document: Document, value: Any, column: str, *, one_line: bool = False) -> str:
    if one_line or ("\n" not in document.text.strip() and document.root.items) or value in ([], {}):
        return json.dumps(value, ensure_ascii=False)
    written = json.dumps(value, ensure_ascii=False, indent=_unit(document))
    return written.replace("\n", _end(document.text) + column)


def _unit(document: Document) -> str:
    """How much deeper a level is indented: as the first key of the file is."""
    root_node = document.root
    found = document.indentation(root_node.items[0].start) if root_node.items else ""
    return found if found and "\n" in document.text[root_node.start : root_node.items[0].start] else "  "


def _end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
