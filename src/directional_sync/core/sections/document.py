"""A Markdown document whose sections hold entries: read as records, and written record by record.

After writing, the whole document is read again: it has to say exactly what was meant, in sections that are the same
as before. What cannot be written so is refused, so that no entry ever turns into something else by being kept equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from directional_sync.core.sections import edits
from directional_sync.core.sections.entries import Entry, doubles, entries
from directional_sync.core.sections.form import Form, Record, Unsayable, tidy
from directional_sync.core.sections.outline import Block, Mistake, Outline, mistakes, outline


class Broken(ValueError):
    """The document cannot be read; with every mistake."""

    def __init__(self, found: list[Mistake]) -> None:
        super().__init__(f"{len(found)} mistakes")
        self.found = found


@dataclass(frozen=True)
class _Plain:
    """The text with line feeds, and how to turn it back."""

    text: str
    crlf: bool
    mark: bool
    closed: bool

    def back(self, text: str) -> bytes:
        text = text if self.closed else text.removesuffix("\n")
        text = text.replace("\n", "\r\n") if self.crlf else text
        return (("\ufeff" if self.mark else "") + text).encode()


def read(content: bytes, parts: Mapping[int, Form], wanted: range) -> dict[int, dict[str, Record]]:
    """Section number -> name -> record, of the sections that `parts` names. A heading or a bullet that
    says none of the fields is no entry, however it is written. Raises Broken."""
    found = _entries(_plain(content).text, parts, wanted)[1]
    return {number: {entry.name: entry.record for entry in some if entry.record} for number, some in found.items()}


def places(content: bytes, parts: Mapping[int, Form], wanted: range) -> dict[tuple[int, str], int]:
    """(Section, name) -> the line of the entry, from 1. Raises Broken."""
    found = _entries(_plain(content).text, parts, wanted)[1]
    return {(number, entry.name): entry.start + 1 for number, some in found.items() for entry in some if entry.record}


def write(
    content: bytes, parts: Mapping[int, Form], wanted: range, changes: Mapping[int, Mapping[str, Record | None]]
) -> bytes:
    """The document once each named entry says its record; None removes it. Everything else stays as it is. Raises
    Broken, and Unsayable for a record that would not come back as it is."""
    plain = _plain(content)
    text = plain.text
    meant = read(content, parts, wanted)
    before = _shape(outline(text))
    for number, some in changes.items():
        for name, record in some.items():
            text = _put(text, number, parts[number], name, record)
            if record is None:
                meant[number].pop(name, None)
            else:
                meant[number][name] = tidy(record)
    try:
        after = read(text.encode(), parts, wanted)
    except Broken as error:
        raise Unsayable("an entry would break the document: " + error.found[0].message) from error
    for number, some in meant.items():
        for name in {*some, *after[number]}:
            if some.get(name) != after[number].get(name):
                raise Unsayable(f"{name} in section {number} would not come back as it is")
    if _shape(outline(text)) != before:
        raise Unsayable("the headings of the document would change")
    return plain.back(text)


def _put(text: str, number: int, form: Form, name: str, record: Record | None) -> str:
    """One entry, field by field, the document read again for each: lines move."""
    wanted = {} if record is None else tidy(record)
    drawn, section, found = _section(text, number, form)
    entry = next((one for one in found if one.name == name), None)
    if record is None:
        return edits.removed(drawn, entry) if entry is not None else text
    if entry is None:
        return edits.added(drawn, section, found, form, name, wanted)
    owned = [form.text, *form.fields.values()]
    differing = [field for field in owned if field and wanted.get(field) != entry.record.get(field)]
    for field in sorted(differing, key=lambda field: (field in wanted, owned.index(field))):
        drawn, _, found = _section(text, number, form)
        now = next((one for one in found if one.name == name), None)
        if now is None:
            raise Unsayable(f"{name} in section {number} would not come back as it is")
        text = edits.changed(drawn, now, form, field, wanted.get(field))
    return text


def _section(text: str, number: int, form: Form) -> tuple[Outline, Block, list[Entry]]:
    drawn = outline(text)
    section = drawn.section(number)
    if section is None:
        raise Unsayable(f"section {number} would be gone")
    return drawn, section, entries(drawn, section, form)


def _shape(drawn: Outline) -> list[tuple[str, str]]:
    return [(number, drawn.blocks[at].heading) for number, at in drawn.numbers]


def _plain(content: bytes) -> _Plain:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Broken([Mistake(content.count(b"\n", 0, error.start) + 1, "it is not UTF-8")]) from error
    mark = text.startswith("\ufeff")
    text = text.removeprefix("\ufeff")
    crlf = "\r\n" in text
    if "\r" in text:
        bare = text.replace("\r\n", "\n")
        if "\r" in bare or bare.count("\n") != text.count("\r\n"):
            raise Broken([Mistake(0, "its lines end in several ways (line feeds with and without carriage returns)")])
        text = bare
    closed = text.endswith("\n") or not text
    return _Plain(text if closed else text + "\n", crlf, mark, closed)


def _entries(text: str, parts: Mapping[int, Form], wanted: range) -> tuple[Outline, dict[int, list[Entry]]]:
    drawn = outline(text)
    wrong = mistakes(drawn, sorted({*wanted, *parts}))
    found: dict[int, list[Entry]] = {}
    for number, form in parts.items():
        section = drawn.section(number)
        if section is not None:
            found[number] = entries(drawn, section, form)
            wrong += doubles(found[number])
    if wrong:
        raise Broken(wrong)
    return drawn, found
