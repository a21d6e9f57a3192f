"""Checks, verification and drift gates over what the branch holds now: `dsync verify`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from directional_sync.errors import SyncError
from directional_sync.git import worktree
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Phase, TargetRecord
from directional_sync.model.target import Target
from directional_sync.run import account
from directional_sync.run.judge import judge_commands, needs_checkout, refusal
from directional_sync.run.world import World
from directional_sync.system import host


def inspect(target: Target, world: World) -> TargetRecord:
    """The record of judging `target` on the branch's tip. Never raises."""
    started = host.monotonic()
    try:
        record = _inspect(target, world)
    except SyncError as error:
        record = account.failed(target, error)
    except Exception as error:
        record = account.our_bug(target, error)
    return replace(record, duration_s=host.monotonic() - started)


def _inspect(target: Target, world: World) -> TargetRecord:
    if not needs_checkout(world, target):
        return TargetRecord(target.name, target.direction, Outcome.IN_SYNC, "Nothing to verify")
    environment = world.environment_for(target)
    folder = world.cache / "verify"
    host.make_folder(folder)
    with closing(ObjectStore(world.repository, world.cache / "quarantine" / f"{world.run}-verify")) as store:
        worktree.checkout(store, store.tree_of(world.repository.head), folder)
    verdicts = judge_commands(world, target, Phase.POST, environment, folder)
    if refusal(verdicts):
        return account.refused(target, verdicts, None)
    return TargetRecord(
        target.name,
        target.direction,
        Outcome.IN_SYNC,
        f"Verified: {len(verdicts)} checks passed",
        verdicts=verdicts,
        verification_passed=account.verified(verdicts),
    )
