"""What differs between two sequences: lines of a text, names of sections, keys of a list.

A *hunk* is a stretch of the first sequence that became a stretch of the second. The difference is a shortest one
(Myers, linear space), and hunks that could stand in several places are put where git puts them, so that both agree on
which edits touch. Where a shortest difference would take too long, elements that stand once on both sides part the
work.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

_EFFORT_MAX = 400
"""How many rounds a shortest difference may take before the sequences are parted by other means."""
_EFFORT_MIN = 50
"""The same, after it has failed several times in one text."""
_FAR = 1 << 60


@dataclass(frozen=True, slots=True)
class Hunk:
    """`first[a0:a1]` became `second[b0:b1]`; one of them may be empty, not both."""

    a0: int
    a1: int
    b0: int
    b1: int


def hunks(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[Hunk]:
    """The differences in order. Two hunks never touch: at least one equal element is between them."""
    names: dict[Hashable, int] = {}
    a = [names.setdefault(one, len(names)) for one in first]
    b = [names.setdefault(one, len(names)) for one in second]
    gone, came = _changed(a, b)
    removed, added = _groups(gone), _groups(came)
    removed = _settled(a, removed, added)
    added = _settled(b, added, removed)
    found: list[Hunk] = []
    less = more = 0
    for gap in sorted(removed.keys() | added.keys()):
        a0, b0 = gap + less, gap + more
        less += removed.get(gap, 0)
        more += added.get(gap, 0)
        found.append(Hunk(a0, gap + less, b0, gap + more))
    return found


def _changed(a: list[int], b: list[int]) -> tuple[bytearray, bytearray]:
    """Which elements are in no pair."""
    gone, came = bytearray(len(a)), bytearray(len(b))
    head, most = 0, min(len(a), len(b))
    while head < most and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < most - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    in_a, in_b = set(a[head : len(a) - tail]), set(b[head : len(b) - tail])
    at_a, at_b = [], []
    for at in range(head, len(a) - tail):
        if a[at] in in_b:
            at_a.append(at)
        else:
            gone[at] = 1
    for at in range(head, len(b) - tail):
        if b[at] in in_a:
            at_b.append(at)
        else:
            came[at] = 1
    _compare([a[at] for at in at_a], [b[at] for at in at_b], at_a, at_b, gone, came)
    return gone, came


def _compare(a: list[int], b: list[int], at_a: list[int], at_b: list[int], gone: bytearray, came: bytearray) -> None:
    """Marks what is in no pair. `at_a` and `at_b` tell where an element stands in the marks."""
    boxes = [(0, len(a), 0, len(b))]
    effort = _EFFORT_MAX
    while boxes:
        a0, a1, b0, b1 = boxes.pop()
        while a0 < a1 and b0 < b1 and a[a0] == b[b0]:
            a0, b0 = a0 + 1, b0 + 1
        while a0 < a1 and b0 < b1 and a[a1 - 1] == b[b1 - 1]:
            a1, b1 = a1 - 1, b1 - 1
        if a0 == a1 or b0 == b1:
            for at in at_a[a0:a1]:
                gone[at] = 1
            for at in at_b[b0:b1]:
                came[at] = 1
            continue
        parted = _halves(a, b, (a0, a1, b0, b1), effort)
        if parted is not None:
            i, j = parted
            boxes += [(a0, i, b0, j), (i, a1, j, b1)]
            continue
        effort = max(effort // 2, _EFFORT_MIN)
        anchors = list(_anchors(a, b, (a0, a1, b0, b1)))
        if not anchors:
            boxes += [(a0, a1, b0, b0), (a1, a1, b0, b1)]
            continue
        for i, j in anchors:
            boxes.append((a0, i, b0, j))
            a0, b0 = i + 1, j + 1
        boxes.append((a0, a1, b0, b1))


def _halves(a: list[int], b: list[int], box: tuple[int, int, int, int], effort: int) -> tuple[int, int] | None:
    """A point on a shortest way through the box, found from both ends at once. None: it would take too long.

    `ahead[d]` is how far into `a` one can come from the start on diagonal d (place in a minus place in b) with as many
    steps as there were rounds; `behind[d]` the same from the end."""
    a0, a1, b0, b1 = box
    lowest, highest = a0 - b1, a1 - b0
    fore, back = a0 - b0, a1 - b1
    odd = (fore - back) & 1
    ahead, behind = {fore: a0}, {back: a1}
    f_low = f_high = fore
    b_low = b_high = back
    for _ in range(effort):
        f_low, f_high = _widened(ahead, f_low, f_high, lowest, highest, -1)
        for d in range(f_high, f_low - 1, -2):
            i = ahead[d - 1] + 1 if ahead[d - 1] >= ahead[d + 1] else ahead[d + 1]
            while i < a1 and i - d < b1 and a[i] == b[i - d]:
                i += 1
            ahead[d] = i
            if odd and b_low <= d <= b_high and behind[d] <= i:
                return i, i - d
        b_low, b_high = _widened(behind, b_low, b_high, lowest, highest, _FAR)
        for d in range(b_high, b_low - 1, -2):
            i = behind[d - 1] if behind[d - 1] < behind[d + 1] else behind[d + 1] - 1
            while i > a0 and i - d > b0 and a[i - 1] == b[i - d - 1]:
                i -= 1
            behind[d] = i
            if not odd and f_low <= d <= f_high and i <= ahead[d]:
                return i, i - d
    return None


def _widened(reach: dict[int, int], low: int, high: int, lowest: int, highest: int, nowhere: int) -> tuple[int, int]:
    """One diagonal more on each side, as long as the box has some."""
    if low > lowest:
        low -= 1
        reach[low - 1] = nowhere
    else:
        low += 1
    if high < highest:
        high += 1
        reach[high + 1] = nowhere
    else:
        high -= 1
    return low, high


def _anchors(a: list[int], b: list[int], box: tuple[int, int, int, int]) -> Iterator[tuple[int, int]]:
    """Pairs of elements that stand once in each half of the box, the longest row of them that rises in both."""
    a0, a1, b0, b1 = box
    often_a, often_b = Counter(a[a0:a1]), Counter(b[b0:b1])
    where = {b[j]: j for j in range(b0, b1) if often_b[b[j]] == 1}
    ends: list[int] = []
    rows: list[tuple[int, int, int]] = []
    last: list[int] = []
    for i in range(a0, a1):
        if often_a[a[i]] != 1 or a[i] not in where:
            continue
        j = where[a[i]]
        length = bisect_left(ends, j)
        rows.append((i, j, last[length - 1] if length else -1))
        if length == len(ends):
            ends.append(j)
            last.append(len(rows) - 1)
        else:
            ends[length], last[length] = j, len(rows) - 1
    row, found = last[-1] if last else -1, []
    while row >= 0:
        i, j, row = rows[row]
        found.append((i, j))
    yield from reversed(found)


def _groups(marks: bytearray) -> dict[int, int]:
    """How many marked elements stand together, by how many unmarked ones stand before."""
    found: dict[int, int] = {}
    before, at = 0, marks.find(1)
    while at >= 0:
        end = marks.find(0, at)
        end = len(marks) if end < 0 else end
        found[at - before] = end - at
        before += end - at
        at = marks.find(1, end)
    return found


def _settled(sequence: list[int], groups: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    """`groups` of `sequence`, each moved as far down as equal elements allow, or to the last place on that way where
    the other sequence has a group, too. Groups that meet become one."""
    todo = sorted(groups.items(), reverse=True)
    done: list[tuple[int, int]] = []
    before = 0
    while todo:
        gap, size = todo.pop()
        while True:
            size_was, meeting = size, -1
            while gap and sequence[gap + before - 1] == sequence[gap + before + size - 1]:
                gap -= 1
                if done and done[-1][0] == gap:
                    joined = done.pop()[1]
                    before -= joined
                    size += joined
            highest = gap
            if gap in other:
                meeting = gap
            while gap + before + size < len(sequence) and sequence[gap + before] == sequence[gap + before + size]:
                gap += 1
                if todo and todo[-1][0] == gap:
                    size += todo.pop()[1]
                if gap in other:
                    meeting = gap
            if size == size_was:
                break
        if gap != highest and meeting >= 0:
            gap = meeting
        done.append((gap, size))
        before += size
    return dict(done)
