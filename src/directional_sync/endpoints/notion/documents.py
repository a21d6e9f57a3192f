"""Documents of the repository as records: JSON, YAML, CSV, and Markdown with front matter.

A record is a mapping of fields. Where records lie inside a document (`rows: tasks`), the plain values around them (the
document's `period`) are fields of each of them too, unless a record says otherwise. Everything that is broken is
reported with its line, nothing is guessed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from directional_sync.core.strict_json import BadJson, parse
from directional_sync.endpoints.notion.template import MissingField

SUFFIXES = (".json", ".yaml", ".yml", ".csv", ".md")
_FRONT = re.compile(r"\A---[ \t]*\n(?P<front>.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^# +(.+?)[ #]*$", re.MULTILINE)
_FIELDS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a document or one of its records."""

    path: str
    line: int
    """1-based."""
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class BadDocument(Exception):
    def __init__(self, path: str, problems: Sequence[tuple[int, str]]) -> None:
        super().__init__(path)
        self.problems = tuple(Problem(path, line, message) for line, message in problems)


@dataclass(frozen=True)
class Record:
    """One record, with the plain values around it."""

    fields: Mapping[str, Any]
    around: Mapping[str, Any]
    path: str
    index: int
    lines: Callable[[], Sequence[int]] = field(repr=False)

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.lines()[self.index]

    def look_up(self, name: str) -> Any:
        """The value of a dotted field. Raises MissingField."""
        first, *rest = name.split(".")
        if first in self.fields:
            value = self.fields[first]
        elif first in self.around:
            value = self.around[first]
        else:
            raise MissingField(name)
        for part in rest:
            if not isinstance(value, Mapping) or part not in value:
                raise MissingField(name)
            value = value[part]
        return value

    @property
    def names(self) -> list[str]:
        """All fields that can be named, inner ones dotted."""
        found: list[str] = []
        _name(self.around, "", found)
        _name(self.fields, "", found)
        return list(dict.fromkeys(found))


def _name(value: Mapping[str, Any], prefix: str, found: list[str]) -> None:
    for name, inner in value.items():
        if len(found) < _FIELDS_MAX:
            found.append(prefix + name)
            if isinstance(inner, Mapping):
                _name(inner, f"{prefix}{name}.", found)


def records(path: str, content: bytes, rows: str) -> list[Record]:
    """The records of one document; `rows` is the dotted place where they lie, "" for the document itself. Raises
    BadDocument."""
    suffix = path[path.rfind(".") :].lower()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDocument(path, [(content.count(b"\n", 0, error.start) + 1, "it is not UTF-8")]) from None
    if suffix == ".json":
        return _json(path, content, text, rows)
    if suffix in (".yaml", ".yml"):
        return _yaml(path, text, rows)
    if suffix == ".csv":
        return _csv(path, text)
    if suffix == ".md":
        return _markdown(path, text)
    raise BadDocument(path, [(1, f"only {', '.join(SUFFIXES)} are read; leave it out of `inputs`")])


def _json(path: str, content: bytes, text: str, rows: str) -> list[Record]:
    try:
        value = parse(content)
    except BadJson as error:
        raise BadDocument(path, [(error.line or 1, f"no JSON: {error.reason}")]) from None
    from directional_sync.endpoints.notion.lines import json_lines

    return _inside(path, value, rows, _Lines(lambda: json_lines(text, rows)))


def _yaml(path: str, text: str, rows: str) -> list[Record]:
    from directional_sync.endpoints.notion.plain_yaml import BadYaml, read

    try:
        document = read(text)
    except BadYaml as error:
        raise BadDocument(path, [(error.line, f"no YAML that is read here: {error.reason}")]) from None
    return _inside(path, document.value, rows, _Lines(lambda: document.lines(rows)))


class _Lines:
    """The lines of a document's records, found out when somebody asks."""

    def __init__(self, find: Callable[[], Sequence[int]]) -> None:
        self._find = find

    @cached_property
    def _found(self) -> Sequence[int]:
        return self._find()

    def __call__(self) -> Sequence[int]:
        return self._found


def _inside(path: str, value: Any, rows: str, lines: _Lines) -> list[Record]:
    around: dict[str, Any] = {}
    for name in rows.split(".") if rows else ():
        if not isinstance(value, Mapping) or name not in value:
            have = ", ".join(f"`{key}`" for key in list(value)[:10]) if isinstance(value, Mapping) else "no fields"
            raise BadDocument(path, [(1, f"there is no `{rows}` in it, where its rows should be; it has {have}")])
        around |= {key: inner for key, inner in value.items() if not isinstance(inner, Mapping | list)}
        value = value[name]
    if isinstance(value, Mapping) and not rows:
        value = [value]
    if not isinstance(value, list):
        where = f"`{rows}`" if rows else "it"
        raise BadDocument(path, [(1, f"{where} is no list of rows" + ("" if rows else "; `rows` says where they are"))])
    wrong = [index for index, item in enumerate(value) if not isinstance(item, Mapping)]
    if wrong:
        found = lines()
        raise BadDocument(path, [(found[index], f"row {index + 1} is no mapping of fields") for index in wrong])
    return [Record(item, around, path, index, lines) for index, item in enumerate(value)]


def _csv(path: str, text: str) -> list[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    problems: list[tuple[int, str]] = []
    found: list[dict[str, str]] = []
    lines: list[int] = []
    head: list[str] = []
    try:
        for line, cells in _numbered(reader):
            if not head:
                head = [name.strip() for name in cells]
                twice = next((name for name in head if head.count(name) > 1 or not name), None)
                if twice is not None:
                    raise BadDocument(
                        path, [(line, f"the column {twice!r} stands twice" if twice else "a column has no name")]
                    )
            elif len(cells) != len(head):
                problems.append((line, f"it has {len(cells)} cells, and the head has {len(head)}"))
            else:
                found.append(dict(zip(head, cells, strict=True)))
                lines.append(line)
    except csv.Error as error:
        raise BadDocument(path, [*problems, (reader.line_num or 1, f"no CSV: {error}")]) from None
    if not head:
        problems.append((1, "it has no line with the names of its columns"))
    if problems:
        raise BadDocument(path, problems)
    return [Record(item, {}, path, index, lambda: lines) for index, item in enumerate(found)]


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Lines of the file with the number of the line on which each begins; empty ones are left out."""
    before = 0
    for cells in reader:
        if cells:
            yield before + 1, cells
        before = reader.line_num


def _markdown(path: str, text: str) -> list[Record]:
    from directional_sync.endpoints.notion.plain_yaml import BadYaml, read

    text = text.replace("\r\n", "\n")
    found = _FRONT.match(text)
    if found is None:
        raise BadDocument(path, [(1, "it does not begin with front matter (YAML between two lines of ---)")])
    try:
        front = read(found["front"]).value
    except BadYaml as error:
        raise BadDocument(path, [(error.line + 1, f"the front matter is no YAML: {error.reason}")]) from None
    if front is None:
        front = {}
    if not isinstance(front, Mapping):
        raise BadDocument(path, [(2, "the front matter is no mapping of fields")])
    body = text[found.end() :]
    title = _TITLE.search(body)
    stem = path.rpartition("/")[2].rpartition(".")[0]
    given = {"path": path, "title": title[1] if title else stem, "body": body.strip()}
    return [Record({**given, **front}, {}, path, 0, lambda: (1,))]
