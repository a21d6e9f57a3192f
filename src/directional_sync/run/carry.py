"""The second half of a target's passage: a plan that has passed its gates is staged, verified, applied, committed and
proved. See `run.sync`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from directional_sync.endpoints.base import Endpoint, Reporting
from directional_sync.errors import SyncError
from directional_sync.git import worktree
from directional_sync.git.rehearsal import Rehearsal
from directional_sync.model.lifecycle import Outcome, Step
from directional_sync.model.record import Effect, Phase, TargetRecord
from directional_sync.model.target import Direction
from directional_sync.run import account
from directional_sync.run.deliver import commit, keep_replaced, refuse_dirty, refuse_foreign_work
from directional_sync.run.effects import carry_over
from directional_sync.run.judge import Verdicts, judge_commands, judge_plan, needs_checkout, refusal
from directional_sync.run.prove import prove
from directional_sync.run.scan import Scan, as_files, performed
from directional_sync.run.stage import Staged, stage
from directional_sync.run.world import Passage
from directional_sync.system import host


def carry_out(at: Passage, seen: Scan, endpoint: Endpoint, record: TargetRecord) -> TargetRecord:
    """Carries out what was planned, as far as the mode goes. `record` is what is to be said of the plan so far."""
    mode, target, verdicts = at.mode, at.target, record.verdicts
    if seen.plan.opaque and not mode.dry_run:
        return _performed(at, seen, endpoint, verdicts)
    at.step(Step.STAGING)
    staged = stage(at, seen)
    verdicts += _verified(at, staged)
    if refusal(verdicts):
        return _refused(at, seen, endpoint, account.refused(target, verdicts, seen.plan))
    record = replace(record, verdicts=verdicts, verification_passed=account.verified(verdicts))
    if mode.dry_run or seen.idle:
        return record
    refuse_foreign_work(at, staged)
    seen = keep_replaced(at, seen)
    if not seen.plan.remote:
        return _delivered(at, seen, endpoint, staged, record)
    at.step(Step.APPLYING)
    effects, ended = carry_over(at, endpoint, seen.plan.remote)
    record = account.applied(target, record, effects, ended)
    try:
        told = as_files(seen, endpoint, effects)
        as_planned = told.files == seen.files and _all_done(seen, effects)
        record = _delivered(at, told, endpoint, staged if as_planned else stage(at, told, effects), record)
        at.ledger.close()
    except SyncError as error:  # what was made on the far side is told all the same
        return account.unproved(target, record, error)
    return record


def _all_done(seen: Scan, effects: Sequence[Effect]) -> bool:
    """Whether the far side holds all that was planned for it."""
    done = {effect.change.key: effect.change.after for effect in effects if effect.done}
    return done == {change.key: change.after for change in seen.plan.remote}


def _refused(at: Passage, seen: Scan, endpoint: Endpoint, record: TargetRecord) -> TargetRecord:
    """Where nothing but drift gates refuse, the report of what differs is written all the same: it is what they read,
    and what people look at to find out why."""
    drifted = all(verdict.code == "E-GATE-DRIFT" for verdict in record.verdicts if verdict.stops)
    known = seen.documents is not None and seen.base.known and not seen.base.elsewhere
    if at.mode.dry_run or not drifted or not known or not isinstance(endpoint, Reporting):
        return record
    assert seen.documents is not None and record.failure is not None
    files = endpoint.report_refused(seen.documents, seen.plan)
    told = replace(seen, plan=replace(seen.plan, repo=(), remote=(), agreed=(), settled=()), files=files)
    if not files and not told.parked.differs(told.plan):
        return record
    staged = stage(at, told)
    refuse_foreign_work(at, staged)
    at.step(Step.COMMITTING)
    made, left = commit(at, told, staged)
    names = ", ".join(change.key for change in files)
    kept = f"only {names} was written: it lists what differs" if files else record.failure.kept
    return replace(record, commit=made, notes=(*record.notes, *left), failure=replace(record.failure, kept=kept))


def _performed(at: Passage, seen: Scan, endpoint: Endpoint, verdicts: Verdicts) -> TargetRecord:
    """An opaque endpoint does its work as a whole; what it left is weighed, judged and delivered like any remote."""
    if at.target.direction is not Direction.PUSH:
        refuse_dirty(at)
    at.step(Step.APPLYING)
    after = performed(at, seen, endpoint)
    verdicts += judge_plan(at, after)
    staged = stage(at, after, ())
    if not refusal(verdicts):
        verdicts += _verified(at, staged)
    if refusal(verdicts):
        return account.too_late(account.refused(at.target, verdicts, after.plan))
    refuse_foreign_work(at, staged)
    record = account.ended(at.target, after.plan, after.base.snapshot.sources, verdicts, Outcome.SYNCED)
    return _delivered(at, after, endpoint, staged, account.was_performed(record, seen.plan.opaque))


def _delivered(at: Passage, seen: Scan, endpoint: Endpoint, staged: Staged, record: TargetRecord) -> TargetRecord:
    """The staged tree carried into the repository, and the proof. What was committed stays in the record."""
    at.step(Step.COMMITTING, finish=bool(record.effects))
    made, left = commit(at, seen, staged)
    record = replace(record, commit=made, notes=(*record.notes, *left))
    undone = len(record.effects) < len(seen.plan.remote) or any(not effect.done for effect in record.effects)
    if not at.target.idempotent or left or undone:
        return record
    try:
        at.step(Step.PROVING)
        prove(at, seen, endpoint, record.effects)
    except SyncError as error:
        return account.unproved(at.target, record, error)
    return record


def _verified(at: Passage, staged: Staged) -> Verdicts:
    """Post checks, verification and drift gates over a checkout of the staged tree, and what the user's own hook says
    of the commit."""
    folder, rehearsal = at.world.cache / "verify", _rehearsal(at, staged)
    wanted = needs_checkout(at.world, at.target)
    if not wanted and rehearsal is None:
        return ()
    at.step(Step.VERIFYING)
    if wanted:
        host.make_folder(folder)
        worktree.checkout(at.store, staged.tree, folder)
    return judge_commands(at.world, at.target, Phase.POST, at.environment, folder, rehearsal)


def _rehearsal(at: Passage, staged: Staged) -> Rehearsal | None:
    if not (at.world.config.safety.run_hooks and at.target.git_commit and staged.changes):
        return None
    return Rehearsal(at.world.repository, at.store, staged.tree, at.world.cache / "hooks")
