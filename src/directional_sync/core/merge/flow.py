"""Containers of brackets and commas: where the chunks of their items are, and how they are put together anew.

Everything that stands between two items is white space, comments and one comma. A comment in the line of an item, after
it, goes with it; what stands in lines of its own goes with the item that follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from directional_sync.core.merge.node import Chunk, Item, Node, Unfit


@dataclass(frozen=True, slots=True)
class After:
    """What stands between an item and the chunk after it."""

    before_comma: str
    comma: bool
    behind: str


def parts(gap: str, comment: re.Pattern[str]) -> tuple[int, int]:
    """Where in `gap` the comma is (-1: nowhere), and where the line of the item ends: at the first line feed outside of
    a comment, or, where no line ends, right behind the comma."""
    comma = line_end = -1
    at = 0
    while at < len(gap):
        letter = gap[at]
        if letter == "," and comma < 0:
            comma = at
        elif letter == "\n":
            if line_end < 0:
                line_end = at
            if comma >= 0:
                break
        elif letter not in " \t\r,":
            found = comment.match(gap, at)
            if found is None:
                raise Unfit("what stands between two of its items was not understood")
            at = found.end()
            continue
        at += 1
    if line_end < comma or line_end < 0:
        line_end = _first_line_end(gap, comma + 1, comment)
    return comma, comma + 1 if line_end < 0 else line_end


def _first_line_end(gap: str, at: int, comment: re.Pattern[str]) -> int:
    while at < len(gap):
        if gap[at] == "\n":
            return at
        found = comment.match(gap, at)
        at = found.end() if found else at + 1
    return -1


def chunks(text: str, node: Node, comment: re.Pattern[str], end_of: Callable[[Item], int]) -> list[Chunk]:
    """The chunks of a container whose brackets are at `node.start` and `node.end - 1`."""
    if not node.items:
        return []
    first = node.items[0].start
    head = text[node.start + 1 : first]
    _, line_end = parts(head, comment)
    lead = node.start + 1 + (line_end if "\n" in head else 0)
    found: list[Chunk] = []
    ends = [item.start for item in node.items[1:]] + [node.end - 1]
    for item, next_start in zip(node.items, ends, strict=True):
        done = end_of(item)
        gap = text[done:next_start]
        comma, line_end = parts(gap, comment)
        stop = done + line_end
        if comma < 0 and "\n" not in gap:
            stop = done + len(gap.rstrip(" \t"))
        found.append(Chunk(lead, stop))
        lead = stop
    return found


def after(text: str, comment: re.Pattern[str]) -> After:
    """`text` from the end of an item to the end of its chunk."""
    comma, _ = parts(text, comment)
    if comma < 0:
        return After("", False, text)
    return After(text[:comma], True, text[comma + 1 :])
