"""Run records: kept as files, indexed by something that can always be made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from directional_sync.errors import SelectionError, StalePlanError
from directional_sync.store import plans
from directional_sync.store.history import History


def report(run: str, *targets: str, dry_run: bool = False, outcome: str = "synced") -> dict[str, Any]:
    results = [
        {"target": t, "outcome": outcome, "message": f"{run} {t}", "duration": 1.5, "commit": "c" * 40} for t in targets
    ]
    return {"run": run, "timestamp": f"2026-01-01T00:00:{run[-2:]}Z", "dry_run": dry_run, "results": results}


def test_the_last_run_of_each_target_is_its_newest_real_one(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(report("r01", "a", "b"))
    history.add(report("r02", "a"))
    history.add(report("r03", "a", dry_run=True))
    history.add(report("r04", "b", outcome="skipped"))
    last = history.last_runs()
    assert {name: run.run for name, run in last.items()} == {"a": "r02", "b": "r01"}
    assert last["a"].message == "r02 a"


def test_the_last_good_run_is_remembered_behind_one_that_failed(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(report("r01", "a", "b"))
    history.add(report("r02", "a", outcome="in_sync"))
    history.add(report("r03", "a", "c", outcome="failed"))
    history.add(report("r04", "a", dry_run=True))
    last = history.last_runs()
    assert (last["a"].run, last["a"].outcome, last["a"].good) == ("r03", "failed", "2026-01-01T00:00:02Z")
    assert last["b"].good == "2026-01-01T00:00:01Z" and last["c"].good == ""


def test_newest_first_and_by_target(tmp_path: Path) -> None:
    history = History(tmp_path)
    for run in ("r01", "r02", "r03"):
        history.add(report(run, "a" if run != "r02" else "b"))
    assert [r["run"] for r in history.newest()] == ["r03", "r02", "r01"]
    assert [r["run"] for r in history.newest("a")] == ["r03", "r01"]
    assert [r["run"] for r in history.newest(limit=1)] == ["r03"]


@pytest.mark.parametrize("damage", [b"", b"garbage" * 400, None], ids=["empty", "garbage", "deleted"])
def test_a_lost_index_is_made_again_from_the_reports(tmp_path: Path, damage: bytes | None) -> None:
    """F97: nothing but speed is lost with it."""
    History(tmp_path).add(report("r01", "a"))
    index = tmp_path / "index.sqlite"
    index.unlink()
    if damage is not None:
        index.write_bytes(damage)
    assert History(tmp_path).last_runs()["a"].run == "r01"


def test_an_index_broken_inside_is_made_again(tmp_path: Path) -> None:
    """Its first page is whole, so that it opens."""
    history = History(tmp_path)
    for number in range(40):
        history.add(report(f"r{number:02}", "a", "b"))
    index = tmp_path / "index.sqlite"
    index.write_bytes(index.read_bytes()[:4096] + b"\xff" * (index.stat().st_size - 4096))
    assert history.last_runs()["a"].run == "r39"
    index.write_bytes(index.read_bytes()[:4096] + b"\xff" * (index.stat().st_size - 4096))
    assert history.newest("b", 1)[0]["run"] == "r39"


def test_an_index_of_another_version_is_made_again(tmp_path: Path) -> None:
    import sqlite3

    history = History(tmp_path)
    history.add(report("r01", "a"))
    with sqlite3.connect(tmp_path / "index.sqlite") as index:
        index.execute("PRAGMA user_version = 99")
        index.execute("DROP TABLE runs")
    assert [r["run"] for r in history.newest()] == ["r01"]


def test_a_damaged_report_hides_only_itself(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(report("r01", "a"))
    history.add(report("r02", "a"))
    (tmp_path / "runs" / "r02.json").write_text("{")
    assert [r["run"] for r in history.newest()] == ["r01"]


def test_reading_an_empty_history_creates_nothing(tmp_path: Path) -> None:
    history = History(tmp_path / "none")
    assert history.last_runs() == {}
    assert history.newest() == []
    assert not (tmp_path / "none").exists()


def test_a_run_is_found_by_either_end_of_its_id(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(report("abc01", "a"))
    history.add(report("abd02", "a"))
    assert history.find("abd")["run"] == "abd02"
    assert history.find("01")["run"] == "abc01"
    for unclear in ("ab", "zz"):
        with pytest.raises(SelectionError) as caught:
            history.find(unclear)
        assert caught.value.code == "E-RUN-UNKNOWN"


def test_reports_are_for_the_owner_only(tmp_path: Path) -> None:
    """T42."""
    path = History(tmp_path / "state").add(report("r01", "a"))
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_text())["run"] == "r01"


def test_a_plan_is_kept_under_an_id_that_depends_on_its_content_only(tmp_path: Path) -> None:
    first = plans.keep(tmp_path, {"a": "1", "b": "2"}, {"locked": True})
    assert plans.load(tmp_path, first).allowed == {"locked": True}
    assert plans.keep(tmp_path, {"a": "1", "b": "2"}) == first
    assert plans.keep(tmp_path, {"a": "1", "b": "3"}) != first
    assert plans.load(tmp_path, first).digests == {"a": "1", "b": "2"}


@pytest.mark.parametrize("plan", ["", "ffffffff", "../../etc/passwd", "a/b"])
def test_an_unknown_plan_is_stale_and_never_a_path(tmp_path: Path, plan: str) -> None:
    with pytest.raises(StalePlanError) as caught:
        plans.load(tmp_path, plan)
    assert caught.value.code == "E-PLAN-UNKNOWN"


def test_only_the_newest_plans_are_kept(tmp_path: Path) -> None:
    made = [plans.keep(tmp_path, {"a": str(number)}) for number in range(60)]
    assert len(list(tmp_path.glob("*.json"))) == 50
    assert plans.load(tmp_path, made[-1]).id == made[-1]
