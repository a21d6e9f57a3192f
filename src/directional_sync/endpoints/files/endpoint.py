"""The files of a folder or a bucket: what they are, by content, and changes to them, each guarded by what it expects.

A snapshot lists all that is meant, and reads only what has changed since it was last read. What cannot be looked at is
unreadable, and a root that is not there is an error: neither is ever taken for a deletion.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from directional_sync.endpoints.base import Capabilities, Context, Endpoint, NotHere
from directional_sync.endpoints.files.deeds import Deed
from directional_sync.endpoints.files.far import FarSide
from directional_sync.endpoints.files.reading import Found, Item, Reading
from directional_sync.endpoints.files.seen import Memory
from directional_sync.endpoints.files.shelf import Shelves
from directional_sync.endpoints.files.site import SSH, folders_of, keeps_synced, site
from directional_sync.errors import InternalError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import EMPTY, Entry, Snapshot
from directional_sync.model.target import Direction
from directional_sync.model.values import kind_of
from directional_sync.system import host

if TYPE_CHECKING:
    from directional_sync.endpoints.files.options import FilesOptions, SshFilesOptions


def __getattr__(name: str) -> Any:
    """`OPTIONS`, loaded when it is asked for: a run may have its options without their class."""
    if name != "OPTIONS":
        raise AttributeError(name)
    from directional_sync.endpoints.files import options as files_options

    return files_options.FilesOptions


def open(context: Context) -> Endpoint:
    """The files of a target. Raises ConfigError, and RefusedError E-FILES-EXTERNAL."""
    return FilesEndpoint(context)


class FilesEndpoint:
    """One far side, for one run of one target."""

    def __init__(self, context: Context) -> None:
        options = context.target.options
        if kind_of(options) not in ("FilesOptions", SSH):
            raise InternalError("E-INTERNAL", "the files endpoint was opened with options of another kind")
        self._context = context
        self._options: FilesOptions = options
        self._store = cast(ObjectStore, context.objects)
        self._site = site(options, context)
        self._prior: Snapshot = EMPTY
        self._there: set[str] = set()
        self._left: list[str] = []
        self._far: FarSide | None = None
        self._learnt: Memory | None = None
        writes = context.target.direction is not Direction.PULL
        self.capabilities = Capabilities(writes=writes, previews=True, portions=True)

    def __repr__(self) -> str:
        return f"FilesEndpoint({self._site.url})"

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """Raises RemoteError, HostError or CredentialError when nothing at all can be said, and NotHere."""
        self.close()
        context, where = self._context, self._site
        if where.folder is not None and self._options.if_missing == "skip" and not os.path.lexists(where.folder):
            raise NotHere(f"{where.url} is not on this machine (if_missing: skip)")
        kept = self._options.keep_deleted
        if kept and not trees.at(self._store, prior, where.key(kept)).absent:
            raise keeps_synced(context.target, kept)
        about = f"{where.url}\0{where.folder}\0{self._store.hash_name}\0{self._options.modes}"
        about += "\0lf" if self._options.eol == "lf" else ""
        cache = context.cache / hashlib.sha256(about.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        with host.host_errors(cache):
            cache.mkdir(parents=True, exist_ok=True)
        memory = Memory.recall(cache / "seen.json", about)
        shelves = Shelves(cache / "shelves", self._store, self._store.hash_name, context.run)
        spool = cache / "spool"
        keep = context.target.direction is not Direction.PUSH
        lf = self._options.eol == "lf"
        reading = Reading(self._store, memory, shelves, spool, keep=keep, lf=lf, here=lambda: self._certain(prior))
        self._prior = prior
        self._far = self._open(memory)
        found = Found()
        items = self._far.look(reading, found)
        _part_clashes(found)
        reading.done(items)
        self._learnt = memory
        self._there, self._left = set(found.entries), found.left
        return self._answer(found, items)

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        """Raises HostError or RemoteError before anything is written."""
        if changes and not self.capabilities.writes:
            raise InternalError("E-INTERNAL", "a pull does not write to its far side")
        if not changes:
            return
        if self._far is None:
            raise InternalError("E-INTERNAL", "changes follow from a snapshot, and none was taken")
        deeds = [Deed(self._site.path(change.key), change) for change in changes]
        yield from self._far.apply(deeds, self._there, Agreed(self._store, self._prior))

    def confirm(self, changes: Sequence[Change]) -> Mapping[str, Entry] | None:
        """See `endpoints.base.Confirming`."""
        if self._far is None or self._learnt is None:
            return None
        found = self._far.confirm([self._site.path(change.key) for change in changes], self._learnt)
        return None if found is None else {self._site.key(path): entry for path, entry in found.items()}

    def foresee(self, changes: Sequence[Change]) -> Mapping[str, str]:
        """See `endpoints.base.Foreseeing`."""
        if self._far is None or not self.capabilities.writes:
            return {}
        deeds = [Deed(self._site.path(change.key), change) for change in changes]
        why = self._far.refusals(deeds, self._there)
        return {deed.change.key: why[deed.path] for deed in deeds if deed.path in why}

    def tidy(self) -> None:
        """See `endpoints.base.Tidying`."""
        if self._far is not None and self._left and self.capabilities.writes:
            self._far.tidy(self._left)

    def close(self) -> None:
        if self._learnt is not None:
            self._learnt.keep()
            self._learnt = None
        if self._far is not None:
            self._far.close()
            self._far = None

    def _certain(self, prior: Snapshot) -> Collection[str]:
        """Ids of the content that was agreed on, which our ref keeps in the repository."""
        return trees.digests(self._store, prior) if self._store.whole else ()

    def _open(self, memory: Memory) -> FarSide:
        if self._site.folder is not None:
            from directional_sync.endpoints.files.local import LocalSide

            return LocalSide(self._context, self._options, self._site)
        if kind_of(self._options) == SSH:
            from directional_sync.endpoints.files.machine import Machine

            return Machine(self._context, cast("SshFilesOptions", self._options), self._site, memory)
        from directional_sync.endpoints.files.bucket import Bucket

        def agreed() -> Iterator[str]:
            return map(self._site.path, trees.flatten(self._store, self._prior).entries)

        return Bucket(self._context, self._options, self._site, memory, agreed)

    def _answer(self, found: Found, items: Sequence[Item]) -> Snapshot:
        key = self._site.key
        both = self._context.target.direction is Direction.BIDIRECTIONAL
        grasp = self._site.grasp
        if found.aside:
            from dataclasses import replace

            grasp = replace(grasp, aside=frozenset(key(path) for path in found.aside))
        where = str(self._site.folder or getattr(self._options, "endpoint_url", None) or "")
        return Snapshot(
            {key(path): entry for path, entry in found.entries.items()},
            {key(path): why for path, why in found.unreadable.items()},
            notes=tuple(sorted(found.notes)),
            grasp=grasp,
            place=f"{where}\0{self._site.url}\0{self._site.into}",
            times={key(item.path): item.changed for item in items if item.changed is not None} if both else {},
        )


class Agreed:
    """What both sides held last, by key; looked up only where somebody asks."""

    def __init__(self, store: ObjectStore, prior: Snapshot) -> None:
        self._store, self._prior = store, prior

    @cached_property
    def _flat(self) -> Snapshot:
        return trees.flatten(self._store, self._prior)

    def at(self, key: str) -> Entry:
        return self._flat.at(key)


def _part_clashes(found: Found) -> None:
    """A path that is an object and, by another object's name, a folder as well cannot be a path in a repository."""
    clashing = {folder for path in found.entries for folder in folders_of(path) if folder in found.entries}
    for path in clashing:
        found.unreadable[path] = f"E-FILES-CLASH: {path} is a file and a folder at once"
        inside = f"{path}/"
        for below in [one for one in found.entries if one == path or one.startswith(inside)]:
            with suppress(KeyError):
                del found.entries[below]
