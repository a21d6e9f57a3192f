"""One machine at a time writes to the far side of a target (F17, F74, T40)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.project import Project
from tests.sharing.conftest import Fleet
from tests.sharing.test_delivery import delivered

from directional_sync.errors import Exit, LockHeldError, StalePlanError
from directional_sync.git.outward import outward
from directional_sync.git.repository import Repository
from directional_sync.sharing.far import Far
from directional_sync.sharing.lease import CLOCKS_S, LEASE_REF, Leases
from directional_sync.workspace import open_workspace

REF = LEASE_REF.format(target="rows")
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TTL_S = 600.0


def pushing(fleet: Fleet) -> str:
    far = fleet.folder / "outside"
    far.mkdir(exist_ok=True)
    remote = f'{{type: files, url: "{far}"}}'
    return f"deliver: {{lease: 10m}}\ntargets:\n  rows: {{direction: push, remote: {remote}, inputs: [data/**]}}\n"


class Machine:
    """One clone with a clock of its own."""

    def __init__(self, fleet: Fleet, name: str, *, ahead_s: float = 0.0) -> None:
        self.project = fleet.clone(name)
        self.moment = START + timedelta(seconds=ahead_s)
        repository = Repository.open(self.project.root)
        self.far = Far(repository, outward(repository, "origin"), "main")
        self.refreshed = 0
        self.target = open_workspace(None, self.project.root, {}).config.targets[0]
        self.leases = self.start()

    def start(self) -> Leases:
        return Leases(self.far, TTL_S, "run", 0.0, self.refresh, now=lambda: self.moment)

    def refresh(self) -> None:
        self.refreshed += 1

    def take(self) -> None:
        self.far.look()
        self.leases.take(self.target)

    def later(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def machines(fleet: Fleet) -> Callable[..., Machine]:
    fleet.found(pushing(fleet))
    return lambda name, **more: Machine(fleet, name, **more)


def test_f74_of_two_machines_one_is_told_who_is_at_work(fleet: Fleet, machines: Callable[..., Machine]) -> None:
    one, two = machines("one"), machines("two")
    one.take()
    assert one.refreshed == 1, "what was agreed on meanwhile is looked at once the turn is ours"
    with pytest.raises(LockHeldError) as found:
        two.take()
    assert found.value.code == "E-LEASE-HELD"
    assert "since 2026-03-01T12:00:00Z, until 2026-03-01T12:10:00Z" in found.value.message
    one.leases.release()
    assert REF not in fleet.refs()
    two.take()


def test_f74_a_turn_that_two_take_at_once_is_given_to_one(machines: Callable[..., Machine]) -> None:
    one, two = machines("one"), machines("two")
    two.far.look()  # it has seen that nobody is there
    one.take()
    with pytest.raises(LockHeldError):
        two.leases.take(two.target)


@pytest.mark.parametrize(
    ("ahead_s", "passed_s", "taken"),
    [
        (0.0, TTL_S - 1, False),
        (0.0, TTL_S + CLOCKS_S - 1, False),
        (0.0, TTL_S + CLOCKS_S + 1, True),
        (CLOCKS_S - 1, TTL_S, False),  # our clock is ahead by as much as clocks may differ
        (-CLOCKS_S, TTL_S + CLOCKS_S + 1, False),
    ],
)
def test_f74_a_dead_machine_loses_its_turn_though_clocks_differ(
    machines: Callable[..., Machine], ahead_s: float, passed_s: float, taken: bool
) -> None:
    machines("dead").take()
    other = machines("other", ahead_s=ahead_s)
    other.later(passed_s)
    if taken:
        other.take()
    else:
        with pytest.raises(LockHeldError):
            other.take()


def test_f74_a_dead_machine_whose_clock_was_far_ahead_is_watched(machines: Callable[..., Machine]) -> None:
    machines("dead", ahead_s=30 * 86_400.0).take()
    other = machines("other")
    with pytest.raises(LockHeldError):
        other.take()
    other.later(TTL_S + CLOCKS_S + 1)  # seen unchanged for as long as it holds, by one clock
    other.leases = other.start()
    other.take()


def test_f17_a_machine_that_slept_finds_out_before_its_next_effect(machines: Callable[..., Machine]) -> None:
    one, two = machines("one"), machines("two")
    one.take()
    one.leases.still(one.target)
    two.later(TTL_S + CLOCKS_S + 1)
    two.take()
    one.later(TTL_S + CLOCKS_S + 2)
    with pytest.raises(StalePlanError) as found:
        one.leases.still(one.target)
    assert found.value.code == "E-LEASE-LOST"
    one.leases.release()
    two.leases.still(two.target)  # what is not ours is not let go of


def test_f74_a_machine_at_work_renews_its_turn(fleet: Fleet, machines: Callable[..., Machine]) -> None:
    one, two = machines("one"), machines("two")
    one.take()
    first = fleet.refs()[REF]
    for _ in range(6):
        one.later(TTL_S / 2 + 1)
        one.leases.still(one.target)
    assert fleet.refs()[REF] != first
    two.later(3 * TTL_S)
    with pytest.raises(LockHeldError):
        two.take()


def test_f74_what_a_killed_run_of_the_same_clone_left_is_over_at_once(machines: Callable[..., Machine]) -> None:
    one = machines("one")
    one.take()
    one.leases = one.start()  # as after a kill: nothing was let go of
    one.take()


def test_t40_what_somebody_else_wrote_there_is_not_believed_and_runs_out(
    fleet: Fleet, machines: Callable[..., Machine]
) -> None:
    fleet.git("update-ref", REF, fleet.refs()["refs/heads/main"])
    one = machines("one")
    with pytest.raises(LockHeldError):
        one.take()
    one.later(TTL_S + CLOCKS_S + 1)
    one.take()


def lines(project: Project, number: int) -> None:
    project.write(f"data/{number}.txt", f"{number}\n")
    project.commit(f"Row {number}")
    project.git("push", "-q", "origin", "HEAD:main")


def test_f74_whole_runs_take_turns_and_share_what_was_agreed(fleet: Fleet) -> None:
    fleet.found(pushing(fleet)).git("config", "directional-sync.externalRoots", str(fleet.folder))
    one, two = fleet.clone("one"), fleet.clone("two")
    lines(one, 1)
    assert delivered(one.run()).agreed == ("rows",)
    assert REF not in fleet.refs()
    # The other machine knows what was agreed, so a deletion is a deletion, and no row is new.
    two.git("pull", "-q", "--rebase")
    two.git("rm", "-q", "data/1.txt")
    lines(two, 2)
    summary = two.run(allow_delete=1)
    assert summary.exit() is Exit.OK
    assert sorted(path.name for path in (fleet.folder / "outside").iterdir()) == ["2.txt"]
    base = fleet.refs()["refs/directional-sync/base/rows"]
    assert fleet.git("ls-tree", "-r", "--name-only", base) == "data/2.txt"


def test_f74_a_target_that_is_taken_fails_alone(fleet: Fleet) -> None:
    config = pushing(fleet) + fleet.sources("a").removeprefix("targets:\n")
    fleet.found(config)
    one, two = fleet.clone("one"), fleet.clone("two")
    lines(one, 1)
    repository = Repository.open(two.root)
    far = Far(repository, outward(repository, "origin"), "main")
    far.look()
    holder = Leases(far, TTL_S, "other", 0.0, lambda: None)
    holder.take(open_workspace(None, one.root, {}).config.targets[0])
    summary = one.run()
    assert {record.target: record.success for record in summary.records} == {"rows": False, "a": True}
    assert summary.exit() is Exit.LOCKED
    assert list((fleet.folder / "outside").iterdir()) == []
    holder.release()
    assert one.run().exit() is Exit.OK
    assert delivered(one.run()).attempts == 0
