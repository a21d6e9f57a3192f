"""A side that is never written: refused, left, or taken back on the other side."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.test_reconcile_laws import entries, readable
from tests.twoway.conftest import Two, configure

from directional_sync.config.load import read
from directional_sync.core.read_only import kept_closed, spared
from directional_sync.core.reconcile import reconcile
from directional_sync.errors import ConfigError, Exit
from directional_sync.model.plan import Change, Ending
from directional_sync.model.snapshot import Snapshot
from directional_sync.model.target import Direction, OnConflict, OnReadOnly, Policy, Prefer, ReadOnly

REF = "refs/directional-sync/conflicts/share"


def _policy(two: Two, side: str, what: str) -> None:
    configure(two.project, two.far, f"policy: {{max_delete: 100%, read_only: {side}, on_read_only: {what}}}")


def _edit(two: Two, side: str, files: dict[str, str | None]) -> None:
    """Somebody edits the side that may be written."""
    (two.a if side == "remote" else two.b)(files)


def _theirs(two: Two, side: str, files: dict[str, str | None]) -> None:
    (two.b if side == "remote" else two.a)(files)


def _sides(two: Two, side: str) -> tuple[dict[str, str], dict[str, str]]:
    """What may be written, and what may not."""
    return (two.here, two.there) if side == "remote" else (two.there, two.here)


SIDES = pytest.mark.parametrize("side", ["remote", "repo"])


@SIDES
def test_an_edit_that_cannot_be_carried_over_stops_the_target(two: Two, side: str) -> None:  # B95, I8
    two.agree({"f": "1", "g": "1"})
    _policy(two, side, "stop")
    _edit(two, side, {"f": "2"})
    _theirs(two, side, {"g": "2"})
    before = (two.project.head, two.pair.state(), two.project.git("for-each-ref"))
    record = two.run()
    assert record.exit is Exit.REFUSED and record.failure is not None
    assert record.failure.code == "E-GUARD-READ-ONLY" and record.failure.detail == ("data/f",)
    assert (two.project.head, two.pair.state(), two.project.git("for-each-ref")) == before
    _edit(two, side, {"f": "1"})
    assert two.run().success
    assert two.here == two.there == {"f": "1", "g": "2"}


@SIDES
def test_an_edit_that_cannot_be_carried_over_is_left(two: Two, side: str) -> None:  # B95, I8
    two.agree({"f": "1", "g": "1", "k": "1", "gone": "1"})
    _policy(two, side, "hold")
    _edit(two, side, {"f": "2", "n": "n", "gone": None, "k": "2"})
    _theirs(two, side, {"g": "2", "k": "3"})
    record = two.run()
    assert record.exit is Exit.CONFLICTS and record.plan is not None
    assert {held.key: str(held.why) for held in record.plan.held} == dict.fromkeys(
        ["data/f", "data/gone", "data/n"], "read_only"
    )
    assert _sides(two, side) == (
        {"f": "2", "g": "2", "k": "2", "n": "n"},
        {"f": "1", "g": "2", "k": "3", "gone": "1"},
    )
    two.settled()
    record = two.run(prefer=Prefer.REPO if side == "remote" else Prefer.REMOTE)
    assert record.exit is Exit.CONFLICTS  # whoever wants that has to write there
    record = two.run(prefer=Prefer.REMOTE if side == "remote" else Prefer.REPO)
    assert record.success and _sides(two, side)[0]["k"] == "3"
    _theirs(two, side, {"f": "2"})
    assert two.run().success  # somebody has made the edit there
    two.settled()


@SIDES
def test_an_edit_that_cannot_be_carried_over_is_taken_back(two: Two, side: str) -> None:  # B95, I3, I8
    two.agree({"f": "1", "g": "1", "k": "1", "gone": "1"})
    _policy(two, side, "revert")
    _edit(two, side, {"f": "mine alone", "n": "new", "gone": None, "k": "2"})
    _theirs(two, side, {"g": "2", "k": "3"})
    closed = _sides(two, side)[1]
    [planned] = two.project.plan().records
    record = two.run()
    assert record.success, record.failure
    assert planned.plan is not None and record.plan is not None and planned.plan.digest == record.plan.digest
    assert {one.ending for one in record.plan.settled} == {Ending(side)}
    assert two.here == two.there == closed == {"f": "1", "g": "2", "k": "3", "gone": "1"}
    two.settled()
    commits = two.project.git("rev-list", REF).splitlines()
    listed = "\n".join(two.project.git("ls-tree", "-r", commit) for commit in commits)
    kept = {two.project.git("cat-file", "blob", line.split()[2]) for line in listed.splitlines()}
    assert {"mine alone", "new", "2"} <= kept


START = 'version: "1.0"\ntargets:\n  s:\n    remote: {type: files, url: /x}\n    outputs: [d/**]\n'


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("direction: bidirectional\n    policy: {read_only: both}", "both"),  # B96
        ("direction: bidirectional\n    policy: {read_only: [repo, remote]}", "read_only"),  # B96
        ("direction: pull\n    policy: {read_only: remote}", "needs both directions"),
        ("direction: bidirectional\n    policy: {on_read_only: hold}", "needs `read_only`"),
    ],
)
def test_what_cannot_be_meant_is_an_error_of_the_file(more: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"{START}    {more}\n".encode(), "sync.yaml", {})
    assert any(said in f"{problem.message} {problem.hint}" for problem in caught.value.problems)


@settings(max_examples=400, deadline=None)
@given(
    base=readable.map(Snapshot),
    sides=st.tuples(readable.map(Snapshot), readable.map(Snapshot)),
    side=st.sampled_from(ReadOnly),
    what=st.sampled_from([OnReadOnly.HOLD, OnReadOnly.REVERT]),
    policy=st.sampled_from(OnConflict),
    other=entries,
)
def test_the_closed_side_is_never_changed(
    base: Snapshot,
    sides: tuple[Snapshot, Snapshot],
    side: ReadOnly,
    what: OnReadOnly,
    policy: OnConflict,
    other: object,
) -> None:  # I8
    rules = Policy(on_conflict=policy, read_only=side, on_read_only=what)
    plan = reconcile("t", base, *sides, Direction.BIDIRECTIONAL, rules)
    plan = kept_closed(spared(plan, base, rules), rules)
    closed, open_, changes = (plan.repo, sides[1], plan.remote) if side is ReadOnly.REPO else (
        plan.remote, sides[0], plan.repo)  # fmt: skip
    assert not closed
    there = sides[0] if side is ReadOnly.REPO else sides[1]
    after = _applied(open_, changes)
    waiting = {item.key for item in (*plan.held, *plan.conflicts)}
    for key in {*base, *sides[0], *sides[1]} - waiting:
        assert after.get(key) == there.entries.get(key)
    if what is OnReadOnly.REVERT:
        assert not plan.held and not plan.conflicts


def _applied(side: Snapshot, changes: Iterable[Change]) -> dict[str, object]:
    found: dict[str, object] = dict(side.entries)
    for change in changes:
        assert side.at(change.key) == change.before
        found.pop(change.key, None)
        if change.after.present:
            found[change.key] = change.after
    return found
