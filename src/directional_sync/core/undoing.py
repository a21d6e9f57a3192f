"""Taking back what was done, and which run it is that is meant by undo and redo. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from directional_sync.model.past import PastRun
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import ABSENT, Entry, Source

Side = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Back:
    """The way back, key by key."""

    changes: tuple[Change, ...]
    later: tuple[str, ...]
    """Keys that hold something else by now than what was left there: they stay as they are."""


def back(keys: Iterable[str], before: Side, after: Side, now: Side) -> Back:
    """From `now` to `before`, wherever `now` still is what was left (`after`). What is back already needs no change."""
    changes, later = [], []
    for key in sorted(keys):
        was, left, there = (side.get(key, ABSENT) for side in (before, after, now))
        if was == there:
            continue
        if there == left:
            changes.append(Change(key, there, was))
        else:
            later.append(key)
    return Back(tuple(changes), tuple(later))


def sources_back(
    before: Sequence[Source], after: Sequence[Source], now: Sequence[Source]
) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """The sources of the lock after the way back, and the names of those that have moved again since."""
    was, left, there = ({source.name: source for source in sources} for sources in (before, after, now))
    later = []
    for name in was.keys() | left.keys():
        if was.get(name) == left.get(name) or there.get(name) == was.get(name):
            continue
        if there.get(name) != left.get(name):
            later.append(name)
        elif name in was:
            there[name] = was[name]
        else:
            del there[name]
    return tuple(there[name] for name in sorted(there)), tuple(sorted(later))


def to_undo(past: Sequence[PastRun], target: str = "") -> PastRun | None:
    """The newest run that is neither undone nor itself an undoing. `past`: newest first."""
    for one in _standing(past):
        if not one.undoes and (not target or target in one.targets):
            return one
    return None


def to_redo(past: Sequence[PastRun], target: str = "") -> PastRun | None:
    """The newest undoing that stands; None when an ordinary run came after it. `past`: newest first."""
    undoings = {one.run for one in past if one.undoes}
    for one in _standing(past):
        if target and target not in one.targets:
            continue
        if not one.undoes:
            return None
        if one.undoes not in undoings:
            return one
    return None


def at_rest(past: Sequence[PastRun], target: str, taken_back: Collection[str]) -> str:
    """The run that a target rests for once the runs `taken_back` are undone too; "" when for none."""
    undoings = {one.run for one in past if one.undoes}
    for one in _standing(past, taken_back):
        if target in one.targets and one.undoes not in undoings:
            return one.undoes
    return ""


def _standing(past: Sequence[PastRun], taken_back: Collection[str] = ()) -> Iterable[PastRun]:
    """Those that are not undone, newest first. An undoing that is undone itself undoes nothing."""
    undone = set(taken_back)
    for one in past:
        if one.run in undone:
            continue
        if one.undoes:
            undone.add(one.undoes)
        yield one
