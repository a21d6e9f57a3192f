"""Carrying a staged tree into the repository, after a last look at the user's own work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from directional_sync.errors import RefusedError, StalePlanError
from directional_sync.git import transaction, worktree
from directional_sync.git.transaction import RefMove
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.plan import Change, Conflict, count
from directional_sync.model.target import Direction, Target
from directional_sync.render.commit import message
from directional_sync.run import parked
from directional_sync.run.base import globs, merged
from directional_sync.run.judge import judge_plan
from directional_sync.run.scan import Scan
from directional_sync.run.stage import Staged, base_move
from directional_sync.run.world import Passage

_LISTED = 20


def keep_replaced(at: Passage, seen: Scan) -> Scan:
    """Before the first write: what settled conflicts are about to replace is kept, so that no kill can lose it. Raises
    what a ref transaction raises, with nothing changed."""
    if not seen.plan.settled:
        return seen
    everything = [*seen.plan.conflicts, *(one.conflict for one in seen.plan.settled)]
    everything.sort(key=lambda conflict: conflict.key)
    after = parked.written(
        at.store, at.target.name, seen.parked, everything, _withheld(at, seen, everything), at.world.when
    )
    work = transaction.Commit(
        run=at.world.run,
        target=at.target.name,
        tree=at.store.tree_of(at.world.repository.head),
        message="",
        changes=(),
        moves=parked.move(at.target.name, seen.parked, after),
        author=at.world.repository.identity,
        when=at.world.when,
    )
    transaction.write_only(at.world.repository, at.store, work)
    return replace(seen, parked=after)


def _parking(at: Passage, seen: Scan) -> tuple[RefMove, ...]:
    """The move of the ref that keeps what still waits."""
    if at.target.direction is not Direction.BIDIRECTIONAL or not seen.parked.differs(seen.plan):
        return ()
    conflicts = seen.plan.conflicts
    after = parked.written(
        at.store, at.target.name, seen.parked, conflicts, _withheld(at, seen, conflicts), at.world.when
    )
    return parked.move(at.target.name, seen.parked, after)


def _withheld(at: Passage, seen: Scan, conflicts: Sequence[Conflict]) -> frozenset[str]:
    """Keys of conflicts whose far version may not come into the object store, because a gate would refuse it."""
    if not any(one.remote.present for one in conflicts):
        return frozenset()
    # What stands here goes, or a file would be refused for the folder that it is in conflict with.
    coming = tuple(Change(one.key, one.repo, one.remote) for one in conflicts)
    allowed = replace(at.mode, allow_delete=len(coming))
    target = replace(at.target, policy=replace(at.target.policy, read_only=None))  # nothing is written here
    quiet = replace(at, target=target, world=replace(at.world, tell=lambda event: None), mode=allowed)
    supposed = replace(seen, plan=replace(seen.plan, repo=coming, remote=(), agreed=(), conflicts=()))
    refused = [verdict for verdict in judge_plan(quiet, supposed) if not verdict.passed]
    if any(not verdict.keys for verdict in refused):
        return frozenset(change.key for change in coming)
    return frozenset(key for verdict in refused for key in verdict.keys)


def refuse_foreign_work(at: Passage, staged: Staged) -> None:
    """Raises RefusedError when the user has work of their own where this run would write, and StalePlanError when they
    have committed it since the run began: then the plan is to be made again on top of it."""
    if not staged.changes:
        return
    refuse_dirty(at)
    taken = worktree.collisions(at.world.repository, staged.changes)
    if taken:
        _refuse_moved(at)
        raise _overlap("E-COLLISION", "where something lies that git does not know", at.target, taken, "move them away")


def refuse_dirty(at: Passage) -> None:
    """Raises RefusedError when outputs or lock have changes that are not committed. A target without commits
    has the work tree for its repository side, so nothing in there is foreign to it."""
    if at.target.git_commit:
        dirty = worktree.dirty(at.world.repository, (*globs(at.target), at.world.lock_path))
        if dirty:
            _refuse_moved(at)
            what = "with changes that are not committed"
            raise _overlap("E-DIRTY-OUTPUTS", what, at.target, dirty, "commit or undo them")


def _refuse_moved(at: Passage) -> None:
    if at.world.repository.reread().head != at.world.repository.head:
        raise StalePlanError(
            "E-STALE-BRANCH",
            f"{at.world.repository.branch} has moved since the run began",
            hint="run again",
            kept="the branch and your files are unchanged",
            retryable=True,
        )


def _overlap(code: str, what: str, target: Target, paths: list[str], advice: str) -> RefusedError:
    return RefusedError(
        code,
        f"{target.name} would write {len(paths)} path{'' if len(paths) == 1 else 's'} {what}",
        detail=paths[:_LISTED] + ([f"and {len(paths) - _LISTED} more"] if len(paths) > _LISTED else []),
        kept="nothing was changed; your files are as they were",
        hint=f"{advice}, then: dsync run {target.name}",
    )


def commit(at: Passage, seen: Scan, staged: Staged) -> tuple[str, tuple[str, ...]]:
    """Branch, base and work tree move together. Answers the commit ("" when the target is not committed) and a
    note for people when paths changed under us and were left alone."""
    target, world, store = at.target, at.world, at.store
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
        moves=(*base_move(at, staged, seen.base), *_parking(at, seen)),
        author=world.repository.identity,
        when=world.when,
    )
    if target.git_commit:
        made, left = transaction.commit(world.repository, store, work)
    else:
        made, left = "", transaction.write_only(world.repository, store, work)
    if made:
        world.tell(Event(EventType.COMMIT, f"commit {made[:7]}", target.name, data={"commit": made}))
    some = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
    return made, (f"left alone, because they changed during the run: {some}",) if left else ()
