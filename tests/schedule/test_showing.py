"""`dsync schedule`, and the alarm wherever people look (F38, F40, F41, F42)."""

from __future__ import annotations

import json

import pytest
from tests.project import Project
from tests.schedule.conftest import CONFIG, Clock

from directional_sync.cli import main


@pytest.fixture
def dsync(scheduled: Project, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.chdir(scheduled.root)

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main(list(arguments))
        said = capfd.readouterr()
        return status, said.out, said.err

    return run


def test_before_and_after_the_first_run(scheduled: Project, clock: Clock, dsync) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = dsync("schedule")
    assert status == 0 and "3 targets: 2 never, 1 by hand" in out and "dsync run --due" in out
    assert dsync("run", "--due", "-q")[0] == 0
    status, out, _ = dsync("schedule", "--check")
    assert status == 0 and "3 targets: 2 ok, 1 by hand" in out and "dsync run --due" not in out


def test_an_overdue_target_is_an_alarm_everywhere(scheduled: Project, clock: Clock, dsync) -> None:  # type: ignore[no-untyped-def]
    dsync("run", "--due")
    clock.set("2026-11-28T07:59")
    assert dsync("schedule", "--check")[0] == 0  # due, and not yet an alarm
    clock.set("2026-11-28T08:01")
    status, out, _ = dsync("schedule", "--check")
    assert status == 1
    assert "overdue[E-OVERDUE] daily: expected at 2026-11-28T02:00:00Z, 6h ago, and not run since" in " ".join(
        out.split()
    )
    assert dsync("schedule")[0] == 0
    assert "overdue" in dsync("list")[1]
    status, out, _ = dsync("status", "--check")
    assert status == 1 and "overdue[E-OVERDUE] daily" in out
    assert json.loads(dsync("status", "--json")[1])["overdue"] == ["daily"]
    assert "overdue, nothing answers their schedule: daily" in " ".join(dsync("doctor")[1].split())
    dsync("run", "--due")
    assert dsync("schedule", "--check")[0] == 0
    assert dsync("explain", "E-OVERDUE")[0] == 0


def test_the_coming_times_of_one_target(scheduled: Project, clock: Clock, dsync) -> None:  # type: ignore[no-untyped-def]
    text = CONFIG.replace('"0 2 * * *"', '"30 2 * * *"\n        timezone: Europe/Brussels\n        jitter: 10m')
    scheduled.configure(text)
    clock.set("2026-03-28T12:00")
    scheduled.run("daily")
    status, out, _ = dsync("schedule", "daily", "--next", "3")
    assert status == 0 and "daily, next in UTC:" in out and "after its schedule (jitter)" in out
    [row] = json.loads(dsync("schedule", "daily", "--next", "4", "--json")[1])
    assert 0 <= row["delay"] < 600
    assert [text[:13] for text in row["next"]] == ["2026-03-29T01", "2026-03-30T00", "2026-03-31T00", "2026-04-01T00"]


def test_json_says_what_was_expected_and_what_happened(scheduled: Project, clock: Clock, dsync) -> None:  # type: ignore[no-untyped-def]
    dsync("run", "--due")
    clock.set("2026-11-28T02:00")
    row = next(row for row in json.loads(dsync("schedule", "--json")[1]) if row["target"] == "daily")
    assert row == {
        "target": "daily",
        "schedule": "0 2 * * *",
        "timezone": "UTC",
        "catchup": "once",
        "delay": 0,
        "state": "due",
        "code": None,
        "due": True,
        "held": None,
        "expected": "2026-11-28T02:00:00Z",
        "unanswered_since": "2026-11-28T02:00:00Z",
        "last_run": {
            "started": "2026-11-28T01:00:00Z",
            "ended": row["last_run"]["ended"],
            "ending": "well",
            "answers": None,
        },
        "longer_than_its_period": False,
        "next": ["2026-11-28T02:00:00Z", "2026-11-29T02:00:00Z", "2026-11-30T02:00:00Z"],
    }


def test_what_failed_says_when_it_is_tried_again(scheduled: Project, clock: Clock, dsync) -> None:  # type: ignore[no-untyped-def]
    scheduled.write("fail-daily", "")
    scheduled.commit()
    assert dsync("run", "--due")[0] == 1
    out = " ".join(dsync("schedule")[1].split())
    assert "daily: its last run failed; again at 2026-11-28T02:00:0" in out


def test_nothing_due_as_text_and_json(scheduled: Project, clock: Clock, dsync) -> None:  # type: ignore[no-untyped-def]
    dsync("run", "--due")
    status, out, _ = dsync("run", "--due")
    assert status == 0 and "3 skipped, not due" in out and "0 targets" in out
    report = json.loads(dsync("run", "--due", "--json")[1])
    assert report["total_targets"] == 0 and len(report["skipped"]) == 3 and report["exit_status"] == 0
    assert dsync("run", "--due", "--plan", "1234")[0] == 2
