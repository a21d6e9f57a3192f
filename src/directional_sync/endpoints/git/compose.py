"""From an upstream's commits to the tree that is vendored: merged, filled, cut to what is wanted, patched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.git.resolve import Tips
from directional_sync.endpoints.git.trust import short
from directional_sync.endpoints.git.upstream import Upstream
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import EXECUTABLE, FILE, FOLDER, Entry, Snapshot
from directional_sync.upstream.cache import Fetched, UpstreamCache

if TYPE_CHECKING:
    from directional_sync.upstream.submodules import Filled
    from directional_sync.upstream.view import View

Patches = tuple[tuple[str, str], ...]
"""Path and blob id of each patch, in the order in which they are applied."""


@dataclass(frozen=True, slots=True)
class Made:
    tree: str
    merge: str = ""
    """The id of the merge that the tree comes from, "" without one."""


def recipe(upstream: Upstream, patches: Patches, signers: str = "") -> str:
    """What besides the commits decides the tree, and whether it may be taken, for the lock: "" when it is the
    upstream's own, as it is, whoever signed it. `signers`: the blob of the file of those who must have."""
    view = _view(upstream)
    said = [
        f"view:{view.digest}" if view is not None else "",
        f"submodules:{upstream.submodules}" if upstream.submodules != "skip" else "",
        f"lfs:{upstream.lfs}" if upstream.lfs != "pointers" else "",
        f"patches:{_digest(digest for _, digest in patches)}" if patches else "",
        f"signers:{_digest([signers])}" if upstream.signed_by else "",
    ]
    return " ".join(token for token in said if token)


@dataclass(frozen=True)
class Compose:
    """Makes trees, in the run's quarantine. Safe to use from many threads, one upstream each."""

    context: Context
    cache: UpstreamCache
    note: Callable[[str], None]

    @property
    def store(self) -> ObjectStore:
        return cast(ObjectStore, self.context.objects)

    def patches(self, wanted: Sequence[Upstream]) -> Mapping[str, Patches]:
        """Name -> the patches that this branch holds for it; names without any are left out."""
        folders = {upstream.patches: upstream.name for upstream in wanted if upstream.patches}
        if not folders:
            return {}
        globs = tuple(f"{folder}/*.patch" for folder in folders)
        found: dict[str, list[tuple[str, str]]] = {}
        head = self.store.tree_of(self.context.head)
        for path, entry in sorted(trees.select(self.store, head, globs).entries.items()):
            found.setdefault(folders[path.rpartition("/")[0]], []).append((path, entry.digest))
        return {name: tuple(patches) for name, patches in found.items()}

    def signers(self, wanted: Sequence[Upstream]) -> Mapping[str, str]:
        """Path -> blob id of each file of signers that is committed on this branch; others are left out."""
        head = Snapshot({"": Entry(self.store.tree_of(self.context.head), FOLDER)})
        found = {path: trees.at(self.store, head, path) for path in {one.signed_by for one in wanted} - {""}}
        return {path: entry.digest for path, entry in found.items() if entry.mode in (FILE, EXECUTABLE)}

    def judge(self, upstream: Upstream, tips: Tips, signers: str) -> None:
        """Notes who of the signers, a blob, signed each of the commits, or raises SyncError."""
        from directional_sync.upstream.signatures import judge

        content = self.store.read(signers)
        for one in (tips.base, *tips.merged):
            self.note(f"{upstream.name}: {judge(self.cache, tips.url, one, content, upstream.signed_by)}")

    def tree(self, upstream: Upstream, tips: Tips, fetched: Fetched, patches: Patches) -> Made:
        """What is vendored of the upstream. Raises SyncError, and KeyError when its commit is none."""
        merged = self._merged(tips)
        tree = merged.tree if merged else self.store.tree_of(tips.base.commit)
        filled = self._filled(upstream, tips, tree, fetched)
        tree = self._seen(upstream, filled.tree)
        tree = self._smudged(upstream, tips, tree, filled.urls)
        return Made(self._patched(tree, patches), merged.merge if merged else "")

    def _merged(self, tips: Tips) -> Made | None:
        if not tips.merged:
            return None
        from directional_sync.upstream.merging import merge

        made = merge(self.cache, self.store, tips.url, (tips.base, *tips.merged))
        for ref in made.included:
            self.note(f"{short(ref)} brings nothing any more: {short(tips.ref)} has it; take it out of `merge`")
        if made.note:
            self.note(made.note)
        return Made(made.tree, made.commit)

    def _filled(self, upstream: Upstream, tips: Tips, tree: str, fetched: Fetched) -> Filled:
        from directional_sync.upstream.submodules import Filled, Submodules, fill

        if not fetched.gitlinks:
            return Filled(tree)

        filled = fill(self.cache, self.store, tips.url, tree, fetched.gitlinks, Submodules(upstream.submodules))
        for note in filled.notes:
            self.note(f"{upstream.name}: {note}")
        return filled

    def _seen(self, upstream: Upstream, tree: str) -> str:
        view = _view(upstream)
        if view is None:
            return tree
        from directional_sync.upstream.view import seen

        return seen(self.store, tree, view, upstream.name)

    def _smudged(self, upstream: Upstream, tips: Tips, tree: str, also: Sequence[str]) -> str:
        from directional_sync.upstream.lfs import Lfs, announced, smudge

        folder, how = self.cache.beside(tips.url, "lfs"), Lfs(upstream.lfs)
        if how is Lfs.POINTERS and not announced(self.store, tree):
            return tree
        smudged, notes = smudge(
            self.store, self.cache.remotes, folder, tips.url, tree, how, also=also, size_bytes_max=upstream.max_size
        )
        for note in notes:
            self.note(f"{upstream.name}: {note}")
        return smudged

    def _patched(self, tree: str, patches: Patches) -> str:
        if not patches:
            return tree
        from directional_sync.upstream.patching import Patch, apply

        content = self.store.read_many([digest for _, digest in patches])
        wanted = [Patch(path, content[digest]) for path, digest in patches]
        return apply(self.store, tree, wanted)


def _view(upstream: Upstream) -> View | None:
    """What is wanted of its tree; None for all of it, as it is."""
    said = (upstream.subdir, upstream.paths, upstream.exclude, upstream.rename, upstream.max_size)
    if not any(said) and upstream.symlinks == "keep":
        return None
    from directional_sync.upstream.view import Symlinks, View

    subdir, paths, exclude, rename, max_size = said
    return View(subdir, paths, exclude, rename, Symlinks(upstream.symlinks), max_size)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
