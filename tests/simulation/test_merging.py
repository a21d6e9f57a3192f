"""Random histories of texts that people edit on both sides, with real merges.

No line that a person wrote and nobody took out is lost, quiet runs converge, and the sides may be swapped."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from directional_sync.core.advance import advance
from directional_sync.core.reconcile import reconcile
from directional_sync.core.settle import Decision, settle
from directional_sync.core.uniting import Contents, join, unmergeable
from directional_sync.model.plan import Change, Conflict, Ending, Plan
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Snapshot
from directional_sync.model.target import Direction, Policy

HISTORIES = 150


@dataclass
class Texts:
    """One history. Lines are unique tokens; `out`: those that a person took out where they saw them."""

    seed: int
    name: str = "f.txt"
    store: dict[str, bytes] = field(default_factory=dict)
    out: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.sides: dict[str, Entry] = {"repo": ABSENT, "remote": ABSENT}
        self.base = ABSENT
        self.count = 0

    def play(self) -> None:
        self.sides["repo"] = self.put([self.token() for _ in range(self.random.randint(3, 12))])
        self.run(disturbed=False)
        for _ in range(self.random.randint(2, 6)):
            for _ in range(self.random.randint(0, 3)):
                self.edit(self.random.choice(("repo", "remote")))
            self.run(disturbed=True)
        self.run(disturbed=False)
        self.judge()

    def judge(self) -> None:
        plan = self.plan()
        assert not (plan.repo or plan.remote or plan.agreed), "a run right after a quiet one is not empty"
        assert plan.conflicts or self.sides["repo"] == self.sides["remote"], "neither equal nor in conflict"
        here = {line for entry in self.sides.values() for line in self.lines(entry)}
        assert self.written - self.out <= here, f"lost: {sorted(self.written - self.out - here)}"

    def token(self) -> str:
        self.count += 1
        self.written.add(f"t{self.count}")
        return f"t{self.count}"

    def put(self, lines: list[str]) -> Entry:
        content = "".join(f"{line}\n" for line in lines).encode()
        digest = hashlib.sha1(content).hexdigest()
        self.store[digest] = content
        return Entry(digest, FILE)

    def lines(self, entry: Entry) -> list[str]:
        return self.store[entry.digest].decode().split() if entry.present else []

    def edit(self, side: str) -> None:
        lines = self.lines(self.sides[side])
        before = set(lines)
        if lines and self.random.random() < 0.1:
            self.sides[side] = ABSENT
            self.out |= before
            return
        known = set(self.written)
        for _ in range(self.random.randint(1, 2)):
            at = self.random.randint(0, len(lines))
            lines[at : at + self.random.randint(0, 1)] = [self.token()] if self.random.random() < 0.8 else []
        self.out |= (before | (self.written - known)) - set(lines)
        self.sides[side] = self.put(lines)

    def plan(self, swapped: bool = False) -> Plan:
        repo, remote = (self.sides[name] for name in (("remote", "repo") if swapped else ("repo", "remote")))
        sides = [Snapshot({self.name: entry} if entry.present else {}) for entry in (self.base, repo, remote)]
        plan = reconcile("t", *sides, Direction.BIDIRECTIONAL, Policy())
        decisions = {c.key: made for c in plan.conflicts if (made := self.decision(c)) is not None}
        return settle(plan, decisions, {})

    def decision(self, conflict: Conflict) -> Decision | None:
        if unmergeable(conflict):
            return None
        contents = Contents(*(self.store[e.digest] for e in (conflict.base, conflict.repo, conflict.remote)))
        joined = join(conflict, contents, winner=None, strict=False)
        if joined.content is None:
            return None
        digest = hashlib.sha1(joined.content).hexdigest()
        self.store[digest] = joined.content
        return Decision(Ending.MERGED, Entry(digest, joined.mode))

    def run(self, *, disturbed: bool) -> None:
        plan, then = self.plan(), self.sides["repo"]
        done: list[Change] = []
        for change in plan.remote:
            if disturbed and self.random.random() < 0.2:
                self.edit("remote")
            if self.sides["remote"] == change.before:
                self.sides["remote"] = change.after
                done.append(change)
        if disturbed and self.random.random() < 0.15:
            return  # killed before anything was written down
        if disturbed and self.random.random() < 0.15:
            self.edit("repo")
        if self.sides["repo"] != then:
            return  # stale
        for change in plan.repo:
            self.sides["repo"] = change.after
        self.base = self.moved(plan, done)

    def moved(self, plan: Plan, done: Iterable[Change]) -> Entry:
        return advance(plan, done).get(self.name, self.base)


@pytest.mark.parametrize("name", ["f.txt", "f.md"])
@pytest.mark.parametrize("part", range(2))
def test_no_line_is_lost_and_every_history_converges(name: str, part: int) -> None:  # I1, I2, I3, P4, P5
    for seed in range(part * HISTORIES, (part + 1) * HISTORIES):
        try:
            Texts(seed, name).play()
        except AssertionError as error:
            raise AssertionError(f"history {seed}: {error}") from error


def test_a_base_that_forgets_the_far_side_is_found() -> None:  # the test of the test
    class Forgetful(Texts):
        def moved(self, plan: Plan, done: Iterable[Change]) -> Entry:
            return advance(plan, plan.remote).get(self.name, self.base)

    with pytest.raises(AssertionError):
        for seed in range(2_000):
            Forgetful(seed).play()


def test_the_sides_may_be_swapped() -> None:  # I11
    for seed in range(HISTORIES):
        texts = Texts(seed)
        texts.sides["repo"] = texts.put([texts.token() for _ in range(8)])
        texts.run(disturbed=False)
        texts.edit("repo")
        texts.edit("remote")
        one, other = texts.plan(), texts.plan(swapped=True)
        assert {c.key: c.after for c in one.repo} == {c.key: c.after for c in other.remote}
        assert {c.key: c.after for c in one.remote} == {c.key: c.after for c in other.repo}
        assert [c.key for c in one.conflicts] == [c.key for c in other.conflicts]
