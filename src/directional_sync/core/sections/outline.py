"""The numbered sections of a Markdown document, by lines.

A section is found by its number, however the heading joins number and title: `## 17) Title`, `## 17 Title`,
`## Section 17: Title`. Only outermost numbered sections count; what is numbered within one is part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from directional_sync.core.merge.markdown_sections import Section, read


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a document."""

    line: int
    """1-based; 0: with all of it."""
    message: str


@dataclass(frozen=True, slots=True)
class Block:
    """A heading within a section, and what stands under it, deeper headings included."""

    heading: str
    """The text of the heading, markup included; "" where it is underlined."""
    start: int
    """The line of the heading, from 0."""
    body: int
    """The line behind the heading."""
    stop: int
    """Behind its last line, blank lines at its end included."""
    level: int


@dataclass(frozen=True)
class Outline:
    lines: tuple[str, ...]
    """All lines with their line feeds."""
    blocks: tuple[Block, ...]
    """Every heading, in order."""
    numbers: tuple[tuple[str, int], ...]
    """Number of each outermost numbered section, and which of `blocks` it is."""

    def section(self, number: int) -> Block | None:
        return next((self.blocks[at] for found, at in self.numbers if found == str(number)), None)

    def within(self, block: Block) -> list[Block]:
        """The headings directly in `block`: those of the shallowest level that occurs in it."""
        inside = [one for one in self.blocks if block.start < one.start < block.stop]
        level = min((one.level for one in inside), default=0)
        return [one for one in inside if one.level == level]


def outline(text: str) -> Outline:
    """`text` has line feeds alone, and one at its end where it is not empty."""
    found = read(text)
    lines = (
        tuple(text.splitlines(keepends=True)) if not _odd(text) else tuple(f"{one}\n" for one in text.split("\n")[:-1])
    )
    sections = [section for section in found.sections if section.level]
    blocks = tuple(_block(at, sections, len(lines)) for at in range(len(sections)))
    numbers = tuple(
        (_plain(section.number), at)
        for at, section in enumerate(sections)
        if section.number is not None and not any(number is not None for number, _ in section.parents)
    )
    return Outline(lines, blocks, numbers)


def _odd(text: str) -> bool:
    """Whether there are line ends that are none in Markdown."""
    return any(letter in text for letter in "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")


def _plain(number: str) -> str:
    return number.lstrip("0") or "0" if number.isdigit() else number


def _block(at: int, sections: Sequence[Section], total: int) -> Block:
    section = sections[at]
    stop = next((other.line - 1 for other in sections[at + 1 :] if other.level <= section.level), total)
    first = section.heading.strip()
    heading = first.lstrip("#").rstrip("#").strip() if first.startswith("#") else ""
    return Block(heading, section.line - 1, section.body_line - 1, stop, section.level)


def mistakes(found: Outline, wanted: Iterable[int]) -> list[Mistake]:
    """Sections that are missing or there twice. All at once, in the order of their numbers."""
    result = []
    for number in wanted:
        lines = [found.blocks[at].start + 1 for said, at in found.numbers if said == str(number)]
        if not lines:
            result.append(Mistake(0, f"section {number} is missing"))
        elif len(lines) > 1:
            result.append(Mistake(lines[1], f"section {number} is there twice (the first is in line {lines[0]})"))
    return result
