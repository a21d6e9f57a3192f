"""Looking at both sides and the base, and what follows from it: the plan."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

from directional_sync.core.lockfile import LockFile
from directional_sync.core.reconcile import reconcile
from directional_sync.endpoints.base import Context, Endpoint
from directional_sync.git import tree as trees
from directional_sync.git import worktree
from directional_sync.git.objects import ObjectStore
from directional_sync.model.plan import Bound, Plan, Sign
from directional_sync.model.snapshot import ABSENT, Entry, Snapshot
from directional_sync.model.target import OnConflict, Policy, Target
from directional_sync.run.base import Base, find_base, globs, merged, read_lock
from directional_sync.run.world import Mode, World


@dataclass(frozen=True)
class Scan:
    """What was seen. `base`, `repo` and `remote` snapshots of the plan hold only keys that differ somewhere."""

    plan: Plan
    tree: str
    """The whole tree that the repository side was read from: the branch's, or the work tree's."""
    base: Base
    lock: LockFile
    whole: Mapping[str, Snapshot]
    """Side name -> snapshot as it was taken, equal keys included, folders unopened."""
    differing: Mapping[str, Snapshot]
    """Side name -> snapshot with only the keys that differ somewhere, flat."""

    @property
    def bookkeeping(self) -> bool:
        """Whether lock or base have to move although neither side has to."""
        known = self.base.known and bool(self.base.ref)
        return (
            bool(self.plan.agreed)
            or not known
            or merged(self.base.snapshot.sources, self.plan) != tuple(self.base.snapshot.sources)
        )


def scan(
    target: Target, world: World, mode: Mode, store: ObjectStore, environment: Mapping[str, str], stack: ExitStack
) -> tuple[Scan, Endpoint]:
    """Both sides, the base, and the plan. The endpoint stays open until `stack` closes."""
    tree = repo_tree(target, world, store)
    lock = read_lock(store, tree, world.lock_path)
    repo = trees.select(store, tree, globs(target))
    base = find_base(world.repository, store, target, lock.targets.get(target.name), repo)
    endpoint = stack.enter_context(closing(open_endpoint(target, world, mode, store, environment, base)))
    remote = endpoint.snapshot(base.snapshot)
    return weigh(target, world, mode, store, tree, lock, base, repo, remote), endpoint


def weigh(
    target: Target,
    world: World,
    mode: Mode,
    store: ObjectStore,
    tree: str,
    lock: LockFile,
    base: Base,
    repo: Snapshot,
    remote: Snapshot,
) -> Scan:
    """The plan that follows from what was seen."""
    differing = trees.align(store, base.snapshot, repo, remote)
    bound = Bound(world.config.digest, *(snapshot.digest for snapshot in differing))
    plan = reconcile(target.name, *differing, target.direction, _policy(target.policy, mode), bound)
    if not base.known and plan.conflicts:
        note = "no earlier agreement is known, so nothing that differs is overwritten; --prefer repo|remote decides"
        plan = replace(plan, notes=(*plan.notes, note))
    names = ("base", "repo", "remote")
    whole = dict(zip(names, (base.snapshot, repo, remote), strict=True))
    return Scan(plan, tree, base, lock, whole, dict(zip(names, differing, strict=True)))


def open_endpoint(
    target: Target, world: World, mode: Mode, store: ObjectStore, environment: Mapping[str, str], base: Base
) -> Endpoint:
    return world.open_endpoint(
        Context(
            target=target,
            objects=store,
            git_dir=world.repository.common_dir,
            cache=world.cache / "endpoints" / target.name,
            head=world.repository.head,
            tell=world.tell,
            environment=environment,
            dry_run=mode.dry_run,
            run=world.run,
            config_path=world.config.path,
            locked={source.name: source.commit for source in base.snapshot.sources},
        )
    )


def repo_tree(target: Target, world: World, store: ObjectStore) -> str:
    """The branch's tree; for a target that is not committed, with what the work tree holds in its place."""
    tree = store.tree_of(world.repository.head)
    if target.git_commit:
        return tree
    scope = (*globs(target), world.lock_path)
    there = trees.flatten(store, trees.select(store, tree, scope))
    here = worktree.snapshot(world.repository, store, scope)
    gone: dict[str, Entry] = {key: ABSENT for key in there if key not in here}
    return trees.edit(store, tree, {**gone, **here.entries})


def _policy(policy: Policy, mode: Mode) -> Policy:
    return policy if mode.prefer is None else replace(policy, on_conflict=OnConflict(mode.prefer.value))


def sizes(seen: Scan, store: ObjectStore) -> dict[str, int]:
    """How many entries each side holds, where the plan deletes anything; {} otherwise, since counting opens
    every folder."""
    deletes = any(change.sign is Sign.DELETE for change in (*seen.plan.repo, *seen.plan.remote))
    return {name: trees.count(store, snapshot) for name, snapshot in seen.whole.items()} if deletes else {}
