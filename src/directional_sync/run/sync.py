"""One target, walked through its steps.

    checking   the user's own checks, in the user's tree
    scanning   snapshots of both sides, and the base
    planning   reconcile
    judging    the built-in gates over the plan            <- a dry run ends here
    staging    the new tree, in a quarantine
    verifying  checks, verification and drift gates in a checkout of that tree
    applying   effects on the far side
    committing branch, base, lock and work tree, all or nothing
    proving    the next plan is empty

`sync` and `_walk` hold the ifs; what they call takes values and returns values.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace

from directional_sync.errors import StalePlanError, SyncError
from directional_sync.git import worktree
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Outcome, Step
from directional_sync.model.record import Phase, TargetRecord, Verdict
from directional_sync.model.target import Target
from directional_sync.run import account
from directional_sync.run.deliver import commit, refuse_foreign_work
from directional_sync.run.judge import judge_commands, judge_plan, needs_checkout, refusal
from directional_sync.run.prove import prove
from directional_sync.run.samples import samples
from directional_sync.run.scan import Scan, scan
from directional_sync.run.stage import Staged, stage
from directional_sync.run.world import Mode, World
from directional_sync.system import host


def sync(target: Target, world: World, mode: Mode) -> TargetRecord:
    """Carries one target out, as far as the mode goes. Never raises: whatever happens is in the record."""
    started = host.monotonic()
    try:
        with ExitStack() as stack:
            record = _walk(target, replace(world, repository=world.repository.reread()), mode, stack)
    except SyncError as error:
        record = account.failed(target, error)
    except Exception as error:
        record = account.our_bug(target, error)
    return replace(record, duration_s=host.monotonic() - started)


def _walk(target: Target, world: World, mode: Mode, stack: ExitStack) -> TargetRecord:
    environment = world.environment_for(target)
    world.step(target, Step.CHECKING)
    verdicts = judge_commands(world, target, Phase.PRE, environment, world.repository.root)
    if refusal(verdicts) and not mode.dry_run:
        return account.refused(target, verdicts, None)  # a script must not run when a check forbids it

    world.step(target, Step.SCANNING)
    quarantine = world.cache / "quarantine" / f"{world.run}-{target.name}"
    store = stack.enter_context(closing(ObjectStore(world.repository, quarantine)))
    seen, _ = scan(target, world, mode, store, environment, stack)

    world.step(target, Step.JUDGING)
    verdicts += judge_plan(world, target, mode, seen, store, environment)
    _refuse_other_plan(target, mode, seen)
    if refusal(verdicts):
        refused = account.refused(target, verdicts, seen.plan)
        return replace(refused, samples=samples(seen, store, mode.samples))
    idle = seen.plan.empty and not seen.bookkeeping
    done = Outcome.IN_SYNC if idle else Outcome.PLANNED if mode.dry_run else Outcome.SYNCED
    record = account.ended(target, seen.plan, seen.base.snapshot.sources, verdicts, done)
    record = replace(record, samples=samples(seen, store, mode.samples))
    if (mode.dry_run or idle) and not mode.verify:
        return record

    world.step(target, Step.STAGING)
    staged = stage(store, seen, world.lock_path, ())
    verdicts += _verified(target, world, store, staged, environment)
    if refusal(verdicts):
        return account.refused(target, verdicts, seen.plan)
    record = replace(record, verdicts=verdicts, verification_passed=account.verified(verdicts))
    if mode.dry_run or idle:
        return record

    world.step(target, Step.COMMITTING)
    refuse_foreign_work(target, world, staged)
    made, left = commit(target, world, store, seen, staged)
    record = replace(record, commit=made, notes=(*record.notes, *left))
    if target.idempotent and not left:
        record = _proved(target, world, mode, store, seen, environment, record)
    return record


def _proved(
    target: Target,
    world: World,
    mode: Mode,
    store: ObjectStore,
    seen: Scan,
    environment: Mapping[str, str],
    record: TargetRecord,
) -> TargetRecord:
    """The record, less than a success when the next plan is not empty. What was committed stays in it."""
    try:
        world.step(target, Step.PROVING)
        prove(target, world, mode, store, seen, environment)
    except SyncError as error:
        return account.unproved(target, record, error)
    return record


def _refuse_other_plan(target: Target, mode: Mode, seen: Scan) -> None:
    expected = mode.expected.get(target.name)
    if expected is not None and expected != seen.plan.digest:
        raise StalePlanError(
            "E-PLAN-STALE",
            f"the plan for {target.name} is no longer what would be done",
            kept="nothing was changed",
            hint="look at what changed and make a new plan: dsync plan",
        )


def _verified(
    target: Target, world: World, store: ObjectStore, staged: Staged, environment: Mapping[str, str]
) -> tuple[Verdict, ...]:
    """Post checks, verification and drift gates over a checkout of the staged tree."""
    if not needs_checkout(world, target):
        return ()
    world.step(target, Step.VERIFYING)
    folder = world.cache / "verify"
    host.make_folder(folder)
    worktree.checkout(store, staged.tree, folder)
    return judge_commands(world, target, Phase.POST, environment, folder)
