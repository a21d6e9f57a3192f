"""A side that may not be written: what a plan would change there is refused, held, or taken back on the other side."""

from __future__ import annotations

from dataclasses import replace

from directional_sync.core.settle import Decision, settle
from directional_sync.model.plan import Change, Conflict, Ending, Held, Plan, Side, Why
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import OnReadOnly, Policy

_CLOSED = {Side.REPO: "this repository is read-only here", Side.REMOTE: "the far side is read-only"}


def spared(plan: Plan, base: Snapshot, policy: Policy) -> Plan:
    """The plan before conflicts are united. With `hold` and `revert` it leaves the read-only side alone; what is in
    conflict is not merged then, since a merge is written on both sides."""
    if policy.read_only is None or policy.on_read_only is OnReadOnly.STOP:
        return plan
    side = Side(policy.read_only.value)
    changes = plan.repo if side is Side.REPO else plan.remote
    keys = frozenset(change.key for change in changes)
    plan = replace(
        plan,
        repo=() if side is Side.REPO else plan.repo,
        remote=() if side is Side.REMOTE else plan.remote,
        outlived=tuple(key for key in plan.outlived if key not in keys),
    )
    if policy.on_read_only is OnReadOnly.HOLD:
        held = (*plan.held, *(Held(change.key, side, Why.READ_ONLY) for change in changes))
        waiting = tuple(replace(one, why=one.why or _CLOSED[side]) for one in plan.conflicts)
        return replace(plan, held=tuple(sorted(held, key=lambda item: item.key)), conflicts=waiting)
    conflicts = (*plan.conflicts, *(_against(change, side, base) for change in changes))
    plan = replace(plan, conflicts=tuple(sorted(conflicts, key=lambda one: one.key)))
    ending = Ending(side.value)
    return settle(plan, {one.key: Decision(ending, _there(one, side)) for one in plan.conflicts}, {})


def kept_closed(plan: Plan, policy: Policy) -> Plan:
    """The plan after conflicts are united: a decision that would write on the read-only side is none."""
    if policy.read_only is None or policy.on_read_only is OnReadOnly.STOP:
        return plan
    side = Side(policy.read_only.value)
    written = {change.key for change in (plan.repo if side is Side.REPO else plan.remote)}
    undone = [one for one in plan.settled if {one.conflict.key, one.copy} & written]
    if not undone:
        return plan
    keys = {key for one in undone for key in (one.conflict.key, one.copy) if key}
    waiting = (*plan.conflicts, *(replace(one.conflict, why=_CLOSED[side]) for one in undone))
    return replace(
        plan,
        repo=tuple(change for change in plan.repo if change.key not in keys),
        remote=tuple(change for change in plan.remote if change.key not in keys),
        settled=tuple(one for one in plan.settled if one not in undone),
        conflicts=tuple(sorted(waiting, key=lambda one: one.key)),
    )


def _against(change: Change, side: Side, base: Snapshot) -> Conflict:
    """A change of the read-only side as the conflict that it is: it stays, whatever the other side says."""
    repo, remote = (change.before, change.after) if side is Side.REPO else (change.after, change.before)
    return Conflict(change.key, base.at(change.key), repo, remote)


def _there(conflict: Conflict, side: Side) -> Entry:
    return conflict.repo if side is Side.REPO else conflict.remote
