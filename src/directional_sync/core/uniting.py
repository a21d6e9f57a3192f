"""What can be decided about one conflict by its content, its times and the policy; what it reads is given to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from directional_sync.core import globs
from directional_sync.core.merge.kinds import kind_of
from directional_sync.core.merge.merging import merge
from directional_sync.core.merge.values import Choice, Merged
from directional_sync.model.plan import Conflict
from directional_sync.model.snapshot import EXECUTABLE, FILE, LINK, Entry
from directional_sync.model.target import OnConflict, Policy

MERGE_BYTES_MAX = 4_000_000
"""Larger contents are not merged."""
_SAME_TIME_S = 2.0
"""Some file systems count by two seconds."""
_FILES = (FILE, EXECUTABLE)
_COPIES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands at one key."""

    base: bytes
    repo: bytes
    remote: bytes


@dataclass(frozen=True, slots=True)
class Joined:
    """What merging came to."""

    content: bytes | None
    """None: not everything could be merged; `why` and `clashes` say what."""
    mode: str = ""
    winner: Choice | None = None
    """The side that was taken where both have changed the same."""
    why: str = ""
    clashes: tuple[str, ...] = ()
    note: str = ""


def unmergeable(conflict: Conflict) -> str:
    """Why the contents of a conflict cannot be merged whatever they are; "" when they may be."""
    if conflict.why:
        return conflict.why
    if conflict.repo.absent or conflict.remote.absent:
        return "it was deleted on one side and edited on the other"
    if not conflict.base.present:
        return "no earlier content is known on which both sides agreed"
    if not {conflict.base.mode, conflict.repo.mode, conflict.remote.mode} <= set(_FILES):
        return "it is a link" if LINK in (conflict.repo.mode, conflict.remote.mode) else "it was a link"
    return ""


def join(conflict: Conflict, contents: Contents, *, winner: Choice | None, strict: bool) -> Joined:
    """`winner`: the side to be taken where both have changed the same; None: a person decides that. `strict`: inside of
    a content, too, a deletion of what the other side has changed is for a person."""
    mode = conflict.remote.mode if conflict.repo.mode == conflict.base.mode else conflict.repo.mode
    kind = kind_of(conflict.key, contents.repo)
    try:
        merged = merge(contents.base, contents.repo, contents.remote, kind, strict=strict)
        if merged.content is not None:
            return Joined(merged.content, mode, note=_note(merged))
        ids = tuple(clash.id for clash in merged.clashes)
        if winner is None:
            return Joined(None, why=_why(ids), clashes=ids)
        chosen = dict.fromkeys(ids, winner)
        merged = merge(contents.base, contents.repo, contents.remote, kind, chosen, strict=strict)
    except (ValueError, RecursionError) as error:
        return Joined(None, why=f"its content could not be taken apart ({type(error).__name__})")
    if merged.content is None:
        return Joined(None, why=_why(ids), clashes=ids)
    return Joined(merged.content, mode, winner, note=_note(merged))


def chosen(conflict: Conflict, contents: Contents, choices: Mapping[str, Choice]) -> Joined:
    """The same with a choice of a person for clashes."""
    mode = conflict.remote.mode if conflict.repo.mode == conflict.base.mode else conflict.repo.mode
    try:
        kind = kind_of(conflict.key, contents.repo)
        merged = merge(contents.base, contents.repo, contents.remote, kind, choices)
    except (ValueError, RecursionError) as error:
        return Joined(None, why=str(error))
    ids = tuple(clash.id for clash in merged.clashes)
    return Joined(merged.content, mode, why=_why(ids) if ids else "", clashes=ids, note=_note(merged))


def _why(ids: tuple[str, ...]) -> str:
    return f"both sides changed the same: {', '.join(ids[:3])}" + (f" and {len(ids) - 3} more" if ids[3:] else "")


def _note(merged: Merged) -> str:
    return "; ".join(f"{note.where}: {note.text}" if note.where else note.text for note in merged.notes[:3])


def rule(policy: Policy, key: str) -> OnConflict:
    """What the policy says of a conflict at `key`."""
    for one in policy.on_conflict_at:
        if globs.matches(key, (one.glob,)):
            return one.on_conflict
    return policy.on_conflict


def newer(repo: float | None, remote: float | None) -> Choice | None:
    """The side that was changed last; None when that is not known, or too close to tell. Seconds since the epoch."""
    if repo is None or remote is None or abs(repo - remote) <= _SAME_TIME_S:
        return None
    return Choice.REPO if repo > remote else Choice.REMOTE


def copy_name(key: str, free: Callable[[str], bool], allowed: tuple[str, ...]) -> str:
    """The first name for a second version of `key` at which nothing stands and that the `allowed` globs name:
    `f.conflict-1`, or `f.conflict-1.md` where only that is one of the target's. "" when there is none."""
    folder, slash, name = key.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    for number in range(1, _COPIES_MAX):
        names = [f"{name}.conflict-{number}"] + ([f"{stem}.conflict-{number}.{ending}"] if dot and stem else [])
        for other in names:
            found = f"{folder}{slash}{other}"
            if globs.matches(found, allowed):
                if free(found):
                    return found
                break
    return ""


def both_present(conflict: Conflict) -> bool:
    return conflict.repo.present and conflict.remote.present


def entry_of(side: Choice, conflict: Conflict) -> Entry:
    return conflict.repo if side is Choice.REPO else conflict.remote
