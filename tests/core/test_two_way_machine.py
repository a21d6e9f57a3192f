"""I1 to I12 as far as values can tell, on a state machine with failing, read-only, stale and crashing parts.

Real files, git and secrets have their own tests: tests/simulation (I3, I6, I10), tests/twoway (I4, I5), and those of
the gate for secrets and of redaction (I12).
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from directional_sync.core.advance import advance
from directional_sync.core.read_only import kept_closed, spared
from directional_sync.core.reconcile import reconcile
from directional_sync.model.plan import Change, Plan
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Snapshot
from directional_sync.model.target import Direction, OnConflict, OnDelete, OnReadOnly, Policy, ReadOnly

KEYS = ("a", "b", "d/x", "d/y", "d")
CONTENTS = tuple(Entry(letter * 40, FILE) for letter in "123456")
Side = dict[str, Entry]


class TwoWay(RuleBasedStateMachine):
    """Two sides, a base, a place where replaced versions are kept, and a mirror in which the sides are swapped."""

    @initialize(
        conflict=st.sampled_from([OnConflict.STOP, OnConflict.REPO, OnConflict.REMOTE]),
        delete=st.sampled_from([OnDelete.PROPAGATE, OnDelete.STRICT]),
        closed=st.sampled_from([None, None, ReadOnly.REPO, ReadOnly.REMOTE]),
        closing=st.sampled_from([OnReadOnly.HOLD, OnReadOnly.REVERT]),
    )
    def begin(self, conflict: OnConflict, delete: OnDelete, closed: ReadOnly | None, closing: OnReadOnly) -> None:
        self.policy = Policy(conflict, delete, read_only=closed, on_read_only=closing)
        self.base: Side = {}
        self.repo: Side = {}
        self.remote: Side = {}
        self.blind: dict[str, set[str]] = {"repo": set(), "remote": set()}
        self.written: set[str] = set()
        self.kept: set[str] = set()
        """Digests that git or a store of versions still has."""

    @rule(
        key=st.sampled_from(KEYS), entry=st.sampled_from((*CONTENTS, ABSENT)), name=st.sampled_from(["repo", "remote"])
    )
    def edit(self, key: str, entry: Entry, name: str) -> None:
        side = getattr(self, name)
        if entry == ABSENT:
            if key in side:
                self.kept.add(side[key].digest)  # whoever deletes has seen it
            side.pop(key, None)
        elif not any(key.startswith(f"{one}/") or one.startswith(f"{key}/") for one in side):
            if key in side:
                self.kept.add(side[key].digest)
            side[key] = entry
            self.written.add(entry.digest)

    @rule(key=st.sampled_from(KEYS), name=st.sampled_from(["repo", "remote"]))
    def blink(self, key: str, name: str) -> None:
        """Something cannot be looked at, until the next rule of this kind."""
        self.blind[name] = set() if self.blind[name] else {key}

    def _seen(self, name: str) -> Snapshot:
        entries = {key: entry for key, entry in getattr(self, name).items() if key not in self.blind[name]}
        return Snapshot({**entries, **{key: Entry(unreadable="busy") for key in self.blind[name]}})

    def _plan(self, *, mirrored: bool = False) -> Plan:
        base, repo, remote, policy = Snapshot(dict(self.base)), self._seen("repo"), self._seen("remote"), self.policy
        if mirrored:
            repo, remote = remote, repo
            policy = _mirrored(policy)
        plan = reconcile("t", base, repo, remote, Direction.BIDIRECTIONAL, policy)
        return kept_closed(spared(plan, base, policy), policy)

    def _write(self, name: str, changes: Sequence[Change]) -> list[Change]:
        side: Side = getattr(self, name)
        done = []
        for change in changes:
            if side.get(change.key, ABSENT) != change.before:
                continue  # stale: somebody was here
            if change.before.present:
                self.kept.add(change.before.digest)  # git, or what is kept of a conflict
            side.pop(change.key, None)
            if change.after.present:
                side[change.key] = change.after
            done.append(change)
        return done

    @rule(
        failing=st.sets(st.sampled_from(KEYS), max_size=2),
        cut=st.integers(0, 8),
        meanwhile=st.none() | st.tuples(st.sampled_from(KEYS), st.sampled_from(CONTENTS)),
    )
    def run_in_trouble(self, failing: set[str], cut: int, meanwhile: tuple[str, Entry] | None) -> None:
        """Some writes fail, somebody edits the far side after the plan, and the run may be killed after an effect."""
        plan, late = self._plan(), ""
        if meanwhile is not None and meanwhile[0] in self.remote:
            late = meanwhile[0] if self.remote[meanwhile[0]] != meanwhile[1] else ""
            self.edit(*meanwhile, "remote")
        done = self._write("remote", [c for c in plan.remote if c.key not in failing][:cut])
        if cut < len(plan.remote) + 1:
            return  # killed: neither repository nor base have moved
        before = dict(self.base)
        self._write("repo", plan.repo)
        self._move(plan, done)
        for key in KEYS:
            if key != late and before.get(key) != self.base.get(key):  # I9
                assert self.base.get(key) == self.repo.get(key) == self.remote.get(key)
        if late:
            assert self.remote[late] == meanwhile[1]  # type: ignore[index]

    def _move(self, plan: Plan, done: Sequence[Change]) -> None:
        self.base.update(advance(plan, done))
        self.base = {key: entry for key, entry in self.base.items() if entry.present}

    @rule()
    def quiet_run(self) -> None:
        plan = self._plan()
        if self.policy.read_only is ReadOnly.REPO:  # I8
            assert not plan.repo
        if self.policy.read_only is ReadOnly.REMOTE:
            assert not plan.remote
        before = {name: dict(getattr(self, name)) for name in ("repo", "remote")}
        done = self._write("remote", plan.remote)
        assert tuple(done) == plan.remote  # I5
        assert tuple(self._write("repo", plan.repo)) == plan.repo
        self._move(plan, done)
        again = self._plan()
        assert not (again.repo or again.remote or again.agreed)  # I1
        told = {item.key for item in (*again.conflicts, *again.held)}
        for key in KEYS:
            if key not in told:  # I2
                assert self.repo.get(key) == self.remote.get(key)
                assert self.base.get(key) == self.repo.get(key)  # I9
        for name in ("repo", "remote"):  # I6: what could not be looked at was not touched
            for key in self.blind[name]:
                assert getattr(self, name).get(key) == before[name].get(key)

    @invariant()
    def planning_changes_nothing_and_is_the_same_each_time(self) -> None:  # I4, I7
        if not hasattr(self, "policy"):
            return
        before = (dict(self.base), dict(self.repo), dict(self.remote))
        one = self._plan()
        self.repo, self.remote = dict(reversed(self.repo.items())), dict(reversed(self.remote.items()))
        assert one.digest == self._plan().digest
        assert (self.base, self.repo, self.remote) == before

    @invariant()
    def the_sides_may_be_swapped(self) -> None:  # I11
        if not hasattr(self, "policy"):
            return
        plan, other = self._plan(), self._plan(mirrored=True)
        assert (plan.repo, plan.remote) == (other.remote, other.repo)
        assert [one.key for one in plan.conflicts] == [one.key for one in other.conflicts]

    @invariant()
    def nothing_that_somebody_wrote_is_nowhere(self) -> None:  # I3
        if hasattr(self, "policy"):
            there = {entry.digest for side in (self.repo, self.remote) for entry in side.values()}
            assert self.written <= there | self.kept


def _mirrored(policy: Policy) -> Policy:
    from dataclasses import replace

    conflict = {OnConflict.REPO: OnConflict.REMOTE, OnConflict.REMOTE: OnConflict.REPO}
    closed = {ReadOnly.REPO: ReadOnly.REMOTE, ReadOnly.REMOTE: ReadOnly.REPO}
    return replace(
        policy,
        on_conflict=conflict.get(policy.on_conflict, policy.on_conflict),
        read_only=closed[policy.read_only] if policy.read_only is not None else None,
    )


TestTwoWay = TwoWay.TestCase
TestTwoWay.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
