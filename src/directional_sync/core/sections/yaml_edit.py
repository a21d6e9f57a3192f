"""Changing single fields of a YAML mapping, or of the front matter of a Markdown file; all around them is kept."""

from __future__ import annotations

import json
import re
from typing import Any

from directional_sync.core.merge.node import Document, Item, Node, Shape, Style, Unfit
from directional_sync.core.merge.yaml_document import read
from directional_sync.core.sections.far import GONE

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./@-]*")
_PROSE = re.compile(r"[A-Za-z][^\n#:{}\[\]&*!|>'\"%@`\\\x00-\x1f\x7f\x85\u2028\u2029]*")
_FRONT = re.compile(r"(\ufeff?---[ \t]*\r?\n)(.*?)(^---[ \t]*(?:\r?\n|\Z))", re.DOTALL | re.MULTILINE)


def parted(text: str) -> tuple[str, str, str]:
    """What is before the fields of a front matter, they themselves, and what is behind. Raises Unfit."""
    found = _FRONT.match(text)
    if found is None:
        raise Unfit("it does not begin with front matter between two lines of dashes")
    return found[1], found[2], text[found.start(3) :]


def put(text: str, field: str, value: Any) -> str:
    """The text once the field of its mapping has `value` (text, or a list of texts), or is GONE. Raises Unfit."""
    if "\r" in text:
        return put(text.replace("\r\n", "\n"), field, value).replace("\n", "\r\n")
    if not re.search(r"^[^#\s]", text, re.MULTILINE):
        return text if value is GONE else f"{text}{_ended(text)}{field}: {_flow(value)}\n"
    document = read(text)
    node = document.root
    if node.shape is not Shape.MAP or node.style is not Style.BLOCK:
        raise Unfit("it is no mapping with one key a line")
    place = next((n for n, item in enumerate(node.items) if item.key == field), -1)
    if value is GONE:
        return _without(document, node, place) if place >= 0 else text
    if place < 0:
        return _added(document, node, field, value)
    return _changed(document, node, place, value)


def _without(document: Document, node: Node, place: int) -> str:
    chunk = document.chunked(node)[place]
    return document.text[: chunk.lead] + document.text[chunk.stop :]


def _added(document: Document, node: Node, field: str, value: Any) -> str:
    text = document.text
    at = document.chunked(node)[-1].stop
    return text[:at] + _ended(text[:at]) + f"{field}: {_flow(value)}\n" + text[at:]


def _ended(text: str) -> str:
    return "" if not text or text.endswith("\n") else "\n"


def _changed(document: Document, node: Node, place: int, value: Any) -> str:
    text, item = document.text, node.items[place]
    if item.node.shape is Shape.SCALAR and isinstance(value, str):
        gap = "" if text[item.node.start - 1 : item.node.start].isspace() else " "
        return text[: item.node.start] + gap + _flow(value) + text[item.node.end :]
    stop = document.chunked(node)[place].stop
    key = text[item.start : text.index(":", item.start)]
    said = f"{key}: {_flow(value)}\n"
    if isinstance(value, list) and item.node.shape is Shape.LIST and item.node.style is Style.BLOCK:
        dash = _dash(text, item)
        said = f"{key}:\n" + "".join(f"{dash}- {_flow(one)}\n" for one in value)
    return text[: item.start] + said + text[stop:]


def _dash(text: str, item: Item) -> str:
    first = item.node.items[0].start
    return text[text.rfind("\n", 0, first) + 1 : first] if item.node.items else "  "


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_scalar(one, _PLAIN) for one in value) + "]"
    return _scalar(value, _PROSE)


def _scalar(value: str, fits: re.Pattern[str]) -> str:
    if (fits.fullmatch(value) or _PLAIN.fullmatch(value)) and value == value.strip() and _means_itself(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff]", lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _means_itself(value: str) -> bool:
    from directional_sync.core.yaml12 import resolved

    return resolved(value) == value and not re.fullmatch(r"(?i)(?:y|n|yes|no|on|off|true|false|null|~)", value)
