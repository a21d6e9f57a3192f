"""Writing an entry of a section, field by field: only its own lines change."""

from __future__ import annotations

import re

from directional_sync.core.sections.entries import Entry, Shape, Spot, cells, visible
from directional_sync.core.sections.form import NAME, Form, Record, Unsayable, Value
from directional_sync.core.sections.outline import Block, Outline


def removed(outline: Outline, entry: Entry) -> str:
    """The whole text without the entry."""
    return "".join(_without(list(outline.lines), entry))


def added(outline: Outline, section: Block, found: list[Entry], form: Form, name: str, record: Record) -> str:
    """The whole text with a new entry behind the last one, in its shape. Raises Unsayable."""
    if not NAME.fullmatch(name):
        raise Unsayable(f"{name!r} is no name that an entry can have")
    return "".join(_with(outline, list(outline.lines), section, found, form, name, record))


def changed(outline: Outline, entry: Entry, form: Form, field: str, value: Value | None) -> str:
    """The whole text once one field of the entry is `value`; None: once it is gone. Raises Unsayable."""
    lines = list(outline.lines)
    text = form.write(field, value) if value else ""
    spot = entry.spots.get(field)
    if entry.shape is Shape.ROW:
        _set_cell(lines, entry, field, text, form)
    elif field == form.text:
        _set_text(lines, entry, spot, text)
    elif spot is not None:
        lines[spot.start : spot.stop] = [f"{spot.head}{text}\n"] if text else []
    elif text:
        _insert(lines, entry, form.said(field), text)
    return "".join(lines)


def _without(lines: list[str], entry: Entry) -> list[str]:
    stop = entry.stop
    if entry.shape is Shape.BLOCK:
        while stop < len(lines) and not lines[stop].strip():
            stop += 1
    return lines[: entry.start] + lines[stop:]


def _insert(lines: list[str], entry: Entry, said: str, text: str) -> None:
    """A further field, behind the last one."""
    at = entry.insert
    if entry.shape is Shape.BULLET:
        lines[at:at] = [f"{entry.indent}- {said}: {text}\n"]
        return
    follows = lines[at - 1].lstrip().startswith(("- ", "* ", "+ "))
    gap_after = [] if at >= len(lines) or not lines[at].strip() else ["\n"]
    lines[at:at] = [*([] if follows else ["\n"]), f"- **{said}**: {text}\n", *([] if follows else gap_after)]


def _set_text(lines: list[str], entry: Entry, spot: Spot | None, text: str) -> None:
    if spot is None:  # a block without text, which then begins with it
        gap_after = [] if entry.start + 1 >= len(lines) or not lines[entry.start + 1].strip() else ["\n"]
        lines[entry.start + 1 : entry.start + 1] = ["\n", f"{text}\n", *gap_after]
        return
    if entry.shape is Shape.BLOCK:
        lines[spot.start : spot.stop] = [f"{text}\n"] if text else []
        return
    head = spot.head
    if not text:
        head = re.sub(r"\s*(?::|–|—|-)?\s*\Z", "", head)
    elif not re.search(r"(?::|:\*\*|:__|–|—|\s-)\s*\Z", head):
        head = f"{head.rstrip()}: "
    elif not head.endswith(" "):
        head += " "
    lines[spot.start : spot.stop] = [f"{head}{text}\n"]


def _set_cell(lines: list[str], entry: Entry, field: str, text: str, form: Form) -> None:
    marked = f"={field}"
    if marked not in entry.columns:
        if text:
            raise Unsayable(f"the table has no column `{form.said(field) if field != form.text else field}`")
        return
    at = entry.columns.index(marked)
    line = lines[entry.start]
    parts = cells(line)
    if at >= len(parts):
        raise Unsayable(f"the row of {entry.name} has too few cells")
    start, stop = parts[at]
    said = text.replace("|", "\\|")
    lines[entry.start] = f"{line[:start]} {said} {line[stop:]}" if said else f"{line[:start]} {line[stop:]}"


def _with(
    outline: Outline, lines: list[str], section: Block, found: list[Entry], form: Form, name: str, record: Record
) -> list[str]:
    """A new entry behind the last one, in its shape; a bullet where there is none."""
    last = found[-1] if found else None
    shape = last.shape if last is not None else Shape.BULLET
    if shape is Shape.ROW and last is not None:
        return [*lines[: last.stop], _row(last, form, name, record), *lines[last.stop :]]
    if shape is Shape.BLOCK and last is not None:
        level = lines[last.start].split(maxsplit=1)[0]
        stop = last.stop
        return [*lines[:stop], "\n", *_block(level, form, name, record), *lines[stop:]]
    at = last.stop if last is not None else _end_of_own(outline, section)
    made = _bullet(_indent(lines, last), form, name, record)
    before = [] if last is not None or not lines[at - 1].strip() else ["\n"]
    after = ["\n"] if at < len(lines) and lines[at].lstrip().startswith("#") else []
    return [*lines[:at], *before, *made, *after, *lines[at:]]


def _indent(lines: list[str], last: Entry | None) -> tuple[str, str]:
    """How a bullet begins, and how its fields do."""
    if last is None:
        return "- ", "  "
    line = lines[last.start]
    bare = line.lstrip(" ")
    sign = bare[0] + " " * (len(bare[1:]) - len(bare[1:].lstrip(" ")))
    return line[: len(line) - len(bare)] + sign, last.indent


def _end_of_own(outline: Outline, section: Block) -> int:
    """Behind the last line of a section that is not blank, before its first heading."""
    inside = outline.within(section)
    stop = inside[0].start if inside else section.stop
    while stop > section.body and not outline.lines[stop - 1].strip():
        stop -= 1
    open_end = [at for at, _ in visible(outline.lines, section.body, stop)]
    if stop > section.body and stop - 1 not in open_end and not _closes(outline.lines[stop - 1]):
        raise Unsayable("the section ends within code or a comment that is never closed")
    return stop


def _closes(line: str) -> bool:
    return "-->" in line or line.strip().startswith(("```", "~~~"))


def _bullet(indent: tuple[str, str], form: Form, name: str, record: Record) -> list[str]:
    text = form.write(form.text, record[form.text]) if form.text and form.text in record else ""
    made = [f"{indent[0]}**{name}**" + (f": {text}" if text else "") + "\n"]
    return made + [f"{indent[1]}- {said}: {text}\n" for said, text in _fields(form, record)]


def _block(level: str, form: Form, name: str, record: Record) -> list[str]:
    made = [f"{level} {name}\n", "\n"]
    if form.text and form.text in record:
        made += [form.write(form.text, record[form.text]) + "\n", "\n"]
    made += [f"- **{said}**: {text}\n" for said, text in _fields(form, record)]
    while made[-1] == "\n":
        made.pop()
    return made


def _fields(form: Form, record: Record) -> list[tuple[str, str]]:
    return [
        (said, form.write(field, record[field]))
        for said, field in form.fields.items()
        if field in record and field != form.text
    ]


def _row(last: Entry, form: Form, name: str, record: Record) -> str:
    said = []
    for column in last.columns:
        field = column.removeprefix("=")
        text = name if column == "name" else form.write(field, record[field]) if field in record and column else ""
        said.append(text.replace("|", "\\|"))
    missing = [field for field in record if f"={field}" not in last.columns]
    if missing:
        raise Unsayable(f"the table has no column `{missing[0]}`")
    return "| " + " | ".join(said) + " |\n"
