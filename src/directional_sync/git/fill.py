"""Many new files in a new folder, made by git's own code, by several gits at once.

For a folder of thousands this takes half the time that writing them from here does. The files hold the bytes of the
blobs, whatever attributes and settings say (see `checkout`), and all of them are looked at afterwards. A git whose
parent is killed reads no further names, and ends.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from directional_sync.errors import HostError
from directional_sync.git.checkout import SETTINGS, begin
from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import Git
from directional_sync.model.snapshot import LINK
from directional_sync.system.imprint import pack
from directional_sync.system.reach import Reach

_GITS = 4
"""So many at most side by side, and no more than there are processors."""


class Wanted(NamedTuple):
    """One file or link to be made."""

    path: str
    """Below the folder."""
    mode: str
    digest: str
    size: int
    """Of its content in bytes."""


def fill(reach: Reach, store: ObjectStore, folder: str, files: Sequence[Wanted]) -> list[bytes] | None:
    """Makes the folder and these files in it; answers their imprints in order. None when it could not be done: then
    nothing is left. `files` are sorted by path. Raises OSError."""
    reach.make_folder(folder)
    with reach.held(folder) as here:
        done = here is not None and _written(reach, store, folder, here, files)
    found = _looked_at(reach, folder, files) if done else None
    if found is None:
        reach.remove_all(folder)
        reach.forget()
    return found


def _written(reach: Reach, store: ObjectStore, folder: str, here: Path, files: Sequence[Wanted]) -> bool:
    keep = store.scratch("fill")
    try:
        begin(store, keep)
        git = replace(store.git, git_dir=keep, work_tree=here).including(config=SETTINGS)
        lines = "".join(f"{file.mode} {file.digest}\t{file.path}\0" for file in files)
        git.run("update-index", "-z", "--index-info", stdin=_bytes(lines))
        shares = _shares(files, max(1, min(_GITS, os.cpu_count() or 1)))
        _make_common(reach, folder, shares)
        with ThreadPoolExecutor(len(shares)) as pool:
            return all(pool.map(lambda share: _write(git, share), shares))
    except HostError:
        return False


def _write(git: Git, files: Sequence[Wanted]) -> bool:
    # Names come through a pipe, so that it stops soon after whoever writes into that pipe is gone.
    names = _bytes("".join(f"{file.path}\0" for file in files))
    return git.attempt("checkout-index", "-z", "--stdin", stdin=names, timeout_s=3600).status == 0


def _shares(files: Sequence[Wanted], count: int) -> list[Sequence[Wanted]]:
    """`files` in up to `count` parts of about the same number."""
    step = max(1, -(-len(files) // count))
    return [files[at : at + step] for at in range(0, len(files), step)]


def _make_common(reach: Reach, folder: str, shares: Sequence[Sequence[Wanted]]) -> None:
    """Makes the folders in which two gits will write: neither expects the other to make one."""
    for one, other in pairwise(shares):
        common = os.path.commonpath(["/" + _parent(one[-1].path), "/" + _parent(other[0].path)])
        at = folder
        for part in common.split("/"):
            if part:
                at = f"{at}/{part}"
                reach.make_folder(at)


def _looked_at(reach: Reach, folder: str, files: Sequence[Wanted]) -> list[bytes] | None:
    """The imprints; None when something is not as it should be."""
    found: list[bytes] = []
    reach.forget()
    at = 0
    with suppress(FileNotFoundError, NotADirectoryError):
        while at < len(files):
            parent = _parent(files[at].path)
            end = at
            while end < len(files) and _parent(files[end].path) == parent:
                end += 1
            some = files[at:end]
            stats = reach.stats(f"{folder}/{parent}" if parent else folder, [_name(file.path) for file in some])
            if not all(_is_whole(file, seen) for file, seen in zip(some, stats, strict=True)):
                return None
            found += map(pack, stats)
            at = end
        return found
    return None


def _is_whole(file: Wanted, seen: os.stat_result) -> bool:
    kind = stat.S_ISLNK if file.mode == LINK else stat.S_ISREG
    return kind(seen.st_mode) and seen.st_size == file.size


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
