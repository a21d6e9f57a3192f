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

from contextlib import ExitStack, closing
from dataclasses import replace

from directional_sync.endpoints.base import Endpoint
from directional_sync.errors import StalePlanError, SyncError
from directional_sync.git import worktree
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.lifecycle import Outcome, Step
from directional_sync.model.record import Phase, TargetRecord
from directional_sync.model.target import Direction, Target
from directional_sync.run import account
from directional_sync.run.deliver import commit, refuse_dirty, refuse_foreign_work
from directional_sync.run.judge import Verdicts, judge_commands, judge_plan, needs_checkout, refusal
from directional_sync.run.prove import prove
from directional_sync.run.samples import samples
from directional_sync.run.scan import Scan, open_endpoint, performed, scan
from directional_sync.run.stage import Staged, stage
from directional_sync.run.world import Mode, Passage, World
from directional_sync.system import host


def sync(target: Target, world: World, mode: Mode) -> TargetRecord:
    """Carries one target out, as far as the mode goes. Never raises: whatever happens is in the record."""
    started = host.monotonic()
    try:
        record = _passage(target, world, mode)
    except SyncError as error:
        record = account.failed(target, error)
    except Exception as error:
        record = account.our_bug(target, error)
    return replace(record, duration_s=host.monotonic() - started)


def _passage(target: Target, world: World, mode: Mode) -> TargetRecord:
    """Once, and once more when somebody committed while we worked: a pull can be made again as a whole on top of
    it, while what was done on a far side cannot be done twice."""
    for last in (False, True):
        try:
            with ExitStack() as stack:
                return _walk(target, replace(world, repository=_same_branch(world)), mode, stack)
        except StalePlanError as error:
            if last or not error.retryable or mode.expected or target.direction is not Direction.PULL:
                raise
    raise AssertionError("unreachable")


def _same_branch(world: World) -> Repository:
    """The repository as it is now, on the branch on which the run began."""
    now = world.repository.reread()
    if now.branch != world.repository.branch:
        raise StalePlanError(
            "E-STALE-BRANCH",
            f"{world.repository.branch} is no longer checked out",
            hint="switch back, or run again for the other branch",
            kept="the branches and your files are unchanged",
        )
    return now


def _walk(target: Target, world: World, mode: Mode, stack: ExitStack) -> TargetRecord:
    quarantine = world.cache / "quarantine" / f"{world.run}-{target.name}"
    store = stack.enter_context(closing(ObjectStore(world.repository, quarantine)))
    at = Passage(target, world, mode, world.environment_for(target), store)

    at.step(Step.CHECKING)
    verdicts = judge_commands(world, target, Phase.PRE, at.environment, world.repository.root)
    if refusal(verdicts) and not mode.dry_run:
        return account.refused(target, verdicts, None)  # a script must not run when a check forbids it

    at.step(Step.SCANNING)
    seen, endpoint = scan(at, lambda base: stack.enter_context(closing(open_endpoint(at, base))))

    at.step(Step.JUDGING)
    verdicts += judge_plan(at, seen)
    _refuse_other_plan(at, seen)
    leaking = any(verdict.code == "E-SECRET" for verdict in verdicts)
    shown = () if leaking else samples(seen, store, mode.samples)  # the finding names the line, masked
    if refusal(verdicts):
        return replace(account.refused(target, verdicts, seen.plan), samples=shown)
    idle = seen.plan.empty and not seen.bookkeeping
    done = Outcome.IN_SYNC if idle else Outcome.PLANNED if mode.dry_run else Outcome.SYNCED
    record = replace(account.ended(target, seen.plan, seen.base.snapshot.sources, verdicts, done), samples=shown)
    if (mode.dry_run or idle) and not mode.verify:
        return record

    if seen.plan.opaque and not mode.dry_run:
        return _performed(at, seen, endpoint, verdicts)
    at.step(Step.STAGING)
    staged = stage(at, seen)
    verdicts += _verified(at, staged)
    if refusal(verdicts):
        return account.refused(target, verdicts, seen.plan)
    record = replace(record, verdicts=verdicts, verification_passed=account.verified(verdicts))
    if mode.dry_run or idle:
        return record
    refuse_foreign_work(at, staged)
    if seen.plan.remote:
        at.step(Step.APPLYING)
        effects = tuple(endpoint.apply(seen.plan.remote))
        staged, record = stage(at, seen, effects), account.applied(record, effects)
    return _delivered(at, seen, staged, record)


def _performed(at: Passage, seen: Scan, endpoint: Endpoint, verdicts: Verdicts) -> TargetRecord:
    """An opaque endpoint does its work as a whole; what it left is weighed, judged and delivered like any remote."""
    if at.target.direction is not Direction.PUSH:
        refuse_dirty(at)
    at.step(Step.APPLYING)
    after = performed(at, seen, endpoint)
    verdicts += judge_plan(at, after)
    staged = stage(at, after)
    if not refusal(verdicts):
        verdicts += _verified(at, staged)
    if refusal(verdicts):
        return account.too_late(account.refused(at.target, verdicts, after.plan))
    refuse_foreign_work(at, staged)
    record = account.ended(at.target, after.plan, after.base.snapshot.sources, verdicts, Outcome.SYNCED)
    return _delivered(at, after, staged, account.was_performed(record, seen.plan.opaque))


def _delivered(at: Passage, seen: Scan, staged: Staged, record: TargetRecord) -> TargetRecord:
    """The staged tree carried into the repository, and the proof. What was committed stays in the record."""
    at.step(Step.COMMITTING)
    made, left = commit(at, seen, staged)
    record = replace(record, commit=made, notes=(*record.notes, *left))
    if not at.target.idempotent or left:
        return record
    try:
        at.step(Step.PROVING)
        prove(at, seen)
    except SyncError as error:
        return account.unproved(at.target, record, error)
    return record


def _refuse_other_plan(at: Passage, seen: Scan) -> None:
    expected = at.mode.expected.get(at.target.name)
    if expected is not None and expected != seen.plan.digest:
        raise StalePlanError(
            "E-PLAN-STALE",
            f"the plan for {at.target.name} is no longer what would be done",
            kept="nothing was changed",
            hint="look at what changed and make a new plan: dsync plan",
        )


def _verified(at: Passage, staged: Staged) -> Verdicts:
    """Post checks, verification and drift gates over a checkout of the staged tree."""
    if not needs_checkout(at.world, at.target):
        return ()
    at.step(Step.VERIFYING)
    folder = at.world.cache / "verify"
    host.make_folder(folder)
    worktree.checkout(at.store, staged.tree, folder)
    return judge_commands(at.world, at.target, Phase.POST, at.environment, folder)
