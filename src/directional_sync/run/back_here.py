"""The way back on the branch: the paths that a run's commit changed, and what the lock said before it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from directional_sync.core.lockfile import LockedTarget
from directional_sync.core.trailers import Synced
from directional_sync.core.undoing import Back, back, sources_back
from directional_sync.errors import RefusedError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Target
from directional_sync.run.base import globs, read_lock

_KEPT = "nothing was changed"
_NAMED = 3


@dataclass(frozen=True)
class Trees:
    """The branch's trees around the commit that is taken back."""

    before: str
    after: str
    now: str


def around(store: ObjectStore, commit: Synced, head: str) -> Trees:
    """Raises RefusedError E-UNDO-MIXED for a commit that is not one run's alone."""
    if len(commit.parents) != 1 or len(commit.runs) != 1:
        raise RefusedError(
            "E-UNDO-MIXED",
            f"commit {commit.commit[:12]} holds more than what one run has done",
            hint=f"undo it by hand: git revert {'-m 1 ' if len(commit.parents) > 1 else ''}{commit.commit[:12]}",
            kept=_KEPT,
        )
    return Trees(store.tree_of(commit.parents[0]), store.tree_of(commit.commit), store.tree_of(head))


def paths_back(store: ObjectStore, at: Trees, lock_path: str) -> Back:
    """The paths that the commit changed, but for the lock."""
    before, after, now = (trees.opened(store, tree) for tree in (at.before, at.after, at.now))
    before, after, now = trees.align(store, before, after, now)
    keys = {key for key in before.entries.keys() | after.entries.keys() if before.at(key) != after.at(key)}
    return back(keys - {lock_path}, before.entries, after.entries, now.entries)


@dataclass(frozen=True)
class Agreed:
    """What the lock says of one target: before the run, as the run left it, and now."""

    before: LockedTarget
    after: LockedTarget
    now: LockedTarget

    @property
    def moved(self) -> bool:
        """Whether a later run has agreed on something else."""
        return (self.now.tree, self.now.sources) != (self.after.tree, self.after.sources)


def agreed(store: ObjectStore, at: Trees, lock_path: str, target: str) -> Agreed:
    """Where the lock did not know the target, nothing was agreed. Raises ConfigError when a lock is broken."""
    nothing = LockedTarget(trees.empty_tree(store.hash_name))
    locks = [read_lock(store, tree, lock_path) for tree in (at.before, at.after, at.now)]
    before, after, now = (lock.targets.get(target, nothing) for lock in locks)
    return Agreed(before, after, now)


def base_back(store: ObjectStore, said: Agreed, at: Trees, target: Target, paths: Back) -> LockedTarget:
    """What is agreed on once all of the run is undone, but for `undone`. Raises RefusedError E-UNDO-LATER where a later
    run has moved on from what this one left, and E-UNDO-BASE where nobody knows what was agreed before."""
    if not said.moved:
        known = _at_hand(store, said.before.tree) or _again(store, said.before.tree, at.before, target)
        tree = said.before.tree if known else _by_paths(store, said.now.tree, target, paths)
        return LockedTarget(tree, said.before.sources)
    sources, later = sources_back(said.before.sources, said.after.sources, said.now.sources)
    if later:
        names = ", ".join(later[:_NAMED]) + (f" and {len(later) - _NAMED} more" if len(later) > _NAMED else "")
        raise RefusedError(
            "E-UNDO-LATER",
            f"a later run has moved {names} of {target.name} on",
            hint=f"undo that one first: dsync undo {target.name}",
            kept=_KEPT,
        )
    if not all(_at_hand(store, tree) for tree in (said.before.tree, said.after.tree, said.now.tree)):
        return LockedTarget(_by_paths(store, said.now.tree, target, paths), sources)
    three = (trees.opened(store, locked.tree) for locked in (said.before, said.after, said.now))
    before, after, now = trees.align(store, *three)
    keys = {key for key in before.entries.keys() | after.entries.keys() if before.at(key) != after.at(key)}
    way = back(keys, before.entries, after.entries, now.entries)
    moves = {change.key: change.after for change in way.changes}
    return LockedTarget(trees.edit(store, said.now.tree, moves) if moves else said.now.tree, sources)


def _at_hand(store: ObjectStore, tree: str) -> bool:
    if tree == trees.empty_tree(store.hash_name):
        return True
    with suppress(KeyError):
        return bool(store.has_many([tree]) and store.read_trees([tree]))
    return False


def _again(store: ObjectStore, wanted: str, branch: str, target: Target) -> bool:
    """Whether the branch held just what was agreed; it is in the store then."""
    if target.records:
        return False
    held: Snapshot = trees.select(store, branch, globs(target))
    return trees.edit(store, trees.empty_tree(store.hash_name), held.entries) == wanted


def _by_paths(store: ObjectStore, now: str, target: Target, paths: Back) -> str:
    """What is agreed now, with the paths of the commit put back: what was agreed before is known no more."""
    if target.records or not _at_hand(store, now):
        raise RefusedError(
            "E-UNDO-BASE",
            f"what both sides of {target.name} agreed on before is not known in this clone",
            hint="undo it in the clone that has run it; or undo the commit by hand: git revert",
            kept=_KEPT,
        )
    moves: Mapping[str, Entry] = {change.key: change.after for change in paths.changes}
    return trees.edit(store, now, moves) if moves else now
