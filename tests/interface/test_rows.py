"""Plans of records: property by property, old to new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Change, Conflict, FileDiff, Held, Plan, Side, Why, count
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.model.snapshot import ABSENT, FILE, Entry
from directional_sync.model.target import Direction
from directional_sync.render import rows
from directional_sync.render.ink import Ink
from directional_sync.render.plan import target_plan
from directional_sync.render.text import plan_text

Fields = Mapping[str, Any]


def entry(fields: Fields | None) -> Entry:
    return ABSENT if fields is None else Entry(json.dumps(fields).encode().hex()[:40].ljust(40, "0"), FILE)


def content(fields: Fields | None) -> bytes | None:
    return None if fields is None else json.dumps(fields).encode()


TODO = {"Name": "Reconcile the banks", "Status": "Todo", "Due": None, "Tags": ["a"], "Urgent": False}
DONE = {**TODO, "Status": "Done", "Due": "2026-01-31", "Tags": ["a", "b"], "Urgent": True}


def record() -> TargetRecord:
    changed = [("monthend_a", TODO, DONE), ("monthend_b", None, TODO), ("monthend_c", TODO, None),
               ("monthend_d", TODO, {**TODO, "Status": "Done"})]  # fmt: skip
    remote = tuple(Change(key, entry(before), entry(after)) for key, before, after in changed)
    later = {**TODO, "Status": "Later"}
    plan = Plan(
        "notion_monthend",
        Direction.PUSH,
        remote=remote,
        conflicts=(Conflict("monthend_x", entry(TODO), entry(later), entry(DONE)),),
        held=(Held("monthend_y", Side.REMOTE, Why.EDITED), Held("monthend_z", Side.REMOTE, Why.EDITED)),
        records=True,
    )
    samples = [FileDiff(key, content(before), content(after)) for key, before, after in changed]
    samples.append(FileDiff("monthend_x", content(later), content(DONE), base=content(TODO)))
    samples.append(FileDiff("monthend_y", content(TODO), content(DONE), edited=Side.REMOTE))
    samples.append(FileDiff("monthend_z", content(TODO), None, edited=Side.REMOTE))
    return TargetRecord(
        "notion_monthend",
        Direction.PUSH,
        Outcome.PLANNED,
        "Would sync",
        plan=plan,
        counts=count(remote, plan.noun),
        samples=tuple(samples),
    )


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_shows_old_and_new_values(golden: SnapshotAssertion, width: int) -> None:  # F101
    shown = target_plan(record(), Ink(width=width))
    assert all(len(line) <= width for line in shown)
    assert "\n".join(shown) == golden


def test_rows_are_counted_as_rows() -> None:
    summary = Summary("run", "2026-01-01T00:00:00Z", 1.0, (record(),), dry_run=True)
    assert "+1 ~2 -1 rows" in plan_text(summary, Ink(width=100), Exit.OK)


def test_many_rows_are_counted_after_the_first() -> None:
    changes = [Change(f"r{number}", ABSENT, entry(TODO)) for number in range(40)]
    assert rows.changes(changes, Ink(width=80), (), every=False)[-1] == "    and 28 more rows  (--show all)"
    assert len(rows.changes(changes, Ink(width=80), (), every=True)) == 40


@pytest.mark.parametrize("value", ["\x1b[31mred", "a\nb", "::error::x", "\u202etxt"])
def test_values_reach_the_terminal_as_one_safe_line(value: str) -> None:  # T07
    [line] = rows.differences({"N": "x"}, {"N": value})
    assert "\x1b" not in line and "\n" not in line and "\u202e" not in line


def test_a_value_that_sounds_secret_is_left_out() -> None:
    [line] = rows.differences({"API token": "old", "password": "one"}, {"API token": "old", "password": "two"})
    assert "one" not in line and "two" not in line


def test_contents_that_are_no_mappings_are_named_only() -> None:
    change = Change("a", entry(TODO), entry(DONE))
    assert rows.changes([change], Ink(width=80), [FileDiff("a", b"[1]", b"\xff")], every=False) == ["  ~ a"]


def test_rows_that_hold_the_same_are_not_moved() -> None:
    changes = (Change("a", entry(TODO), ABSENT), Change("b", ABSENT, entry(TODO)))
    assert count(changes).moved == 1 and count(changes, "row").moved == 0
