"""What the history knows of the tries of each target: no more of it than deciding what is due needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from directional_sync.core.due import AHEAD_MAX, Ending, Tried, ending
from directional_sync.model.past import LastRun

_LOOKED_AT = 60
"""How many runs back a streak of failures is counted; far more than matter to the pause after it."""


class Runs(Protocol):
    """What is asked of a history."""

    def last_runs(self) -> dict[str, LastRun]: ...

    def newest(self, target: str | None = None, limit: int = 20) -> list[dict[str, Any]]: ...


def tries(history: Runs, now: datetime, every: Collection[str] = ()) -> dict[str, list[Tried]]:
    """Target -> its tries, the newest first, back to one that ended well where there is one; for the targets in `every`
    back to one that ended well and was for a firing. Most targets ended well, and of them only the last run is read."""
    found = {}
    for name, last in history.last_runs().items():
        one = _tried(last.started, last.duration_s, last.outcome, "", 0, "")
        if one is None or one.ending is not Ending.WELL or name in every or one.started > now + AHEAD_MAX:
            found[name] = list(_back(history.newest(name, _LOOKED_AT), name, name in every, now))
        else:
            found[name] = [one]
    return found


def _back(reports: Iterable[Mapping[str, Any]], name: str, answering: bool, now: datetime) -> Iterator[Tried]:
    for report in reports:
        for entry in report.get("results", ()):
            if entry.get("target") != name or report.get("dry_run"):
                continue
            one = of_entry(entry, str(report.get("timestamp", "")), float(report.get("total_duration", 0.0)))
            if one is None:
                continue
            yield one
            believed = one.started <= now + AHEAD_MAX
            if believed and one.ending is Ending.WELL and (one.answers is not None or not answering):
                return


def of_entry(entry: Mapping[str, Any], started: str, duration_s: float) -> Tried | None:
    """The try that an entry of a report's `results` tells of; None when it cannot be read."""
    error = entry.get("error") or {}
    code, status = str(error.get("code", "")), int(error.get("exit_status", 0))
    return _tried(started, duration_s, str(entry.get("outcome", "")), code, status, str(entry.get("scheduled") or ""))


def _tried(started: str, duration_s: float, outcome: str, code: str, status: int, answers: str) -> Tried | None:
    try:
        begun = _moment(started)
        firing = _moment(answers) if answers else None
    except ValueError:
        return None
    return Tried(begun, begun + timedelta(seconds=duration_s), ending(outcome, code, status), firing)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
