"""Records as rows: an external id, the raw values of the owned properties, and what the page holds when it is made.

Two steps, because the second needs to know the types that the properties have: `gather` reads all documents and makes
rows of their records, `settle` brings their values into the plain form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from directional_sync.endpoints.notion import template as templates
from directional_sync.endpoints.notion.blocks import BadContent, Block, body, checklist, folded
from directional_sync.endpoints.notion.documents import BadDocument, Problem, Record, records
from directional_sync.endpoints.notion.schema import DataSource, Owned
from directional_sync.endpoints.notion.template import BadField, MissingField, Template
from directional_sync.endpoints.notion.values import BadValue, Plain, text, wanted

KEY_MAX = 1000
_DAYS = ("yyyy", "mm", "dd")
_BYTES_MAX = 480_000
"""Of one page; Notion takes 500 kB in one request."""


@dataclass(frozen=True)
class Recipe:
    """How rows are made of records: what the options say, parsed."""

    rows: str
    key: Template
    date: Template | None
    owned: tuple[Owned, ...]
    checklist: str
    body: str
    values: Mapping[str, Template] = field(default_factory=dict)
    """The templates of those properties that have one."""


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    """The external id."""
    raw: tuple[Any, ...]
    """The value of each owned property, in their order."""
    record: Record

    @property
    def place(self) -> str:
        return f"{self.record.path}:{self.record.line}"


def recipe(options: Any, owned: tuple[Owned, ...]) -> Recipe:
    """From checked options."""
    return Recipe(
        options.rows,
        templates.parse(options.key),
        templates.parse(options.date) if options.date else None,
        owned,
        options.checklist,
        options.body,
        {one.name: templates.parse(one.value) for one in owned if isinstance(one.value, str)},
    )


def gather(documents: Iterable[tuple[str, bytes]], made: Recipe) -> tuple[dict[str, Row], list[Problem]]:
    """External id -> row, and all that is wrong. `documents`: path and content, in order."""
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    for path, content in documents:
        try:
            found = records(path, content, made.rows)
        except BadDocument as error:
            problems += error.problems
            continue
        for record in found:
            row = _row(record, made, problems)
            if row is None:
                continue
            first = rows.setdefault(row.key, row)
            if first is not row:
                problems.append(Problem(path, record.line, f"the external id {row.key!r} is that of {first.place} too"))
    problems += _misspelt(rows.values(), made)
    return rows, problems


def _misspelt(rows: Collection[Row], made: Recipe) -> Iterator[Problem]:
    """Fields of the content that no record has, where one has something like it."""
    for name in (made.checklist, made.body):
        some = next(iter(rows), None)
        if not name or some is None or any(_optional(row.record, name) is not None for row in rows):
            continue
        near = get_close_matches(name, some.record.names, n=1, cutoff=0.6)
        if near and near[0] != name:
            why = f"no row has a field `{name}`, did you mean `{near[0]}`?"
            yield Problem(some.record.path, some.record.line, why)


def _row(record: Record, made: Recipe, problems: list[Problem]) -> Row | None:
    said: list[str] = []

    def look_up(name: str) -> Any:
        if name in _DAYS and made.date is not None:
            try:
                return record.look_up(name)
            except MissingField:
                return _part(record, made.date, name)
        return record.look_up(name)

    def rendered(what: str, template: Template, *, textual: bool = False) -> Any:
        try:
            return (templates.text_of if textual else templates.render)(template, look_up)
        except MissingField as error:
            said.append(f"{what}: there is no field `{error.name}`{_near(error.name, record)}")
        except BadField as error:
            said.append(f"{what}: {error}")
        return None

    key = rendered("external id", made.key, textual=True)
    raw = tuple(
        rendered(one.name, made.values[one.name]) if one.name in made.values else one.value for one in made.owned
    )
    if key is not None:
        said += _of_key(key)
    try:
        _content(record, made)
    except (BadContent, MissingField) as error:
        said.append(str(error) if isinstance(error, BadContent) else f"there is no field `{error.name}`")
    problems += [Problem(record.path, record.line, message) for message in said]
    return None if said else Row(key, raw, record)


def _part(record: Record, date: Template, name: str) -> str:
    value = templates.text_of(date, record.look_up)
    try:
        return templates.part_of_day(value, name)
    except ValueError as error:
        raise BadField(f"{{{name}}}: {error}") from None


def _near(name: str, record: Record) -> str:
    if name in _DAYS:
        return "; `date` under `remote` says from which date it is taken"
    near = get_close_matches(name, record.names, n=1, cutoff=0.6)
    if near:
        return f", did you mean `{near[0]}`?"
    return f"; it has {', '.join(f'`{one}`' for one in record.names[:8])}" if record.names else ""


def _of_key(key: str) -> list[str]:
    if not key:
        return ["the external id is empty"]
    if text(key) != key or any(ord(character) < 32 for character in key):
        return [f"the external id {key!r} begins or ends with white space, or holds control characters"]
    if len(key) > KEY_MAX:
        return [f"the external id has {len(key)} characters, and at most {KEY_MAX} are taken"]
    return []


def _content(record: Record, made: Recipe) -> list[Block]:
    import json

    blocks: list[Block] = []
    if made.checklist:
        blocks += checklist(_optional(record, made.checklist))
    if made.body:
        value = _optional(record, made.body)
        if value is not None and not isinstance(value, str):
            raise BadContent(f"`{made.body}` is no text")
        blocks += body(value or "")
    if len(blocks) > 20 and len(json.dumps(blocks).encode()) > _BYTES_MAX:
        raise BadContent("the page is larger than Notion takes at once (500 kB)")
    return folded(blocks)


def _optional(record: Record, name: str) -> Any:
    """None where a record has no checklist or body: its page is empty then."""
    try:
        return record.look_up(name)
    except MissingField:
        return None


def content(row: Row, made: Recipe) -> list[Block]:
    """The blocks of the page that the row gets when it is made."""
    return _content(row.record, made)


def settle(
    rows: Sequence[Row], made: Recipe, source: DataSource, spelling: Mapping[str, Mapping[str, str]]
) -> tuple[list[dict[str, Plain]], list[Problem]]:
    """The plain values of each row in order, and all that is wrong. `spelling`: property -> option in small letters ->
    as Notion spells it."""
    problems: list[Problem] = []
    found = []
    for row in rows:
        plain: dict[str, Plain] = {}
        for one, raw in zip(made.owned, row.raw, strict=True):
            kind = source.properties[one.name].kind
            try:
                value = plain[one.name] = wanted(raw, kind, spelling.get(one.name))
            except BadValue as error:
                problems.append(Problem(row.record.path, row.record.line, f"{one.name} ({kind}): {error}"))
                continue
            if kind == "status" and value is not None and str(value).casefold() not in spelling.get(one.name, {}):
                known = ", ".join(source.properties[one.name].options)
                why = f"{one.name} (status): {value!r} is none of its options ({known}), and Notion makes no new ones"
                problems.append(Problem(row.record.path, row.record.line, why))
        found.append(plain)
    return found, problems
