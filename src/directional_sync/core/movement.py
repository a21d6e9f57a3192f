"""Why a target differs: what moved there, what was edited here, and what the file says otherwise than last time."""

from __future__ import annotations

from dataclasses import dataclass

from directional_sync.model.plan import Plan, Side, Why
from directional_sync.model.snapshot import Source

_HERE = frozenset({Why.EDITED, Why.FOREIGN, Why.EDIT_KEPT})


@dataclass(frozen=True, slots=True)
class Movement:
    """Why the sides of one target differ, told apart."""

    moved: tuple[str, ...] = ()
    """Names of sources that have other commits now."""
    edited: tuple[str, ...] = ()
    """Keys that somebody edited here."""
    configured: tuple[str, ...] = ()
    """Names of sources of which the file says something else than when they were taken, new ones included."""
    orphans: tuple[str, ...] = ()
    """Names of sources that the file no longer holds."""


def movement(plan: Plan) -> Movement:
    """What of the plan is whose doing. A target without sources has edits only."""
    before = {source.name: source for source in plan.was}
    known = [source for source in plan.sources if source.name not in plan.orphans]
    edited = {item.key for item in plan.held if item.why in _HERE and item.side is Side.REPO}
    return Movement(
        moved=tuple(source.name for source in known if _moved(before.get(source.name), source)),
        edited=tuple(sorted(edited | {conflict.key for conflict in plan.conflicts})),
        configured=tuple(source.name for source in known if _configured(before.get(source.name), source)),
        orphans=plan.orphans,
    )


def _configured(before: Source | None, now: Source) -> bool:
    if before is None:
        return True
    asked = ("url", "asked", "into", "recipe")
    return any(getattr(before, key) != getattr(now, key) for key in asked) or _merges(before) != _merges(now)


def _merges(source: Source) -> tuple[str, ...]:
    return tuple(part.ref for part in source.merged)


def _moved(before: Source | None, now: Source) -> bool:
    """Another commit although the same was asked for."""
    if before is None or _configured(before, now):
        return False
    return (before.commit, before.merged) != (now.commit, now.merged)
