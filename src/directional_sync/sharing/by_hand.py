"""Fetching and pushing what targets agreed on, without running them."""

from __future__ import annotations

from dataclasses import dataclass

from directional_sync.errors import HostError
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import BASE_REF
from directional_sync.run.base import read_lock
from directional_sync.run.world import World
from directional_sync.sharing import agreed, refusals
from directional_sync.sharing.far import Far
from directional_sync.system import host


@dataclass(frozen=True)
class Moved:
    """The targets whose bases went one way."""

    remote: str
    targets: tuple[str, ...]
    kept: tuple[str, ...] = ()
    """Those of which this clone and the remote know something else each, and that stay as they are."""


def fetched(world: World, far: Far) -> Moved:
    """This clone knows what was agreed on elsewhere. Raises HostError E-DELIVER-BEHIND while its branch lacks commits
    of the remote's, since a base that is newer than the branch makes edits of what has only not arrived yet; SyncError
    E-DELIVER-... where the remote does not answer."""
    far.look()
    repository = world.repository.reread()
    if far.head and not repository.git.is_ancestor(far.head, repository.head):
        raise HostError(
            "E-DELIVER-BEHIND",
            f"this branch lacks commits of {far.where}, which go with what was agreed on there",
            hint="take them over first: git pull --rebase",
            kept="nothing was changed but what this clone knows of the remote",
        )
    with ObjectStore(repository, world.cache / "quarantine" / f"share-{host.new_id()}") as store:
        lock = read_lock(store, store.tree_of(repository.head), world.lock_path)
        moves, kept = agreed.adopted(far, repository, store, world.config.targets, lock)
    moves += agreed.notes_in(far, repository, world.config.targets)
    if moves:
        repository.git.update_refs(moves, f"directional-sync: as {far.outward.remote} has it")
    bases = {BASE_REF.format(target=target.name): target.name for target in world.config.targets}
    return Moved(
        far.outward.remote,
        tuple(bases[move.ref] for move in moves if move.ref in bases),
        tuple(bases[ref] for ref in kept),
    )


def pushed(world: World, far: Far) -> Moved:
    """The remote knows what this clone agreed on. Of targets that the lock file names only while the remote's branch
    holds this one's commits. Raises SyncError E-DELIVER-...; nothing was pushed then."""
    found = fetched(world, far)
    repository = world.repository.reread()
    bases = {BASE_REF.format(target=target.name): target.name for target in world.config.targets}
    kept = {ref: repository.ref(ref) for ref, name in bases.items() if name in found.kept}
    wanted = agreed.outgoing(far, repository, world.config.targets, kept, lock=far.head == repository.head)
    wanted += agreed.notes_out(far, repository, world.config.targets)
    if wanted:
        answer = far.push(wanted)
        if not answer.taken:
            reason, said = refusals.why(answer), refusals.told(answer.finished)
            raise refusals.complaint(reason, far.outward.remote, said, kept="nothing was pushed")
        moves = agreed.told(far, repository, world.config.targets, [one.ref for one in wanted])
        repository.git.update_refs(moves, "directional-sync: pushed")
    return Moved(far.outward.remote, tuple(bases[one.ref] for one in wanted if one.ref in bases), found.kept)
