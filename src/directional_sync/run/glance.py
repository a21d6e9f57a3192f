"""Looking at a target: what opens its passage, and what was seen of it before its turn came."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

from directional_sync.endpoints.base import Endpoint
from directional_sync.errors import StalePlanError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import BASE_REF, Repository
from directional_sync.model.lifecycle import Step
from directional_sync.model.target import Target
from directional_sync.run.base import globs, read_lock
from directional_sync.run.scan import Scan, open_endpoint, scan
from directional_sync.run.world import Laps, Mode, Passage, World
from directional_sync.system import host

FRESH_S = 60.0
"""For so long what was seen on a far side is believed. It bounds, too, how much of a target's time it may wait away."""


def passage(target: Target, world: World, mode: Mode, laps: Laps, stack: ExitStack) -> Passage:
    """The target at the beginning of its way; what it holds open is closed with `stack`."""
    quarantine = world.cache / "quarantine" / f"{world.run}-{target.name}"
    store = stack.enter_context(closing(ObjectStore(world.repository, quarantine)))
    return Passage(target, world, mode, world.environment_for(target), store, world.ledger_for(target), laps)


def look(at: Passage, stack: ExitStack) -> tuple[Scan, Endpoint]:
    """Both sides, the base and the plan."""
    at.step(Step.SCANNING)
    return scan(at, lambda base: stack.enter_context(closing(open_endpoint(at, base))))


def same_branch(world: World) -> Repository:
    """The repository as it is now, on the branch on which the run began. Raises StalePlanError E-STALE-BRANCH."""
    now = world.repository.reread()
    if now.branch != world.repository.branch:
        raise StalePlanError(
            "E-STALE-BRANCH",
            f"{world.repository.branch} is no longer checked out",
            hint="switch back, or run again for the other branch",
            kept="the branches and your files are unchanged",
        )
    return now


@dataclass(frozen=True)
class Glance:
    """What was seen of a target before its turn came. Store and far side are held open until `stack` is closed."""

    at: Passage
    seen: Scan
    endpoint: Endpoint
    stack: ExitStack
    since: float
    """When looking began, on a clock that never jumps, in seconds."""


def glance(target: Target, world: World, mode: Mode) -> Glance:
    """Raises what looking at it raises; nothing is open then."""
    since, laps = host.monotonic(), Laps(host.monotonic)
    with ExitStack() as stack:
        at = passage(target, replace(world, repository=same_branch(world)), mode, laps, stack)
        seen, endpoint = look(at, stack)
        laps.begin(None)
        return Glance(at, seen, endpoint, stack.pop_all(), since)


def renewed(early: Glance, world: World, laps: Laps, beside: tuple[str, ...]) -> Glance | None:
    """What was seen as it holds now, when the target's turn has come; None where it has to be looked at again: since it
    was long ago, or since an earlier target of this run has changed what this one reads. `beside`: globs of what its
    endpoint reads of the repository beside what belongs to the target."""
    at, now, seen = early.at, same_branch(world), early.seen
    if host.monotonic() - early.since > FRESH_S or now.ref(BASE_REF.format(target=at.target.name)) != seen.base.ref:
        return None
    after = at.store.tree_of(now.head)
    if _touches(at.target, at.store, (seen.tree, after), world.lock_path, beside):
        return None
    for step, took in at.laps.taken.items():
        laps.taken[step] = laps.taken.get(step, 0.0) + took
    at = replace(at, world=replace(at.world, repository=now), laps=laps)
    return replace(early, at=at, seen=replace(seen, tree=after, lock=read_lock(at.store, after, world.lock_path)))


def outdated(target: Target, world: World, head: str, beside: tuple[str, ...]) -> bool:
    """Whether something that this target reads was changed since the branch was at `head`, so that what went wrong then
    may be right by now."""
    now = same_branch(world)
    if now.head == head:
        return False
    with closing(ObjectStore(now, world.cache / "quarantine" / f"{world.run}-{target.name}")) as store:
        trees_then_and_now = (store.tree_of(head), store.tree_of(now.head))
        return _touches(target, store, trees_then_and_now, world.lock_path, beside)


def _touches(
    target: Target, store: ObjectStore, both: tuple[str, str], lock_path: str, beside: tuple[str, ...]
) -> bool:
    """Whether the target reads anything that differs between two trees of the branch."""
    if both[0] == both[1]:
        return False
    locked = [read_lock(store, tree, lock_path).targets.get(target.name) for tree in both]
    own = [trees.select(store, tree, (*globs(target), *beside)) for tree in both]
    return locked[0] != locked[1] or own[0] != own[1]
