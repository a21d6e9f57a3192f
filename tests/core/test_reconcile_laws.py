"""The laws of reconcile, over any three snapshots, direction and policy."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from directional_sync.core.reconcile import reconcile
from directional_sync.model.plan import Change, Plan, Side, Why
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, LINK, Entry, Snapshot
from directional_sync.model.target import Direction, OnConflict, OnDelete, Policy

KEYS = ["a", "b", "dir/a", "dir/b", "dir/sub/c", "Dir/a", "-x", "spa ce", "né", "new\nline"]
entries = st.builds(Entry, st.sampled_from([c * 40 for c in "abc"]), st.sampled_from([FILE, EXECUTABLE, LINK]))
unreadable = st.just(Entry(unreadable="permission denied"))
readable = st.dictionaries(st.sampled_from(KEYS), entries)
sides = st.builds(
    Snapshot,
    st.dictionaries(st.sampled_from(KEYS), entries | unreadable),
    st.dictionaries(st.sampled_from(["dir", "dir/sub", "a"]), st.just("timed out"), max_size=1),
)
policies = st.builds(
    Policy,
    on_conflict=st.sampled_from(OnConflict),
    on_delete=st.sampled_from(OnDelete),
    overwrite_edits=st.booleans(),
)
directions = st.sampled_from(Direction)
CASES = settings(max_examples=400, deadline=None)


def applied(side: Snapshot, changes: Iterable[Change]) -> Snapshot:
    entries = dict(side.entries)
    for change in changes:
        assert side.at(change.key) == change.before
        entries.pop(change.key, None)
        if change.after != ABSENT:
            entries[change.key] = change.after
    return Snapshot(entries, side.unreadable)


def settle(plan: Plan, base: Snapshot, repo: Snapshot, remote: Snapshot) -> tuple[Snapshot, Snapshot, Snapshot]:
    moves = {change.key: change.after for change in (*plan.repo, *plan.remote, *plan.agreed)}
    agreed = {**base.entries, **moves}
    return (
        Snapshot({key: entry for key, entry in agreed.items() if entry != ABSENT}),
        applied(repo, plan.repo),
        applied(remote, plan.remote),
    )


@CASES
@given(readable.map(Snapshot), sides, sides, directions, policies)
def test_a_one_way_direction_never_changes_its_source(
    base: Snapshot, repo: Snapshot, remote: Snapshot, direction: Direction, policy: Policy
) -> None:
    plan = reconcile("t", base, repo, remote, direction, policy)
    if direction is Direction.PULL:
        assert not plan.remote
    if direction is Direction.PUSH:
        assert not plan.repo


@CASES
@given(readable.map(Snapshot), sides, sides, directions, policies)
def test_an_unreadable_key_is_never_touched(
    base: Snapshot, repo: Snapshot, remote: Snapshot, direction: Direction, policy: Policy
) -> None:
    plan = reconcile("t", base, repo, remote, direction, policy)
    for item in (*plan.repo, *plan.remote, *plan.agreed, *plan.conflicts):
        assert not repo.at(item.key).unreadable
        assert not remote.at(item.key).unreadable


@CASES
@given(readable.map(Snapshot), sides, sides, directions, policies)
def test_both_sides_and_the_base_agree_afterwards_and_the_second_plan_is_empty(
    base: Snapshot, repo: Snapshot, remote: Snapshot, direction: Direction, policy: Policy
) -> None:
    plan = reconcile("t", base, repo, remote, direction, policy)
    base2, repo2, remote2 = settle(plan, base, repo, remote)
    waiting = {item.key for item in (*plan.conflicts, *plan.held)}
    for key in {*base, *repo, *remote}:
        if key in waiting or repo.why_unreadable(key) or remote.why_unreadable(key):
            continue
        assert repo2.at(key) == remote2.at(key) == base2.at(key)
    second = reconcile("t", base2, repo2, remote2, direction, policy)
    assert second.empty
    assert not second.agreed
    assert second.conflicts == plan.conflicts
    assert second.held == plan.held


MIRROR_SIDE = {Side.REPO: Side.REMOTE, Side.REMOTE: Side.REPO}
MIRROR_DIRECTION = {
    Direction.PULL: Direction.PUSH,
    Direction.PUSH: Direction.PULL,
    Direction.BIDIRECTIONAL: Direction.BIDIRECTIONAL,
}
MIRROR_WINNER = {
    OnConflict.STOP: OnConflict.STOP,
    OnConflict.REPO: OnConflict.REMOTE,
    OnConflict.REMOTE: OnConflict.REPO,
    OnConflict.NEWER: OnConflict.NEWER,
    OnConflict.KEEP_BOTH: OnConflict.KEEP_BOTH,
}


@CASES
@given(readable.map(Snapshot), sides, sides, directions, policies)
def test_swapping_sides_and_direction_swaps_the_plan(
    base: Snapshot, repo: Snapshot, remote: Snapshot, direction: Direction, policy: Policy
) -> None:
    """I11: the two sides are treated alike."""
    plan = reconcile("t", base, repo, remote, direction, policy)
    swapped = Policy(
        MIRROR_WINNER[policy.on_conflict],
        policy.on_delete,
        policy.max_delete,
        policy.overwrite_edits,
        policy.allow_empty,
    )
    mirror = reconcile("t", base, remote, repo, MIRROR_DIRECTION[direction], swapped)
    assert mirror.repo == plan.remote
    assert mirror.remote == plan.repo
    assert mirror.agreed == plan.agreed
    assert {c.key for c in mirror.conflicts} == {c.key for c in plan.conflicts}
    both = {key for key in {*repo, *remote} if repo.at(key).unreadable and remote.at(key).unreadable}
    assert {(h.key, MIRROR_SIDE[h.side], h.why) for h in mirror.held if h.key not in both} == {
        (h.key, h.side, h.why) for h in plan.held if h.key not in both
    }


@CASES
@given(readable.map(Snapshot), sides, sides, directions)
def test_the_default_policy_overwrites_only_what_nobody_edited(
    base: Snapshot, repo: Snapshot, remote: Snapshot, direction: Direction
) -> None:
    plan = reconcile("t", base, repo, remote, direction, Policy())
    for change in (*plan.repo, *plan.remote):
        assert change.before == base.at(change.key) or change.before == ABSENT


@CASES
@given(readable.map(Snapshot), readable.map(Snapshot), directions, policies)
def test_equal_sides_are_agreement_whatever_the_base(
    base: Snapshot, both: Snapshot, direction: Direction, policy: Policy
) -> None:
    """Recovery after a crash between the effect and the base move needs no special code."""
    plan = reconcile("t", base, both, both, direction, policy)
    assert plan.empty
    assert not plan.conflicts
    assert not plan.held
    assert {change.key for change in plan.agreed} == {k for k in {*base, *both} if base.at(k) != both.at(k)}


@CASES
@given(readable.map(Snapshot), readable.map(Snapshot), directions, policies)
def test_a_lost_base_never_deletes(repo: Snapshot, remote: Snapshot, direction: Direction, policy: Policy) -> None:
    """B83: without a baseline nothing is ever taken as deleted."""
    plan = reconcile("t", Snapshot(), repo, remote, direction, policy)
    assert all(change.after.present for change in (*plan.repo, *plan.remote))


@CASES
@given(readable.map(Snapshot), sides, sides, directions, policies)
def test_the_plan_is_sorted_and_its_digest_depends_on_nothing_else(
    base: Snapshot, repo: Snapshot, remote: Snapshot, direction: Direction, policy: Policy
) -> None:
    plan = reconcile("t", base, repo, remote, direction, policy)
    again = reconcile(
        "t",
        Snapshot(dict(reversed(base.entries.items()))),
        Snapshot(dict(reversed(repo.entries.items())), repo.unreadable),
        Snapshot(dict(reversed(remote.entries.items())), remote.unreadable),
        direction,
        policy,
    )
    assert plan.digest == again.digest
    for part in (plan.repo, plan.remote, plan.agreed, plan.conflicts):
        assert [item.key for item in part] == sorted(item.key for item in part)


class TwoSides(RuleBasedStateMachine):
    """Any history of edits on both sides, with runs in between, some of them cut short after any number of
    effects: no edit is lost, and one quiet run makes both sides equal except for conflicts."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.repo, self.remote = Snapshot(), Snapshot(), Snapshot()
        self.overwritten: list[tuple[Entry, Entry]] = []

    @rule(key=st.sampled_from(KEYS), entry=entries | st.just(ABSENT), here=st.booleans())
    def edit(self, key: str, entry: Entry, here: bool) -> None:
        side = dict((self.repo if here else self.remote).entries)
        side.pop(key, None)
        if entry != ABSENT:
            side[key] = entry
        if here:
            self.repo = Snapshot(side)
        else:
            self.remote = Snapshot(side)

    def _plan(self) -> Plan:
        return reconcile("t", self.base, self.repo, self.remote, Direction.BIDIRECTIONAL, Policy())

    def _note(self, plan: Plan) -> None:
        self.overwritten += [(self.base.at(c.key), c.before) for c in (*plan.repo, *plan.remote)]

    @rule()
    def run(self) -> None:
        plan = self._plan()
        self._note(plan)
        self.base, self.repo, self.remote = settle(plan, self.base, self.repo, self.remote)
        assert self._plan().empty

    @rule(effects=st.integers(0, 6), base_too=st.integers(0, 6))
    def run_cut_short(self, effects: int, base_too: int) -> None:
        """Effects first, then the base, each only as far as it got."""
        plan = self._plan()
        changes = [("repo", c) for c in plan.repo] + [("remote", c) for c in plan.remote]
        done = changes[:effects]
        self._note(plan)
        self.repo = applied(self.repo, [c for side, c in done if side == "repo"])
        self.remote = applied(self.remote, [c for side, c in done if side == "remote"])
        base = dict(self.base.entries)
        for _, change in done[:base_too]:
            base.pop(change.key, None)
            if change.after != ABSENT:
                base[change.key] = change.after
        self.base = Snapshot(base)

    @invariant()
    def only_agreed_content_was_overwritten(self) -> None:
        """P4: what a run replaced was exactly what both sides had once agreed on, or nothing."""
        for agreed, replaced in self.overwritten:
            assert replaced in (agreed, ABSENT)


TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)


def test_unreadable_base_side_is_reported_with_its_reason() -> None:
    repo = Snapshot({"a": Entry(unreadable="Permission denied")})
    plan = reconcile("t", Snapshot(), repo, Snapshot(), Direction.PULL, Policy())
    assert [(h.key, h.side, h.why, h.detail) for h in plan.held] == [
        ("a", Side.REPO, Why.UNREADABLE, "Permission denied")
    ]


@pytest.mark.parametrize("direction", list(Direction))
def test_an_empty_world_has_an_empty_plan(direction: Direction) -> None:
    plan = reconcile("t", Snapshot(), Snapshot(), Snapshot(), direction, Policy())
    assert plan.empty
    assert plan.drift_score == 0
