"""Three texts into one, line by line.

As git has it: edits of the two sides that overlap or touch are a clash, unless both made the same; others are all
taken. Two things go further than git. Of a clash, lines at its ends that both sides have are no part of it; and
whether the last line ends with a line feed is a question of its own, not a change of that line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from directional_sync.core.merge.lines import Hunk, hunks
from directional_sync.core.merge.values import Choice, Place, Referee


def split(text: str) -> list[str]:
    """The lines with their ends. Only a line feed ends a line; a carriage return before it belongs to the line."""
    found = text.split("\n")
    lines = [f"{line}\n" for line in found[:-1]]
    return [*lines, found[-1]] if found[-1] else lines


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of three sequences, places as in slices. `open`: both sides changed it, and not to the same."""

    base: tuple[int, int]
    repo: tuple[int, int]
    remote: tuple[int, int]
    from_remote: bool = False
    open: bool = False


def stretches(base: Sequence[str], repo: Sequence[str], remote: Sequence[str]) -> list[Stretch]:
    """The three sequences as stretches in a row, each with one answer: as the repo has it, as the remote has it, open.
    A stretch that is taken from one side is as in the base on the other, or the same on both sides."""
    ours, theirs = hunks(base, repo), hunks(base, remote)
    found: list[Stretch] = []
    at = at_ours = at_theirs = 0
    i = j = 0
    while i < len(ours) or j < len(theirs):
        i0, j0 = i, j
        first = min(h.a0 for h in (*ours[i : i + 1], *theirs[j : j + 1]))
        last = first
        while True:
            if i < len(ours) and ours[i].a0 <= last:
                last, i = max(last, ours[i].a1), i + 1
            elif j < len(theirs) and theirs[j].a0 <= last:
                last, j = max(last, theirs[j].a1), j + 1
            else:
                break
        same = first - at
        found.append(Stretch((at, first), (at_ours, at_ours + same), (at_theirs, at_theirs + same)))
        at_ours, at_theirs = at_ours + same, at_theirs + same
        to_ours = at_ours + last - first + _grown(ours[i0:i])
        to_theirs = at_theirs + last - first + _grown(theirs[j0:j])
        both = i > i0 and j > j0
        unequal = both and repo[at_ours:to_ours] != remote[at_theirs:to_theirs]
        found.append(
            Stretch((first, last), (at_ours, to_ours), (at_theirs, to_theirs), from_remote=i == i0, open=unequal)
        )
        at, at_ours, at_theirs = last, to_ours, to_theirs
    found.append(Stretch((at, len(base)), (at_ours, len(repo)), (at_theirs, len(remote))))
    return found


def _grown(changes: Sequence[Hunk]) -> int:
    return sum((h.b1 - h.b0) - (h.a1 - h.a0) for h in changes)


def merge_lines(
    base: str | None, repo: str, remote: str, referee: Referee, *, where: str = "", first_line: int = 1
) -> str:
    """The merged text; clashes go to the referee, named by the lines of the repo's text, which begins with line
    `first_line`. Without a base, what both have in common stands, and every difference is a clash."""
    texts = [one for one in (base, repo, remote) if one is not None]
    if all(texts):
        ended = [text.endswith("\n") for text in texts]
        last_end = _three_way(ended) if base is not None else any(ended)
        texts = [text if text.endswith("\n") else f"{text}\n" for text in texts]
    else:
        last_end = True  # an empty text has no last line; the others end as they do
    ours, theirs = split(texts[-2]), split(texts[-1])
    if base is None:
        parts = _in_common(ours, theirs)
        before: list[str] | None = None
    else:
        before = split(texts[0])
        parts = stretches(before, ours, theirs)
    merged: list[str] = []
    for part in parts:
        if part.open:
            merged += _clash(part, before, ours, theirs, referee, where, first_line)
        else:
            merged += theirs[slice(*part.remote)] if part.from_remote else ours[slice(*part.repo)]
    text = "".join(merged)
    return text if last_end or not text.endswith("\n") else text[:-1]


def _three_way(ended: list[bool]) -> bool:
    base, repo, remote = ended
    return remote if repo == base else repo


def _in_common(ours: list[str], theirs: list[str]) -> list[Stretch]:
    found: list[Stretch] = []
    at = 0
    for h in hunks(ours, theirs):
        found.append(Stretch((0, 0), (at, h.a0), (0, 0)))
        found.append(Stretch((0, 0), (h.a0, h.a1), (h.b0, h.b1), open=True))
        at = h.a1
    found.append(Stretch((0, 0), (at, len(ours)), (0, 0)))
    return found


def _clash(
    part: Stretch,
    before: list[str] | None,
    ours: list[str],
    theirs: list[str],
    referee: Referee,
    where: str,
    first_line: int,
) -> list[str]:
    mine, other = ours[slice(*part.repo)], theirs[slice(*part.remote)]
    head, most = 0, min(len(mine), len(other))
    while head < most and mine[head] == other[head]:
        head += 1
    tail = 0
    while tail < most - head and mine[-1 - tail] == other[-1 - tail]:
        tail += 1
    shared_head, shared_tail = mine[:head], mine[len(mine) - tail :]
    mine, other = mine[head : len(mine) - tail], other[head : len(other) - tail]
    lines = lines_named(first_line + part.repo[0] + head, len(mine))
    choice = referee.clash(
        f"{where}: {lines}" if where else lines,
        Place.LINES,
        None if before is None else "".join(before[slice(*part.base)]),
        "".join(mine),
        "".join(other),
        may_take_both=True,
    )
    chosen = {Choice.REPO: mine, Choice.REMOTE: other, Choice.BOTH: [*mine, *other]}[choice]
    return [*shared_head, *chosen, *shared_tail]


def lines_named(first: int, count: int) -> str:
    if count == 0:
        return f"after line {first - 1}"
    return f"line {first}" if count == 1 else f"lines {first}-{first + count - 1}"
