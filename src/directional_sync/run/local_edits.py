"""What people have edited in vendored folders, as patches that keep the edits when the upstreams move on."""

from __future__ import annotations

from directional_sync.errors import HostError
from directional_sync.git import tree as trees
from directional_sync.git import worktree
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import Source
from directional_sync.model.target import Target
from directional_sync.run.base import Base, find_base, globs, read_lock
from directional_sync.upstream.patching import difference


def local_edits(target: Target, repository: Repository, store: ObjectStore, lock_path: str) -> dict[str, bytes]:
    """Source name -> the patch that turns what was agreed on into what the work tree holds in its folder, committed or
    not, ignored files left out; sources that nobody edited are left out. Raises HostError E-BASE-UNKNOWN when nobody
    knows any more what was agreed on."""
    tree = store.tree_of(repository.head)
    lock = read_lock(store, tree, lock_path)
    base = find_base(repository, store, target, lock, trees.select(store, tree, globs(target)))
    if not base.known:
        raise HostError(
            "E-BASE-UNKNOWN",
            f"what was vendored by {target.name} is not known here, so edits cannot be told from it",
            hint=f"sync it once: dsync run {target.name}",
            kept="nothing was changed",
        )
    edited = {source.name: _edit(repository, store, tree, base, source) for source in base.snapshot.sources}
    return {name: patch for name, patch in sorted(edited.items()) if patch}


def _edit(repository: Repository, store: ObjectStore, tree: str, base: Base, source: Source) -> bytes:
    place = source.into
    before = trees.at(store, base.snapshot, place).digest
    committed = trees.at(store, trees.opened(store, tree), place).digest
    scope = (f"{place}/**",)
    fresh = repository.git.untracked(place, ignored=False)
    if committed == before and not fresh and not worktree.dirty(repository, scope):
        return b""
    known = {item.path for item in repository.git.ls_index(place)} | set(fresh)
    here = worktree.snapshot(repository, store, scope)
    inside = {key[len(place) + 1 :]: entry for key, entry in here.entries.items() if key in known and entry.present}
    empty = trees.empty_tree(store.hash_name)
    return difference(store, before or empty, trees.edit(store, empty, inside))
