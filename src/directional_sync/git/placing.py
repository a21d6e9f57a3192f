"""Changes carried into a work tree: first everything is written beside its place, then it is put in place.

`stage` writes every new file under a temporary name in the folder it belongs to (a folder that is new altogether
is built whole, beside its place) and makes it durable. Whatever can fail for want of room or permission fails
there, while the work tree is still as it was. `place` then only removes and renames: each path holds its old or
its final content at any instant, and a path that no longer holds what was seen is left alone.

Bytes are written as they are in the object store: no end-of-line conversion and no filter. So in a repository
whose `.gitattributes` ask for `eol=crlf` the files have the line ends of the blobs, and `git status` is clean;
files kept by LFS appear as their pointers, and `git lfs pull` fetches what they stand for. Permissions are those
git would give: 0666 or 0777 less the umask; a file that is replaced keeps its own, but for the executable bits.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from directional_sync.errors import HostError
from directional_sync.git.fill import Wanted, fill
from directional_sync.git.objects import ObjectStore
from directional_sync.git.standing import Seen, Stand, State, see
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import EXECUTABLE, GITLINK, LINK
from directional_sync.system.imprint import pack, same_file
from directional_sync.system.reach import Content, Kind, NewFile, Reach, can_sync_at_once, signature

PREFIX = ".dsync-tmp-"
"""How every temporary name in a work tree begins; the token of the journal follows."""

_BATCH_BYTES = 32 << 20
_BATCH_COUNT = 2000
_FILLED_BY_GIT = 200
"""With so many files in it a new folder is left to git: see `fill`."""
_SYNCED_SINGLY = 64
"""Up to so many files each gets its own fsync, a fraction of a millisecond each. Above, one syncfs before the
first rename makes all of them durable at a hundredth of the price; that it also waits for what other programs
have written is the lesser evil. Either way no name ever stands for content that a power cut could take away."""
_BLOCK = 4096
_WRITERS = 4
"""Making a file is mostly waiting for the kernel; a few threads wait side by side."""


@dataclass
class Staged:
    """What has been written beside its place."""

    token: str
    beside: dict[str, str] = field(default_factory=dict)
    """Key -> key of the temporary file, for files whose folder is there."""
    folders: dict[str, str] = field(default_factory=dict)
    """Key of a folder that is new altogether -> key of the temporary folder that holds all of it."""
    members: dict[str, list[str]] = field(default_factory=dict)
    """Key of a folder that is new altogether -> keys of the files in it."""
    inside: dict[str, str] = field(default_factory=dict)
    """Key of such a file -> key of that folder."""
    written: dict[str, bytes] = field(default_factory=dict)
    """Key -> imprint of the temporary file."""
    bulk: bool = False
    """There is so much of it that syncing all at once is cheaper than one by one."""


@dataclass
class Placed:
    """What became of the changes."""

    left: list[str] = field(default_factory=list)
    """Keys that changed after they were looked at, and were left alone."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Key -> imprint of a file that was put in place."""


def stage(
    reach: Reach, store: ObjectStore, changes: Sequence[Change], stands: Mapping[str, Stand], token: str
) -> Staged:
    """Writes the new content of all changes that still have to be made. Raises OSError, HostError E-DISK-FULL
    or KeyError; then `sweep` removes what was written."""
    due = [c for c in changes if _needs_file(c, stands[c.key])]
    staged = Staged(token, bulk=len(changes) > _SYNCED_SINGLY and can_sync_at_once())
    sizes = store.size_many({c.after.digest for c in due})
    _check_room(reach, sum(-(-sizes[c.after.digest] // _BLOCK) * _BLOCK for c in due))
    for number, change in enumerate(due):
        _assign(reach, staged, change.key, number)
    due = _without_filled(reach, store, staged, due, sizes)
    with ThreadPoolExecutor(_WRITERS if staged.bulk else 1) as pool:
        made: set[str] = set()
        writing: list[tuple[list[str], Future[list[os.stat_result]]]] = []
        for batch in _batches(due, sizes):
            contents = _contents(store, batch, sizes)  # while the batch before is being written
            _collect(staged, writing)
            for folder, some in _by_folder(reach, staged, batch, made):
                files = [_new_file(name, c, contents[c.after.digest], stands[c.key].seen) for name, c in some]
                deed = reach.writing(folder, files, sync=not staged.bulk)
                writing.append(([c.key for _, c in some], pool.submit(deed)))
        _collect(staged, writing)
    folders = {_parent(key) for key in (*staged.beside.values(), *staged.folders.values())}
    reach.sync(folders, bulk=staged.bulk)
    return staged


def place(
    reach: Reach, staged: Staged, changes: Sequence[Change], stands: Mapping[str, Stand], hash_name: str
) -> Placed:
    """Removes what is to go, puts in place what was staged, removes folders that have become empty, and makes
    all of it durable. Raises OSError; every path then holds its old or its new content."""
    placing = _Placing(reach, staged, stands, hash_name)
    gone = [c for c in changes if c.after.absent and stands[c.key].state is State.BEFORE]
    for change in gone:
        placing.remove(change)
    _remove_empty(reach, [c.key for c in gone])
    for change in changes:
        if change.key in staged.beside:
            placing.put(change, staged.beside[change.key])
        elif change.after.mode == GITLINK and stands[change.key].state is State.BEFORE:
            _make_folders(reach, change.key)
    by_key = {c.key: c for c in changes}
    for top, temporary in staged.folders.items():
        placing.put_folder(top, temporary, [by_key[key] for key in staged.members[top]])
    placing.take_stock(changes)
    reach.sync({"", *(above for c in changes for above in _above(c.key))}, bulk=staged.bulk)
    return placing.placed


def sweep(reach: Reach, token: str, keys: Iterable[str]) -> None:
    """Removes every temporary file that the transaction `token` left in the folders its `keys` lie in."""
    mine = PREFIX + token
    reach.forget()
    folders = {reach.way(_parent(key)).folder for key in keys}
    for folder in sorted({"", *(above for each in folders for above in (each, *_above(each)))}):
        with suppress(FileNotFoundError, NotADirectoryError):
            for name, _ in reach.names(folder):
                if name.startswith(mine):
                    reach.remove_all(f"{folder}/{name}" if folder else name)


def _needs_file(change: Change, stand: Stand) -> bool:
    return change.after.present and change.after.mode != GITLINK and stand.state is State.BEFORE


def _assign(reach: Reach, staged: Staged, key: str, number: int) -> None:
    way = reach.way(_parent(key))
    name = f"{PREFIX}{staged.token}-{number}"
    beside = f"{way.folder}/{name}" if way.folder else name
    if not way.stop:
        staged.beside[key] = beside
        return
    staged.folders.setdefault(way.stop, beside)
    staged.members.setdefault(way.stop, []).append(key)
    staged.inside[key] = way.stop


def _without_filled(
    reach: Reach, store: ObjectStore, staged: Staged, due: list[Change], sizes: Mapping[str, int]
) -> list[Change]:
    """Has git fill the big ones of the new folders; answers what is left to write."""
    big = {top for top, keys in staged.members.items() if staged.bulk and len(keys) >= _FILLED_BY_GIT}
    wanted: dict[str, list[Wanted]] = {top: [] for top in big}
    for change in due:
        top = staged.inside.get(change.key)
        if top in wanted:
            after = change.after
            wanted[top].append(Wanted(change.key[len(top) + 1 :], after.mode, after.digest, sizes[after.digest]))
    filled = set()
    for top, files in wanted.items():
        files.sort()
        found = fill(reach, store, staged.folders[top], files)
        if found is not None:
            filled.add(top)
            staged.written.update(zip((f"{top}/{file.path}" for file in files), found, strict=True))
    return [change for change in due if staged.inside.get(change.key) not in filled] if filled else due


def _check_room(reach: Reach, needed: int) -> None:
    free = reach.free_bytes()
    if needed > free:
        raise HostError(
            "E-DISK-FULL",
            f"{reach.root} needs {needed:,} bytes more, and {free:,} are free",
            hint="make room on that file system, then run again",
            kept="the branch and your files are unchanged",
        )


def _batches(due: Sequence[Change], sizes: Mapping[str, int]) -> Iterator[list[Change]]:
    """Bounded by bytes, so that memory stays small however much there is."""
    batch: list[Change] = []
    total = 0
    for change in due:
        size = sizes[change.after.digest]
        if batch and (total + size > _BATCH_BYTES or len(batch) >= _BATCH_COUNT):
            yield batch
            batch, total = [], 0
        batch.append(change)
        total += size
    if batch:
        yield batch


def _contents(store: ObjectStore, batch: Sequence[Change], sizes: Mapping[str, int]) -> Mapping[str, Content]:
    """Digest -> content; what is too large to be held, which is a batch of its own, in parts."""
    after = batch[0].after
    if sizes[after.digest] > _BATCH_BYTES and after.mode != LINK:
        return {after.digest: partial(store.parts, after.digest)}
    return store.read_many(c.after.digest for c in batch)


def _inside(reach: Reach, staged: Staged, key: str, made: set[str]) -> str:
    """Where a file of a new folder is written; makes the temporary folders it lies in."""
    top = staged.inside[key]
    temporary = staged.folders[top]
    beside = temporary + key[len(top) :]
    missing = []
    folder = _parent(beside)
    while folder not in made and len(folder) >= len(temporary):
        missing.append(folder)
        folder = _parent(folder)
    for folder in reversed(missing):
        reach.make_folder(folder)
        made.add(folder)
    return beside


def _by_folder(
    reach: Reach, staged: Staged, batch: Sequence[Change], made: set[str]
) -> Iterator[tuple[str, list[tuple[str, Change]]]]:
    """The files to write in each temporary place: (folder, [(name, change)])."""
    found: dict[str, list[tuple[str, Change]]] = {}
    for change in batch:
        key = staged.beside.get(change.key) or _inside(reach, staged, change.key, made)
        folder, _, name = key.rpartition("/")
        found.setdefault(folder, []).append((name, change))
    yield from found.items()


def _collect(staged: Staged, writing: list[tuple[list[str], Future[list[os.stat_result]]]]) -> None:
    """Waits until all of it is written. Raises what went wrong."""
    for keys, future in writing:
        for key, found in zip(keys, future.result(), strict=True):
            staged.written[key] = pack(found)
    writing.clear()


def _new_file(name: str, change: Change, content: Content, seen: Seen | None) -> NewFile:
    if change.after.mode == LINK:
        return NewFile(name, content, None)
    if seen is None or seen.entry.mode == LINK:
        return NewFile(name, content, 0o777 if change.after.mode == EXECUTABLE else 0o666)
    kept = seen.permissions & ~0o111
    if change.after.mode == EXECUTABLE:
        kept |= seen.permissions & 0o111 or (kept & 0o444) >> 2
    return NewFile(name, content, kept, exact=True)


def _make_folders(reach: Reach, folder: str) -> None:
    """Makes `folder` and those above it, as far as they are missing."""
    way = reach.way(folder)
    while way.stop and way.kind is Kind.ABSENT:
        reach.make_folder(way.stop)
        way = reach.way(folder)


def _remove_empty(reach: Reach, gone: Sequence[str]) -> None:
    """Removes the folders that the deleted keys leave empty, and no other."""
    folders = {above for key in gone for above in _above(key)}
    for folder in sorted(folders, key=lambda key: key.count("/"), reverse=True):
        with suppress(OSError):
            reach.remove_folder(folder)


def _parent(key: str) -> str:
    return key.rpartition("/")[0]


def _above(key: str) -> Iterator[str]:
    """The folders `key` lies in, deepest first, without the root."""
    key = _parent(key)
    while key:
        yield key
        key = _parent(key)


class _Placing:
    def __init__(self, reach: Reach, staged: Staged, stands: Mapping[str, Stand], hash_name: str) -> None:
        self.reach, self.staged, self.stands, self.hash_name = reach, staged, stands, hash_name
        self.placed = Placed()
        reach.forget()

    def remove(self, change: Change) -> None:
        if change.before.mode == GITLINK:
            self.reach.remove_folder(change.key)
        elif self.unchanged(change.key):
            self.reach.remove(change.key)
        else:
            self.placed.left.append(change.key)

    def put(self, change: Change, temporary: str) -> None:
        """By rename where something is replaced, by link where nothing may be there."""
        key = change.key
        try:
            if self.stands[key].seen is not None:
                if self.unchanged(key):
                    self.reach.rename(temporary, key)
                    return
            else:
                self.clear_folder(key)
                self.reach.rename_new(temporary, key)
                return
        except (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError):
            pass  # somebody has been here since it was looked at
        self.placed.left.append(key)
        with suppress(OSError):
            self.reach.remove(temporary)

    def clear_folder(self, key: str) -> None:
        """A folder of which all files have just been deleted may still hold empty folders."""
        if self.reach.sight(key).kind is not Kind.FOLDER:
            return
        folders = [key]
        for folder in folders:
            folders += [f"{folder}/{name}" for name, kind in self.reach.names(folder) if kind is Kind.FOLDER]
        for folder in reversed(folders):
            self.reach.remove_folder(folder)

    def put_folder(self, top: str, temporary: str, members: Sequence[Change]) -> None:
        try:
            self.reach.rename(temporary, top)
            self.reach.forget()
            # As they were when they were written: should somebody write to one in this moment, git will see it.
            self.placed.files.update((change.key, self.staged.written[change.key]) for change in members)
            return
        except OSError:
            self.reach.forget()  # something has come to be there: one file at a time, then
        for change in members:
            try:
                _make_folders(self.reach, _parent(change.key))
                self.reach.rename_new(temporary + change.key[len(top) :], change.key)
            except OSError:
                self.placed.left.append(change.key)
        self.reach.remove_all(temporary)

    def unchanged(self, key: str) -> bool:
        """Whether the file or link at `key` is still the one that was looked at."""
        seen = self.stands[key].seen
        if seen is None:
            return False
        sight = self.reach.sight(key)
        if sight.blocked or sight.stat is None:
            return False
        if seen.signature and signature(sight.stat) == seen.signature:
            return True
        now = see(self.reach, key, self.hash_name)
        return now is not None and now.entry == seen.entry

    def take_stock(self, changes: Iterable[Change]) -> None:
        """What stat says of the files put in place, for the index: only of those that surely still are ours, or
        git would take for unchanged what somebody has written there a moment ago."""
        for change in changes:
            if change.key in self.placed.files:
                continue
            written = self.staged.written.get(change.key)
            seen = self.stands[change.key].seen
            if written is None and (seen is None or not seen.signature):
                continue
            found = self.reach.sight(change.key).stat
            if found is None:
                continue
            imprint = pack(found)
            ours = same_file(imprint, written) if written is not None else seen and signature(found) == seen.signature
            if ours:
                self.placed.files[change.key] = imprint
