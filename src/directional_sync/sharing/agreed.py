"""The bases of targets, here and on the remote: which of two is taken, and which travels.

A base that is too old makes conflicts out of agreement, and a base that is newer than the branch makes deletions and
edits out of what has only not arrived yet. So a clone takes the remote's base only while its branch holds all that the
remote's does, and keeps its own where both have moved, unless the lock file says which of them the branch stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from directional_sync.core.lockfile import LockFile, parse
from directional_sync.errors import ConfigError
from directional_sync.git.objects import ObjectStore
from directional_sync.git.outward import Wanted
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import BASE_REF, Repository
from directional_sync.model.target import Direction, Target
from directional_sync.sharing.far import Far

RAN_REF = "refs/directional-sync/ran/{target}"
"""Where it is noted when a target ran, for clones that are new each time."""


def travels(target: Target) -> bool:
    """Whether what a target agreed on means anything to another clone. Outputs that are not committed are of one work
    tree only: elsewhere their base would make deletions of them."""
    return target.direction is Direction.PUSH or target.git_commit


def adopted(
    far: Far, repository: Repository, store: ObjectStore, targets: Sequence[Target], lock: LockFile
) -> tuple[list[RefMove], dict[str, str]]:
    """The moves by which this clone takes bases over from the remote; and by ref the own ones that are kept although
    the remote's has moved too."""
    moves, kept = [], {}
    for target in targets:
        ref = BASE_REF.format(target=target.name)
        shared = far.shared(target.name)
        ours, was, theirs = repository.ref(ref), repository.ref(shared), far.now.get(ref, "")
        if not theirs or theirs == was or not travels(target) or not _is_base(store, theirs, target.name):
            continue
        locked = lock.targets.get(target.name) if target.in_lock else None
        named = locked is not None and (store.tree_of(theirs) == locked.tree != _tree(store, ours))
        if ours == theirs:
            moves.append(RefMove(shared, theirs, was))
        elif not ours or ours == was or named:
            moves += [RefMove(ref, theirs, ours), RefMove(shared, theirs, was)]
        else:
            kept[ref] = ours
    return moves, kept


def notes_in(far: Far, repository: Repository, targets: Iterable[Target]) -> list[RefMove]:
    """The moves by which this clone learns when targets ran elsewhere. Where both know something new, its own stays."""
    moves = []
    for target in targets:
        ref, noted = RAN_REF.format(target=target.name), far.noted(target.name)
        ours, was, theirs = repository.ref(ref), repository.ref(noted), far.now.get(ref, "")
        if theirs and theirs != was:
            moves += [RefMove(ref, theirs, ours)] if ours in ("", was) else []
            moves.append(RefMove(noted, theirs, was))
    return moves


def notes_out(far: Far, repository: Repository, targets: Iterable[Target]) -> list[Wanted]:
    """Of which runs the remote is to be told. Losing such a note costs one run, so the later one simply holds."""
    refs = [RAN_REF.format(target=target.name) for target in targets]
    known = ((ref, repository.ref(ref), far.now.get(ref, "")) for ref in refs)
    return [Wanted(ref, ours, theirs) for ref, ours, theirs in known if ours and ours != theirs]


def outgoing(
    far: Far, repository: Repository, targets: Iterable[Target], kept: Mapping[str, str], *, lock: bool
) -> list[Wanted]:
    """What the remote is to be told of. `kept`: bases of before this run that are older than the remote's. `lock`:
    whether the branch goes along, which those that the lock file names belong to."""
    found = []
    for target in targets:
        ref = BASE_REF.format(target=target.name)
        ours, theirs = repository.ref(ref), far.now.get(ref, "")
        if ours and ours != theirs and travels(target) and kept.get(ref) != ours and (lock or not target.in_lock):
            found.append(Wanted(ref, ours, theirs))
    return found


def told(far: Far, repository: Repository, targets: Iterable[Target], refs: Iterable[str]) -> list[RefMove]:
    """What is noted once the remote has taken these bases and notes."""
    pushed = set(refs)
    moves = []
    for target in targets:
        ref, shared = BASE_REF.format(target=target.name), far.shared(target.name)
        if ref in pushed:
            moves.append(RefMove(shared, repository.ref(ref), repository.ref(shared)))
        ran, noted = RAN_REF.format(target=target.name), far.noted(target.name)
        if ran in pushed:
            moves.append(RefMove(noted, repository.ref(ran), repository.ref(noted)))
    return [move for move in moves if move.new != move.old]


def taken_back(far: Far, repository: Repository, targets: Iterable[Target]) -> list[RefMove]:
    """The moves of bases that go with a branch whose commits of these targets are about to be made again: back to what
    the remote has, since the lock file goes back too. What was agreed with a far side alone has really happened."""
    moves = []
    for target in targets:
        ref = BASE_REF.format(target=target.name)
        ours, theirs = repository.ref(ref), far.now.get(ref, "")
        if target.in_lock and ours and ours != theirs:
            moves.append(RefMove(ref, theirs, ours))
    return moves


def _is_base(store: ObjectStore, commit: str, name: str) -> bool:
    """Whether it is what this program writes there (`run.base.note`): a commit whose message names the target and its
    own tree."""
    content = store.read_many([commit]).get(commit, b"").partition(b"\n\n")[2]
    head, _, noted = content.partition(b"\n\n")
    title = head.partition(b"\n")[0]
    try:
        locked = parse(noted, name).targets.get(name)
        return title == f"Base of {name}".encode() and locked is not None and locked.tree == store.tree_of(commit)
    except (ConfigError, KeyError):
        return False


def _tree(store: ObjectStore, commit: str) -> str:
    try:
        return store.tree_of(commit) if commit else ""
    except KeyError:
        return ""
