"""A refusal that concerns some sources only holds just these, so that the others can go on.

A gate's finding in one of fifty-five repositories is no reason to leave the other fifty-four as they were. So what
was refused is taken for unreadable: what was vendored from there stays, nothing of what came reaches the repository,
and a plan without it is made and judged. That plan has to pass as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from directional_sync.model.plan import Why
from directional_sync.model.record import Verdict
from directional_sync.run.judge import Verdicts, judge_plan
from directional_sync.run.scan import Scan, weigh
from directional_sync.run.world import Passage


def judge(at: Passage, seen: Scan) -> tuple[Scan, Verdicts]:
    """What the built-in gates say of the plan; where they refuse only some of its sources, the plan without these,
    and what they say of that. No verdict stops the target then, or all of it is refused."""
    first = judge_plan(at, seen)
    refused = [verdict for verdict in first if verdict.stops]
    reasons = _reasons(seen, refused)
    if not reasons:
        return seen, first
    without = _without(at, seen, reasons, refused)
    second = judge_plan(at, without)
    if any(verdict.stops for verdict in second):
        return without, (*refused, *(verdict for verdict in second if verdict not in refused))
    told_once = [verdict for verdict in first if verdict.warning and not verdict.keys and verdict not in second]
    return without, (*(replace(verdict, held=True) for verdict in refused), *told_once, *second)


def _reasons(seen: Scan, refused: Sequence[Verdict]) -> dict[str, str]:
    """Place -> why what comes there is refused, as "E-CODE: reason"; {} when not just some sources are to blame: a
    finding concerns the target as a whole or lies outside of them, or nothing would be left."""
    remote = seen.whole["remote"]
    if seen.plan.opaque:
        return {}
    places = {source.into for source in remote.sources}
    found: dict[str, str] = {}
    for verdict in refused:
        hit = Counter(_place_of(key, places) for key in verdict.keys)
        if not hit or "" in hit:
            return {}
        for place, number in hit.items():
            said = verdict.message if len(hit) == 1 else f"{number} finding{'' if number == 1 else 's'}"
            found.setdefault(place, f"{verdict.code}: {verdict.gate}: {said}")
    return found if len(found) < len(places) or remote.unreadable else {}


def _place_of(key: str, places: Collection[str]) -> str:
    """The place that `key` lies in; "" when it lies in none."""
    folder = key.rpartition("/")[0]
    while folder and folder not in places:
        folder = folder.rpartition("/")[0]
    return folder


def _without(at: Passage, seen: Scan, reasons: Mapping[str, str], refused: Sequence[Verdict]) -> Scan:
    """What was seen, with these places taken for unreadable, and the plan that follows."""
    advice = {place: _advice(reason, refused) for place, reason in reasons.items()}
    held = {**reasons, **_former_places(seen, reasons)}
    remote = seen.whole["remote"].without(held, advice)
    again = weigh(at, seen.tree, seen.lock, seen.base, seen.whole["repo"], remote)
    told = tuple(replace(item, why=Why.REFUSED) if item.key in held else item for item in again.plan.held)
    return replace(again, plan=replace(again.plan, held=told))


def _advice(reason: str, refused: Sequence[Verdict]) -> str:
    return next(verdict.hint for verdict in refused if reason.startswith(f"{verdict.code}: {verdict.gate}: "))


def _former_places(seen: Scan, reasons: Mapping[str, str]) -> dict[str, str]:
    """Former place -> reason, of refused sources that were elsewhere before: what lies there stays, unless
    another source fills it now."""
    now = {source.name: source.into for source in seen.whole["remote"].sources}
    before = {source.into: now.get(source.name, "") for source in seen.base.snapshot.sources}
    taken = [f"{into}/" for into in now.values()]
    return {
        place: reasons[into]
        for place, into in before.items()
        if into in reasons and place and not any(_overlap(f"{place}/", other) for other in taken)
    }


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
