"""Git LFS in upstreams: pointers left as they are, refused, or replaced by the content that they stand for.

A *pointer* is a small text file that names the SHA-256 and the size of content kept elsewhere. Which small files are
pointers is told by what is in them, not by `.gitattributes`: a view of an upstream may have left that file behind, and
then a pointer would be taken for content.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple

from directional_sync.errors import RefusedError, RemoteError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore, TreeItem
from directional_sync.model.snapshot import FOLDER, Entry
from directional_sync.system import files, host
from directional_sync.upstream import lfs_batch
from directional_sync.upstream.addresses import Way, shown, way
from directional_sync.upstream.complaints import KEPT
from directional_sync.upstream.lfs_batch import Wanted
from directional_sync.upstream.remotes import Remotes

POINTER_BYTES_MAX = 1023
_POINTER_BYTES_MIN = 100
_BEGINNING = b"version https://git-lfs"
_POINTER = re.compile(
    rb"\s*version (?:https://git-lfs\.github\.com/spec/v1|https://hawser\.github\.com/spec/v1|http://git-media\.io/v/2)[\r\n]+"
    rb"((?:ext-[0-9]-\w+ sha256:[0-9a-f]{64}[\r\n]+)*)oid sha256:([0-9a-f]{64})[\r\n]+size ([0-9]{1,15})\s*"
)
_EMPTY = hashlib.sha256().hexdigest()
_ATTRIBUTES = ".gitattributes"
_ATTRIBUTES_BYTES_MAX = 1_000_000
_FILTER = re.compile(rb"^[^#\n]*\sfilter=lfs(?:\s|\Z)", re.MULTILINE)
_STILL_STEERED = (
    "where git-lfs is installed, git shows what these match as changed, though it is not; leave them out with `exclude`"
)
_READ_AT_ONCE = 20_000
_DOWNLOADS_AT_ONCE = 4
_NAMED = 3


class Lfs(StrEnum):
    """What becomes of pointers."""

    POINTERS = "pointers"
    FETCH = "fetch"
    REFUSE = "refuse"


class Pointer(NamedTuple):
    oid: str
    """SHA-256 of the content, 64 hex digits."""
    size: int
    """Of the content, in bytes."""
    extended: bool = False
    """Whether programs of the upstream's choosing changed the content before it was stored."""


def pointer(content: bytes) -> Pointer | None:
    """The pointer that a file with this content is, by version 1 of the format; None when it is none. What git-lfs
    reads is read, so also one with Windows' line ends, or blank lines."""
    if len(content) > POINTER_BYTES_MAX:
        return None
    found = _POINTER.fullmatch(content)
    return Pointer(found[2].decode(), int(found[3]), bool(found[1])) if found else None


def announced(store: ObjectStore, tree: str) -> bool:
    """Whether `.gitattributes` at the root of `tree` sends files through Git LFS, which nearly all do that use it; for
    those who only want to mention it, without reading every small file. Raises KeyError when the tree is nowhere."""
    found = {item.name: item.digest for item in store.read_trees([tree])[tree] if item.name == _ATTRIBUTES}
    return bool(_steering(store, found))


def smudge(
    store: ObjectStore,
    remotes: Remotes,
    cache_folder: Path,
    url: str,
    tree: str,
    how: Lfs,
    *,
    also: Sequence[str] = (),
    unchanged: str = "",
    size_bytes_max: int = 0,
) -> tuple[str, tuple[str, ...]]:
    """`tree` of the upstream at `url` with its pointers treated as `how` says, and notes. The new tree and its blobs
    are in `store` afterwards.

    `cache_folder` is for this upstream alone: content waits there under its SHA-256, and what this tree does not want
    goes. `also`: the URLs of submodules whose content is in the tree; what the upstream's own host does not have is
    asked for there. `unchanged`: a tree in the store that came out of this function with the same `how`, FETCH or
    REFUSE; what is the same there is not looked at again. `size_bytes_max`: how large all content may be together, 0
    for any.

    Raises RefusedError E-LFS-REFUSED for REFUSE, and for FETCH an E-LFS-... error when any content cannot be had: a
    pointer is never left where content was asked for. Raises KeyError when a tree is nowhere."""
    found = _find(store, tree, "" if how is Lfs.POINTERS else unchanged)
    notes = [_note(found.broken, "these begin like Git LFS pointers, but are none")] if found.broken else []
    if how is not Lfs.FETCH or not found.pointers:
        host.remove_tree(cache_folder)
    if how is Lfs.REFUSE and found.pointers:
        raise RefusedError(
            "E-LFS-REFUSED",
            f"{shown(url)} keeps files in Git LFS: {_some(list(found.pointers))}",
            hint="set `lfs: fetch` to take their content, or `lfs: pointers` to take the pointers as they are",
            kept=KEPT,
        )
    if how is Lfs.POINTERS and found.pointers:
        notes.append(_note(list(found.pointers), "these are Git LFS pointers, without their content"))
    if how is Lfs.FETCH and found.pointers:
        tree = _content(store, remotes, cache_folder, (url, *also), tree, found, size_bytes_max)
        notes.append(_note(list(found.pointers), "content was taken from Git LFS"))
        if steering := _steering(store, found.attributes):
            notes.append(_note(steering, _STILL_STEERED))
    return tree, tuple(notes)


@dataclass(slots=True)
class _Found:
    pointers: dict[str, tuple[Pointer, str]] = field(default_factory=dict)
    """Path -> pointer and mode."""
    broken: list[str] = field(default_factory=list)
    """Paths of files that begin like pointers."""
    attributes: dict[str, str] = field(default_factory=dict)
    """Path -> digest of each `.gitattributes` in a folder that was looked into."""


def _find(store: ObjectStore, tree: str, unchanged: str) -> _Found:
    """Reads each small file of `tree` that is not the same in `unchanged`."""
    found = _Found()
    places: dict[str, list[tuple[str, str]]] = {}
    for path, item in _files(store, tree, unchanged):
        places.setdefault(item.digest, []).append((path, item.mode))
        if item.name == _ATTRIBUTES:
            found.attributes[path] = item.digest
    sizes = store.size_many(places)
    small = [digest for digest in places if _POINTER_BYTES_MIN <= sizes.get(digest, 0) <= POINTER_BYTES_MAX]
    for at in range(0, len(small), _READ_AT_ONCE):
        for digest, content in store.read_many(small[at : at + _READ_AT_ONCE]).items():
            read = pointer(content)
            if read is not None:
                found.pointers.update((path, (read, mode)) for path, mode in places[digest])
            elif content.lstrip().startswith(_BEGINNING):
                found.broken += [path for path, _ in places[digest]]
    found.pointers = dict(sorted(found.pointers.items()))
    found.broken.sort()
    return found


def _files(store: ObjectStore, tree: str, unchanged: str) -> Iterator[tuple[str, TreeItem]]:
    """Path and item of each regular file in `tree`, without folders and files that are the same in `unchanged`;
    `.gitattributes` in the folders that differ is always there."""
    level = [("", tree, unchanged)] if tree != unchanged else []
    while level:
        opened = store.read_trees([digest for _, *both in level for digest in both if digest])
        below = []
        for prefix, digest, other in level:
            before = {item.name: item for item in opened[other]} if other else {}
            for item in opened[digest]:
                same = before.get(item.name)
                if same == item and item.name != _ATTRIBUTES:
                    continue
                if item.mode == FOLDER:
                    old = same.digest if same is not None and same.mode == FOLDER else ""
                    below.append((f"{prefix}{item.name}/", item.digest, old))
                elif item.mode.startswith("100"):
                    yield prefix + item.name, item
        level = below


def _steering(store: ObjectStore, attributes: Mapping[str, str]) -> list[str]:
    """Those of the files that send others through Git LFS."""
    sizes = store.size_many(attributes.values())
    read = store.read_many(digest for digest, size in sizes.items() if size <= _ATTRIBUTES_BYTES_MAX)
    return sorted(path for path, digest in attributes.items() if _FILTER.search(read.get(digest, b"")))


def _content(
    store: ObjectStore,
    remotes: Remotes,
    folder: Path,
    urls: Sequence[str],
    tree: str,
    found: _Found,
    size_bytes_max: int,
) -> str:
    """`tree` with all content in the place of its pointers."""
    where = shown(urls[0])
    wanted: dict[str, Wanted] = {}
    for path, (one, _) in found.pointers.items():
        if one.extended:
            raise _unsupported(f"{shown(path)} in {where} needs an extension of Git LFS to be read")
        if wanted.setdefault(one.oid, Wanted(one.oid, one.size, path)).size != one.size:
            raise _unsupported(f"two pointers in {where} name the same content with different sizes: {shown(path)}")
    total = sum(one.size for one in wanted.values())
    if size_bytes_max and total > size_bytes_max:
        raise RefusedError(
            "E-LFS-SIZE",
            f"the content of {where} in Git LFS is {total:,} bytes, more than the {size_bytes_max:,} allowed",
            hint="leave files out with `exclude`, or raise `max_size`",
            kept=KEPT,
        )
    _have(remotes, folder, urls, list(wanted.values()))
    written = dict(zip(wanted, store.write_files([folder / oid for oid in wanted]), strict=True))
    for kept in folder.iterdir():
        if kept.name not in wanted:
            kept.unlink()
    changes = {path: Entry(written[one.oid], mode) for path, (one, mode) in found.pointers.items()}
    return trees.edit(store, tree, changes)


def _have(remotes: Remotes, folder: Path, urls: Sequence[str], wanted: Sequence[Wanted]) -> None:
    """Sees that all content lies in `folder`, as it should be."""
    host.make_folder(folder)
    for one in wanted:
        if one.size == 0 and one.oid == _EMPTY:  # which git-lfs neither stores nor asks for
            files.write_private(folder / one.oid, b"")
    left = {one.oid: one for one in wanted if not lfs_batch.holds(folder / one.oid, one)}
    asked = [url for url in urls if way(url) is Way.HTTP]
    if left and not asked:
        raise _unsupported(f"content of {shown(urls[0])} in Git LFS can be had over http and https only")
    first: SyncError | None = None
    for url in asked if left else ():
        lacking = _download(remotes, folder, url, left)
        first = first or lacking
    if left and first is not None:
        raise first


def _download(remotes: Remotes, folder: Path, url: str, left: dict[str, Wanted]) -> SyncError | None:
    """Takes out of `left` what was had from this upstream's host; answers the error of what it does not have."""
    lacking: SyncError | None = None
    every = list(left)
    for at in range(0, len(every), lfs_batch.BATCH_MAX):
        some = {oid: left[oid] for oid in every[at : at + lfs_batch.BATCH_MAX]}
        try:
            remotes.persist(partial(_round, remotes, folder, url, some))
        except SyncError as error:
            if error.code != "E-LFS-GONE":
                raise
            lacking = lacking or error
        for oid in every[at : at + lfs_batch.BATCH_MAX]:
            if oid not in some:
                del left[oid]
    return lacking


def _round(remotes: Remotes, folder: Path, url: str, left: dict[str, Wanted]) -> None:
    """Asks for all that is `left` and takes out what was had; one that fails does not keep the others away."""
    links, lacking = lfs_batch.links(remotes, url, list(left.values()))

    def one(oid: str) -> SyncError | None:
        try:
            lfs_batch.fetch(remotes, url, left[oid], links[oid], folder / oid)
        except SyncError as error:
            return error
        del left[oid]
        return None

    pool = ThreadPoolExecutor(max_workers=_DOWNLOADS_AT_ONCE, thread_name_prefix="lfs")
    try:
        failed = [error for error in pool.map(one, list(links)) if error is not None]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if failed or lacking is not None:
        raise min([*failed, *([lacking] if lacking is not None else [])], key=lambda error: error.retryable)


def _unsupported(message: str) -> RemoteError:
    return RemoteError("E-LFS-UNSUPPORTED", message, hint="set `lfs: pointers`", kept=KEPT)


def _note(paths: Sequence[str], what: str) -> str:
    return f"{what}: {_some(paths)}" + (f" ({len(paths):,} files)" if paths[_NAMED:] else "")


def _some(paths: Sequence[str]) -> str:
    return ", ".join(shown(path) for path in paths[:_NAMED]) + (", ..." if paths[_NAMED:] else "")
