"""`dsync run --due` on a real repository: by the recorded state, however late and however often it is called."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys

import pytest
from tests.project import Project
from tests.schedule.conftest import CONFIG, Clock

from directional_sync.app import Selection, open_workspace
from directional_sync.core.due import Ending
from directional_sync.errors import HostError, LockHeldError
from directional_sync.listing import list_targets
from directional_sync.model.lifecycle import Skip
from directional_sync.model.record import Summary
from directional_sync.past import log
from directional_sync.timetable import scheduled as scheduled_rows
from directional_sync.timetable import timetable


def due(project: Project, *patterns: str, **options: object) -> dict[str, str]:
    """Target -> its outcome, of those that ran."""
    summary = project.run(*patterns, due=True, **options)
    return {record.target: str(record.outcome) for record in summary.counted}


def left(summary: Summary) -> dict[str, tuple[Skip | None, str]]:
    return {record.target: (record.skip, record.message) for record in summary.skipped}


def test_what_never_ran_runs_and_then_waits_for_its_firing(scheduled: Project, clock: Clock) -> None:  # F40
    assert due(scheduled) == {"daily": "synced", "often": "synced"}
    assert scheduled.files()["daily/note.txt"] == "for 2026-11-27T02:00:00Z"
    commits = scheduled.commits()
    assert due(scheduled) == {}
    clock.set("2026-11-28T02:00")
    assert due(scheduled) == {"daily": "synced"}
    clock.set("2026-11-28T05:59:59")
    assert due(scheduled) == {}
    clock.set("2026-11-30T11:00")  # nobody called for two days
    assert due(scheduled) == {"daily": "synced", "often": "synced"}
    assert scheduled.files()["often/note.txt"] == "for 2026-11-30T06:00:00Z"
    assert due(scheduled) == {}
    assert scheduled.commits() == commits + 3


def test_what_is_not_due_says_until_when_and_leaves_no_trace(scheduled: Project, clock: Clock) -> None:
    scheduled.run(due=True)
    scheduled.run(due=True)
    state = scheduled.root / ".git/directional-sync"
    before = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    summary = scheduled.run(due=True)
    assert left(summary) == {
        "daily": (Skip.NOT_DUE, "not due before 2026-11-28T02:00:00Z"),
        "often": (Skip.NOT_DUE, "not due before 2026-11-28T06:00:00Z"),
        "byhand": (Skip.NOT_DUE, "has no schedule; it is run by hand"),
    }
    assert int(summary.exit()) == 0
    assert {path: path.read_bytes() for path in state.rglob("*") if path.is_file()} == before


def test_a_dry_run_shows_what_is_due_and_changes_nothing_of_it(scheduled: Project, clock: Clock) -> None:  # P7
    assert due(scheduled, dry_run=True) == {"daily": "planned", "often": "planned"}
    assert due(scheduled, dry_run=True) == {"daily": "planned", "often": "planned"}


def test_a_person_who_runs_it_answers_the_firing_too(scheduled: Project, clock: Clock) -> None:
    due(scheduled)
    clock.set("2026-11-28T02:10")
    assert [r.scheduled for r in scheduled.run("daily").records] == [""]
    assert due(scheduled) == {}


def test_a_selection_narrows_what_is_due(scheduled: Project, clock: Clock) -> None:
    assert due(scheduled, "da*") == {"daily": "synced"}
    assert due(scheduled) == {"often": "synced"}


def test_the_record_says_for_which_firing_it_was(scheduled: Project, clock: Clock) -> None:
    due(scheduled)
    workspace = open_workspace(None, scheduled.root, scheduled.environ)
    [report] = log(workspace, None, 9).reports
    assert {entry["target"]: entry["scheduled"] for entry in report["results"]} == {
        "daily": "2026-11-27T02:00:00Z",
        "often": "2026-11-28T00:00:00Z",
    }
    assert report["skipped"] == []


def test_what_failed_is_tried_again_after_a_while_and_not_at_every_call(scheduled: Project, clock: Clock) -> None:
    due(scheduled)
    scheduled.write("fail-daily", "")
    scheduled.commit()
    clock.set("2026-11-28T02:00")
    assert due(scheduled) == {"daily": "failed"}
    tried = []
    for _ in range(24 * 12 - 1):
        clock.pass_by(minutes=5)
        tried += [f"{clock.moment:%H:%M}"] if due(scheduled, "daily") else []
    # An hour after it has ended, then two, four and eight; then comes the next firing.
    assert tried == ["03:05", "05:10", "09:15", "17:20"]
    clock.set("2026-11-29T02:00")
    scheduled.git("rm", "-q", "fail-daily")
    scheduled.commit()
    assert due(scheduled, "daily") == {"daily": "synced"}
    clock.pass_by(hours=1)
    assert due(scheduled, "daily") == {}


def test_who_needs_what_failed_waits_until_that_is_mended(scheduled: Project, clock: Clock) -> None:  # F96
    scheduled.configure(CONFIG.replace('outputs: ["often/**"]', 'outputs: ["often/**"]\n        needs: [daily]'))
    due(scheduled)
    scheduled.write("fail-daily", "")
    scheduled.commit()
    clock.set("2026-11-28T02:00")
    assert due(scheduled) == {"daily": "failed"}
    clock.set("2026-11-28T06:00")  # daily is tried for the third time, and often is due
    summary = scheduled.run(due=True)
    assert left(summary)["often"] == (Skip.DEPENDENCY, "upstream failed: daily")
    clock.set("2026-11-28T07:00")
    summary = scheduled.run(due=True)
    assert not summary.counted
    assert left(summary)["often"] == (Skip.NOT_DUE, "due, but needs daily, whose last run did not succeed")
    scheduled.git("rm", "-q", "fail-daily")
    scheduled.commit()
    scheduled.run("daily")
    assert due(scheduled) == {"often": "synced"}


def test_a_pause_with_an_end(scheduled: Project, clock: Clock) -> None:
    pause = "\n        paused: {reason: month end, until: 2026-11-29}"
    scheduled.configure(CONFIG.replace('outputs: ["daily/**"]', 'outputs: ["daily/**"]' + pause))
    summary = scheduled.run(due=True)
    assert left(summary)["daily"] == (Skip.PAUSED, "paused in the file until 2026-11-29: month end")
    assert scheduled.one("daily").message == "paused in the file until 2026-11-29: month end"
    clock.set("2026-11-30T00:00")
    assert due(scheduled, "daily") == {"daily": "synced"}


def test_all_missed_firings_one_run_each_the_oldest_first(scheduled: Project, clock: Clock) -> None:  # F39
    scheduled.configure(CONFIG.replace('schedule: "0 2 * * *"', 'schedule: "0 2 * * *"\n        catchup: all(3)'))
    due(scheduled)
    clock.set("2026-12-05T08:00")
    seen = []
    while scheduled.run("daily", due=True).counted:
        seen.append(scheduled.files()["daily/note.txt"])
    assert seen == [f"for 2026-12-0{day}T02:00:00Z" for day in (3, 4, 5)]


def test_missed_firings_that_are_skipped(scheduled: Project, clock: Clock) -> None:  # F39
    scheduled.configure(CONFIG.replace('schedule: "0 2 * * *"', 'schedule: "0 2 * * *"\n        catchup: skip'))
    scheduled.run("daily")
    clock.set("2026-12-05T09:00")
    assert due(scheduled, "daily") == {}
    clock.set("2026-12-06T02:30")
    assert due(scheduled, "daily") == {"daily": "synced"}


def test_a_clock_that_jumps_starts_nothing_twice(scheduled: Project, clock: Clock) -> None:  # F34
    clock.set("2026-11-28T02:00")
    due(scheduled)
    clock.set("2026-11-28T01:00")
    assert due(scheduled) == {}
    clock.set("2026-11-28T02:00")
    assert due(scheduled) == {}
    clock.set("2026-12-01T02:00")  # three days forward
    assert due(scheduled) == {"daily": "synced", "often": "synced"}
    clock.set("2026-11-28T02:30")  # and back
    assert due(scheduled) == {}
    clock.set("2026-11-29T02:30")
    assert due(scheduled) == {"daily": "synced", "often": "synced"}


def test_both_changes_of_the_clock(scheduled: Project, clock: Clock) -> None:  # F35, F36
    brussels = '"30 2 * * *"\n        timezone: Europe/Brussels'
    scheduled.configure(CONFIG.replace('"0 2 * * *"', brussels))
    for first, times in (("2026-03-28T12:00", 1), ("2026-10-24T12:00", 1)):
        clock.set(first)
        scheduled.run("daily")
        ran = 0
        for _ in range(24 * 4):
            clock.pass_by(minutes=15)
            ran += len(due(scheduled, "daily"))
        assert ran == times


def test_a_machine_without_time_zones_runs_nothing(scheduled: Project, clock: Clock) -> None:  # F44
    zone = '"30 2 * * *"\n        timezone: Europe/Brussels'
    scheduled.configure(CONFIG.replace('"0 2 * * *"', zone))
    code = (
        "import sys, zoneinfo; zoneinfo.reset_tzpath(to=()); sys.modules['tzdata'] = None\n"
        "from directional_sync.cli import main; sys.exit(main(['run', '--due']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=scheduled.root, capture_output=True, text=True)
    assert done.returncode == 2 and "no time zone" in done.stderr and "tzdata" in done.stderr
    scheduled.run("byhand")  # the file is remembered now, and the zones are gone later
    done = subprocess.run([sys.executable, "-c", code], cwd=scheduled.root, capture_output=True, text=True)
    assert done.returncode != 0 and ("E-TIMEZONES" in done.stderr or "no time zone" in done.stderr)


def test_a_lost_zone_is_never_read_as_another(
    scheduled: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:  # F44
    from directional_sync.config import cron

    workspace = open_workspace(None, scheduled.root, scheduled.environ)

    def gone(name: str) -> None:
        raise ValueError(f"the time zone {name!r} is not known")

    monkeypatch.setattr(cron, "zone", gone)
    with pytest.raises(HostError) as caught:
        timetable(workspace)
    assert caught.value.code == "E-TIMEZONES"


def test_notes_that_travel_tell_a_new_clone_what_ran(scheduled: Project, clock: Clock) -> None:
    due(scheduled, carry=True)
    clock.pass_by(minutes=30)
    clone = Project(scheduled.root.parent / "clone")
    scheduled.git("clone", "-q", str(scheduled.root), str(clone.root))
    assert set(due(clone, dry_run=True)) == {"daily", "often"}  # it knows of nothing
    clone.git("fetch", "-q", "origin", "+refs/directional-sync/*:refs/directional-sync/*")
    assert due(clone) == {}
    clock.set("2026-11-28T02:00")
    clone.write("fail-daily", "")
    clone.commit()
    assert due(clone, carry=True) == {"daily": "failed"}
    clone.git("pack-refs", "--all")
    clone.git("push", "-q", "--force", "origin", "refs/directional-sync/ran/*:refs/directional-sync/ran/*")
    clock.pass_by(minutes=30)
    assert due(scheduled) == {}  # it failed there an hour ago, and is tried again later
    clock.pass_by(minutes=30)
    assert due(scheduled) == {"daily": "synced"}


def test_a_broken_note_is_no_note(scheduled: Project, clock: Clock) -> None:
    blob = scheduled.git("hash-object", "-w", "sync.yaml")
    scheduled.git("update-ref", "refs/directional-sync/ran/daily", blob)
    assert due(scheduled) == {"daily": "synced", "often": "synced"}
    assert due(scheduled) == {}


def test_the_list_shows_what_is_overdue(scheduled: Project, clock: Clock) -> None:  # F40, F41
    due(scheduled)
    clock.set("2026-11-28T10:00")
    workspace = open_workspace(None, scheduled.root, scheduled.environ)
    rows = {row.target.name: row for row in list_targets(workspace, Selection())}
    assert (rows["daily"].overdue, rows["often"].overdue, rows["byhand"].overdue) == (True, True, False)
    assert rows["byhand"].next_run == "" and rows["often"].next_run == "2026-11-28T06:00:00Z"


def _hold(root: str, ready: object, done: object) -> None:
    from pathlib import Path

    from directional_sync.system.lock import run_lock

    with run_lock(Path(root) / ".git/directional-sync", {"command": "test"}):
        ready.set()  # type: ignore[attr-defined]
        done.wait(30)  # type: ignore[attr-defined]


def test_who_waited_for_another_run_asks_anew_what_is_due(
    scheduled: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look and the lock another run has answered."""
    from directional_sync import wiring

    opened = wiring.run_lock

    def late(*arguments: object, **given: object) -> object:
        monkeypatch.setattr(wiring, "run_lock", opened)
        assert due(scheduled) == {"daily": "synced", "often": "synced"}
        return opened(*arguments, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(wiring, "run_lock", late)
    assert due(scheduled) == {}


def test_a_busy_repository_is_told_of(scheduled: Project, clock: Clock) -> None:  # F73
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(scheduled.root), ready, done))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(LockHeldError):
            due(scheduled)
    finally:
        done.set()
        holder.join(30)
    assert due(scheduled) == {"daily": "synced", "often": "synced"}


def test_what_was_killed_is_not_due_at_every_call(scheduled: Project) -> None:  # F01 to F05, by schedule
    begun = scheduled.root.parent / "begun"
    os.mkfifo(begun)
    scheduled.write("scripts/note.sh", f"#!/bin/bash\necho begun >'{begun}'; exec sleep 60\n", mode=0o755)
    scheduled.configure(CONFIG)
    argv = [sys.executable, "-m", "directional_sync", "run", "--due"]
    child = subprocess.Popen(argv, cwd=scheduled.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with begun.open() as told:
        assert told.read() == "begun\n"
    child.kill()
    child.communicate()
    assert due(scheduled) == {}
    workspace = open_workspace(None, scheduled.root, scheduled.environ)
    [daily, *_] = scheduled_rows(workspace, Selection())
    assert daily.standing.last is not None and daily.standing.last.ending is Ending.CUT


def test_who_was_cut_off_waits_longer_each_time(
    scheduled: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from directional_sync.execute import local

    def killed(*arguments: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(local, "execute", killed)
        tried = []
        for _ in range(12 * 6):
            try:
                due(scheduled, "daily")
            except KeyboardInterrupt:
                tried.append(f"{clock.moment:%H:%M}")
            clock.pass_by(minutes=5)
    assert tried == ["01:00", "01:05", "01:15", "01:35", "02:00", "03:20", "06:00"]
    clock.set("2026-11-29T02:00")
    assert due(scheduled, "daily") == {"daily": "synced"}
    assert not (scheduled.root / ".git/directional-sync/under-way.json").exists()
    assert due(scheduled, "daily") == {}


def test_a_run_that_waited_answers_what_fired_meanwhile(
    scheduled: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was called before the firing and began after it: once is enough."""
    from directional_sync import wiring

    clock.set("2026-11-27T03:00")
    due(scheduled)
    clock.set("2026-11-28T01:59")
    opened = wiring.run_lock

    def late(*arguments: object, **given: object) -> object:
        clock.set("2026-11-28T02:01")
        return opened(*arguments, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(wiring, "run_lock", late)
    assert due(scheduled) == {"daily": "synced", "often": "synced"}
    monkeypatch.undo()
    monkeypatch.setattr("directional_sync.system.host.now", lambda: clock.moment)
    assert due(scheduled) == {}
