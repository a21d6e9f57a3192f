"""Exit status, record and what is carried out never say more than what happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync.errors import StalePlanError
from directional_sync.model.lifecycle import Outcome

CONFIG = """
    targets:
      one:
        direction: pull
        entrypoint: "scripts/one.sh"
        outputs: ["one/**"]
      two:
        direction: pull
        entrypoint: "scripts/two.sh"
        outputs: ["two/**"]
    """
WORKS = "#!/bin/sh\nmkdir -p {0}\ncat source > {0}/file\n"


@pytest.fixture
def pair(project: Project) -> Project:
    for name in ("one", "two"):
        project.write(f"scripts/{name}.sh", WORKS.format(name), mode=0o755)
    project.write("source", "1\n")
    project.configure(CONFIG)
    return project


def dsync(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "directional_sync", *arguments]
    return subprocess.run(command, cwd=project.root, env=project.environ, capture_output=True, text=True, timeout=60)


def test_a_lock_file_that_cannot_be_read_is_a_failure(pair: Project) -> None:
    """P11: whatever a target fails with, the run has not succeeded."""
    pair.write("sync.lock", "<<<<<<< ours\n")
    pair.commit()
    summary = pair.run()
    assert [record.outcome for record in summary.records] == [Outcome.FAILED, Outcome.FAILED]
    assert int(summary.exit()) == 1
    assert dsync(pair, "run").returncode == 1
    assert dsync(pair, "status", "--check").returncode == 1


def test_a_plan_that_came_to_nothing_cannot_be_carried_out(pair: Project) -> None:
    """P6: it names no target, and that must not mean all."""
    for name in ("one", "two"):
        pair.write(f"scripts/{name}.sh", "#!/bin/sh\nexit 3\n", mode=0o755)
    pair.commit()
    plan = pair.plan().plan_id
    assert plan == ""
    pair.write("scripts/one.sh", WORKS.format("one"), mode=0o755)
    head = pair.commit()
    with pytest.raises(StalePlanError):
        pair.run(plan_id="e3b0c442")
    assert pair.head == head


def test_a_branch_switched_during_the_run_ends_it(pair: Project) -> None:
    """F76: what was begun on one branch is not carried on on another."""
    pair.git("branch", "other")
    other = pair.head
    check = f'"[ ! -d one ] || git -C {pair.root} checkout -q other"'
    pair.configure(f"{CONFIG}\n    safety:\n      post_sync_checks:\n        - {{name: switch, command: {check}}}\n")
    begun = pair.head
    summary = pair.run()
    assert [r.failure.code for r in summary.records if r.failure] == ["E-STALE-BRANCH"] * 2
    assert pair.git("rev-parse", "main", "other").split() == [begun, other]


def test_a_record_that_cannot_be_kept_hides_nothing(pair: Project) -> None:
    """F21: the commits are made and are told of, and the status says that something failed."""
    state = pair.root / ".git" / "directional-sync"
    (state / "history.sqlite" / "in").mkdir(parents=True)
    done = dsync(pair, "run")
    assert done.returncode == 1
    assert pair.head[:7] in done.stdout
    assert "exit 1" in done.stdout
    assert "record of this run" in done.stderr


def test_a_report_that_cannot_be_written_is_told_with_the_status(pair: Project, tmp_path: Path) -> None:
    done = dsync(pair, "run", "--summary-json", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("exit 1")


@pytest.mark.parametrize(
    "left", [b"", b"garbage" * 900, b"SQLite format 3\0" + b"\xff" * 5000], ids=["empty", "no", "head"]
)
def test_a_history_that_is_damaged_stops_no_run_and_removes_nothing(pair: Project, left: bytes) -> None:  # F97
    assert dsync(pair, "run").returncode == 0
    path, files = pair.root / ".git/directional-sync/history.sqlite", pair.files()
    for other in path.parent.glob("history.sqlite-*"):
        other.unlink()
    path.write_bytes(left)
    pair.write("source", "2\n")
    pair.commit()
    done = dsync(pair, "run")
    assert done.returncode == 0, done.stderr
    assert left == b"" or "history.sqlite.broken" in done.stderr
    after = {**pair.files(), "sync.lock": files["sync.lock"]}
    assert after == {**files, "source": "2", "one/file": "2", "two/file": "2"}
    assert len(json.loads(dsync(pair, "log", "--json").stdout)) == 2, "the commits tell of the first"


def test_a_history_of_a_later_version_stops_a_run_before_it_begins(pair: Project) -> None:  # F99, P13
    import sqlite3

    assert dsync(pair, "run").returncode == 0
    path = pair.root / ".git/directional-sync/history.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    head, was = pair.head, path.read_bytes()
    for command in (["run"], ["log"], ["undo", "--yes"]):
        done = dsync(pair, *command)
        assert done.returncode == 1 and "E-HISTORY-NEWER" in done.stderr
    assert dsync(pair, "plan").returncode == 0
    assert (pair.head, path.read_bytes()) == (head, was)
