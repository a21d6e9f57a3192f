"""What kept a target from being done as a whole although no gate stopped it: each kind with its own next step."""

from __future__ import annotations

from collections.abc import Sequence

from directional_sync.errors import EXIT_PRECEDENCE, Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Held, Plan, Side, Why
from directional_sync.model.record import Failure, Verdict
from directional_sync.model.target import Direction, Target

_CONFLICTS_LISTED = 50
_NAMED = 3
_AGAIN = "the next run tries again"


def shortfalls(target: Target, plan: Plan, verdicts: Sequence[Verdict], done: Outcome) -> tuple[Failure, ...]:
    """The worst one first, by the precedence of exit statuses. `done` is what becomes of the rest."""
    unread = [item for item in plan.held if item.why is Why.UNREADABLE]
    found = [_refused(plan, verdict, done) for verdict in verdicts if verdict.held]
    found += [_unreadable(plan, unread, done)] if unread else []
    found += [_foreseen(plan)] if plan.foreseen else []
    found += [_conflicting(target, plan)] if plan.conflicts else []
    return tuple(sorted(found, key=lambda failure: EXIT_PRECEDENCE.index(failure.exit)))


def _refused(plan: Plan, verdict: Verdict, done: Outcome) -> Failure:
    """A gate's refusal of what comes from some sources."""
    held = [
        item
        for item in plan.held
        if item.why is Why.REFUSED and any(key.startswith(f"{item.key}/") for key in verdict.keys)
    ]
    return Failure(
        code=verdict.code,
        message=f"{verdict.gate}: {verdict.message}; held back: {_some([item.key for item in held])}",
        hint=verdict.hint,
        detail=verdict.detail,
        kept=_kept(plan, held, done),
        exit=Exit.REFUSED,
    )


def _unreadable(plan: Plan, unread: Sequence[Held], done: Outcome) -> Failure:
    """Each detail reads "E-CODE: reason"; the failure carries the first code and the first advice."""
    code, _, reason = unread[0].detail.partition(": ")
    if not code.startswith("E-"):
        code, reason = "E-UNREADABLE", unread[0].detail
    side = "remote" if unread[0].side is Side.REMOTE else "repo"
    whole = len(plan.sources) + sum(item.why in (Why.UNREADABLE, Why.REFUSED) for item in plan.held)
    what = f"{len(unread)} of {whole} sources" if plan.sources else f"{len(unread)} parts of the {side}"
    hint = unread[0].advice or _AGAIN
    return Failure(
        code=code,
        message=f"{what} could not be read: {unread[0].key or 'everything'}: {reason}",
        detail=tuple(_told(item, hint) for item in unread),
        kept=_kept(plan, unread, done),
        hint=hint,
        exit=Exit.CREDENTIAL if code == "E-ENV-MISSING" or code.endswith("-AUTH") else Exit.FAILED,
    )


def _told(item: Held, hint: str) -> str:
    """With its own advice, where that is not what is said of all."""
    return f"{item.key}: {item.detail}" + (f" (hint: {item.advice})" if item.advice and item.advice != hint else "")


def _kept(plan: Plan, held: Sequence[Held], done: Outcome) -> str:
    """What becomes of the places that are held, and of the rest."""
    before = {source.into for source in plan.was}
    new = [item for item in held if (plan.was or plan.sources) and item.key not in before]
    its = "its" if len(held) == 1 else "their"
    if len(new) < len(held):
        kept = f"{its} content in the repository is as it was"
    else:
        kept = f"nothing of {'it' if len(held) == 1 else 'them'} was taken"
    return kept + ("; the others are synced and committed" if done is Outcome.SYNCED else "")


def _foreseen(plan: Plan) -> Failure:
    """What a run would be told by the far side, as it would say so."""
    number, total, first = len(plan.foreseen), len(plan.remote), plan.foreseen[0]
    return Failure(
        code="E-APPLY",
        message=f"of {total} changes on the far side {number} would be refused: {first.key}: {first.detail}",
        detail=tuple(f"{item.key}: {item.detail}" for item in plan.foreseen[:_CONFLICTS_LISTED]),
        kept="nothing was changed; a run makes the others",
        hint="change what stands in the way, or leave it out of the target",
        exit=Exit.REFUSED,
    )


def _conflicting(target: Target, plan: Plan) -> Failure:
    keys = [conflict.key for conflict in plan.conflicts]
    return Failure(
        code="E-CONFLICT",
        message=f"{len(keys)} {'conflict waits' if len(keys) == 1 else 'conflicts wait'} for a person: {_some(keys)}",
        detail=tuple(f"{c.key}: {c.why}" if c.why else c.key for c in plan.conflicts[:_CONFLICTS_LISTED]),
        kept="neither side of these was touched",
        hint=_advice(target),
        exit=Exit.CONFLICTS,
    )


def _advice(target: Target) -> str:
    if target.direction is Direction.BIDIRECTIONAL:
        settle = f"dsync resolve {target.name} --take repo|remote|both"
        return f"look: dsync conflicts show {target.name}; settle them: {settle}"
    one = f"dsync run {target.name} --prefer repo|remote"
    return f"look: dsync diff {target.name}; settle them all for one side: {one}"


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
