"""From a plan to a staged commit: the new tree, the new base and the new lock, all in the quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from directional_sync.core.lockfile import LockedTarget, dump
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import BASE_REF
from directional_sync.git.transaction import RefMove
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect, EffectKind
from directional_sync.model.snapshot import ABSENT, FILE, Entry
from directional_sync.run.base import Base, merged
from directional_sync.run.scan import Scan


@dataclass(frozen=True, slots=True)
class Staged:
    tree: str
    """The branch's new tree, with the lock."""
    changes: tuple[Change, ...]
    """What differs from the branch's old tree: the plan's changes and the lock's."""
    base_tree: str
    lock: bytes


def stage(store: ObjectStore, seen: Scan, lock_path: str, effects: Sequence[Effect]) -> Staged:
    """`effects` are those on the far side: the base moves by what was done there, not by what was planned."""
    plan, base = seen.plan, seen.base
    done = [effect.change for effect in effects if effect.kind is EffectKind.DONE]
    moves = grafted({change.key: change.after for change in (*plan.agreed, *plan.repo, *done)}, seen)
    base_tree = trees.edit(store, base.tree, moves) if moves else base.tree
    sources = merged(base.snapshot.sources, plan)
    content = dump(seen.lock.with_target(plan.target, LockedTarget(base_tree, sources)))
    entries = grafted({change.key: change.after for change in plan.repo}, seen)
    found = trees.select(store, seen.tree, (lock_path,)).at(lock_path)
    written = Entry(store.write_blob(content), FILE) if content != _content(store, found) else found
    changes = plan.repo if written == found else (*plan.repo, Change(lock_path, found, written))
    entries[lock_path] = written
    tree = trees.edit(store, seen.tree, entries) if changes else seen.tree
    return Staged(tree, changes, base_tree, content)


def grafted(moves: Mapping[str, Entry], seen: Scan) -> dict[str, Entry]:
    """`moves` with every folder that becomes exactly the remote's taken as the one tree that it is: nothing
    in it has to be composed again. Holds: keys that differ nowhere are equal on all sides, so a folder without a
    held or conflicting key in it ends up as the remote has it."""
    waiting = [item.key for item in (*seen.plan.held, *seen.plan.conflicts)]
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


def _content(store: ObjectStore, entry: Entry) -> bytes | None:
    return store.read(entry.digest) if entry != ABSENT else None


def base_move(store: ObjectStore, target: str, staged: Staged, base: Base, run: str, when: str) -> tuple[RefMove, ...]:
    """The move of our own ref that keeps the new base's objects; () when the base stays."""
    if staged.base_tree == base.tree and base.ref:
        return ()
    text = f"Base of {target}\n\nSync-Target: {target}\nSync-Run: {run}\n"
    author = ("directional-sync", "directional-sync@localhost")
    commit = store.write_commit(staged.base_tree, (), text, author=author, when=when)
    return (RefMove(BASE_REF.format(target=target), commit, base.ref),)
