"""Rows that are pushed: made once, changed where they differ, archived where they are gone, and nothing else."""

from __future__ import annotations

import time

import pytest
from tests.notion.noted import Noted, task, tasks

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Why
from directional_sync.model.target import Prefer
from directional_sync.testing.notion import text
from directional_sync.testing.service import Asked, Mishap


def test_rows_are_made_and_the_next_run_asks_once(noted: Noted) -> None:  # U10
    noted.say(*tasks(3, tags=["a", "b"]))
    head = noted.project.head
    record = noted.sync()
    assert (record.outcome, record.counts.added) == (Outcome.SYNCED, 3)
    assert noted.ids() == ["t000", "t001", "t002"]
    assert noted.value("t001", "Due") == {"start": "2026-01-31", "end": None, "time_zone": None}
    assert [option["name"] for option in noted.value("t001", "Tags")] == ["a", "b"]
    assert {effect.facts["id"] for effect in record.effects} == {noted.row(key).id for key in noted.ids()}
    assert noted.project.head == head and noted.project.clean()
    noted.rest()


def test_requests_of_a_run(noted: Noted) -> None:
    """spec: a run without changes costs one query for each hundred rows; k changes cost k writes more, and one look."""
    noted.say(*tasks(250))
    noted.board.clock = lambda: time.time() - 3600
    noted.sync()
    noted.board.clock = time.time
    first = noted.heard()
    assert first[:2] == [
        f"GET /v1/databases/{noted.database}",
        f"GET /v1/data_sources/{noted.board.table(noted.database).id}",
    ]
    assert sorted(first[2:]) == ["create"] * 250 + ["query"] * (first.count("query"))
    noted.rest()
    changed = [task(at, status="Done" if at in (3, 120, 249) else "Todo") for at in range(250)]
    noted.say(*changed)
    noted.sync()
    assert noted.heard() == ["query"] * 4 + ["update"] * 3
    noted.rest()


def test_only_what_differs_is_written(noted: Noted) -> None:  # U12
    noted.say(task(1), task(2))
    noted.sync()
    page = noted.row("t001").id
    noted.board.edit(page, {"Notes": {"rich_text": [{"text": {"content": "their own"}}]}, "Hours": {"number": 3}})
    noted.rest()
    noted.say(task(1, status="Done"), task(2))
    record = noted.sync()
    assert record.counts.changed == 1
    asked = [one for one in noted.service.heard if one.method == "PATCH"]
    assert [one.json for one in asked] == [{"properties": {"Status": {"select": {"name": "Done"}}}}]
    assert text(noted.row("t001").now.properties["Notes"]) == "their own"
    assert noted.value("t001", "Hours") == 3
    noted.rest()


def test_a_row_that_is_gone_here_is_archived_and_never_deleted(noted: Noted) -> None:  # U19
    noted.say(*tasks(3))
    noted.sync()
    page = noted.row("t001").id
    noted.say(task(0), task(2))
    record = noted.sync()
    assert record.counts.deleted == 1
    assert noted.ids() == ["t000", "t002"]
    assert noted.board.pages[page].now.in_trash
    noted.rest()


def test_no_mass_archive(noted: Noted) -> None:  # U18, U19, F50
    noted.say(*tasks(10))
    noted.sync()
    noted.heard()
    noted.say(task(1))
    record = noted.run()
    assert record.failure is not None and record.failure.code == "E-GUARD-DELETE"
    noted.say()
    assert noted.run().outcome is Outcome.REFUSED
    noted.project.git("rm", "-q", "tasks/all.json")
    noted.project.commit()
    record = noted.run()
    assert record.outcome is Outcome.REFUSED
    assert set(noted.heard()) == {"query"} and len(noted.ids()) == 10
    noted.say(*tasks(6))
    assert noted.sync().counts.deleted == 4


@pytest.mark.parametrize("policy", ["keep", "overwrite", "conflict"])
def test_what_people_edit_in_an_owned_property_goes_by_the_policy(noted: Noted, policy: str) -> None:  # U11, F61
    noted.target["policy"] = {"overwrite_edits": policy == "overwrite"}
    noted.configure()
    noted.say(task(1), task(2))
    noted.sync()
    noted.board.edit(noted.row("t001").id, {"Status": {"select": {"name": "Done"}}})
    if policy == "conflict":
        noted.say(task(1, status="Later"), task(2))
    record = noted.run()
    assert record.plan is not None
    if policy == "keep":
        assert [(item.key, item.why) for item in record.plan.held] == [("t001", Why.EDITED)]
        assert noted.value("t001", "Status")["name"] == "Done"
    elif policy == "overwrite":
        assert record.counts.changed == 1
        assert noted.value("t001", "Status")["name"] == "Todo"
        noted.rest()
    else:
        assert record.outcome is Outcome.CONFLICTED
        assert [conflict.key for conflict in record.plan.conflicts] == ["t001"]
        noted.sync(prefer=Prefer.REPO)
        assert noted.value("t001", "Status")["name"] == "Later"


def test_a_row_that_people_put_into_the_trash_stays_there_unless_the_policy_says_otherwise(
    noted: Noted,
) -> None:  # U13, F62
    noted.say(task(1), task(2))
    noted.sync()
    noted.board.trash(noted.row("t001").id)
    record = noted.sync()
    assert record.plan is not None and [item.why for item in record.plan.held] == [Why.EDITED]
    assert noted.ids() == ["t002"]
    noted.target["policy"] = {"overwrite_edits": True}
    noted.configure()
    assert noted.sync().counts.added == 1
    assert noted.ids() == ["t001", "t002"]
    noted.rest()


def test_a_dry_run_writes_nothing_anywhere(noted: Noted) -> None:  # P7
    noted.say(*tasks(2))
    record = noted.run(dry_run=True)
    assert record.outcome is Outcome.PLANNED and record.plan is not None and len(record.plan.remote) == 2
    assert not noted.board.writes
    assert not (noted.project.root / ".git/directional-sync/effects").exists()


def test_a_proof_looks_a_second_time(noted: Noted) -> None:
    noted.configure(settle=60)
    noted.board.lag = lambda: 30.0
    noted.say(*tasks(3))
    assert noted.sync(prove=True).outcome is Outcome.SYNCED
    assert noted.heard()[-3:] == [f"GET /v1/pages/{noted.row(key).id}" for key in noted.ids()]

    def meddle(asked: Asked) -> bool:
        if asked.method == "PATCH":
            meddled.append(noted.row("t002").id)
        elif meddled and asked.path.endswith("/query"):
            noted.board.lag = lambda: 0.0
            noted.board.edit(meddled.pop(), {"Status": {"select": {"name": "Other"}}})
        return False

    meddled: list[str] = []
    noted.service.misbehave(Mishap(when=meddle))
    noted.say(task(0), task(1), task(2, status="Done"))
    record = noted.run(prove=True)
    assert record.failure is not None and record.failure.code == "E-APPLY-LOST"
    assert record.failure.detail == ("t002",)


@pytest.mark.parametrize("policy", [{}, {"on_delete": "keep"}])
def test_what_stays_when_documents_go(noted: Noted, policy: dict[str, str]) -> None:
    noted.target["policy"] = policy
    noted.configure()
    noted.say(*tasks(4))
    noted.sync()
    noted.say(*tasks(3))
    record = noted.sync()
    assert len(noted.ids()) == (4 if policy else 3)
    assert record.counts.deleted == (0 if policy else 1)


def test_a_plan_shows_old_and_new_values(noted: Noted) -> None:
    noted.say(*tasks(4))
    noted.sync()
    noted.board.edit(noted.row("t000").id, {"Name": {"title": [{"text": {"content": "Mine"}}]}})
    noted.board.edit(noted.row("t003").id, {"Status": {"select": {"name": "Other"}}})
    noted.say(task(0), task(1, status="Done", due=None), task(3, status="Done"), task(9, tags=["x", "y"]))
    done = noted.command("plan")
    assert done.stdout.partition("\n\n")[2].startswith(
        """\
tasks  push  +1 ~1 -1 rows
  ~ t001   Due: 2026-01-31 -> (nothing); Status: Todo -> Done
  - t002
  + t009   Due: 2026-01-31; Name: Task 9; Status: Todo; Tags: x, y
  x t003  changed on both sides
      Status: here Done, there Other, before Todo
  ! t000  left as it is: was edited there, the source did not change
      Name: Task 0 -> Mine
"""
    ), done.stdout
    assert "1 would wait for a decision.  +1 ~1 -1 rows" in done.stdout
