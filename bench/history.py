"""How long the questions about past runs take when there are a million of them: `python bench/history.py [RUNS]`."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from directional_sync.store import history as kept
from directional_sync.store import tables
from directional_sync.store.history import History, _connect

TARGETS = 62
STEPS = ("checking", "scanning", "planning", "judging", "staging", "committing", "proving")


def runs(number: int) -> Iterator[dict[str, Any]]:
    """Reports as scheduled runs leave them: one target each; 1 in 20 changes something, 1 in 100 fails."""
    rng = Random(1)
    for at in range(number):
        target, chance = f"target_{at % TARGETS:02}", rng.random()
        outcome = "failed" if chance < 0.01 else "synced" if chance < 0.06 else "in_sync"
        steps = {step: rng.lognormvariate(-3, 0.6) for step in STEPS[: 7 if outcome == "synced" else 4]}
        result = {
            "target": target, "direction": "pull", "success": outcome != "failed", "outcome": outcome,
            "message": "Nothing to do", "duration": round(sum(steps.values()), 3),
            "steps": {step: round(taken, 6) for step, taken in steps.items()}, "gates": [],
            "commit": f"{at:040x}" if outcome == "synced" else None,
        }  # fmt: skip
        moment = time.gmtime(1735689600 + at * 30)
        yield {
            "run": f"{at:022x}", "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment), "results": [result],
            "skipped": [], "dry_run": False, "total_duration": result["duration"],
        }  # fmt: skip


def fill(folder: Path, number: int) -> None:
    History(folder).last_runs()
    History(folder).add(next(runs(1)))
    database = _connect(folder / kept.FILE)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("BEGIN")
    for report in runs(number):
        tables.insert(database, report)
    database.execute("INSERT INTO about VALUES ('searched', '')")
    database.execute("COMMIT")
    database.close()


def seconds(work: Callable[[], object]) -> str:
    taken = []
    for _ in range(7):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return f"{statistics.median(taken):8.4f} s   (worst of 7: {max(taken):.4f} s)"


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        fill(Path(folder), number)
        size = (Path(folder) / kept.FILE).stat().st_size
        took = time.perf_counter() - began
        print(f"{number:,} runs of {TARGETS} targets, {size / 2**20:,.0f} MiB, made in {took:.0f} s")
        history = History(Path(folder))
        report = next(runs(1))
        print("log                   ", seconds(history.newest))
        print("log TARGET            ", seconds(lambda: history.newest("target_07")))
        print("log --stats           ", seconds(history.statistics))
        print("log --stats TARGET    ", seconds(lambda: history.statistics("target_07")))
        print("show (end of its id)  ", seconds(lambda: history.find(f"{number // 2:022x}"[-8:])))
        print("last run of each      ", seconds(history.last_runs))
        print("what could be undone  ", seconds(history.changing))
        print("one more run          ", seconds(lambda: history.add({**report, "run": f"f{time.time_ns():021x}"})))


if __name__ == "__main__":
    main()
