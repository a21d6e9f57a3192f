"""The entries of a Markdown section: bullets, blocks under headings, and the rows of a table.

    - **github**: what it is           ### github                      | Server | Command |
      - command: `npx`                 What it is.                     |--------|---------|
      - args: `-y`, `server`           - **Command**: `npx`            | github | `npx`   |

Reading says where everything stands, in lines. What is no entry is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from directional_sync.core.sections.form import NAME, Form, Record, tidy
from directional_sync.core.sections.outline import Block, Mistake, Outline

_BULLET = re.compile(r"(?P<indent> {0,3})(?P<sign>[-*+])(?P<gap> {1,4})(?P<rest>\S.*)\n?")
_NAMED = re.compile(
    r"(?:\*\*`(?P<a>[^`*]+)`\*\*|\*\*(?P<b>[^*`]+?):?\*\*|__(?P<c>[^_`]+?):?__|`(?P<d>[^`]+)`)"
    r"(?P<join>\s*(?::|–|—|-(?=\s))\s*|\s*)(?P<text>.*)",
    re.DOTALL,
)
_FIELD = re.compile(
    r"(?P<head>\s*[-*+]\s+(?:\*\*|__|`)?(?P<name>[A-Za-z][A-Za-z0-9 _-]*?)(?:\*\*|__|`)?\s*:\s*(?:\*\*|__)?\s*)"
    r"(?P<text>.*)\n?"
)
_FENCE = re.compile(r"\s*(`{3,}|~{3,})([^\n]*)\n?")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)*[.)]?\s+")
_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*\n?")
NAMES_OF_NAME = frozenset({"name", "server", "agent", "skill", "mcp server", "entry", "key"})


class Shape(StrEnum):
    BULLET = "bullet"
    BLOCK = "block"
    ROW = "row"


@dataclass(frozen=True)
class Spot:
    """Where a value stands: lines `[start, stop)`, and the first of them up to the value."""

    start: int
    stop: int
    head: str


@dataclass(frozen=True)
class Entry:
    name: str
    shape: Shape
    record: Record
    start: int
    """Its first line, from 0."""
    stop: int
    """Behind its last line, blank lines left out."""
    spots: dict[str, Spot] = field(default_factory=dict)
    """Field -> where it stands."""
    insert: int = 0
    """The line before which a further field goes."""
    indent: str = ""
    """What the line of a further field begins with."""
    columns: tuple[str, ...] = ()
    """Of a row: the field of each column, "" for those that are not owned."""


def entries(outline: Outline, section: Block, form: Form) -> list[Entry]:
    """The entries of a section, in order."""
    inside = outline.within(section)
    own = inside[0].start if inside else section.stop
    found = [*_flat(outline.lines, section.body, own, form)]
    for at, block in enumerate(inside):
        name = _heading_name(block.heading)
        if name and not _groups(outline, block, form):
            found.append(_block_entry(outline, block, name, form))
        else:  # a heading that only groups: its bullets and rows are the section's
            stop = inside[at + 1].start if at + 1 < len(inside) else section.stop
            found += _flat(outline.lines, block.body, stop, form)
    return found


def _groups(outline: Outline, block: Block, form: Form) -> bool:
    """Whether a heading that could be an entry only groups others. Where entries have a text, any named bullet would
    look like one, so there it does not."""
    if form.text:
        return False
    return any(entry.record for entry in _flat(outline.lines, block.body, block.stop, form))


def doubles(found: list[Entry]) -> Iterator[Mistake]:
    seen: dict[str, int] = {}
    for entry in found:
        if entry.name in seen:
            yield Mistake(entry.start + 1, f"{entry.name} is there twice (the first is in line {seen[entry.name]})")
        seen.setdefault(entry.name, entry.start + 1)


def _heading_name(heading: str) -> str:
    plain = _NUMBER.sub("", heading, count=1).strip()
    for mark in ("**", "`"):
        plain = plain.removeprefix(mark).removesuffix(mark)
    return plain if NAME.fullmatch(plain) else ""


def visible(lines: tuple[str, ...], start: int, stop: int) -> Iterator[tuple[int, str]]:
    """The lines that are neither in fenced code nor in a comment, with their numbers."""
    fence, comment = "", False
    for at in range(start, stop):
        line = lines[at]
        fenced = _FENCE.fullmatch(line)
        if comment:
            comment = "-->" not in line
        elif fence:
            if fenced and fenced[1].startswith(fence) and not fenced[2].strip():
                fence = ""
        elif fenced and not (fenced[1][0] == "`" and "`" in fenced[2]):
            fence = fenced[1]
        elif line.lstrip().startswith("<!--"):
            comment = "-->" not in line.partition("<!--")[2]
        else:
            yield at, line


def _flat(lines: tuple[str, ...], start: int, stop: int, form: Form) -> list[Entry]:
    seen = list(visible(lines, start, stop))
    found = [*_bullets(lines, seen, stop, form), *_rows(seen, form)]
    return sorted(found, key=lambda entry: entry.start)


# bullets


def _bullets(lines: tuple[str, ...], seen: list[tuple[int, str]], stop: int, form: Form) -> Iterator[Entry]:
    flush = [(at, line) for at, line in seen if not line.startswith(("    ", "\t"))]
    bullets = [(at, found) for at, line in flush if (found := _BULLET.fullmatch(line))]
    least = min((len(bullet["indent"]) for _, bullet in bullets), default=0)
    starts = [(at, bullet) for at, bullet in bullets if len(bullet["indent"]) <= least + 1]
    for at, bullet in starts:
        named = _NAMED.fullmatch(bullet["rest"])
        name = (named["a"] or named["b"] or named["c"] or named["d"]).strip() if named else ""
        if named is None or not NAME.fullmatch(name):
            continue
        width = len(bullet["indent"]) + 1 + len(bullet["gap"])
        end = _end_of_bullet(lines, at, stop, len(bullet["indent"]))
        yield _bullet_entry(
            lines, [(n, line) for n, line in seen if at < n < end], at, end, width, name, bullet, named, form
        )


def _end_of_bullet(lines: tuple[str, ...], at: int, stop: int, indent: int) -> int:
    """Behind the last line of the bullet at `at`: what follows is indented deeper, or goes on without a blank line."""
    end = at + 1
    blank = False
    for n in range(at + 1, stop):
        line = lines[n]
        if not line.strip():
            blank = True
            continue
        deeper = len(line) - len(line.lstrip(" ")) > indent + 1 or line.startswith("\t")
        if not deeper and (
            blank or _BULLET.fullmatch(line) or line.lstrip().startswith(("|", "<!--", "```", "~~~", ">"))
        ):
            break
        end, blank = n + 1, False
    return end


def _bullet_entry(
    lines: tuple[str, ...],
    inner: list[tuple[int, str]],
    at: int,
    end: int,
    width: int,
    name: str,
    bullet: re.Match[str],
    named: re.Match[str],
    form: Form,
) -> Entry:
    record: Record = {}
    spots: dict[str, Spot] = {}
    text_stop = at + 1
    while text_stop < end and _goes_on(lines[text_stop]):
        text_stop += 1
    if form.text:
        head = lines[at][: len(bullet["indent"]) + 1 + len(bullet["gap"]) + named.start("text")]
        said = " ".join([named["text"], *lines[at + 1 : text_stop]])
        record[form.text] = form.read(form.text, said)
        spots[form.text] = Spot(at, text_stop, head)
    _take_fields(inner, record, spots, form)
    last = max([text_stop, *(spot.stop for spot in spots.values())])
    return Entry(name, Shape.BULLET, tidy(record), at, end, spots, last, " " * width)


def _goes_on(line: str) -> bool:
    """Whether a line only goes on with the text of the line before."""
    bare = line.lstrip()
    return bool(bare) and not re.match(r"(?:[-*+]|[0-9]{1,9}[.)])\s|[|>]|<!--|```|~~~|#{1,6}\s", bare)


def _take_fields(inner: list[tuple[int, str]], record: Record, spots: dict[str, Spot], form: Form) -> None:
    """Lines `- field: value`, the first of each name."""
    for n, line in inner:
        found = _FIELD.fullmatch(line)
        known = form.fields.get(" ".join(found["name"].casefold().split())) if found else None
        if found is None or known is None or known in spots:
            continue
        record[known] = form.read(known, found["text"])
        spots[known] = Spot(n, n + 1, found["head"])


# blocks


def _block_entry(outline: Outline, block: Block, name: str, form: Form) -> Entry:
    lines = outline.lines
    inside = outline.within(block)
    own = inside[0].start if inside else block.stop
    record: Record = {}
    spots: dict[str, Spot] = {}
    seen = list(visible(lines, block.body, own))
    at = next((n for n, line in seen if line.strip()), own)
    insert = block.body
    if form.text and at < own and _goes_on(lines[at]) and not lines[at].startswith(("    ", "\t")):
        stop = at
        while stop < own and _goes_on(lines[stop]):
            stop += 1
        record[form.text] = form.read(form.text, " ".join(lines[at:stop]))
        spots[form.text] = Spot(at, stop, "")
    _take_fields([(n, line) for n, line in seen if not line.startswith(("    ", "\t"))], record, spots, form)
    insert = max([insert, *(spot.stop for spot in spots.values())])
    stop = block.stop
    while stop > block.body and not lines[stop - 1].strip():
        stop -= 1
    return Entry(name, Shape.BLOCK, tidy(record), block.start, stop, spots, insert)


# rows


def cells(line: str) -> list[tuple[int, int]]:
    """Where the cells of a row begin and end, the space around their text included."""
    text = line.rstrip("\n")
    bars = [found.start() for found in re.finditer(r"(?<!\\)\|", text)]
    edges = [*([] if text.lstrip().startswith("|") else [-1]), *bars]
    if not bars or text[bars[-1] + 1 :].strip():
        edges.append(len(text))
    return [(start + 1, stop) for start, stop in pairwise(edges)]


def _rows(seen: list[tuple[int, str]], form: Form) -> Iterator[Entry]:
    for at in range(1, len(seen)):
        (above, header), (n, line) = seen[at - 1], seen[at]
        if n != above + 1 or "|" not in header or "|" not in line or not _DELIMITER.fullmatch(line):
            continue
        titles = [re.sub(r"[*_`]", "", header[a:b]).strip().casefold() for a, b in cells(header)]
        place = next((i for i, title in enumerate(titles) if title in NAMES_OF_NAME), -1)
        if place < 0:
            continue
        columns = tuple(
            "" if i == place else form.fields.get(title, form.text if title == form.text else "")
            for i, title in enumerate(titles)
        )
        yield from _rows_of(seen[at + 1 :], n + 1, place, columns, form)


def _rows_of(
    after: list[tuple[int, str]], expected: int, place: int, columns: tuple[str, ...], form: Form
) -> Iterator[Entry]:
    for n, line in after:
        if n != expected or "|" not in line or not line.strip():
            return
        expected += 1
        parts = cells(line)
        if len(parts) <= place:
            continue
        name = line[slice(*parts[place])].strip().strip("*").strip("`").strip("*")
        if not NAME.fullmatch(name):
            continue
        record: Record = {}
        spots: dict[str, Spot] = {}
        for (start, stop), known in zip(parts, columns, strict=False):
            if known and known not in spots:
                record[known] = form.read(known, line[start:stop].replace("\\|", "|"))
                spots[known] = Spot(n, n + 1, line[:start])
        marked = tuple("name" if i == place else f"={known}" if known else "" for i, known in enumerate(columns))
        yield Entry(name, Shape.ROW, tidy(record), n, n + 1, spots, n + 1, columns=marked)
