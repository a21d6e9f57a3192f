"""The tables of the history, and how a run's report gets into them and out of them again.

    about     what wrote it, and what was done to it
    runs      one row for each run, with its whole report (JSON, deflated)
    results   which targets were in which runs
    latest    the newest real run of each target
    outcomes  how often each target ended how
    spans     how often a step of a target took how long, in buckets (`core.percentiles`); "" is all of its steps

The report is the record; all else can be told from it, and another database can be fed with the same reports. The
last three tables answer in the same time however many runs there are. They are kept up to date with each run that
comes or goes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from directional_sync.core.percentiles import bucket
from directional_sync.model.past import REWOUND, PastRun

if TYPE_CHECKING:
    import sqlite3

FORMAT = 2
"""Rises when an older program could not make sense of it. Format 1 was a folder of JSON files."""
APPLICATION = 0x6453594E
SCHEMA = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE runs (
         id INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, backwards TEXT NOT NULL, started TEXT NOT NULL,
         changed INTEGER NOT NULL, undoes TEXT NOT NULL, report BLOB NOT NULL) STRICT""",
    "CREATE INDEX runs_backwards ON runs (backwards)",
    "CREATE INDEX runs_changed ON runs (run) WHERE changed > 0",
    "CREATE TABLE results (target TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (target, run)) STRICT, WITHOUT ROWID",
    "CREATE INDEX results_by_run ON results (run)",
    """CREATE TABLE latest (
         target TEXT PRIMARY KEY, run TEXT NOT NULL, started TEXT NOT NULL, outcome TEXT NOT NULL,
         message TEXT NOT NULL, commit_id TEXT NOT NULL, duration_s REAL NOT NULL, good TEXT NOT NULL
       ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE outcomes (
         target TEXT NOT NULL, outcome TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (target, outcome)
       ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE spans (
         target TEXT NOT NULL, step TEXT NOT NULL, bucket INTEGER NOT NULL, number INTEGER NOT NULL,
         PRIMARY KEY (target, step, bucket)) STRICT, WITHOUT ROWID""",
)
_IN_SYNC = ("in_sync", "synced")
_SKIPPED = "skipped"


def create(database: sqlite3.Connection) -> None:
    """In a transaction that has begun."""
    for statement in SCHEMA:
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {APPLICATION}")


def insert(database: sqlite3.Connection, report: Mapping[str, Any]) -> bool:
    """Takes a report in; False when the run is there already. In a transaction that has begun. Raises KeyError,
    TypeError or ValueError for what is no report."""
    run, results = str(report["run"]), [*report["results"], *report.get("skipped", [])]
    changed = sum(bool(_changed(result)) for result in results)
    row = (run, run[::-1], str(report["timestamp"]), changed, str(report.get("undoes") or ""), _packed(report))
    put = "INSERT OR IGNORE INTO runs (run, backwards, started, changed, undoes, report) VALUES (?, ?, ?, ?, ?, ?)"
    if not database.execute(put, row).rowcount:
        return False
    for result in results:
        database.execute("INSERT OR IGNORE INTO results VALUES (?, ?)", (str(result["target"]), run))
    if not report.get("dry_run"):
        _count(database, report, 1)
        for result in results:
            if result.get("outcome") != _SKIPPED:
                outcome = REWOUND if report.get("undoes") else str(result.get("outcome", ""))
                _newest(database, run, str(report["timestamp"]), outcome, result)
    return True


def remove(database: sqlite3.Connection, run: str) -> None:
    """Takes a run out, and what was counted of it; the newest run of each target stays known. In a transaction that
    has begun."""
    rows = database.execute("SELECT report FROM runs WHERE run = ?", (run,)).fetchall()
    report = unpacked(rows[0][0]) if rows else None
    if report is not None and not report.get("dry_run"):
        _count(database, report, -1)
    database.execute("DELETE FROM results WHERE run = ?", (run,))
    database.execute("DELETE FROM runs WHERE run = ?", (run,))


def unpacked(packed: bytes) -> dict[str, Any] | None:
    """The report; None when it is broken."""
    try:
        report = json.loads(zlib.decompress(packed))
    except (zlib.error, ValueError):
        return None
    return report if isinstance(report, dict) else None


def _packed(report: Mapping[str, Any]) -> bytes:
    text = json.dumps(report, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "replace"), 3)


def _changed(result: Mapping[str, Any]) -> bool:
    """Whether it left something that could be undone."""
    made = any(effect.get("kind") == "done" for effect in result.get("effects", ()))
    return made or bool(result.get("commit"))


def _count(database: sqlite3.Connection, report: Mapping[str, Any], number: int) -> None:
    """Counts a run in (1) or out (-1)."""
    for result in report["results"]:
        target = str(result["target"])
        _add(database, "outcomes", {"target": target, "outcome": str(result.get("outcome", ""))}, number)
        if not report.get("rebuilt"):
            for step, seconds in _measured(result):
                _add(database, "spans", {"target": target, "step": step, "bucket": bucket(seconds)}, number)


def _measured(result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    yield "", float(result.get("duration", 0.0))
    for step, seconds in result.get("steps", {}).items():
        yield str(step), float(seconds)


def _add(database: sqlite3.Connection, table: str, key: Mapping[str, object], number: int) -> None:
    names, marks = ", ".join(key), ", ".join("?" for _ in key)
    same = " AND ".join(f"{name} = ?" for name in key)
    put = (
        f"INSERT INTO {table} ({names}, number) VALUES ({marks}, ?) "
        f"ON CONFLICT ({names}) DO UPDATE SET number = number + excluded.number"
    )
    database.execute(put, (*key.values(), number))
    if number < 0:
        database.execute(f"DELETE FROM {table} WHERE {same} AND number <= 0", tuple(key.values()))


def _newest(database: sqlite3.Connection, run: str, started: str, outcome: str, result: Mapping[str, Any]) -> None:
    good = started if outcome in _IN_SYNC else ""
    row = (
        str(result["target"]),
        run,
        started,
        outcome,
        str(result.get("message", "")),
        str(result.get("commit") or ""),
        float(result.get("duration", 0.0)),
        good,
    )
    same = ", ".join(
        f"{name} = excluded.{name}" for name in ("started", "outcome", "message", "commit_id", "duration_s")
    )
    database.execute(
        "INSERT INTO latest VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (target) DO UPDATE SET "
        f"{same}, run = excluded.run WHERE excluded.run >= latest.run",
        row,
    )
    if good:
        database.execute("UPDATE latest SET good = max(good, ?) WHERE target = ?", (good, row[0]))


def past_run(report: Mapping[str, Any]) -> PastRun:
    """What a report says of undoing."""
    results = report.get("results", ())
    changed = tuple(str(result["target"]) for result in results if _changed(result))
    far = any(result.get("effects") for result in results)
    return PastRun(str(report["run"]), str(report.get("undoes") or ""), changed, far)
