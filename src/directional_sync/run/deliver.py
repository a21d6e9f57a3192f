"""Carrying a staged tree into the repository, after a last look at the user's own work."""

from __future__ import annotations

from directional_sync.errors import RefusedError
from directional_sync.git import transaction, worktree
from directional_sync.git.objects import ObjectStore
from directional_sync.model.plan import count
from directional_sync.model.target import Target
from directional_sync.render.commit import message
from directional_sync.run.base import globs, merged
from directional_sync.run.scan import Scan
from directional_sync.run.stage import Staged, base_move
from directional_sync.run.world import World

_LISTED = 20


def refuse_foreign_work(target: Target, world: World, staged: Staged) -> None:
    """Raises RefusedError when the user has work of their own where this run would write."""
    if not staged.changes:
        return
    if target.git_commit:
        dirty = worktree.dirty(world.repository, (*globs(target), world.lock_path))
        if dirty:
            raise _overlap(
                "E-DIRTY-OUTPUTS", "have changes that are not committed", target, dirty, "commit or undo them"
            )
    taken = worktree.collisions(world.repository, staged.changes)
    if taken:
        raise _overlap("E-COLLISION", "hold something that git does not know", target, taken, "move them away")


def _overlap(code: str, what: str, target: Target, paths: list[str], advice: str) -> RefusedError:
    return RefusedError(
        code,
        f"{len(paths)} paths that {target.name} would write {what}",
        detail=paths[:_LISTED] + ([f"and {len(paths) - _LISTED} more"] if len(paths) > _LISTED else []),
        kept="nothing was changed; your files are as they were",
        hint=f"{advice}, then: dsync run {target.name}",
    )


def commit(target: Target, world: World, store: ObjectStore, seen: Scan, staged: Staged) -> tuple[str, tuple[str, ...]]:
    """Branch, base and work tree move together. Answers the commit ("" when the target is not committed) and a
    note for people when paths changed under us and were left alone."""
    before = seen.base.snapshot.sources
    text = message(
        target.git_commit_message, target.name, world.run, count(seen.plan.repo), before, merged(before, seen.plan)
    )
    work = transaction.Commit(
        run=world.run,
        target=target.name,
        tree=staged.tree,
        message=text,
        changes=staged.changes,
        moves=base_move(store, target.name, staged, seen.base, world.run, world.when),
        author=world.repository.identity,
        when=world.when,
    )
    if target.git_commit:
        made, left = transaction.commit(world.repository, store, work)
    else:
        made, left = "", transaction.write_only(world.repository, store, work)
    some = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
    return made, (f"left alone, because they changed during the run: {some}",) if left else ()
