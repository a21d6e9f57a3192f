"""The targets of one run, one after the other on this machine, and looked at ahead of that where it is safe. One
failing target never stops the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from directional_sync import plugins
from directional_sync.core.order import in_order
from directional_sync.errors import StalePlanError
from directional_sync.execute.ahead import Ahead
from directional_sync.model.lifecycle import Event, EventType, Level, Outcome, Skip
from directional_sync.model.record import TargetRecord
from directional_sync.model.target import Target
from directional_sync.run.account import skipped
from directional_sync.run.sync import sync
from directional_sync.run.world import Mode, World


def execute(targets: Sequence[Target], world: World, mode: Mode) -> tuple[TargetRecord, ...]:
    """A record for each target, in the order in which they ran."""
    records: dict[str, TargetRecord] = {}
    ordered = in_order(targets)

    def own(target: Target) -> Mode:
        return replace(mode, dry_run=mode.dry_run or target.dry_run)

    with Ahead(ordered, world, own, lambda target: not _skip(target, {}, own(target), world.today)) as ahead:
        for target in ordered:
            world.tell(Event(EventType.TARGET_START, f"{target.direction} {target.name}", target.name))
            ahead.turn(target)
            record = (
                _skip(target, records, own(target), world.today)
                or _cancelled(target, world)
                or sync(target, world, own(target), partial(ahead.take, target))
            )
            ahead.ended(target, success=record.success)
            records[target.name] = record
            _tell_end(world, target, record)
    return tuple(records.values())


def _tell_end(world: World, target: Target, record: TargetRecord) -> None:
    level = Level.INFO if record.success or record.outcome is Outcome.SKIPPED else Level.ERROR
    data = {"outcome": str(record.outcome), "duration": round(record.duration_s, 3), "commit": record.commit}
    world.tell(Event(EventType.TARGET_END, record.message, target.name, level, data, record))


def refuse_stale(records: Sequence[TargetRecord]) -> None:
    """All plans are compared before the first is carried out, so that a stale one changes nothing at all. Raises
    StalePlanError E-PLAN-STALE."""
    stale = [r for r in records if r.failure is not None and r.failure.code == "E-PLAN-STALE"]
    if stale:
        raise StalePlanError(
            "E-PLAN-STALE",
            f"the plan for {', '.join(r.target for r in stale)} is no longer what would be done",
            kept="nothing was changed",
            hint="look at what changed and make a new plan: dsync plan",
        )


def _skip(target: Target, records: dict[str, TargetRecord], mode: Mode, today: str) -> TargetRecord | None:
    if pause := target.pause(today):
        return skipped(target, Skip.PAUSED, str(pause))
    if not plugins.available(target.endpoint):
        return skipped(
            target,
            Skip.UNAVAILABLE,
            f"endpoint not available in this version: {target.endpoint} (E-ENDPOINT-UNAVAILABLE)",
        )
    if mode.locked and not mode.prune and not plugins.pins(target.endpoint):
        return skipped(target, Skip.UNLOCKED, f"the lock does not say what a {target.endpoint} target takes")
    unmet = [records[need] for need in target.needs if need in records and not records[need].success]
    broken = [record.target for record in unmet if record.exit]
    if broken:
        return skipped(target, Skip.DEPENDENCY, f"upstream failed: {', '.join(broken)}")
    if unmet:  # paused, or not in this version: nothing went wrong
        return skipped(target, unmet[0].skip or Skip.PAUSED, f"needs {unmet[0].target}, which is skipped")
    return None


def _cancelled(target: Target, world: World) -> TargetRecord | None:
    if not world.stop():
        return None
    return TargetRecord(target.name, target.direction, Outcome.CANCELLED, "not started: the run was stopped")
