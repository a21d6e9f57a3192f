"""The base of a target: the last state on which its two sides agreed.

Two places know it. The lock file travels with the branch and names the agreed tree by id; our own ref keeps
that tree's objects alive in this clone. The lock file wins, because another clone or CI may have synced since
this clone's ref was moved. Where its tree is not at hand, what the branch holds now is compared with it, and then
the commit that wrote it is looked for. Where nothing helps, the base is unknown: both sides are then compared
as on a first sync, which never deletes and never overwrites silently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from directional_sync.core.lockfile import LockedTarget, LockFile, dump, parse
from directional_sync.errors import ConfigError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import BASE_REF, Repository
from directional_sync.model.plan import Plan
from directional_sync.model.snapshot import Snapshot, Source
from directional_sync.model.target import Direction, Target

_COMMITS_SEARCHED = 20
_FAR = "Far-Side: "


@dataclass(frozen=True, slots=True)
class Base:
    snapshot: Snapshot
    """With the sources of the lock file."""
    tree: str
    """The same as a tree id."""
    ref: str
    """What our ref points at now, "" when there is none: the value the ref transaction expects."""
    known: bool
    """False: nobody knows what was agreed, so this is taken as a first sync."""
    trimmed: bool = False
    """What was agreed held more than today's globs name; lock and ref still say so."""
    undone: str = ""
    """The run that was undone last, "" when the target is not at rest."""
    far: str = ""
    """With which far side it was agreed in this clone, by digest; "" where nobody has noted it."""
    elsewhere: bool = False
    """What is known was agreed with another far side than the one that was looked at."""


def read_lock(store: ObjectStore, tree: str, path: str) -> LockFile:
    """The lock file in `tree`; an empty one when there is none. Raises ConfigError when it is broken."""
    found = trees.select(store, tree, (path,)).entries.get(path)
    return parse(store.read(found.digest), path) if found is not None else LockFile()


def find_base(
    repository: Repository, store: ObjectStore, target: Target, lock: LockFile, repo: Snapshot, *, reached: str = ""
) -> Base:
    """`repo` is what the repository side holds of the target. `reached`: the path of the lock, where it names what is
    to be reached, perhaps because somebody has put back an older one: then not it but the one that the last sync has
    left tells what was agreed on."""
    ref = repository.ref(BASE_REF.format(target=target.name))
    locked = lock.targets.get(target.name) if target.in_lock else _noted(store, ref, target.name)
    empty = trees.empty_tree(repository.hash_name)
    kept = _kept_tree(store, ref)
    if locked:
        then = (_last_agreed(repository, store, target, reached) if reached else None) or locked
        tree = _agreed_tree(repository, store, target, then, repo, kept)
    else:
        tree = kept if _agreed_here(repository, target) else ""
    sources, undone = (locked.sources, locked.undone) if locked else ((), "")
    far = _far_noted(store, ref) if target.direction is not Direction.PULL else ""
    if not tree:
        return Base(Snapshot(sources=sources), empty, ref, known=False, undone=undone, far=far)
    # By today's globs: what they no longer name is none of our business any more, so it is not a deletion.
    items = trees.select(store, tree, scope(target))
    own = trees.edit(store, empty, items.entries)
    known = Snapshot(items.entries, sources=sources)
    return Base(known, own, ref, known=True, trimmed=own != tree, undone=undone, far=far)


def with_far(base: Base, place: str, empty_tree: str) -> Base:
    """`base` as it counts for the far side at `place` (`Snapshot.place`). With another one than it was agreed with in
    this clone nothing is agreed: what is missing there was not deleted there. `empty_tree`: its id."""
    if not place:
        return base
    far = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    if base.far in ("", far):
        return replace(base, far=far)
    nothing = Snapshot(sources=base.snapshot.sources)
    return replace(base, snapshot=nothing, tree=empty_tree, known=False, trimmed=False, far=far, elsewhere=base.known)


def recalled(
    repository: Repository,
    store: ObjectStore,
    target: Target,
    lock: LockFile,
    base: Base,
    records: Snapshot,
    translate: Callable[[Snapshot], Snapshot],
) -> Base:
    """`base`; where nobody knows it, and the lock names just what the documents say as records, now (`records`) or when
    the target was last synced, that. In a new clone nothing else knows the agreed records."""
    locked = lock.targets.get(target.name) if target.in_lock else None
    if base.known or locked is None:
        return base
    empty = trees.empty_tree(repository.hash_name)
    for then in _documents(repository, store, target, records, translate):
        if trees.edit(store, empty, then.entries) == locked.tree:
            snapshot = Snapshot(then.entries, sources=locked.sources)
            return replace(base, snapshot=snapshot, tree=locked.tree, known=True)
    return base


def _documents(
    repository: Repository,
    store: ObjectStore,
    target: Target,
    records: Snapshot,
    translate: Callable[[Snapshot], Snapshot],
) -> Iterator[Snapshot]:
    yield records
    for commit in repository.git.log_grep(repository.head, f"Sync-Target: {target.name}", _COMMITS_SEARCHED):
        with suppress(SyncError, KeyError):  # what an old commit says may be broken, or not be here
            yield translate(trees.flatten(store, trees.select(store, store.tree_of(commit), globs(target))))


def _kept_tree(store: ObjectStore, ref: str) -> str:
    """The tree of our ref, "" when it leads nowhere."""
    try:
        return store.tree_of(ref) if ref else ""
    except KeyError:
        return ""


def note(name: str, locked: LockedTarget, far: str = "") -> str:
    """The message of the commit that our ref points at: it says what the lock file would, and of this clone only, with
    which far side it was agreed."""
    first = f"Base of {name}" + (f"\n{_FAR}{far}" if far else "")
    return f"{first}\n\n{dump(LockFile({name: locked})).decode()}"


def _far_noted(store: ObjectStore, ref: str) -> str:
    content = store.read_many([ref]).get(ref, b"") if ref else b""
    first = content.partition(b"\n\n")[2].partition(b"\n\n")[0].decode("utf-8", "replace")
    return next((line.removeprefix(_FAR) for line in first.splitlines() if line.startswith(_FAR)), "")


def _noted(store: ObjectStore, ref: str, name: str) -> LockedTarget | None:
    """What our ref says about a target that the lock file does not know; None when it says nothing."""
    content = store.read_many([ref]).get(ref, b"") if ref else b""
    try:
        return parse(content.partition(b"\n\n")[2].partition(b"\n\n")[2], BASE_REF.format(target=name)).targets.get(
            name
        )
    except ConfigError:
        return None


def _agreed_here(repository: Repository, target: Target) -> bool:
    """Whether our ref speaks of this branch although the branch has no lock of the target: a lock file may have
    been lost, but a branch that was never synced is no edit of one that was."""
    if not target.in_lock:
        return True
    return bool(repository.git.log_grep(repository.head, f"Sync-Target: {target.name}", _COMMITS_SEARCHED))


def globs(target: Target) -> tuple[str, ...]:
    """What of the repository belongs to the target, by its direction."""
    if target.direction is Direction.PULL:
        return target.outputs
    if target.direction is Direction.PUSH:
        return target.inputs
    return (*target.inputs, *target.outputs)


def scope(target: Target) -> tuple[str, ...]:
    """What of an agreed tree belongs to the target: of records all of it, since their keys are no paths."""
    return ("**",) if target.records else globs(target)


def _agreed_tree(
    repository: Repository, store: ObjectStore, target: Target, locked: LockedTarget, repo: Snapshot, kept: str
) -> str:
    if locked.tree == kept or _has_tree(store, locked.tree):
        return locked.tree
    empty = trees.empty_tree(repository.hash_name)
    if trees.edit(store, empty, repo.entries) == locked.tree:
        return locked.tree
    for commit in repository.git.log_grep(repository.head, f"Sync-Target: {target.name}", _COMMITS_SEARCHED):
        then = trees.select(store, store.tree_of(commit), globs(target))
        if trees.edit(store, empty, then.entries) == locked.tree:
            return locked.tree
    return kept  # older than the lock says, but a state on which both sides did agree


def _last_agreed(repository: Repository, store: ObjectStore, target: Target, path: str) -> LockedTarget | None:
    """What the lock said when the branch was last synced; None when that cannot be found."""
    for commit in repository.git.log_grep(repository.head, f"Sync-Target: {target.name}", 1):
        try:
            return read_lock(store, store.tree_of(commit), path).targets.get(target.name)
        except ConfigError:
            return None
    return None


def _has_tree(store: ObjectStore, digest: str) -> bool:
    try:
        return bool(store.has_many([digest]) and store.read_trees([digest]))
    except KeyError:
        return False


def merged(before: Sequence[Source], plan: Plan) -> tuple[Source, ...]:
    """The sources of the new lock: those of this plan, and the old ones of what could not be read now."""
    now = {source.name for source in plan.sources}
    held = {item.key for item in plan.held}
    kept = [source for source in before if source.name not in now and source.into in held]
    return tuple(sorted((*plan.sources, *kept), key=lambda source: source.name))
