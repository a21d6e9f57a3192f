"""An object store as a far side: each object is a file, its name behind the url is its path.

What a listing says of an object (its ETag, or what else the store has) is its mark. Objects are read between two
listings: what is marked differently in the second was written meanwhile and is read again. Names that have vanished
are asked for one by one, since an answer that lacks them may not be the store's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.files.deeds import Deed, sifted, unfit_for_store
from directional_sync.endpoints.files.far import Prior, check_size, steadily, stopper
from directional_sync.endpoints.files.putting import Putting
from directional_sync.endpoints.files.reading import WHOLE_BYTES, Found, Item, Read, Reading
from directional_sync.endpoints.files.seen import Memory
from directional_sync.endpoints.files.site import Site
from directional_sync.endpoints.files.stores import Store, changed_of, incomplete, mark_of
from directional_sync.errors import RemoteError
from directional_sync.git.objects import ObjectStore
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import FILE

if TYPE_CHECKING:
    from directional_sync.endpoints.files.options import FilesOptions

_CHUNK = 1 << 22
_ASKED_FOR = 50


class Bucket:
    """See `far.FarSide`."""

    def __init__(
        self, context: Context, options: FilesOptions, site: Site, memory: Memory, agreed: Callable[[], Iterable[str]]
    ) -> None:
        """`agreed`: the paths that both sides held last."""
        self._agreed = agreed
        self._context, self._options, self._site, self._memory = context, options, site, memory
        scheme, _, rest = options.url.partition("://")
        self._store = Store(scheme, options, context)
        self._root = rest

    # looking

    def look(self, reading: Reading, found: Found) -> list[Item]:
        """Raises RemoteError, CredentialError or HostError when nothing at all can be said."""
        stop = stopper(self._context, "reading")
        self._must_have_sentinel()
        items = self._listed(found)
        check_size(items, self._options.max_size, self._options.url)
        self._ask_for_vanished(items)

        def read(some: list[Item]) -> list[Item]:
            stop()
            return reading.entries(some, self, found, stop)

        return steadily(items, lambda: self._listed(found), lambda item: item.mark, read, found)

    def _listed(self, found: Found) -> list[Item]:
        """Everything that is meant; names that cannot be paths are noted in `found`."""
        with self._store.told("listed"):
            listed: Mapping[str, Any] = self._store.fs.find(self._root, detail=True)
            bucket = self._root.partition("/")[0]
            if not listed and not self._store.fs.exists(bucket):
                raise FileNotFoundError(bucket)
        items = []
        start = f"{self._root}/"
        for name, about in listed.items():
            path = name.lstrip("/")[len(start) :]
            if about.get("type") != "file" or not name.lstrip("/").startswith(start):
                continue
            item = self._item(path, about, found)
            if item is not None:
                items.append(item)
        return sorted(items, key=lambda item: item.path)

    def _item(self, path: str, about: Mapping[str, Any], found: Found) -> Item | None:
        size = about.get("size")
        if path.endswith("/") and not size:
            return None  # what some tools leave where they show a folder
        if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
            if self._site.scope.names(path.strip("/")):
                found.unreadable[path] = "E-FILES-NAME: an object's name that cannot be a path in a repository"
            return None
        if not self._site.scope.names(path):
            return None
        if not isinstance(size, int):
            found.unreadable[path] = "E-FILES-LISTING: the store does not say how large it is"
            return None
        return Item(path, size, mark_of(about), FILE, changed_of(about))

    def _ask_for_vanished(self, items: Sequence[Item]) -> None:
        """Raises RemoteError E-FILES-LISTING when the store still has one of what its listing lacks."""
        there = {item.path for item in items}
        before = {*self._memory.files, *self._agreed()}
        gone = sorted(path for path in before if path and path not in there and self._site.scope.names(path))
        step = max(1, len(gone) // _ASKED_FOR)
        for path in gone[::step]:
            with self._store.told("asked"):
                try:
                    self._store.fs.info(self.name(path))
                except FileNotFoundError:
                    continue
            raise incomplete(self._options.url, f"lists {len(gone)} objects less, but still has {path}")

    def _must_have_sentinel(self) -> None:
        sentinel = self._options.sentinel
        if not sentinel:
            return
        with self._store.told("asked"):
            try:
                self._store.fs.info(self.name(sentinel))
            except FileNotFoundError:
                raise RemoteError(
                    "E-FILES-SENTINEL",
                    f"{self._options.url} lacks {sentinel}, so it is taken for the wrong place",
                    hint="check `url`, or put the file there",
                    kept="nothing was changed on either side",
                ) from None

    def name(self, path: str) -> str:
        """The object's full name."""
        return f"{self._root}/{path}"

    # reading

    def read(self, items: Sequence[Item], spool: Path) -> Iterator[Read]:
        """See `reading.Source`."""
        if len(items) == 1 and items[0].size > WHOLE_BYTES:
            yield self._large(items[0], spool)
            return
        with ThreadPoolExecutor(self._options.concurrency, thread_name_prefix="files") as pool:
            yield from pool.map(self._small, items)

    def _small(self, item: Item) -> Read:
        try:
            with self._store.told("read"):
                try:
                    content = self._content(item.path)
                except FileNotFoundError:
                    return Read(item, gone=True)
        except RemoteError as error:
            return Read(item, why=f"{error.code}: {error.message}")
        if len(content) != item.size:
            return Read(item, why=f"E-FILES-UNSTEADY: {item.path} came as {len(content):,} of {item.size:,} bytes")
        return Read(item, content, item.mark)

    def _content(self, path: str) -> bytes:
        more = {"max_concurrency": 1} if self._store.conditional else {}
        return bytes(self._store.fs.cat_file(self.name(path), **more))

    def _large(self, item: Item, spool: Path) -> Read:
        try:
            with self._store.told("read"), self._store.fs.open(self.name(item.path), "rb") as source:
                spool.parent.mkdir(parents=True, exist_ok=True)
                with spool.open("wb") as file:
                    while part := source.read(_CHUNK):
                        file.write(part)
                size = spool.stat().st_size
        except RemoteError as error:
            return Read(item, why=f"{error.code}: {error.message}")
        if size != item.size:
            return Read(item, why=f"E-FILES-UNSTEADY: {item.path} came as {size:,} of {item.size:,} bytes")
        return Read(item, spool, item.mark)

    # writing

    def apply(self, deeds: Sequence[Deed], there: set[str], prior: Prior) -> Iterator[Effect]:
        """Raises RemoteError E-FILES-SENTINEL before anything is written."""
        self._must_have_sentinel()
        objects = cast(ObjectStore, self._context.objects)
        putting = Putting(self._store, objects, self._memory, self.name, self._options, self._context)
        yield from putting.apply(deeds, lambda path: prior.at(self._site.key(path)))

    def confirm(self, paths: Sequence[str], memory: Memory) -> None:
        """Each path would be a question of its own; a look at everything is hardly more."""

    def refusals(self, deeds: Sequence[Deed], there: Collection[str]) -> Mapping[str, str]:
        return sifted(deeds, unfit_for_store, (), folds=False)[1]

    def tidy(self, left: Sequence[str]) -> None:
        """An object is put whole or not at all."""

    def close(self) -> None:
        """Nothing is held open between requests."""
