"""In which order the items of two lists stand that grew from one.

What was in the base gives the frame. If one side moved some of it, the frame is that side's. What a side added follows
what it followed there; where both sides added something at the same spot, the runs stand by their names, so that it
makes no difference which side is which.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

_Key = TypeVar("_Key", bound=Hashable)


def ordered(
    base: Sequence[_Key],
    repo: Sequence[_Key],
    remote: Sequence[_Key],
    kept: set[_Key],
    rank: Callable[[_Key], Any],
) -> list[_Key]:
    """The `kept` keys in their order. Where the two sides moved old ones to different places, it is the repo's. Each
    key is in the repo or in the remote; `rank` is how runs of new keys compare."""
    frame = _frame([key for key in base if key in kept], repo, remote)
    in_frame = set(frame)
    ours, theirs = _runs(repo, kept, in_frame), _runs(remote, kept, in_frame)
    anchors: list[_Key | None] = [None, *frame]
    place = {key: at for at, key in enumerate(anchors)}
    home: dict[_Key, _Key | None] = {}
    for runs in (ours, theirs):
        for anchor, run in runs.items():
            for key in run:
                home[key] = min(home.get(key, anchor), anchor, key=place.__getitem__)
    found: list[_Key] = []
    for anchor in anchors:
        found += [] if anchor is None else [anchor]
        mine = [key for key in ours.get(anchor, ()) if home[key] == anchor]
        other = [key for key in theirs.get(anchor, ()) if home[key] == anchor]
        found += _joined(mine, other, rank)
    return found


def moved_both_ways(base: Sequence[_Key], repo: Sequence[_Key], remote: Sequence[_Key]) -> bool:
    """Whether the two sides brought what all three have into two different orders, both new."""
    common = set(base) & set(repo) & set(remote)
    old, ours, theirs = ([key for key in side if key in common] for side in (base, repo, remote))
    return ours != old and theirs != old and ours != theirs


def _frame(old: list[_Key], repo: Sequence[_Key], remote: Sequence[_Key]) -> list[_Key]:
    """The order of the old keys. One that a side has not (deleted there, kept all the same) stands where the other
    side has it."""
    members = set(old)
    ours = [key for key in repo if key in members]
    theirs = [key for key in remote if key in members]
    both = set(ours) & set(theirs)
    agreed = [key for key in old if key in both]
    mine, other = [key for key in ours if key in both], [key for key in theirs if key in both]
    return _filled(mine if mine != agreed else other, ours, theirs, old)


def _filled(frame: list[_Key], ours: list[_Key], theirs: list[_Key], old: list[_Key]) -> list[_Key]:
    """`frame` with the keys that only one side has, each behind what it follows there; one that the other side has
    alone stays before it if it was in the base."""
    found, there = list(frame), set(frame)
    for key in old:
        if key in there:
            continue
        side = ours if key in ours else theirs
        before = side[: side.index(key)]
        at = next((found.index(one) + 1 for one in reversed(before) if one in there), 0)
        while at < len(found) and found[at] not in side:
            at += 1
        found.insert(at, key)
        there.add(key)
    return found


def _runs(side: Sequence[_Key], kept: set[_Key], frame: set[_Key]) -> dict[_Key | None, list[_Key]]:
    """New keys by the old one that they follow; None where they follow none."""
    found: dict[_Key | None, list[_Key]] = {}
    anchor: _Key | None = None
    for key in side:
        if key in frame:
            anchor = key
        elif key in kept:
            found.setdefault(anchor, []).append(key)
    return found


def _joined(mine: list[_Key], other: list[_Key], rank: Callable[[_Key], Any]) -> list[_Key]:
    """Two runs as one; keys that both have stand once, and hold the order."""
    shared = set(mine) & set(other)
    if not shared:
        runs = sorted((run for run in (mine, other) if run), key=lambda run: rank(run[0]))
        return [key for run in runs for key in run]
    first = min((key for key in mine if key in shared), key=lambda key: (mine.index(key) + other.index(key), key))
    i, j = mine.index(first), other.index(first)
    left = set(mine[:i]) & set(other[j + 1 :]) | set(other[:j]) & set(mine[i + 1 :])
    before = _joined([k for k in mine[:i] if k not in left], [k for k in other[:j] if k not in left], rank)
    done = {*before, first}
    behind_mine = [key for key in [*mine[:i], *mine[i + 1 :]] if key not in done]
    behind_other = [key for key in [*other[:j], *other[j + 1 :]] if key not in done]
    return [*before, first, *_joined(behind_mine, behind_other, rank)]
