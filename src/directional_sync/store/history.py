"""Run records: one immutable JSON report per run, and an index over them that can be rebuilt from the files.

The files are the truth; the index (SQLite) only answers questions quickly: the last run of each target, the
newest runs, durations. A missing, broken or older index is made again from the files.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directional_sync.errors import SelectionError
from directional_sync.system import host

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, started TEXT NOT NULL, dry_run INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS results (
  run TEXT NOT NULL, target TEXT NOT NULL, started TEXT NOT NULL, dry_run INTEGER NOT NULL, outcome TEXT NOT NULL,
  message TEXT NOT NULL, commit_id TEXT NOT NULL, duration_s REAL NOT NULL, PRIMARY KEY (run, target)) STRICT;
CREATE INDEX IF NOT EXISTS results_by_target ON results (target, run);
"""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest real run of one target."""

    run: str
    started: str
    outcome: str
    message: str
    commit: str
    duration_s: float
    good: str = ""
    """When the newest one began that ended in sync, "" when none did."""


class History:
    """The runs of one repository, under `folder`. Reading never creates anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reports = folder / "runs"
        self._index = folder / "index.sqlite"

    def add(self, report: Mapping[str, Any]) -> Path:
        """Keeps the report of a finished run; answers where. Raises HostError when it cannot be kept."""
        run = str(report["run"])
        path = self._reports / f"{run}.json"
        host.atomic_write(path, json.dumps(report, indent=2, ensure_ascii=False).encode("utf-8", "replace"))
        with contextlib.suppress(sqlite3.Error), self._open() as index:
            _insert(index, report)
        return path

    def last_runs(self) -> dict[str, LastRun]:
        """Target name -> its newest run that was no dry run."""
        if not self._reports.is_dir():
            return {}
        good = (
            "SELECT max(started) FROM results AS well WHERE well.target = results.target AND dry_run = 0 "
            "AND outcome IN ('in_sync', 'synced')"
        )
        query = (
            f"SELECT target, run, started, outcome, message, commit_id, duration_s, coalesce(({good}), '') "
            "FROM results WHERE run IN "
            "(SELECT max(run) FROM results WHERE dry_run = 0 AND outcome != 'skipped' GROUP BY target) "
            "AND dry_run = 0 AND outcome != 'skipped' ORDER BY run"
        )
        return {row[0]: LastRun(*row[1:]) for row in self._ask(query)}

    def newest(self, target: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
        """Reports, newest first; only those that name `target` when one is given."""
        if not self._reports.is_dir():
            return []
        rows = (
            self._ask("SELECT run FROM runs ORDER BY run DESC LIMIT ?", limit)
            if target is None
            else self._ask("SELECT run FROM results WHERE target = ? ORDER BY run DESC LIMIT ?", target, limit)
        )
        return [report for row in rows if (report := self._read(self._reports / f"{row[0]}.json")) is not None]

    def find(self, prefix: str) -> dict[str, Any]:
        """The report of the one run whose id begins or ends with `prefix`. Raises SelectionError."""
        names = sorted(path.stem for path in self._reports.glob("*.json")) if self._reports.is_dir() else []
        found = [name for name in names if name.startswith(prefix) or name.endswith(prefix)]
        if len(found) == 1 and (report := self._read(self._reports / f"{found[0]}.json")) is not None:
            return report
        what = f"{len(found)} runs match" if found else "there is no run"
        raise SelectionError("E-RUN-UNKNOWN", f"{what} {prefix!r}", hint="see the runs: dsync log")

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            report = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        return report if isinstance(report, dict) else None

    def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that answer `query`. What is broken inside an index shows only when it is asked."""
        try:
            with self._open() as index:
                return index.execute(query, values).fetchall()
        except sqlite3.DatabaseError:
            with contextlib.suppress(OSError):
                self._index.unlink(missing_ok=True)
            with self._open() as index:
                return index.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        index = self._usable()
        try:
            with index:
                yield index
        finally:
            index.close()

    def _usable(self) -> sqlite3.Connection:
        """The index on disk; made again from the reports when it is broken, older or newer; in memory where
        the folder cannot be written."""
        try:
            index = sqlite3.connect(self._index, timeout=5.0)
            if index.execute("PRAGMA user_version").fetchone()[0] == _SCHEMA_VERSION:
                return index
            index.close()
        except sqlite3.Error:
            pass
        with contextlib.suppress(OSError):
            self._index.unlink(missing_ok=True)
        try:
            return self._rebuilt(str(self._index))
        except sqlite3.Error:
            return self._rebuilt(":memory:")

    def _rebuilt(self, where: str) -> sqlite3.Connection:
        if where != ":memory:":
            host.make_folder(self._folder)
        index = sqlite3.connect(where, timeout=5.0)
        index.executescript(_SCHEMA)
        for path in sorted(self._reports.glob("*.json")):
            if (report := self._read(path)) is not None:
                with contextlib.suppress(KeyError, TypeError):
                    _insert(index, report)
        index.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        index.commit()
        return index


def _insert(index: sqlite3.Connection, report: Mapping[str, Any]) -> None:
    run, started, dry = report["run"], report["timestamp"], int(bool(report.get("dry_run")))
    index.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (run, started, dry))
    for result in [*report["results"], *report.get("skipped", [])]:
        index.execute(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run,
                result["target"],
                started,
                dry,
                result.get("outcome", ""),
                result.get("message", ""),
                result.get("commit") or "",
                float(result.get("duration", 0.0)),
            ),
        )
