"""A folder on this machine as a far side."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.files.confirming import confirmed
from directional_sync.endpoints.files.deeds import Deed
from directional_sync.endpoints.files.far import Prior, check_size, stopper
from directional_sync.endpoints.files.folder import FolderSource, links, open_root
from directional_sync.endpoints.files.placing import Manner, Placing
from directional_sync.endpoints.files.reading import Found, Item, Reading
from directional_sync.endpoints.files.seen import Memory
from directional_sync.endpoints.files.site import Site
from directional_sync.endpoints.temporary import PREFIX, token
from directional_sync.git.objects import ObjectStore
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import EMPTY, Entry
from directional_sync.system import host

if TYPE_CHECKING:
    from directional_sync.endpoints.files.options import FilesOptions


class LocalSide:
    """See `endpoint.FarSide`."""

    def __init__(self, context: Context, options: FilesOptions, site: Site) -> None:
        self._context, self._options, self._site = context, options, site
        self._store = cast(ObjectStore, context.objects)
        self._reach = open_root(site, options.sentinel)
        self._shown: Mapping[str, str] = {}

    def look(self, reading: Reading, found: Found) -> list[Item]:
        options = self._options
        source = FolderSource(self._reach, self._site.scope, symlinks=options.symlinks, modes=options.modes)
        listing = source.listing(found)
        self._shown = source.leads.real
        check_size(listing.items, options.max_size, str(self._site.folder))
        with host.host_errors(self._context.cache):
            reading.entries(listing.items, source, found, stopper(self._context, "reading"))
        links(self._store, listing, found)
        return listing.items

    def apply(self, deeds: Sequence[Deed], there: set[str], prior: Prior) -> Iterator[Effect]:
        open_root(self._site, self._options.sentinel).close()  # it may have been unmounted since
        yield from Placing(self._reach, self._store, self._manner(prior)).apply(deeds, there)

    def confirm(self, paths: Sequence[str], memory: Memory) -> Mapping[str, Entry] | None:
        open_root(self._site, self._options.sentinel).close()
        options = self._options
        lf = options.eol == "lf"
        return confirmed(self._reach, paths, self._store.hash_name, memory, modes=options.modes, lf=lf)

    def refusals(self, deeds: Sequence[Deed], there: Collection[str]) -> Mapping[str, str]:
        return Placing(self._reach, self._store, self._manner(EMPTY)).refusals(deeds, there)

    def _manner(self, prior: Prior) -> Manner:
        return Manner(
            token=token(self._context),
            links=self._options.symlinks == "keep",
            modes=self._options.modes,
            keep_deleted=self._options.keep_deleted,
            lf=self._options.eol == "lf",
            shown=self._shown,
            agreed=lambda path: prior.at(self._site.key(path)),
            stop=stopper(self._context, "writing"),
        )

    def tidy(self, left: Sequence[str]) -> None:
        """Only what this target has left: others may be writing just now."""
        own = f"{PREFIX}{token(self._context)}-" if left else ""
        self._reach.forget()
        for path in left:
            if path.rpartition("/")[2].startswith(own):
                with suppress(OSError):
                    self._reach.remove_all(path)

    def close(self) -> None:
        self._reach.close()
