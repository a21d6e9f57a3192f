"""From a plan to a staged commit: the new tree, the new base and the new lock, all in the quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from directional_sync.core.advance import advance
from directional_sync.core.lockfile import LockedTarget, dump
from directional_sync.git import tree as trees
from directional_sync.git.repository import BASE_REF
from directional_sync.git.transaction import RefMove
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import ABSENT, FILE, Entry
from directional_sync.run.base import Base, merged, note
from directional_sync.run.scan import Scan
from directional_sync.run.world import Passage


@dataclass(frozen=True, slots=True)
class Staged:
    tree: str
    """The branch's new tree, with the lock."""
    changes: tuple[Change, ...]
    """What differs from the branch's old tree: the plan's changes and the lock's."""
    agreed: LockedTarget
    """The new base: what the lock file says, or our ref where the lock does not know the target."""


def stage(at: Passage, seen: Scan, effects: Sequence[Effect] | None = None) -> Staged:
    """`effects` are those on the far side: the base moves by what was done there, not by what was planned. None: as if
    all of it were done."""
    plan, base = seen.plan, seen.base
    done = plan.remote if effects is None else [effect.change for effect in effects if effect.done]
    moves = grafted(advance(plan, done), seen)
    base_tree = trees.edit(at.store, base.tree, moves) if moves else base.tree
    entries = grafted({change.key: change.after for change in seen.written}, seen)
    undone = "" if at.mode.resume else base.undone
    agreed = LockedTarget(base_tree, merged(base.snapshot.sources, plan), undone)
    lock = _lock_change(at, seen, agreed)
    entries.update({change.key: change.after for change in lock})
    tree = trees.edit(at.store, seen.tree, entries) if entries else seen.tree
    return Staged(tree, (*seen.written, *lock), agreed)


def _lock_change(at: Passage, seen: Scan, agreed: LockedTarget) -> tuple[Change, ...]:
    """What becomes of the lock file."""
    if not at.target.in_lock:
        return ()
    path = at.world.lock_path
    gone = _gone(at, agreed)
    lock = seen.lock.without(at.target.name) if gone else seen.lock.with_target(at.target.name, agreed)
    content = dump(lock)
    now = trees.select(at.store, seen.tree, (path,)).at(path)
    if now != ABSENT and at.store.read(now.digest) == content:
        return ()
    return (Change(path, now, Entry(at.store.write_blob(content), FILE)),)


def _gone(at: Passage, agreed: LockedTarget) -> bool:
    """Whether nothing is left of a target, and nobody will ask for its base again."""
    return at.mode.prune and not agreed.sources and agreed.tree == trees.empty_tree(at.store.hash_name)


def grafted(moves: Mapping[str, Entry], seen: Scan) -> dict[str, Entry]:
    """`moves` with every folder that becomes exactly the remote's taken as the one tree that it is: nothing
    in it has to be composed again. Holds: keys that differ nowhere are equal on all sides, so a folder without a
    held or conflicting key, and without one that goes the other way, ends up as the remote has it."""
    waiting = [held.key for held in seen.plan.held] + [conflict.key for conflict in seen.plan.conflicts]
    waiting += [change.key for change in seen.plan.remote]
    whole = {
        prefix: entry
        for prefix, entry in seen.whole["remote"].entries.items()
        if entry.folder and not any(_touches(prefix, key) for key in waiting)
    }
    if not whole:
        return dict(moves)
    inside = tuple(f"{prefix}/" for prefix in whole)
    result = {key: entry for key, entry in moves.items() if not key.startswith(inside)}
    for prefix, entry in whole.items():
        if any(key.startswith(f"{prefix}/") for key in moves):
            result[prefix] = entry
    return result


def _touches(prefix: str, key: str) -> bool:
    return key == "" or key == prefix or key.startswith(f"{prefix}/") or prefix.startswith(f"{key}/")


def base_move(at: Passage, staged: Staged, base: Base) -> tuple[RefMove, ...]:
    """The move of our own ref that keeps the new base's objects; () when the base stays."""
    as_before = staged.agreed.tree == base.tree and not base.trimmed and not base.elsewhere
    if not at.target.in_lock:
        as_before = as_before and staged.agreed.sources == base.snapshot.sources
        as_before = as_before and staged.agreed.undone == base.undone
    if as_before and base.ref:
        return ()
    target = at.target.name
    if _gone(at, staged.agreed):
        return (RefMove(BASE_REF.format(target=target), "", base.ref),) if base.ref else ()
    author = ("directional-sync", "directional-sync@localhost")
    text = note(target, staged.agreed, base.far)
    commit = at.store.write_commit(staged.agreed.tree, (), text, author=author, when=at.world.when)
    return (RefMove(BASE_REF.format(target=target), commit, base.ref),)
