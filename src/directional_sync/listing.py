"""The targets of the file: when they run next, and how their last run went."""

from __future__ import annotations

from dataclasses import dataclass

from directional_sync import plugins
from directional_sync.model.past import LastRun
from directional_sync.model.target import Target
from directional_sync.past import history
from directional_sync.timetable import timetable
from directional_sync.workspace import Selection, Workspace, select


@dataclass(frozen=True)
class TargetRow:
    target: Target
    last: LastRun | None
    next_run: str
    """RFC 3339, or "" without a schedule."""
    overdue: bool
    available: bool


def list_targets(workspace: Workspace, selection: Selection) -> list[TargetRow]:
    last = history(workspace).last_runs()
    entries = {entry.target.name: entry for entry in timetable(workspace)}
    chosen = [entries[target.name] for target in select(workspace, selection)]
    return [
        TargetRow(
            one.target, last.get(one.target.name), one.following, one.overdue, plugins.available(one.target.endpoint)
        )
        for one in chosen
    ]
