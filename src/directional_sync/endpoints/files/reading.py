"""From what a far side lists to entries: content is read only where nothing is known of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from directional_sync.core.line_ends import with_lf
from directional_sync.endpoints.files.seen import Mark, Memory
from directional_sync.endpoints.files.shelf import Shelves
from directional_sync.git.objects import ObjectStore
from directional_sync.git.quarantine import hash_object
from directional_sync.model.snapshot import Entry
from directional_sync.system import host

WHOLE_BYTES = 16_000_000
"""Larger files are never held in memory."""
_BATCH_BYTES = 32_000_000
_BATCH_COUNT = 500


class Item(NamedTuple):
    """One file as it is listed."""

    path: str
    size: int
    mark: Mark
    mode: str
    changed: float | None = None
    """When, in seconds since the epoch, as the far side says; None: it does not."""


@dataclass(frozen=True, slots=True)
class Read:
    """What came of reading one file."""

    item: Item
    content: bytes | Path = b""
    """A path: where a large one was put."""
    mark: Mark = ()
    """What the far side said of exactly this content."""
    why: str = ""
    """Why it could not be read; "" when it could."""
    gone: bool = False
    """It is no longer there."""


@dataclass
class Found:
    """What a far side holds, by path."""

    entries: dict[str, Entry] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    aside: set[str] = field(default_factory=set)
    """At these is something that is left alone."""
    notes: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Temporary files, whoever has left them."""


class Source(Protocol):
    """Where content is read from."""

    def read(self, items: Sequence[Item], spool: Path) -> Iterable[Read]:
        """Each of these once, in any order. Larger ones than WHOLE_BYTES come alone and are put into `spool`."""


class Reading:
    """The memory, the shelves and the store of one snapshot, put together."""

    def __init__(
        self,
        store: ObjectStore,
        memory: Memory,
        shelves: Shelves,
        spool: Path,
        *,
        keep: bool,
        lf: bool = False,
        here: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        """`keep`: the content is wanted, since the repository may take it; else only what it is. `lf`: of texts of up
        to WHOLE_BYTES other line ends are no difference. `here`: ids of content that the repository has for certain."""
        self._store, self._memory, self._shelves, self._spool = store, memory, shelves, spool
        self._keep, self._lf, self._here = keep, lf, here

    def entries(self, items: Sequence[Item], source: Source, found: Found, stop: Callable[[], None]) -> list[Item]:
        """Adds an entry for each to `found`. Answers those that had to be read. `stop` raises when it is time."""
        at_hand = self._at_hand(items)
        unknown = []
        for item in items:
            digest = at_hand.get(item.path, "")
            if digest:
                found.entries[item.path] = Entry(digest, item.mode)
            else:
                unknown.append(item)
        try:
            for batch in _batches(unknown):
                stop()
                self._take(source.read(batch, self._spool), found)
        finally:
            self._spool.unlink(missing_ok=True)
        return unknown

    def done(self, items: Sequence[Item]) -> None:
        """What was learnt is durable, but for the memory of it, which its owner keeps; nothing is remembered of files
        that are no longer listed."""
        self._memory.only({item.path for item in items})
        self._shelves.settle()

    def _at_hand(self, items: Sequence[Item]) -> dict[str, str]:
        """Path -> digest of what is known and, where it is wanted, can be read."""
        known = {item.path: one for item in items if (one := self._memory.known(item.path, item.mark)) is not None}
        found = {path: one.digest for path, one in known.items()}
        if not self._keep:
            return found
        certain = self._here()
        unsure = {path: digest for path, digest in found.items() if digest not in certain}
        here = self._store.has_many(unsure.values())
        missing = [known[path] for path, digest in unsure.items() if digest not in here]
        there = set(self._shelves.there())
        self._shelves.use({one.shelf for one in missing} & there)
        here |= self._store.has_many(one.digest for one in missing if one.shelf in there)
        for path, digest in unsure.items():
            if digest not in here:
                del found[path]
        return found

    def _take(self, read: Iterable[Read], found: Found) -> None:
        small: list[Read] = []
        for one in read:
            if one.why:
                found.unreadable[one.item.path] = one.why
            elif isinstance(one.content, Path):
                digest = self._shelves.put_file(one.content) if self._keep else self._hash(one.content)
                self._learn(one, digest, found)
            elif not one.gone:
                small.append(one)
        contents = [one.content for one in small if isinstance(one.content, bytes)]
        contents = [with_lf(content) for content in contents] if self._lf else contents
        if self._keep:
            digests = self._shelves.put(contents)
        else:
            digests = [hash_object("blob", content, self._store.hash_name) for content in contents]
        for one, digest in zip(small, digests, strict=True):
            self._learn(one, digest, found)

    def _hash(self, path: Path) -> str:
        import hashlib

        with host.host_errors(path), path.open("rb") as file:
            total = hashlib.new(self._store.hash_name, b"blob %d\0" % path.stat().st_size)
            while part := file.read(1 << 20):
                total.update(part)
        return total.hexdigest()

    def _learn(self, one: Read, digest: str, found: Found) -> None:
        found.entries[one.item.path] = Entry(digest, one.item.mode)
        self._memory.learn(one.item.path, one.mark, digest, self._shelves.name if self._keep else "")


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    total = 0
    for item in items:
        if batch and (total + item.size > _BATCH_BYTES or len(batch) >= _BATCH_COUNT or item.size > WHOLE_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += item.size
        if item.size > WHOLE_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
