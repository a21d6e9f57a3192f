"""How text may look on one stream: colour or none, how wide, and whether it is read aloud.

Colour only ever repeats what a sign and a word already say. Text of foreign origin goes through `one_line`
before it is put into a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from directional_sync.core import escape

ELLIPSIS = "..."
TIED = ("::", "##", "%")
"""What no line may begin with: orders to a CI host, and a sign that belongs to the number before it."""
_COMMAND = re.compile(r"(?<=: )(?:dsync|git|pip|chmod|ls|export|cd) \S.*$")


class Style(StrEnum):
    """The meaning of a colour, as the parameters of an SGR sequence over the 16 colours of the terminal."""

    NONE = ""
    GOOD = "32"
    CHANGED = "33"
    BAD = "31"
    QUIET = "2"
    STRONG = "1"
    COMMAND = "36"


class Show(StrEnum):
    """Which targets and sources are listed one by one."""

    CHANGED = "changed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Ink:
    color: bool = False
    width: int = 80
    """Columns."""
    accessible: bool = False
    """Read by a screen reader: sentences instead of columns."""
    show: Show = Show.CHANGED
    verbose: int = 0
    """-1 for quiet, 0, 1 or 2."""

    def paint(self, text: str, style: Style) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and style and text else text


def cells(text: str) -> int:
    """How many columns `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def pad(text: str, columns: int) -> str:
    return text + " " * max(0, columns - cells(text))


def shorten(text: str, columns: int) -> str:
    """`text` in at most `columns` columns; what has to go, goes from the middle."""
    if cells(text) <= columns:
        return text
    if columns <= len(ELLIPSIS):
        return ELLIPSIS[:columns]
    room = columns - len(ELLIPSIS)
    head, tail = "", ""
    left, right = 0, len(text) - 1
    while left <= right:
        if cells(head) <= cells(tail):
            if cells(head + text[left] + tail) > room:
                break
            head, left = head + text[left], left + 1
        else:
            if cells(head + text[right] + tail) > room:
                break
            tail, right = text[right] + tail, right - 1
    return head + ELLIPSIS + tail


def cut(text: str, columns: int) -> str:
    """`text` in at most `columns` columns; what has to go, goes from the end, in whole words, so that no name is
    shown that there is not."""
    if cells(text) <= columns:
        return text
    kept = ""
    for word in text.split(" "):
        longer = f"{kept} {word}" if kept else word
        if cells(longer) > columns - len(ELLIPSIS) - 1:
            break
        kept = longer
    return f"{kept} {ELLIPSIS}" if kept else shorten(text, columns)


def one_line(text: str) -> str:
    """Text of foreign origin, made safe and brought to one line."""
    return escape.one_line(text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ").strip())


def filled(text: str, ink: Ink, *, first: str = "", rest: str = "") -> list[str]:
    """`text` on as many lines as it needs, broken between words; `first` stands before its first line, `rest` before
    the others. A command at its end stays in one piece, so that it can be copied, and no line begins with what a CI
    host would take for an order of its own."""
    words = _commanding(text)
    lines = [first + words[0]]
    for word in words[1:]:
        if cells(lines[-1]) + 1 + cells(word) <= ink.width or word.startswith(TIED):
            lines[-1] += f" {word}"
        elif word:
            lines[-1] = lines[-1].rstrip()
            lines.append(rest + word)
    return lines


def _commanding(text: str) -> list[str]:
    """The words of `text`; a command that ends it is one word."""
    found = _COMMAND.search(text)
    if found is None:
        return text.split(" ")
    return [*text[: found.start()].rstrip(" ").split(" "), found.group()]


def note(text: str, ink: Ink) -> str:
    """A remark on one line, at most two lines of the terminal long unless asked for more."""
    safe = one_line(text)
    return safe if ink.verbose > 0 else cut(safe, 2 * ink.width)


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    shrinks: bool = False
    """Whether its cells may be shortened in the middle when the table is too wide."""
    sentences: bool = False
    """They are then cut at the end instead."""


def table(columns: Sequence[Column], rows: Sequence[Sequence[tuple[str, Style]]], ink: Ink) -> list[str]:
    """Rows under titles, two spaces apart, within the width. Read aloud, each row is one sentence. The cells
    are safe text already."""
    if ink.accessible:
        return [_sentence(columns, row) for row in rows]
    widths = [max([cells(column.title), *(cells(row[i][0]) for row in rows)]) for i, column in enumerate(columns)]
    over = sum(widths) + 2 * (len(widths) - 1) - ink.width
    for i, column in enumerate(columns):
        if over > 0 and column.shrinks:
            least = max(cells(column.title), 12)
            less = min(over, max(0, widths[i] - least))
            widths[i], over = widths[i] - less, over - less
    lines = ["  ".join(pad(column.title, widths[i]) for i, column in enumerate(columns)).rstrip()]
    for row in rows:
        fit = [(cut if columns[i].sentences else shorten)(text, widths[i]) for i, (text, _) in enumerate(row)]
        parts = [ink.paint(pad(text, widths[i]), row[i][1]) for i, text in enumerate(fit)]
        lines.append("  ".join(parts).rstrip())
    return lines


def _sentence(columns: Sequence[Column], row: Sequence[tuple[str, Style]]) -> str:
    name, *rest = [" ".join(text.split()) or "none" for text, _ in row]
    said = [f"{column.title.lower()} {text}" for column, text in zip(columns[1:], rest, strict=True)]
    return f"{name}: {', '.join(said)}."


def opposite(left: str, right: str, ink: Ink) -> str:
    """Two texts at the two ends of a line; one after the other where there is no room."""
    room = ink.width - cells(left) - cells(right)
    if not right:
        return left
    return left + ("  " if ink.accessible or room < 2 else " " * room) + right


def amount(count: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`, `1,200 files`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
