"""The proof that what the branch holds of a target is what the lock says: nothing is asked of any far side."""

from __future__ import annotations

from directional_sync.core.lockfile import LockedTarget
from directional_sync.git import tree as trees
from directional_sync.git import worktree
from directional_sync.git.objects import ObjectStore
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import Snapshot
from directional_sync.model.target import Target
from directional_sync.run.base import globs, read_lock
from directional_sync.run.world import World

GATE = "lock"
_LISTED = 20


def lock_proof(target: Target, world: World, store: ObjectStore) -> Verdict | None:
    """Passed when the branch and the work tree hold exactly the trees that the lock names; None for a target that the
    lock does not know. Raises ConfigError when the lock is broken."""
    head = store.tree_of(world.repository.head)
    locked = read_lock(store, head, world.lock_path).targets.get(target.name) if target.in_lock else None
    if locked is None:
        return None
    scope = globs(target)
    repo = trees.select(store, head, scope)
    found = _differing(store, repo, locked)
    found += [f"{path}: not committed" for path in worktree.dirty(world.repository, scope)]
    if not found:
        names = f"{len(locked.sources)} sources" if len(locked.sources) != 1 else "1 source"
        message = f"the tree is what the lock says ({names})"
        return Verdict(GATE, Phase.POST, True, message)
    detail = (*found[:_LISTED], *([f"and {len(found) - _LISTED} more"] if len(found) > _LISTED else []))
    message = f"the tree is not what the lock says: {len(found)} difference{'' if len(found) == 1 else 's'}"
    hint = f"see the edits: dsync diff {target.name}; keep them as a patch, or undo them with git"
    return Verdict(GATE, Phase.POST, False, message, "E-LOCK-MISMATCH", detail, hint)


def _differing(store: ObjectStore, repo: Snapshot, locked: LockedTarget) -> list[str]:
    """One line for each file that differs, or for each folder whose locked content is not at hand here."""
    empty = trees.empty_tree(store.hash_name)
    if trees.edit(store, empty, repo.entries) == locked.tree:
        return _moved_sources(store, repo, locked)
    try:
        agreed = trees.opened(store, locked.tree)
        now = trees.opened(store, trees.edit(store, empty, repo.entries))
        base, there, _ = trees.align(store, agreed, now, agreed)
    except KeyError:
        return _moved_sources(store, repo, locked) or [
            "something under the outputs; what was agreed is not at hand here"
        ]
    words = {(True, True): "edited", (True, False): "deleted", (False, True): "added"}
    keys = sorted(base.entries.keys() | there.entries.keys())
    return [f"{key}: {words[(key in base.entries, key in there.entries)]}" for key in keys]


def _moved_sources(store: ObjectStore, repo: Snapshot, locked: LockedTarget) -> list[str]:
    """The sources whose folder is not the tree that the lock names for it."""
    return [
        f"{source.into}: not the tree of {source.name} at {source.commit[:10]}"
        for source in locked.sources
        if source.into and trees.at(store, repo, source.into).digest != source.tree
    ]
