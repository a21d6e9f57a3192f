"""How a target's passage ends up in its record: what was done, in one honest sentence with the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from directional_sync.errors import EXIT_PRECEDENCE, Exit, InternalError, RefusedError, SyncError
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.plan import Plan, Sign, count
from directional_sync.model.record import Effect, Failure, Phase, TargetRecord, Verdict
from directional_sync.model.snapshot import Source
from directional_sync.model.target import Target
from directional_sync.render.commit import moved_sources, numbers
from directional_sync.run.shortfall import shortfalls

_CREATED_LISTED = 1000
_VERIFICATION = "verification"
_TRACE_LINES = 12
_UNDONE_LISTED = 200


def ended(
    target: Target, plan: Plan, before: Sequence[Source], verdicts: Sequence[Verdict], done: Outcome
) -> TargetRecord:
    """The record of a passage that no gate stopped. `done` is what it is when nothing is wrong: IN_SYNC,
    PLANNED or SYNCED; what could not be read, was refused or is in conflict makes it less than that."""
    short = shortfalls(target, plan, verdicts, done)
    outcome = done
    if short:
        outcome = Outcome.CONFLICTED if all(one.exit is Exit.CONFLICTS for one in short) else Outcome.FAILED
    moved = moved_sources(before, plan.sources)
    return TargetRecord(
        target=target.name,
        direction=target.direction,
        outcome=outcome,
        message=_sentence(plan, len(moved), done, short),
        counts=count((*plan.repo, *plan.remote), plan.noun),
        outputs_created=_created(plan, [new for old, new in moved if old is None]),
        verification_passed=verified(verdicts),
        verdicts=tuple(verdicts),
        plan=plan,
        plan_digest=plan.digest,
        failure=short[0] if short else None,
        also=short[1:],
        notes=plan.notes,
    )


def _sentence(plan: Plan, moved: int, done: Outcome, short: Sequence[Failure]) -> str:
    counts = count((*plan.repo, *plan.remote), plan.noun)
    parts = [f"{moved} of {len(plan.sources)} sources moved"] if moved else []
    parts += [numbers(counts)] if counts.total else []
    what = ", ".join(parts)
    held = f" ({len(plan.held)} held)" if plan.held else ""
    if plan.opaque:
        return f"no preview possible: {plan.opaque}" if done is Outcome.PLANNED else f"Performed: {plan.opaque}"
    if short:
        told = "; ".join(failure.message for failure in short)
        return f"{told}; the rest: {what}" if what else told
    if done is Outcome.IN_SYNC or (not what and done is Outcome.PLANNED and not plan.agreed):
        return f"Nothing to do{held}"
    if done is Outcome.PLANNED:
        return f"Would sync: {what or 'only ' + _noted(plan) + ' is written'}{held}"
    return f"Synced successfully: {what or 'only ' + _noted(plan) + ' was written'}{held}"


def _noted(plan: Plan) -> str:
    """Where it stands what both sides agree on."""
    return "the note of what both sides agree on" if plan.records else "the lock file"


def _created(plan: Plan, new: Sequence[Source]) -> tuple[str, ...]:
    """New source folders as one output each, other new files by name."""
    folders = [source.into for source in new if source.into]
    inside = tuple(f"{folder}/" for folder in folders)
    added = [c.key for c in plan.repo if c.sign is Sign.ADD and not c.key.startswith(inside or ("\0",))]
    return tuple(folders + added[:_CREATED_LISTED])


def verified(verdicts: Sequence[Verdict]) -> bool | None:
    """What the report says under `verification_passed`; None when no verification was made."""
    own = [verdict.passed for verdict in verdicts if verdict.gate == _VERIFICATION and verdict.phase is Phase.POST]
    return all(own) if own else None


def refused(target: Target, verdicts: Sequence[Verdict], plan: Plan | None) -> TargetRecord:
    """The record of a passage that a gate stopped."""
    first = next(verdict for verdict in verdicts if verdict.stops)
    others = sum(verdict.stops for verdict in verdicts) - 1
    return TargetRecord(
        target=target.name,
        direction=target.direction,
        outcome=Outcome.REFUSED,
        message=_refusal_sentence(first, others),
        counts=count((*plan.repo, *plan.remote), plan.noun) if plan else count(()),
        verification_passed=verified(verdicts),
        verdicts=tuple(verdicts),
        plan=plan,
        plan_digest=plan.digest if plan else "",
        failure=Failure(
            code=first.code,
            message=f"{first.gate}: {first.message}",
            hint=first.hint,
            detail=first.detail,
            kept="nothing was changed",
            exit=Exit.REFUSED,
        ),
        notes=plan.notes if plan else (),
    )


def _refusal_sentence(first: Verdict, others: int) -> str:
    start = {
        Phase.PRE: "Pre-sync check failed",
        Phase.PLAN: "Refused",
        Phase.POST: "Verification failed" if first.gate == _VERIFICATION else "Post-sync check failed",
    }[first.phase]
    more = f" (and {others} more)" if others else ""
    return f"{start}: {first.gate}: {first.message}{more}"


def drifted(record: TargetRecord) -> TargetRecord:
    """The record of a verification that failed by nothing but a tree that is not what the lock says."""
    failure = replace(record.failure, exit=Exit.CHANGES) if record.failure is not None else None
    return replace(record, failure=failure)


def failed(target: Target, error: SyncError) -> TargetRecord:
    """The record of a passage that an error ended."""
    outcome = Outcome.FAILED
    if isinstance(error, RefusedError):
        outcome = Outcome.REFUSED
    elif error.exit in (Exit.INTERRUPTED, Exit.TERMINATED):
        outcome = Outcome.CANCELLED
    return TargetRecord(
        target=target.name,
        direction=target.direction,
        outcome=outcome,
        message=error.message,
        failure=Failure(
            error.code,
            error.message,
            error.hint,
            error.place or str(target.place),
            error.kept,
            error.detail,
            error.exit,
        ),
    )


def unproved(target: Target, done: TargetRecord, error: SyncError) -> TargetRecord:
    """The record of a passage that was committed but whose proof failed, or was not waited for."""
    why = failed(target, error)
    return replace(done, outcome=why.outcome, failure=why.failure, message=f"{done.message}; but {why.message}")


def was_performed(record: TargetRecord, why: str) -> TargetRecord:
    """The record of an opaque endpoint's passage: what it did on the far side is known to itself only."""
    note = f"the entrypoint was run; what it did on the far side cannot be seen from here: {why}"
    message = record.message if record.counts.total or not record.success else "Performed successfully"
    return replace(record, message=message, notes=(*record.notes, note))


def too_late(record: TargetRecord) -> TargetRecord:
    """The record of a refusal that came after an opaque endpoint had done its work."""
    note = "the entrypoint had already run when this was refused: the far side may have changed, the repository has not"
    return replace(record, notes=(*record.notes, note))


def applied(target: Target, record: TargetRecord, effects: tuple[Effect, ...], ended: SyncError | None) -> TargetRecord:
    """The record with the effects on the far side, and what ended them before the last one; less than a success when
    not all of them are done."""
    planned = record.plan.remote if record.plan is not None else ()
    undone = [effect for effect in effects if not effect.done]
    waiting = planned[len(effects) :]
    done = [effect.change for effect in effects if effect.done]
    noun = record.plan.noun if record.plan is not None else "file"
    counted = count((*(record.plan.repo if record.plan else ()), *done), noun)
    record = replace(record, effects=effects, counts=counted)
    if not undone and not waiting:
        return record
    counts = Counter(effect.kind for effect in undone)
    parts = [f"{len(done)} made", *(f"{number} {kind}" for kind, number in sorted(counts.items()))]
    parts += [f"{len(waiting)} not attempted"] if waiting else []
    first = ended.message if ended is not None else f"{undone[0].change.key}: {undone[0].message or undone[0].kind}"
    statuses = [ended.exit] if ended is not None else [effect.exit for effect in undone]
    failure = Failure(
        code=ended.code if ended is not None else "E-APPLY",
        message=f"of {len(planned)} changes on the far side {', '.join(parts)}: {first}",
        detail=tuple(_undone(effect) for effect in undone[:_UNDONE_LISTED]),
        place=ended.place if ended is not None else str(target.place),
        kept="what was made is recorded, and nothing is made twice",
        hint=(ended.hint if ended is not None else "") or "the next run looks again and makes what is still missing",
        exit=min(statuses, key=EXIT_PRECEDENCE.index),
    )
    cancelled = failure.exit in (Exit.INTERRUPTED, Exit.TERMINATED)
    outcome = Outcome.CANCELLED if cancelled else Outcome.FAILED
    also = (*((record.failure,) if record.failure is not None else ()), *record.also)
    return replace(record, outcome=outcome, failure=failure, message=failure.message, also=also)


def _undone(effect: Effect) -> str:
    return f"{effect.change.key}: {effect.kind} {effect.message}".rstrip()


def our_bug(target: Target, error: Exception) -> TargetRecord:
    """The record of a passage that ended in an exception nobody raised on purpose."""
    return failed(target, bug(error))


def bug(error: Exception) -> InternalError:
    """An exception that nobody raised on purpose, as an error for whoever has to report it."""
    import traceback

    trace = traceback.format_exception(error)[-1].strip()
    where = [line.strip() for line in traceback.format_tb(error.__traceback__)[-_TRACE_LINES:]]
    return InternalError(
        "E-INTERNAL",
        f"this is a fault in directional-sync itself: {trace}",
        kept="a target is written whole or not at all; `dsync status` says if anything is left to finish",
        hint="please report it with the text that `dsync show` prints for this run",
        detail=where,
    )


def resting(target: Target, undone: str) -> TargetRecord:
    """The record of a target of which a run was undone."""
    message = f"at rest since run {undone[-8:]} was undone; go on with: dsync run {target.name} --resume"
    return skipped(target, Skip.UNDONE, message)


def skipped(target: Target, why: Skip, message: str) -> TargetRecord:
    return TargetRecord(
        target=target.name, direction=target.direction, outcome=Outcome.SKIPPED, message=message, skip=why
    )
