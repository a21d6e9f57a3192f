"""What an entry is made of: the fields that are kept equal, and how a value is said in a line of Markdown.

A *record* is what an entry says in its fields. A value is text or a list of texts; one that is empty is the same as
none. What a record does not name (further keys of a settings file, further lines under a bullet) is not owned, and
stays byte for byte as it is.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Value = str | list[str]
Record = dict[str, Value]

_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
NAME = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@._/+-]{0,127}")


class Kind(StrEnum):
    TEXT = "text"
    """Prose: white space within it means nothing."""
    CODE = "code"
    """Exactly these characters."""
    LIST = "list"
    """Texts in this order, each exactly so."""
    NAMES = "names"
    """The names of a mapping, sorted. Its values are nobody's business here: they may be secrets."""


class Unsayable(ValueError):
    """A value that has no form in which it would come back the same; the message says why."""


@dataclass(frozen=True)
class Form:
    """How the entries of one part are written in the document."""

    fields: Mapping[str, str]
    """Name in the document, in small letters -> field."""
    kinds: Mapping[str, Kind]
    """Field -> what its values are."""
    text: str = ""
    """The field that is what follows an entry's name; "": that text belongs to the document alone."""

    def said(self, field: str) -> str:
        """The name of a field in the document."""
        return next(name for name, found in self.fields.items() if found == field)

    def read(self, field: str, text: str) -> Value:
        """The value that `text` stands for. Never raises; "" or [] for nothing."""
        kind = self.kinds[field]
        if kind is Kind.TEXT:
            return " ".join(text.split())
        if kind is Kind.CODE:
            return _code(text)
        items = _items(text)
        return sorted(set(items)) if kind is Kind.NAMES else items

    def write(self, field: str, value: Value) -> str:
        """One line that `read` makes the same value of. Raises Unsayable."""
        kind = self.kinds[field]
        if kind is Kind.TEXT:
            text = str(value)
        elif kind is Kind.CODE:
            text = span(str(value))
        else:
            text = ", ".join(span(item) for item in value)
        if "\n" in text or self.read(field, text) != value:
            raise Unsayable(f"`{self.said(field)}` cannot be said in one line: {text[:60]!r}")
        return text


def span(code: str) -> str:
    """`code` as a code span. Raises Unsayable."""
    if not code or re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", code):
        raise Unsayable("empty texts and control characters have no form in a line of Markdown")
    ticks = "`" * (max((len(run) for run in re.findall("`+", code)), default=0) + 1)
    pad = " " if code[0] in "` " or code[-1] in "` " else ""
    return f"{ticks}{pad}{code}{pad}{ticks}"


def _inside(found: re.Match[str]) -> str:
    code = found[2]
    padded = len(code) > 2 and code[0] == code[-1] == " " and code.strip(" ")
    return code[1:-1] if padded else code


def _code(text: str) -> str:
    text = text.strip()
    found = _SPAN.fullmatch(text)
    return _inside(found) if found else _ESCAPED.sub(r"\1", text)


def _items(text: str) -> list[str]:
    """Code spans; where there are none, what commas part, or else white space, quotes kept together."""
    spans = [_inside(found) for found in _SPAN.finditer(text)]
    if spans:
        return spans
    text = _ESCAPED.sub(r"\1", text.strip())
    if "," in text:
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def tidy(record: Mapping[str, Value]) -> Record:
    """Without what is empty, fields sorted by name."""
    return {field: value for field, value in sorted(record.items()) if value}
