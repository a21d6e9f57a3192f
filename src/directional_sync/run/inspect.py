"""The lock, checks, verification and drift gates over what the branch holds now: `dsync verify`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from directional_sync.errors import SyncError
from directional_sync.git import worktree
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Phase, TargetRecord, Verdict
from directional_sync.model.target import Target
from directional_sync.run import account
from directional_sync.run.judge import judge_commands, needs_checkout, refusal
from directional_sync.run.lock_proof import lock_proof
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
    with closing(ObjectStore(world.repository, world.cache / "quarantine" / f"{world.run}-verify")) as store:
        proof = lock_proof(target, world, store)
        verdicts: tuple[Verdict, ...] = (proof,) if proof is not None else ()
        if needs_checkout(world, target):
            folder = world.cache / "verify"
            host.make_folder(folder)
            worktree.checkout(store, store.tree_of(world.repository.head), folder)
            verdicts += judge_commands(world, target, Phase.POST, world.environment_for(target), folder)
    if not verdicts:
        return TargetRecord(target.name, target.direction, Outcome.IN_SYNC, "Nothing to verify")
    failed = refusal(verdicts)
    if failed is not None:
        record = account.refused(target, verdicts, None)
        return account.drifted(record) if failed is proof and refusal(verdicts[1:]) is None else record
    return TargetRecord(
        target.name,
        target.direction,
        Outcome.IN_SYNC,
        f"Verified: {len(verdicts)} checks passed",
        verdicts=verdicts,
        verification_passed=account.verified(verdicts),
    )
