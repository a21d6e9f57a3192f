"""The idempotence proof: after a run, the plan is made again and must be empty."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from directional_sync.errors import InternalError, ScriptError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import Snapshot
from directional_sync.model.target import Target
from directional_sync.run.base import find_base, globs, read_lock
from directional_sync.run.scan import Scan, open_endpoint, repo_tree, weigh
from directional_sync.run.world import Mode, World

_LISTED = 20


def prove(
    target: Target, world: World, mode: Mode, store: ObjectStore, seen: Scan, environment: Mapping[str, str]
) -> None:
    """Raises InternalError E-NOT-IDEMPOTENT when we would do it all again, ScriptError E-SCRIPT-UNSTABLE when
    a second run of the far side (only with `mode.prove`) gives something else than the first."""
    after = replace(world, repository=world.repository.reread())
    tree = repo_tree(target, after, store)
    lock = read_lock(store, tree, world.lock_path)
    repo = trees.select(store, tree, globs(target))
    base = find_base(after.repository, store, target, lock.targets.get(target.name), repo)
    remote = _again(target, after, mode, store, seen, environment) if mode.prove else seen.whole["remote"]
    second = weigh(target, after, mode, store, tree, lock, base, repo, remote).plan
    moved = [change.key for change in (*second.repo, *second.remote, *second.agreed)]
    if not moved:
        return
    if mode.prove:
        raise ScriptError(
            "E-SCRIPT-UNSTABLE",
            f"a second run right after the first would change {len(moved)} more keys",
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


def _again(
    target: Target, world: World, mode: Mode, store: ObjectStore, seen: Scan, environment: Mapping[str, str]
) -> Snapshot:
    with closing(open_endpoint(target, world, mode, store, environment, seen.base)) as endpoint:
        return endpoint.snapshot(seen.base.snapshot)
