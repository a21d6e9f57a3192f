"""What was changed here after the run that is taken back: merged where that can be done, never overwritten."""

from __future__ import annotations

from collections.abc import Sequence

from directional_sync.core.trailers import Synced, read
from directional_sync.errors import RefusedError
from directional_sync.git import tree as trees
from directional_sync.git import worktree
from directional_sync.model.plan import Change, Conflict
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.run.back_here import Trees
from directional_sync.run.world import Passage, World

_LISTED = 20
_COMMITS = 5


def keep_or_merge(
    at: Passage, around: Trees, commit: Synced, later: Sequence[str], keep: bool
) -> tuple[list[Change], list[str]]:
    """Changes that take the run back inside of files that were changed since, and the keys that are left as they are.
    Raises RefusedError E-UNDO-LATER where neither can be done, or where a later run of the target has done it."""
    since = _commits(at.world, commit, later)
    runs = [one for one in since if isinstance(one, Synced) and at.target.name in one.targets]
    if runs and not keep:
        newest = runs[0].runs[0]
        raise _refused(at, later, since, f"undo the later run first: dsync rollback {newest[-8:]}")
    merged: list[Change] = []
    left: list[str] = []
    for key in later:
        change = None if runs else _merged(at, around, key)
        if change is not None:
            merged.append(change)
        else:
            left.append(key)
    if left and not keep:
        advice = "--keep-later leaves them as they are and undoes the rest"
        raise _refused(at, left, since, advice)
    return merged, left


def _merged(at: Passage, around: Trees, key: str) -> Change | None:
    """The file with what the run did taken out, and what was done since left in; None where that clashes."""
    from directional_sync.core.uniting import MERGE_BYTES_MAX, Contents, join, unmergeable

    before, after, now = (_entry(at, tree, key) for tree in (around.before, around.after, around.now))
    conflict = Conflict(key, after, now, before)
    sizes = at.store.size_many([entry.digest for entry in (before, after, now) if entry.present])
    if unmergeable(conflict) or max(sizes.values(), default=0) > MERGE_BYTES_MAX:
        return None
    joined = join(conflict, Contents(*map(at.store.read, (after.digest, now.digest, before.digest))), winner=None,
                  strict=True)  # fmt: skip
    if joined.content is None:
        return None
    entry = Entry(at.store.write_blob(joined.content), joined.mode)
    return Change(key, now, entry) if entry != now else None


def _entry(at: Passage, tree: str, key: str) -> Entry:
    top: Snapshot = trees.opened(at.store, tree)
    return trees.at(at.store, top, key)


def _commits(world: World, commit: Synced, keys: Sequence[str]) -> list[Synced | str]:
    """The commits since, newest first, that changed any of `keys`: as what a run has made, or as one line."""
    form = "%H%x00%ct%x00%B%x01"
    some = keys[:1000]
    ways = ("--no-show-signature", f"--format=tformat:{form}", f"--max-count={_LISTED}")
    said = world.repository.git.run("log", *ways, f"{commit.commit}..{world.repository.head}", "--", *some)
    found: list[Synced | str] = []
    for text in said.decode("utf-8", "replace").split("\x01")[:-1]:
        digest, when, message = text.lstrip("\n").split("\0", 2)
        run = read(digest, (), int(when), message)
        found.append(run if run is not None else f"{digest[:7]} {message.strip().partition(chr(10))[0]}")
    return found


def _refused(at: Passage, keys: Sequence[str], since: Sequence[Synced | str], advice: str) -> RefusedError:
    lines = list(keys[:_LISTED]) + ([f"and {len(keys) - _LISTED} more"] if len(keys) > _LISTED else [])
    told = [one if isinstance(one, str) else f"{one.commit[:7]} {one.subject}" for one in since[:_COMMITS]]
    paths = f"{len(keys)} path{'' if len(keys) == 1 else 's'}"
    return RefusedError(
        "E-UNDO-LATER",
        f"{paths} of {at.target.name} {'was' if len(keys) == 1 else 'were'} changed again after that run",
        hint=advice,
        kept="nothing was changed",
        detail=[*lines, *(f"changed by {line}" for line in told)],
    )


def refuse_foreign_work(world: World, changes: Sequence[Change], lock: bool) -> None:
    """Raises RefusedError where somebody has work of their own where this would write."""
    keys = [change.key for change in changes] + ([world.lock_path] if lock else [])
    if not keys:
        return
    taken = worktree.dirty(world.repository, [_literally(key) for key in keys])
    taken = taken or worktree.collisions(world.repository, changes)
    if taken:
        raise RefusedError(
            "E-DIRTY-OUTPUTS",
            f"the undoing would write {len(taken)} path{'' if len(taken) == 1 else 's'} with changes of your own",
            detail=taken[:_LISTED] + ([f"and {len(taken) - _LISTED} more"] if len(taken) > _LISTED else []),
            kept="nothing was changed; your files are as they were",
            hint="commit or undo them, then try again",
        )


def _literally(path: str) -> str:
    """A glob that names exactly `path`."""
    import re

    return re.sub(r"([*?\\[\]])", r"\\\1", path)
