"""The far side's files as records: a settings file in JSON, a file of YAML, the front matter of a Markdown file.

Writing is checked by reading: what was not to change must still mean the same, and what was, what it was to mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from directional_sync.core.merge.node import Unfit
from directional_sync.core.sections import json_edit, yaml_edit
from directional_sync.core.sections.far import GONE, Unlike, record, wanted
from directional_sync.core.sections.form import Kind, Record, Unsayable, tidy
from directional_sync.core.strict_json import BadJson, parse

Kinds = Mapping[str, Kind]


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a file, or one entry of it, cannot be taken for a record."""

    why: str
    line: int = 0


def settings(content: bytes, at: Sequence[str], kinds: Kinds) -> dict[str, Record | Unread] | Unread:
    """Name -> record of each key of the object at `at`, which counts as empty where the last part of it is missing."""
    text = _text(content)
    if isinstance(text, Unread):
        return text
    try:
        node = json_edit.plain(json_edit.root(text))
    except Unfit as error:
        return Unread(error.reason, _line(content))
    for key in at:
        if not isinstance(node, dict):
            return Unread(f"what `{key}` would stand in is no object")
        node = node.get(key, {})
    if not isinstance(node, dict):
        return Unread(f"`{'.'.join(at)}` is no object")
    return {name: _record(data, kinds) for name, data in node.items()}


def _record(data: object, kinds: Kinds) -> Record | Unread:
    try:
        return record(data, kinds)
    except Unlike as error:
        return Unread(str(error))


def _line(content: bytes) -> int:
    try:
        parse(content)
    except BadJson as error:
        return error.line
    return 0


def _text(content: bytes) -> str | Unread:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        return Unread("it is not UTF-8", content.count(b"\n", 0, error.start) + 1)


def put_settings(content: bytes, at: Sequence[str], name: str, target: Record | None, kinds: Kinds) -> bytes:
    """The file once the key `name` says `target`; None: once it is gone. Raises Unsayable."""
    mark, text = _marked(content)
    path = [*at, name]
    try:
        before = json_edit.root(text)
        now = _get(before, path)
        if target is None:
            text = json_edit.remove(text, path) if now is not None else text
        elif now is None:
            made = wanted({}, target, kinds)
            text = json_edit.put(text, path, made)
        else:
            text = _put_keys(text, path, wanted(json_edit.plain(now), target, kinds), kinds)
        after = json_edit.root(text)
        now = _get(after, path)
        same = (
            now is None if target is None else now is not None and record(json_edit.plain(now), kinds) == tidy(target)
        )
    except Unfit as error:
        raise Unsayable(error.reason) from error
    except Unlike as error:
        raise Unsayable(str(error)) from error
    owned = kinds if target is not None else None
    if not same or _others(before, path, owned) != _others(after, path, owned):
        raise Unsayable(f"{name} could not be written without changing something else")
    return (mark + text).encode()


def _put_keys(text: str, path: Sequence[str], keys: Mapping[str, Any], kinds: Kinds) -> str:
    for field, value in keys.items():
        there = _get(json_edit.root(text), [*path, field])
        if value is GONE:
            text = json_edit.remove(text, [*path, field])
        elif kinds[field] is Kind.NAMES and isinstance(there, dict):
            text = json_edit.merge(text, [*path, field], value)
        else:
            text = json_edit.put(text, [*path, field], value)
    return text


def _get(data: Any, path: Sequence[str]) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _others(data: Any, path: Sequence[str], owned: Kinds | None) -> Any:
    """All of the data but the owned fields at `path` (None: all that is there), and but empty objects on the way."""
    if not isinstance(data, dict):
        return data
    if not path:
        return {key: value for key, value in data.items() if owned is not None and key not in owned}
    inner = _others(data.get(path[0], {}), path[1:], owned)
    rest = {key: value for key, value in data.items() if key != path[0]}
    return {**rest, path[0]: inner} if inner else rest


def fields(content: bytes, kinds: Kinds, *, front: bool) -> Record | Unread:
    """What a file of YAML says, or the front matter of a Markdown file."""
    text = _text(content)
    if isinstance(text, Unread):
        return text
    head = ""
    if front:
        try:
            head, text, _ = yaml_edit.parted(text)
        except Unfit as error:
            return Unread(error.reason, 1)
    from directional_sync.core.yaml12 import read

    document = read(("\n" * head.count("\n") + text.removeprefix("\ufeff")).encode(), "")
    if document.problems:
        problem = document.problems[0]
        return Unread(problem.message, problem.line)
    return _record({} if document.data is None else document.data, kinds)


def put_fields(content: bytes, target: Record, kinds: Kinds, *, front: bool) -> bytes:
    """The file once its fields say `target`. Raises Unsayable."""
    mark, text = _marked(content)
    now = fields(content, kinds, front=front)
    if isinstance(now, Unread):
        raise Unsayable(now.why)
    try:
        head, text, rest = yaml_edit.parted(text) if front else ("", text, "")
        before = _data(text)
        for field, value in wanted(before, target, kinds).items():
            text = yaml_edit.put(text, field, value)
        after = _data(text)
    except Unfit as error:
        raise Unsayable(error.reason) from error
    except Unlike as error:
        raise Unsayable(str(error)) from error
    result = (mark + head + text + rest).encode()
    same = {key: value for key, value in before.items() if key not in kinds}
    if fields(result, kinds, front=front) != tidy(target) or same != {k: v for k, v in after.items() if k not in kinds}:
        raise Unsayable("it could not be written without changing something else")
    return result


def _data(text: str) -> dict[str, Any]:
    from directional_sync.core.yaml12 import read

    data = read(text.encode(), "").data
    return data if isinstance(data, dict) else {}


def _marked(content: bytes) -> tuple[str, str]:
    text = _text(content)
    if isinstance(text, Unread):
        raise Unsayable(text.why)
    return ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)


def new_fields(name: str, target: Record, kinds: Kinds, *, front: bool) -> bytes:
    """A file that holds nothing but its name and these fields. Raises Unsayable."""
    text = yaml_edit.put("", "name", name)
    content = (f"---\n{text}---\n" if front else text).encode()
    return put_fields(content, target, kinds, front=front)


def owned_only(content: bytes, name: str, kinds: Kinds, *, front: bool) -> bool:
    """Whether the file says nothing but its name and its fields, so that nothing else is lost with it."""
    text = _text(content)
    if isinstance(text, Unread):
        return False
    try:
        _, text, rest = yaml_edit.parted(text) if front else ("", text, "---\n")
    except Unfit:
        return False
    behind = rest.split("\n", 1)[1] if "\n" in rest else ""
    data = _data(text)
    return not behind.strip() and "#" not in text and set(data) <= {*kinds, "name"} and (data.get("name", name) == name)
