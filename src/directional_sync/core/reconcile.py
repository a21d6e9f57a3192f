"""The one idea: snapshot both sides, reconcile them against the base, get a plan.

`reconcile` looks at one key at a time and gives one of five answers: *same*, *to_repo*, *to_remote*,
*conflict*, *hold*. Pull, push and bidirectional are its modes. Laws, held by properties in the tests:

- a one-way direction never changes its source;
- an unreadable key is never touched;
- after a plan without conflicts both sides agree on every key that is not held, and so does the base;
- swapping sides and direction swaps the plan;
- the default policy overwrites only what nobody edited;
- both sides changed to the same value is agreement, which makes recovery after a crash need no special code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from directional_sync.core.crossing import crossed, crossings
from directional_sync.model.plan import Bound, Change, Conflict, Held, Plan, Side, Sign, Why
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Direction, OnConflict, OnDelete, Policy


class _Answer(Enum):
    SAME = "same"
    TO_REPO = "to_repo"
    TO_REMOTE = "to_remote"
    CONFLICT = "conflict"


_Decision = _Answer | Held

CROSSING = "it is a file on one side and a folder on the other"


def reconcile(
    target: str,
    base: Snapshot,
    repo: Snapshot,
    remote: Snapshot,
    direction: Direction,
    policy: Policy,
    bound: Bound | None = None,
) -> Plan:
    """The plan that carries the two sides to agreement. The snapshots must have no unopened folders in
    common; keys in none of them are taken as equal everywhere."""
    parts = _Parts([], [], [], [], [], [])
    for key in sorted(set(base) | set(repo) | set(remote)):
        if repo.why_unreadable(key) or remote.why_unreadable(key):
            continue  # its whole prefix is held, once
        parts.take(_Key(key, base.at(key), repo.at(key), remote.at(key)), direction, policy)
    if direction is Direction.BIDIRECTIONAL:
        parts.part_crossings(base, repo, remote)
    return Plan(
        target=target,
        direction=direction,
        repo=tuple(parts.repo),
        remote=tuple(parts.remote),
        agreed=tuple(parts.agreed),
        conflicts=tuple(parts.conflicts),
        outlived=tuple(parts.outlived),
        held=(*_unread(repo, Side.REPO), *_unread(remote, Side.REMOTE), *parts.held),
        sources=remote.sources,
        was=base.sources,
        notes=remote.notes,
        orphans=remote.orphans,
        bound=bound or Bound(),
    )


@dataclass(frozen=True, slots=True)
class _Key:
    key: str
    base: Entry
    repo: Entry
    remote: Entry


@dataclass(frozen=True, slots=True)
class _Parts:
    repo: list[Change]
    remote: list[Change]
    agreed: list[Change]
    conflicts: list[Conflict]
    held: list[Held]
    outlived: list[str]

    def take(self, at: _Key, direction: Direction, policy: Policy) -> None:
        answer = _decide(at, direction, policy)
        if isinstance(answer, Held):
            self.held.append(answer)
        elif answer is _Answer.TO_REPO:
            self.repo.append(Change(at.key, at.repo, at.remote))
        elif answer is _Answer.TO_REMOTE:
            self.remote.append(Change(at.key, at.remote, at.repo))
        elif answer is _Answer.CONFLICT:
            self.conflicts.append(Conflict(at.key, at.base, at.repo, at.remote))
        elif at.base != at.repo:
            self.agreed.append(Change(at.key, at.base, at.repo))
        if direction is Direction.BIDIRECTIONAL and answer is _survivor(at):
            self.outlived.append(at.key)

    def part_crossings(self, base: Snapshot, repo: Snapshot, remote: Snapshot) -> None:
        """What would make a path a file and a folder at once is no change but a conflict, with all that belongs to it:
        nobody but a person can know which of the two is meant."""
        if not any(change.sign is Sign.ADD for change in (*self.repo, *self.remote)):
            return  # only what is new can come to lie above or below something
        tops = crossings(repo, self.repo) | crossings(remote, self.remote)
        if not tops:
            return
        keys = {change.key for change in (*self.repo, *self.remote) if crossed(change.key, tops)}
        self.repo[:] = [change for change in self.repo if change.key not in keys]
        self.remote[:] = [change for change in self.remote if change.key not in keys]
        self.outlived[:] = [key for key in self.outlived if key not in keys]
        crossing = [Conflict(key, base.at(key), repo.at(key), remote.at(key), why=CROSSING) for key in keys]
        self.conflicts[:] = sorted((*self.conflicts, *crossing), key=lambda conflict: conflict.key)


def _unread(snapshot: Snapshot, side: Side) -> Iterable[Held]:
    """One held item for each unreadable prefix, instead of one for each key under it."""
    return (
        Held(prefix, side, Why.UNREADABLE, why, snapshot.advice.get(prefix, ""))
        for prefix, why in sorted(snapshot.unreadable.items())
    )


def _decide(at: _Key, direction: Direction, policy: Policy) -> _Decision:
    for side, entry in ((Side.REPO, at.repo), (Side.REMOTE, at.remote)):
        if entry.unreadable:
            return Held(at.key, side, Why.UNREADABLE, entry.unreadable)
    if at.repo == at.remote:
        return _Answer.SAME
    if direction is Direction.PULL:
        return _one_way(at.key, at.base, at.remote, at.repo, Side.REPO, policy)
    if direction is Direction.PUSH:
        return _one_way(at.key, at.base, at.repo, at.remote, Side.REMOTE, policy)
    return _two_way(at, policy)


def _toward(side: Side) -> _Answer:
    return _Answer.TO_REPO if side is Side.REPO else _Answer.TO_REMOTE


def _one_way(key: str, base: Entry, source: Entry, there: Entry, side: Side, policy: Policy) -> _Decision:
    """The source is never changed. Holds here: source != there, both readable; `side` is the destination."""
    if there == base:
        return _delete_or(key, source, side, policy)
    if source == base:
        if base.absent:
            return Held(key, side, Why.FOREIGN)
        return _toward(side) if policy.overwrite_edits else Held(key, side, Why.EDITED)
    if policy.overwrite_edits:
        return _delete_or(key, source, side, policy)
    if source.absent:
        return Held(key, side, Why.EDIT_KEPT)
    winner = policy.on_conflict
    if winner is _loser(side):
        return _toward(side)
    if winner in (OnConflict.REPO, OnConflict.REMOTE):
        return Held(key, side, Why.EDITED)
    return _Answer.CONFLICT  # nothing is kept twice in one direction


def _loser(side: Side) -> OnConflict:
    """The policy under which the destination `side` gives way."""
    return OnConflict.REMOTE if side is Side.REPO else OnConflict.REPO


def _delete_or(key: str, after: Entry, side: Side, policy: Policy) -> _Decision:
    if after.absent and policy.on_delete is OnDelete.KEEP:
        return Held(key, side, Why.DELETE_KEPT)
    return _toward(side)


def _survivor(at: _Key) -> _Answer | None:
    """Which way an edit goes that outlives a deletion; None where nothing was deleted that the other side edited."""
    if not at.base.present or at.base in (at.repo, at.remote):
        return None
    if at.repo.absent and at.remote.present:
        return _Answer.TO_REPO
    return _Answer.TO_REMOTE if at.remote.absent and at.repo.present else None


def _two_way(at: _Key, policy: Policy) -> _Decision:
    """Holds here: repo != remote, both readable."""
    if at.repo == at.base:
        return _delete_or(at.key, at.remote, Side.REPO, policy)
    if at.remote == at.base:
        return _delete_or(at.key, at.repo, Side.REMOTE, policy)
    if policy.on_delete is OnDelete.STRICT and _survivor(at):
        return _Answer.CONFLICT
    if at.repo.absent:
        return _Answer.TO_REPO  # the edit survives and is made again where it was deleted
    if at.remote.absent:
        return _Answer.TO_REMOTE
    if policy.on_conflict is OnConflict.REPO:
        return _Answer.TO_REMOTE
    if policy.on_conflict is OnConflict.REMOTE:
        return _Answer.TO_REPO
    return _Answer.CONFLICT
