"""How the base moves: by what both sides hold after a run, and by nothing that was only planned."""

from __future__ import annotations

from collections.abc import Iterable

from directional_sync.model.plan import Change, Plan
from directional_sync.model.snapshot import Entry


def advance(plan: Plan, done: Iterable[Change]) -> dict[str, Entry]:
    """By key, what the base holds after the run instead of what it held. The plan's changes for the repository go into
    the same transaction as the base, so they count as made; of those for the far side only `done` do, which it has
    confirmed. A key that is held or in conflict stays as it was agreed on last.

    Of a key that is written on both sides the repository holds afterwards what the far side held before as well. Where
    the far side has not confirmed, that is what both have seen, and the next comparison starts from there."""
    made = list(done)
    confirmed = {change.key for change in made}
    here = {change.key for change in plan.repo}
    seen = {c.key: c.before for c in plan.remote if c.key in here and c.key not in confirmed}
    return {**{change.key: change.after for change in (*plan.agreed, *plan.repo, *made)}, **seen}
