"""Which targets may be looked at before their turn comes.

Targets are carried out one after the other, in their order, so that the same inputs make the same commits. Looking at a
far side takes most of the time and changes nothing, so it may begin earlier: but never before something that could
change what is seen there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from directional_sync.model.target import Concurrency

ANYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Stop:
    """One target on the way of a run."""

    name: str
    host: str
    """Where its far side is. "": on this machine, or nobody knows where, so it is looked at in its turn only."""
    writes: str = ""
    """On which host it may change something: "" on none, ANYWHERE where nobody can tell."""
    needs: tuple[str, ...] = ()


def may_begin(
    way: Sequence[Stop], done: Collection[str], begun: Collection[str], looking: Collection[str], limits: Concurrency
) -> tuple[str, ...]:
    """The targets that may be looked at from now on, in order. `way`: all of the run in their order. `done`: those
    that have succeeded. `begun`: those whose turn is not over and that were begun, the one at hand among them;
    `looking`: those of them at work with their far side."""
    free = limits.targets - len(begun)
    hosts = Counter(stop.host for stop in way if stop.name in looking)
    written: set[str] = set()
    found: list[str] = []
    for stop in way:
        if free <= len(found) or ANYWHERE in written:
            break
        if stop.name in done:
            continue
        if stop.name not in begun and _may(stop, done, written) and hosts[stop.host] < limits.per_host:
            hosts[stop.host] += 1
            found.append(stop.name)
        if stop.writes:
            written.add(stop.writes)
    return tuple(found)


def _may(stop: Stop, done: Collection[str], written: Collection[str]) -> bool:
    return bool(stop.host) and stop.host not in written and all(need in done for need in stop.needs)
