"""Reports of runs as their commits tell of them, for a history that was lost. How long a run took, and what did not
end in a commit, no commit says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from directional_sync.core.trailers import Synced
from directional_sync.render.report import VERSION, changes

_ID_DIGITS = 22


def reports(commits: Iterable[Synced], directions: Mapping[str, str]) -> list[dict[str, Any]]:
    """One for each run, oldest first. `directions` of targets that are known today."""
    by_run: dict[str, list[Synced]] = {}
    for one in commits:
        if len(one.runs) == 1:
            by_run.setdefault(one.runs[0], []).append(one)
    return [_report(run, by_run[run][::-1], directions) for run in sorted(by_run)]


def _report(run: str, commits: list[Synced], directions: Mapping[str, str]) -> dict[str, Any]:
    results = {name: _result(name, one, directions) for one in commits for name in one.targets}
    undoes = next((one.undoes for one in commits if one.undoes), "")
    total: dict[str, int] = {"added": 0, "changed": 0, "deleted": 0, "moved": 0}
    for one in commits:
        total = {name: number + total[name] for name, number in changes(one.counts).items()}
    return {
        "timestamp": _begun(run, commits[0]),
        "total_targets": len(results),
        "successful": len(results),
        "failed": 0,
        "total_duration": 0.0,
        "results": list(results.values()),
        "skipped": [],
        "report_version": VERSION,
        "version": "",
        "run": run,
        "dry_run": False,
        "command": "",
        "base": "",
        "plan": None,
        "outcomes": {"changed": len(results)},
        "changes": total,
        "exit_status": 0,
        **({"undoes": undoes} if undoes else {}),
        "rebuilt": True,
    }


def _begun(run: str, commit: Synced) -> str:
    """The id of a run begins with the time at which it began; else the commit's time has to do."""
    seconds = float(commit.when)
    if len(run) == _ID_DIGITS and not set(run) - set("0123456789abcdef"):
        seconds = int(run[:12], 16) / 1000
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(commit.when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _result(name: str, commit: Synced, directions: Mapping[str, str]) -> dict[str, Any]:
    return {
        "target": name,
        "direction": directions.get(name, "pull"),
        "success": True,
        "message": commit.subject,
        "duration": 0.0,
        "outputs_created": [],
        "verification_passed": None,
        "outcome": "synced",
        "result": "changed",
        "changes": changes(commit.counts),
        "gates": [],
        "commit": commit.commit,
        "plan": None,
        "error": None,
        "skipped_because": None,
        "notes": ["found again in its commit; how long it took and what else happened is not known"],
    }
