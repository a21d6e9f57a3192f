"""No history loses an edit, every one converges, and each planted fault is found: the test of the test."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.simulation.two_sides import Engine, History, _reconcile

from directional_sync.core.advance import advance
from directional_sync.core.reconcile import reconcile
from directional_sync.model.plan import Change, Conflict, Plan
from directional_sync.model.snapshot import ABSENT, Entry, Snapshot
from directional_sync.model.target import Direction, OnConflict, OnDelete, Policy

HISTORIES = int(os.environ.get("DSYNC_HISTORIES", "20000"))
"""Of the own variables of the tests: how many are played."""
FOUND_WITHIN = 10_000


def _judge(seeds: range) -> None:
    for seed in seeds:
        try:
            History(seed).play()
        except AssertionError as error:
            raise AssertionError(f"history {seed}: {error}") from error


@pytest.mark.parametrize("part", range(4))
def test_random_histories(part: int) -> None:  # G4, I2, I3
    each = HISTORIES // 4
    _judge(range(part * each, (part + 1) * each))


@pytest.mark.faults
@pytest.mark.parametrize("part", range(10))
def test_many_more_histories(part: int) -> None:  # G4; a million with DSYNC_HISTORIES=1000000
    each = max(20_000, HISTORIES // 10)
    _judge(range(part * each, (part + 1) * each))


def test_one_seed_is_one_history() -> None:
    assert History(7).play() == History(7).play()


def _policy(**said: object) -> Engine:
    policy = Policy(**said)  # type: ignore[arg-type]
    return Engine(
        reconcile=lambda base, repo, remote: reconcile("t", base, repo, remote, Direction.BIDIRECTIONAL, policy)
    )


def _planning(change: object) -> Engine:
    return Engine(reconcile=lambda base, repo, remote: change(_reconcile(base, repo, remote), base, repo, remote))  # type: ignore[operator]


def _drop_loser(plan: Plan, *sides: Snapshot) -> Plan:
    """Of a conflict the far side's version is written over the other."""
    won = tuple(Change(one.key, one.repo, one.remote) for one in plan.conflicts)
    return replace(plan, repo=(*plan.repo, *won), conflicts=())


def _delete_wins(plan: Plan, base: Snapshot, repo: Snapshot, remote: Snapshot) -> Plan:
    """A deletion beats an edit that whoever deleted has not seen."""
    lost = tuple(c for c in plan.remote if c.before.absent and base.at(c.key).present)
    kept = tuple(change for change in plan.remote if change not in lost)
    return replace(plan, remote=kept, repo=(*plan.repo, *(Change(c.key, c.after, ABSENT) for c in lost)))


def _no_base(plan: Plan, base: Snapshot, repo: Snapshot, remote: Snapshot) -> Plan:
    """Whatever is missing on the far side is taken for deleted there."""
    gone = tuple(Change(c.key, c.after, ABSENT) for c in plan.remote if c.before.absent)
    return replace(plan, remote=tuple(c for c in plan.remote if c.before.present), repo=(*plan.repo, *gone))


def _conflicts_agree(plan: Plan, *sides: Snapshot) -> Plan:
    """A conflict that was reported once is taken for settled."""
    return replace(plan, agreed=(*plan.agreed, *(Change(c.key, c.base, c.repo) for c in plan.conflicts)))


def _half_agreed(plan: Plan, done: Iterable[Change]) -> dict[str, Entry]:
    return advance(replace(plan, agreed=()), done)


def _planned_is_done(plan: Plan, done: Iterable[Change]) -> dict[str, Entry]:
    return advance(plan, plan.remote)


def _base_is_before(plan: Plan, done: Iterable[Change]) -> dict[str, Entry]:
    return {change.key: change.before for change in (*plan.repo, *done)}


def _base_ignores_repo(plan: Plan, done: Iterable[Change]) -> dict[str, Entry]:
    return advance(replace(plan, repo=()), done)


def _stale_base(plan: Plan, done: Iterable[Change]) -> dict[str, Entry]:
    """Held keys are written into the base as the far side has them."""
    return {**advance(plan, done), **{c.key: c.remote for c in plan.conflicts if isinstance(c, Conflict)}}


FAULTS = {
    "the far side wins": _policy(on_conflict=OnConflict.REMOTE),
    "the repository wins": _policy(on_conflict=OnConflict.REPO),
    "deletions are not carried over, and not agreed on": _policy(on_delete=OnDelete.KEEP),
    "no guard on the far side": Engine(guards_remote=False),
    "no guard on the repository": Engine(guards_repo=False),
    "base before effects": Engine(base_first=True),
    "unreadable is absent": Engine(unreadable_is_absent=True),
    "the loser of a conflict is dropped": _planning(_drop_loser),
    "a deletion beats an edit": _planning(_delete_wins),
    "missing is deleted": _planning(_no_base),
    "a conflict is settled by reporting it": _planning(_conflicts_agree),
    "agreement is not noted": Engine(advance=_half_agreed),
    "planned is done": Engine(advance=_planned_is_done),
    "the base is what was before": Engine(advance=_base_is_before),
    "the base takes a conflict from the far side": Engine(advance=_stale_base),
    "the base does not see what came in": Engine(advance=_base_ignores_repo),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:  # G5
    for seed in range(FOUND_WITHIN):
        try:
            History(seed, FAULTS[fault]).play()
        except AssertionError:
            return
    raise AssertionError(f"{fault}: not found in {FOUND_WITHIN} histories")


def test_a_base_that_is_lost_loses_no_edit() -> None:  # B83, B84: what was deleted may come back
    for seed in range(2_000):
        History(seed, Engine(base_forgets_held=True)).play()
