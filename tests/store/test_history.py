"""Runs in the history: what is asked of it, and the plans that are kept beside."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.percentiles import bucket, timing
from directional_sync.errors import SelectionError, StalePlanError
from directional_sync.store import history as kept
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


def test_reading_an_empty_history_creates_nothing(tmp_path: Path) -> None:
    history = History(tmp_path / "none")
    assert history.last_runs() == {}
    assert history.newest() == []
    assert not (tmp_path / "none").exists()


def test_reading_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    """P7, G8: no byte of it changes, and the files that SQLite has beside it while it works are gone."""
    History(tmp_path).add(report("r01", "a"))
    assert History(tmp_path).newest()  # the first look notes that commits have been asked
    [file] = tmp_path.iterdir()
    was = (file.read_bytes(), file.stat().st_mtime_ns)
    assert History(tmp_path).newest() and History(tmp_path).last_runs() and History(tmp_path).statistics()
    assert list(tmp_path.iterdir()) == [file]
    assert (file.read_bytes(), file.stat().st_mtime_ns) == was


def test_the_same_run_is_kept_once(tmp_path: Path) -> None:
    history = History(tmp_path)
    for _ in range(2):
        history.add(report("r01", "a"))
    assert len(history.newest()) == 1
    assert history.statistics()[0].runs == 1


def test_an_undoing_is_the_last_run_and_no_good_one(tmp_path: Path) -> None:  # P11
    history = History(tmp_path)
    history.add(report("r01", "a"))
    history.add({**report("r02", "a"), "undoes": "r01"})
    last = history.last_runs()["a"]
    assert (last.run, last.outcome, last.good) == ("r02", "rewound", "2026-01-01T00:00:01Z")


def test_statistics_count_every_end_and_leave_out_what_was_not_attempted(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in range(20):
        history.add(report(f"r{number:02}", "a", outcome="failed" if number == 7 else "in_sync"))
    history.add(report("r30", "a", dry_run=True))
    history.add({**report("r31"), "skipped": report("r31", "b", outcome="skipped")["results"]})
    [found] = history.statistics()
    assert (found.target, found.runs, found.outcomes) == ("a", 20, {"failed": 1, "in_sync": 19})
    assert found.whole is not None and found.whole.p95_s == pytest.approx(1.5, rel=0.02)
    assert history.statistics("a") == [found] and history.statistics("b") == []


def test_steps_are_timed_one_by_one(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in range(10):
        one = report(f"r{number:02}", "a")
        one["results"][0]["steps"] = {"proving": 0.5, "scanning": number / 10}
        history.add(one)
    [found] = history.statistics()
    assert list(found.steps) == ["scanning", "proving"]
    assert found.steps["scanning"].p50_s == pytest.approx(0.4, rel=0.02)
    assert found.steps["scanning"].p99_s == pytest.approx(0.9, rel=0.02)
    assert found.steps["proving"].runs == 10


def test_old_runs_go_a_few_at_a_time_and_what_was_counted_of_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F105."""
    monkeypatch.setattr(kept, "KEPT_LEAST", 5)
    history = History(tmp_path)
    for number in range(10):
        history.add(dated(number, "2024-01-01T00:00:00Z"))
    assert [one["run"] for one in history.newest()] == [f"r{n:02}" for n in range(9, -1, -1)]  # none is too old yet
    history.add(dated(50, "2026-01-01T00:00:00Z", target="b"))
    assert [one["run"] for one in history.newest()] == ["r50", "r09", "r08", "r07", "r06"]
    assert {one.target: one.runs for one in history.statistics()} == {"a": 4, "b": 1}
    assert history.newest("a", 1)[0]["run"] == "r09"
    assert history.last_runs()["a"].run == "r09"


def test_the_newest_run_of_a_target_outlives_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_LEAST", 1)
    history = History(tmp_path)
    history.add(dated(1, "2024-01-01T00:00:00Z", target="rare"))
    history.add(dated(2, "2026-01-01T00:00:00Z"))
    assert [one["run"] for one in history.newest()] == ["r02"]
    assert history.last_runs()["rare"].run == "r01"


def test_too_many_runs_and_too_many_bytes_are_let_go_of_although_they_are_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F105."""
    monkeypatch.setattr(kept, "KEPT_LEAST", 3)
    monkeypatch.setattr(kept, "KEPT_MOST", 6)
    history = History(tmp_path / "most")
    for number in range(20):
        history.add(dated(number, "2026-01-01T00:00:00Z"))
    assert len(history.newest()) <= 6 and history.newest()[0]["run"] == "r19"
    monkeypatch.setattr(kept, "KEPT_MOST", 1000)
    monkeypatch.setattr(kept, "KEPT_BYTES", 1)
    history = History(tmp_path / "bytes")
    for number in range(20):
        history.add(dated(number, "2026-01-01T00:00:00Z"))
    assert len(history.newest()) == 3


def dated(number: int, when: str, target: str = "a") -> dict[str, Any]:
    return {**report(f"r{number:02}", target), "timestamp": when}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_percentiles_are_right_to_within_two_per_cent(durations: list[float]) -> None:
    counts: dict[int, int] = {}
    for seconds in durations:
        counts[bucket(seconds)] = counts.get(bucket(seconds), 0) + 1
    found = timing(counts)
    assert found is not None and found.runs == len(durations)
    for share, said in ((50, found.p50_s), (95, found.p95_s), (99, found.p99_s)):
        exact = sorted(durations)[-(-len(durations) * share // 100) - 1]
        assert said == pytest.approx(exact, rel=0.02, abs=2e-6)


def test_nothing_has_no_percentiles() -> None:
    assert timing({}) is None and timing({3: 0}) is None


def test_no_question_reads_all_runs(tmp_path: Path) -> None:
    """F105: what SQLite says it would do for each question names no scan of a table that grows with the runs."""
    asked: list[str] = []

    class Asking(History):
        def _ask(self, query: str, *values: object, searching: bool = True) -> list[tuple[Any, ...]]:
            asked.append(query)
            return super()._ask(query, *values, searching=searching)

    history = Asking(tmp_path)
    history.add(report("r01", "a"))
    history.newest(), history.newest("a"), history.find("r01"), history.changing()
    history.last_runs(), history.statistics(), history.statistics("a")
    with sqlite3.connect(tmp_path / "history.sqlite") as database:
        for query in asked:
            marks = (1,) * query.count("?")
            for *_, step in database.execute(f"EXPLAIN QUERY PLAN {query}", marks):
                if step.startswith("SCAN"):
                    grows = step.split()[1] in ("runs", "results")
                    assert not grows or ("USING INDEX" in step and "LIMIT" in query), (query, step)


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
    History(tmp_path / "state").add(report("r01", "a"))
    path = tmp_path / "state" / "history.sqlite"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_plan_is_kept_under_an_id_that_depends_on_its_content_only(tmp_path: Path) -> None:
    first = plans.keep(tmp_path, {"a": "1", "b": "2"}, {"locked": True})
    assert plans.load(tmp_path, first).allowed == {"locked": True}
    assert plans.keep(tmp_path, {"a": "1", "b": "2"}, {"locked": True}) == first
    assert plans.keep(tmp_path, {"a": "1", "b": "2"}) != first
    assert plans.keep(tmp_path, {"a": "1", "b": "3"}, {"locked": True}) != first
    assert plans.keep(tmp_path, {"a": "1", "b": "2"}, {"locked": True}, "c" * 40) != first
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
