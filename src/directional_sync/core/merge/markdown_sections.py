"""Markdown as sections: a heading, and what stands below it up to the next heading of any level.

Headings are told from what only looks like one: lines in fenced code, in HTML comments, behind four spaces. What a
heading says is known by number and title, however they are joined: `17) Title`, `17 Title`, `Section 17: Title`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*\r?\n?")
_UNDERLINE = re.compile(r" {0,3}(?:(=+)|-+)[ \t]*\r?\n?")
_PARAGRAPH = re.compile(r" {0,3}(?![#>|<\s]|[-+*][ \t]|[0-9]{1,9}[.)][ \t]|`{3}|~{3})\S.*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)\n?")
_NUMBERED = re.compile(
    r"(?:(?:section|chapter|part|§)\s*)?([0-9]+(?:\.[0-9]+)*)(?:\s*[).:–—-]+\s*|\s+|\Z)(.*)", re.DOTALL
)
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    level: int
    """1 to 6; 0: what stands before the first heading."""
    heading: str
    """As it is written, with its line feed."""
    number: str | None
    title: str
    """Without number, markup and capitals."""
    body: str
    """Without blank lines at its end."""
    blank: str | None
    """Those blank lines; None at the end of the text, where they separate nothing."""
    line: int
    """The line of the heading, from 1."""
    parents: tuple[tuple[str | None, str], ...] = ()
    parent: int = -1
    """The place of the section that this one is in; -1: none."""
    occurrence: int = 1
    """The how-manieth of its name it is under its parents."""

    @property
    def name(self) -> tuple[object, ...]:
        """Equal for sections of the same level, number, title and parents."""
        return (self.level, self.number, self.title, self.parents)

    @property
    def body_line(self) -> int:
        return self.line + self.heading.count("\n")


@dataclass(frozen=True)
class Text:
    front_matter: str | None
    """What is between the lines of dashes at the beginning."""
    fence: str
    """The first line of dashes, and the last, for writing: as written."""
    sections: list[Section] = field(default_factory=list)
    ending: str = ""
    """Blank lines at the end."""


def read(text: str) -> Text:
    """`text`, which ends with a line feed or is empty, in sections. The first has no heading and may be empty."""
    found = _FRONT_MATTER.match(text)
    front, rest, line = None, text, 1
    fence = "---\n"
    if found is not None:
        front, rest = found[1], text[found.end() :]
        line += found[0].count("\n")
    sections = _placed(_parted(rest, line))
    last = sections[-1]
    sections[-1] = replace(last, blank=None)
    return Text(front, fence, sections, last.blank or "")


def _parted(text: str, first: int) -> list[Section]:
    lines = [f"{one}\n" for one in text.split("\n")[:-1]]
    heads = _headings(lines)
    found: list[Section] = []
    start, level, title, count = 0, 0, "", 0
    for at, next_level, next_title, next_count in [*heads, (len(lines), 0, "", 0)]:
        heading, body = "".join(lines[start : start + count]), lines[start + count : at]
        end = len(body)
        while end and not body[end - 1].strip():
            end -= 1
        number, plain = named(title)
        found.append(Section(level, heading, number, plain, "".join(body[:end]), "".join(body[end:]), first + start))
        start, level, title, count = at, next_level, next_title, next_count
    return found


def _headings(lines: list[str]) -> list[tuple[int, int, str, int]]:
    """Of each heading: its line, level, text and how many lines it takes."""
    found: list[tuple[int, int, str, int]] = []
    fence = ""
    in_comment = False
    for at, line in enumerate(lines):
        fenced = _FENCE.fullmatch(line)
        if in_comment:
            in_comment = "-->" not in line
        elif fence:
            if fenced and fenced[1].startswith(fence) and not fenced[2].strip():
                fence = ""
        elif fenced and not (fenced[1][0] == "`" and "`" in fenced[2]):
            fence = fenced[1]
        elif line.lstrip(" ").startswith("<!--"):
            in_comment = "-->" not in line.partition("<!--")[2]
        elif atx := _ATX.fullmatch(line):
            found.append((at, len(atx[1]), atx[2] or "", 1))
        elif (
            (under := _UNDERLINE.fullmatch(line))
            and at
            and _PARAGRAPH.fullmatch(lines[at - 1].rstrip())
            and (at == 1 or not lines[at - 2].strip() or (found and found[-1][0] + found[-1][3] == at - 1))
            and not (found and found[-1][0] + found[-1][3] > at - 1)
        ):
            found.append((at - 1, 1 if under[1] else 2, lines[at - 1], 2))
    return found


def named(heading: str) -> tuple[str | None, str]:
    """Number and title of a heading's text."""
    plain = " ".join(re.sub(r"[*_`]", "", heading).split()).casefold()
    found = _NUMBERED.fullmatch(plain)
    return (found[1], found[2]) if found else (None, plain)


def _placed(sections: list[Section]) -> list[Section]:
    """The sections with what they are in, and counted where several have one name."""
    found: list[Section] = []
    around: list[int] = []
    seen: Counter[tuple[object, ...]] = Counter()
    for at, section in enumerate(sections):
        while around and found[around[-1]].level >= section.level:
            around.pop()
        parent = around[-1] if around and section.level else -1
        parents = tuple((found[one].number, found[one].title) for one in around) if section.level else ()
        placed = replace(section, parent=parent, parents=parents)
        seen[placed.name] += 1
        found.append(replace(placed, occurrence=seen[placed.name]))
        if section.level:
            around.append(at)
    return found
