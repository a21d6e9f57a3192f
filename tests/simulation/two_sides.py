"""Random histories of two sides that people edit while runs come and go, over the real `reconcile` and `advance`.

A *history* is a seed. In it people edit both sides before, during and between runs; runs are cut off after any effect;
parts of a side cannot be looked at for a while. What a run does is what `run/` does, in its order: look at both sides,
plan, change the far side key by key where it still is what was seen, then move repository and base in one step, or not
at all where somebody has committed meanwhile. The judge knows who saw what: replacing a content that the author of its
replacement never saw is a lost edit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from directional_sync.core.advance import advance
from directional_sync.core.reconcile import reconcile
from directional_sync.model.plan import Change, Plan
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Snapshot
from directional_sync.model.target import Direction, Policy

KEYS = ("a", "b", "dir/c", "dir/d")
CONTENTS = tuple(Entry(letter * 40, FILE) for letter in "0123456789")
POLICY = Policy()

Reconcile = Callable[[Snapshot, Snapshot, Snapshot], Plan]
Advance = Callable[[Plan, Iterable[Change]], Mapping[str, Entry]]


class Lost(AssertionError):
    """An edit that nobody who replaced it has seen."""


def _reconcile(base: Snapshot, repo: Snapshot, remote: Snapshot) -> Plan:
    return reconcile("t", base, repo, remote, Direction.BIDIRECTIONAL, POLICY)


@dataclass(frozen=True)
class Engine:
    """What a run does; the planted faults are engines with one thing wrong."""

    reconcile: Reconcile = _reconcile
    advance: Advance = advance
    guards_remote: bool = True
    """A change of the far side is made only where it still is what was seen."""
    guards_repo: bool = True
    """The repository moves only where nobody has committed since it was looked at."""
    base_first: bool = False
    """The base moves before the far side has confirmed anything."""
    unreadable_is_absent: bool = False
    base_forgets_held: bool = False
    """What could not be done is taken out of the base."""


@dataclass
class Version:
    """What stands at a key, and all that its author could see there."""

    entry: Entry = ABSENT
    seen: frozenset[str] = frozenset()


@dataclass
class Side:
    at: dict[str, Version] = field(default_factory=lambda: {key: Version() for key in KEYS})
    blind: set[str] = field(default_factory=set)
    """Keys that cannot be looked at now."""

    def edit(self, key: str, entry: Entry) -> None:
        """Somebody who sees what is there makes `entry` of it."""
        now = self.at[key]
        if now.entry != entry:
            self.at[key] = Version(entry, now.seen | {now.entry.digest})

    def snapshot(self, *, blind_is_absent: bool) -> Snapshot:
        entries = {key: version.entry for key, version in self.at.items() if version.entry.present}
        for key in self.blind:
            entries.pop(key, None)
            if not blind_is_absent:
                entries[key] = Entry(unreadable="busy")
        return Snapshot(entries)

    def put(self, key: str, version: Version) -> None:
        """A run replaces what is there. Raises Lost."""
        now = self.at[key]
        if now.entry == version.entry:
            self.at[key] = Version(now.entry, now.seen | version.seen)
            return
        if now.entry.present and now.entry.digest not in version.seen:
            raise Lost(f"{key}: {now.entry.digest[:1]} is replaced by {version.entry.digest[:1] or 'nothing'}")
        self.at[key] = Version(version.entry, version.seen | now.seen | {now.entry.digest})


class Cut(Exception):
    """The run was killed."""


@dataclass
class History:
    seed: int
    engine: Engine = Engine()

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.repo, self.remote = Side(), Side()
        self.base: dict[str, Entry] = {}
        self.trace: list[str] = []

    def play(self) -> list[str]:
        """Plays it, and judges. Raises AssertionError; Lost among them."""
        for _ in range(self.random.randint(2, 6)):
            self._edits(3)
            self._blinks()
            try:
                self._run(disturbed=True)
            except Cut:
                self.trace.append("cut")
        self.repo.blind.clear()
        self.remote.blind.clear()
        self._run(disturbed=False)
        self._judge(self._plan())
        return self.trace

    def _judge(self, plan: Plan) -> None:
        conflicts = {conflict.key for conflict in plan.conflicts}
        for key in KEYS:
            if key not in conflicts:
                assert self.repo.at[key].entry == self.remote.at[key].entry, f"{key} differs after a quiet run"
        assert not (plan.repo or plan.remote or plan.agreed), "the second plan is not empty"

    def _edits(self, most: int) -> None:
        for _ in range(self.random.randint(0, most)):
            side = self.random.choice((self.repo, self.remote))
            key = self.random.choice(KEYS)
            entry = ABSENT if self.random.random() < 0.25 else self.random.choice(CONTENTS)
            side.edit(key, entry)
            self.trace.append(f"{'repo' if side is self.repo else 'remote'} {key}={entry.digest[:1]}")

    def _blinks(self) -> None:
        for side in (self.repo, self.remote):
            side.blind = {key for key in KEYS if self.random.random() < 0.04}

    def _plan(self) -> Plan:
        blind = self.engine.unreadable_is_absent
        return self.engine.reconcile(
            Snapshot(dict(self.base)),
            self.repo.snapshot(blind_is_absent=blind),
            self.remote.snapshot(blind_is_absent=blind),
        )

    def _run(self, *, disturbed: bool) -> None:
        plan = self._plan()
        repo_then = dict(self.repo.at)
        remote_then = dict(self.remote.at)
        done: list[Change] = []
        if self.engine.base_first:
            self._move_base(plan, plan.remote)
        for change in plan.remote:
            self._disturb(disturbed)
            if not self.engine.guards_remote or self.remote.at[change.key].entry == change.before:
                self.remote.put(change.key, _as_seen(repo_then[change.key], change.after))
                done.append(change)
        self._disturb(disturbed)
        if self.engine.guards_repo and self.repo.at != repo_then:
            self.trace.append("stale")
            return
        for change in plan.repo:
            self.repo.put(change.key, _as_seen(remote_then[change.key], change.after))
        self._move_base(plan, done)

    def _move_base(self, plan: Plan, done: Iterable[Change]) -> None:
        self.base.update(self.engine.advance(plan, done))
        if self.engine.base_forgets_held:
            for item in (*plan.held, *plan.conflicts):
                self.base.pop(item.key, None)
        self.base = {key: entry for key, entry in self.base.items() if entry.present}

    def _disturb(self, disturbed: bool) -> None:
        if not disturbed:
            return
        chance = self.random.random()
        if chance < 0.06:
            raise Cut
        if chance < 0.18:
            self._edits(1)


def _as_seen(source: Version, after: Entry) -> Version:
    """What a run writes: the content of the plan, by the author whom the run has copied it from."""
    return Version(after, source.seen)
