"""Conflicts that are settled: what it means for both sides that a decision was made for a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from directional_sync.model.plan import Change, Conflict, Ending, Plan, Settled
from directional_sync.model.snapshot import ABSENT, Entry


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one conflict."""

    ending: Ending
    after: Entry
    """What stands at the key on both sides."""
    copy: str = ""
    """Where the far side's version is to stand, on both sides; nothing may be there yet."""
    note: str = ""


def settle(plan: Plan, decisions: Mapping[str, Decision], rest: Mapping[str, Conflict]) -> Plan:
    """The plan with the changes that the decisions mean, by key of the conflict; `rest`: what is known by now of those
    that stay conflicts."""
    if not decisions and not rest:
        return plan
    repo, remote = list(plan.repo), list(plan.remote)
    settled, waiting = list(plan.settled), []
    for conflict in plan.conflicts:
        decision = decisions.get(conflict.key)
        if decision is None:
            waiting.append(rest.get(conflict.key, conflict))
            continue
        if conflict.repo != decision.after:
            repo.append(Change(conflict.key, conflict.repo, decision.after))
        if conflict.remote != decision.after:
            remote.append(Change(conflict.key, conflict.remote, decision.after))
        if decision.copy:
            repo.append(Change(decision.copy, ABSENT, conflict.remote))
            remote.append(Change(decision.copy, ABSENT, conflict.remote))
        settled.append(Settled(conflict, decision.ending, decision.after, decision.copy, decision.note))
    return replace(
        plan,
        repo=_sorted(repo),
        remote=_sorted(remote),
        conflicts=tuple(waiting),
        settled=tuple(sorted(settled, key=lambda one: one.conflict.key)),
    )


def _sorted(changes: list[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.key))
