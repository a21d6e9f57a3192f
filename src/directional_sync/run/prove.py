"""The idempotence proof: after a run, the plan is made again and must be empty.

Where the far side was written it is looked at once more, and holds what was written, or the run has not done its work.
What could not be written waits for the next run, and so does what others have changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import cast

from directional_sync.endpoints.base import Confirming, Endpoint, Writing
from directional_sync.errors import InternalError, RemoteError, ScriptError
from directional_sync.git import tree as trees
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import Snapshot
from directional_sync.model.target import Direction
from directional_sync.run.base import find_base, globs, read_lock
from directional_sync.run.scan import Scan, as_files, open_endpoint, repo_tree, weigh
from directional_sync.run.world import Passage

_LISTED = 20


def prove(at: Passage, seen: Scan, endpoint: Endpoint, effects: Sequence[Effect] = ()) -> None:
    """`effects` are those on the far side. Raises InternalError E-NOT-IDEMPOTENT when we would do it all again,
    RemoteError E-APPLY-LOST when the far side does not hold what was written (of records only with `mode.prove`),
    ScriptError E-SCRIPT-UNSTABLE when a second look at the source (only with `mode.prove`) shows something else than
    the first."""
    after = replace(at, world=replace(at.world, repository=at.world.repository.reread()))
    tree, unread = repo_tree(after)
    lock = read_lock(at.store, tree, at.world.lock_path)
    files = trees.select(at.store, tree, globs(at.target))
    files = trees.flatten(at.store, files).without(unread) if unread else files
    base = find_base(after.world.repository, at.store, at.target, lock, files)
    pulled = at.mode.prove and at.target.direction is Direction.PULL
    # Looking at records once more costs as many questions as the first look; looking at files costs nothing.
    looked = bool(effects) and (at.mode.prove or not at.target.records)
    remote = _as_told(seen.whole["remote"], effects)
    if pulled or looked:
        remote = _again(after, seen) if pulled else _looked(at, seen, endpoint, effects, base.snapshot)
    documents = trees.flatten(at.store, files) if seen.documents is not None else None
    repo = seen.whole["repo"] if at.target.records else files  # a push leaves what records are made of as it is
    if documents is not None:
        repo = cast(Writing, endpoint).translate(documents)
        remote = endpoint.snapshot(base.snapshot)
    second = as_files(replace(weigh(after, tree, lock, base, repo, remote), documents=documents), endpoint)
    plan = second.plan
    moved = [change.key for change in (*plan.repo, *plan.remote, *plan.agreed)]
    if effects:
        there, agreed = second.differing["remote"], second.differing["base"]
        written = (effect.change.key for effect in effects if effect.done)
        lost = [key for key in written if there.at(key) != agreed.at(key)]
        if lost:
            raise _lost(lost)
        ours = {change.key for change in (*seen.plan.repo, *seen.plan.agreed)}
        moved = [key for key in moved if key in ours]
    moved += [change.key for change in second.files]
    if not moved:
        return
    if pulled:
        raise ScriptError(
            "E-SCRIPT-UNSTABLE",
            f"a second run right after the first would change {len(moved)} key{'' if len(moved) == 1 else 's'}",
            detail=moved[:_LISTED],
            kept="the first run is complete and committed",
            hint="make the program's output the same for the same input: no times, no random order, no appending",
        )
    raise InternalError(
        "E-NOT-IDEMPOTENT",
        f"the plan right after the run is not empty: {len(moved)} keys",
        detail=moved[:_LISTED],
        kept="what was committed is complete",
        hint="please report this; `idempotent: false` at the target turns the proof off",
    )


def _as_told(remote: Snapshot, effects: Sequence[Effect]) -> Snapshot:
    """What the far side holds after it has confirmed these effects."""
    done = {effect.change.key: effect.change.after for effect in effects if effect.done}
    if not done:
        return remote
    entries = {key: entry for key, entry in {**remote.entries, **done}.items() if not entry.absent}
    return replace(remote, entries=entries)


def _looked(at: Passage, seen: Scan, endpoint: Endpoint, effects: Sequence[Effect], prior: Snapshot) -> Snapshot:
    """The far side once more: all of it, or, where that tells enough and is cheaper, what was written there."""
    found = None
    if isinstance(endpoint, Confirming) and not at.mode.prove:
        found = endpoint.confirm([effect.change for effect in effects if effect.done])
    if found is None:
        return endpoint.snapshot(prior)
    remote = seen.whole["remote"]
    entries = {key: entry for key, entry in {**remote.entries, **found}.items() if not entry.absent}
    return replace(remote, entries=entries)


def _lost(keys: Sequence[str]) -> RemoteError:
    return RemoteError(
        "E-APPLY-LOST",
        f"the far side does not hold what was written a moment ago: {len(keys)} key{'' if len(keys) == 1 else 's'}",
        detail=keys[:_LISTED],
        kept="what was written is recorded as agreed, so the next run tells what is different",
        hint="somebody else may write there at the same time; run again",
    )


def _again(at: Passage, seen: Scan) -> Snapshot:
    with closing(open_endpoint(at, seen.base)) as endpoint:
        # What was not taken the first time proves nothing, whether it can be had now or not.
        return endpoint.snapshot(seen.base.snapshot).without(seen.whole["remote"].unreadable)
