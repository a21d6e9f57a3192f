"""Texts with fields in braces: `{agency}`, `{company.code}`, `{title|slug}`, `{note?}`; `{{` and `}}` are braces.

Nothing but fields of a record can be named: no attribute, no index, no format. A field that may be missing has a
question mark; filters follow bars. A template that is one field and nothing else passes its value on as it is (a list,
a number); everywhere else values become text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_PIECE = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<inside>[^{}]*)\}|(?P<stray>[{}])|(?P<text>[^{}]+)")
_FIELD = re.compile(r"(?P<path>[^\W\d][\w-]*(?:\.[\w-]+)*)(?P<optional>\?)?(?P<filters>(?:\|[a-z]+)*)\Z")
_DAY = re.compile(r"(?P<yyyy>\d{4})-(?P<mm>0[1-9]|1[0-2])(?:-(?P<dd>0[1-9]|[12]\d|3[01])(?:[T ].*)?)?\Z")


class BadTemplate(ValueError):
    """The template is not understood; its text says why."""


class MissingField(Exception):
    """A record has no such field."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class BadField(Exception):
    """A field's value does not go into a text, or through a filter; its text says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """One placeholder."""

    path: str
    """Dotted."""
    filters: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    parts: tuple[str | Field, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(part for part in self.parts if isinstance(part, Field))


def parse(text: str) -> Template:
    """Raises BadTemplate."""
    parts: list[str | Field] = []
    for found in _PIECE.finditer(text):
        if found["stray"]:
            raise BadTemplate(f"a brace without its other half in {text!r}; a brace itself is written twice")
        parts.append(_field(found["inside"]) if found["inside"] is not None else (found["text"] or found["brace"][0]))
    return Template(tuple(parts))


def _field(inside: str) -> Field:
    found = _FIELD.match(inside)
    if found is None:
        raise BadTemplate(f"{{{inside}}} is no field; write {{name}}, {{name.inner}}, {{name?}} or {{name|filter}}")
    filters = tuple(name for name in found["filters"].split("|") if name)
    for name in filters:
        if name not in FILTERS:
            raise BadTemplate(f"{name!r} is no filter; there are {', '.join(FILTERS)}")
    return Field(found["path"], filters, found["optional"] is not None)


def render(template: Template, look_up: Callable[[str], Any]) -> Any:
    """The value of a template that is one field, else text; None where that field is optional and missing. `look_up`
    answers the value of a dotted field, or raises MissingField. Raises MissingField and BadField."""
    if len(template.parts) == 1 and isinstance(template.parts[0], Field):
        return _value(template.parts[0], look_up)
    return "".join(
        part if isinstance(part, str) else _text(part.path, _value(part, look_up)) for part in template.parts
    )


def text_of(template: Template, look_up: Callable[[str], Any]) -> str:
    """The same, always text."""
    value = render(template, look_up)
    return value if isinstance(value, str) else _text("it", value)


def _value(field: Field, look_up: Callable[[str], Any]) -> Any:
    try:
        value = look_up(field.path)
    except MissingField:
        value = None
        if not field.optional:
            raise
    if value is None and not field.optional:
        raise BadField(f"`{field.path}` is empty; write {{{field.path}?}} where it may be")
    for name in field.filters if value is not None else ():
        try:
            value = FILTERS[name](_text(field.path, value))
        except ValueError as error:
            raise BadField(f"`{field.path}`: {error}") from None
    return value


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(_text(name, item) for item in value)
    raise BadField(f"`{name}` is a {'list' if isinstance(value, list) else 'mapping'}, which is no text")


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def part_of_day(text: str, part: str) -> str:
    """`yyyy`, `mm` or `dd` of a date like 2026-01-31, of a moment, or, without `dd`, of a month like 2026-01. Raises
    ValueError."""
    found = _DAY.match(text.strip())
    if found is None or found[part] is None:
        raise ValueError(
            f"{text!r} is no date like 2026-01-31" + ("" if part == "dd" else ", nor a month like 2026-01")
        )
    return found[part]


FILTERS: Mapping[str, Callable[[str], str]] = {
    "slug": _slug,
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "yyyy": lambda text: part_of_day(text, "yyyy"),
    "mm": lambda text: part_of_day(text, "mm"),
    "dd": lambda text: part_of_day(text, "dd"),
}
