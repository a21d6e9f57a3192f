"""How far the sides of each target are apart, and what else wants attention."""

from __future__ import annotations

from dataclasses import dataclass

from directional_sync.app import departed, run_in
from directional_sync.core.movement import Movement, movement
from directional_sync.core.notices import Delivery
from directional_sync.errors import ConfigError
from directional_sync.model.lifecycle import Tell
from directional_sync.model.past import LastRun
from directional_sync.model.plan import Held
from directional_sync.model.record import TargetRecord
from directional_sync.model.target import Target
from directional_sync.past import history
from directional_sync.render.timetable import Scheduled
from directional_sync.workspace import RunOptions, Selection, Workspace, select


@dataclass(frozen=True)
class StatusRow:
    target: Target
    in_sync: bool | None
    """None: it could not be found out; `message` says why."""
    repo: int = 0
    """Keys that a run would write here."""
    remote: int = 0
    conflicts: int = 0
    held: tuple[Held, ...] = ()
    message: str = ""
    last: LastRun | None = None
    record: TargetRecord | None = None
    why: Movement = Movement()
    """Whose doing it is that the sides differ."""


@dataclass(frozen=True)
class Status:
    rows: tuple[StatusRow, ...]
    interrupted: str
    """"" or what a killed run left to finish."""
    score: int
    """How many keys differ, over all targets."""
    departed: tuple[str, ...] = ()
    """Names of targets that the file no longer holds, while what they brought is still here."""
    overdue: tuple[Scheduled, ...] = ()
    """Targets whose schedule expected a run that did not come."""
    untold: tuple[Delivery, ...] = ()
    """Messages that are still to be delivered."""


def status(workspace: Workspace, selection: Selection, options: RunOptions, tell: Tell) -> Status:
    """Drift of each target, by planning without gates. Changes nothing."""
    from directional_sync.git import recovery
    from directional_sync.git.repository import Repository
    from directional_sync.run.world import Mode

    interrupted = recovery.interrupted(Repository.open(workspace.root))
    summary = run_in(workspace, select(workspace, selection), options, Mode(dry_run=True), tell, judged=False)
    last = history(workspace).last_runs()
    rows = tuple(_status_row(workspace.config.target(r.target), r, last.get(r.target)) for r in summary.records)
    score = sum(record.plan.drift_score for record in summary.records if record.plan is not None)
    try:
        gone = tuple(target.name for target in departed(workspace))
    except ConfigError:
        gone = ()  # a broken lock is told of at the targets that are in it
    from directional_sync.notifying import untold
    from directional_sync.timetable import scheduled

    overdue = tuple(row for row in scheduled(workspace, selection) if row.overdue)
    return Status(rows, interrupted, score, gone, overdue, untold(workspace))


def _status_row(target: Target, record: TargetRecord, last: LastRun | None) -> StatusRow:
    plan = record.plan
    if plan is None or plan.opaque:
        return StatusRow(target, None, message=record.message, last=last, record=record)
    unread = record.failure is not None and not plan.conflicts and not plan.foreseen
    known = None if unread else plan.drift_score == 0
    return StatusRow(
        target,
        known,
        repo=len(plan.repo),
        remote=len(plan.remote),
        conflicts=len(plan.conflicts),
        held=plan.held,
        message=record.message,
        last=last,
        record=record,
        why=movement(plan),
    )
