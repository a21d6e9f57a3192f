"""The user's index, moved along with the branch: exactly the touched paths, and nothing of what was staged.

The work is done on a copy while git's own lock file is held, so that no git can stage or commit in between, and
the copy takes the index's place by one rename. An entry is set only where it equals what the change expects to
find; whatever the user has staged stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from directional_sync.git.plumbing import IndexItem
from directional_sync.git.repository import Repository
from directional_sync.git.stale_locks import MARK, is_stale
from directional_sync.model.plan import Change
from directional_sync.system import files, host
from directional_sync.system.exclusive import make_exclusively
from directional_sync.system.imprint import Imprint

WAIT_S = 5.0
"""How long another git may keep its index lock before we go on without."""
_POLL_S = 0.02


class IndexUpdate:
    """One update of the index of one work tree. `lock`, `prepare`, `publish`, in this order; `release` in the
    end, whatever happened."""

    def __init__(self, repository: Repository, token: str) -> None:
        self._repository = repository
        self._token = token
        self._index = repository.git_dir / "index"
        self._lock = repository.git_dir / "index.lock"
        self._copy = repository.git_dir / f"index.dsync-{token}"
        self._set: frozenset[str] = frozenset()
        self.held = False

    def lock(self, wait_s: float = WAIT_S) -> bool:
        """Takes git's lock on the index; False when another git kept it all the time. A lock that nobody holds
        any more is removed first."""
        deadline = host.monotonic() + wait_s
        while not make_exclusively(self._lock, MARK + self._token.encode("ascii") + b"\n"):
            if host.monotonic() > deadline:
                if not is_stale(self._repository, self._lock):
                    return False
                self._lock.unlink(missing_ok=True)
                deadline = host.monotonic() + wait_s
            host.pause(_POLL_S)
        self.held = True
        return True

    def prepare(self, changes: Sequence[Change]) -> None:
        """Makes the new index beside the old one. Raises HostError; the index is then as it was."""
        assert self.held
        with host.host_errors(self._copy):
            if self._index.exists():
                # With its times: git tells by them which of its entries it must not trust yet.
                shutil.copy2(self._index, self._copy)
        git = self._repository.git.including({"GIT_INDEX_FILE": str(self._copy)})
        items = _wanted(git.ls_index(), changes)
        if not items:
            return
        zero = "0" * len(self._repository.head)
        lines = [f"{mode} {digest}\t{path}" if mode else f"0 {zero}\t{path}" for path, mode, digest in items]
        git.run("update-index", "-z", "--index-info", stdin="\0".join([*lines, ""]).encode("utf-8", "surrogateescape"))
        self._set = frozenset(path for path, _, _ in items)

    def publish(self, placed: Mapping[str, bytes]) -> None:
        """Puts the new index in place. `placed`: key -> imprint of each file that was put there just now, so that
        git need not read them again."""
        if not self._set:
            return
        # Only where the entry is ours: what the user staged at a path is not what was put there.
        placed = {key: found for key, found in placed.items() if key in self._set}
        with host.host_errors(self._index):
            times = self._copy.stat()
            content = bytearray(self._copy.read_bytes())
            if stamp(content, placed, self._repository.hash_name):
                with self._copy.open("r+b") as file:
                    file.write(content)
            # The time git wrote it: what was touched since then must not look older than the index.
            os.utime(self._copy, ns=(times.st_atime_ns, times.st_mtime_ns))
            files.hand_over(self._copy, self._index)
        self._set = frozenset()

    def release(self) -> None:
        """Lets go of the lock; without `publish` the index stays as it was. Safe to call twice."""
        if not self.held:
            return
        self.held = False
        with suppress(OSError):
            self._copy.unlink(missing_ok=True)
        with suppress(OSError):
            self._lock.unlink()


def remove_copies(repository: Repository, token: str) -> None:
    """Removes what a killed update has left, its lock included."""
    for name in (f"index.dsync-{token}", f"index.dsync-{token}.lock"):
        with suppress(OSError):
            (repository.git_dir / name).unlink(missing_ok=True)
    lock = repository.git_dir / "index.lock"
    with suppress(OSError):
        if lock.read_bytes() == MARK + token.encode("ascii") + b"\n":
            lock.unlink()


def _wanted(items: Iterable[IndexItem], changes: Sequence[Change]) -> list[tuple[str, str, str]]:
    """What to set, (path, mode, digest) each, removals first and with an empty mode."""
    there: dict[str, tuple[str, str]] = {}
    for item in items:
        # A path in conflict equals nothing that a change expects.
        there[item.path] = (item.mode, item.digest) if item.stage == 0 else ("conflict", "")
    ours = [c for c in changes if there.get(c.key, ("", "")) == (c.before.mode, c.before.digest)]
    gone = [c.key for c in ours if not c.after.present]
    for key in gone:
        del there[key]
    folders = _folders(there)
    new = [c for c in ours if c.after.present]
    fitting = [c for c in new if c.key not in folders and not any(above in there for above in _above(c.key))]
    return [(key, "", "") for key in gone] + [(c.key, c.after.mode, c.after.digest) for c in fitting]


def _folders(paths: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        for above in _above(path):
            if above in found:
                break
            found.add(above)
    return found


def _above(path: str) -> Iterable[str]:
    """The folders `path` lies in, the deepest first."""
    path = path.rpartition("/")[0]
    while path:
        yield path
        path = path.rpartition("/")[0]


# The index file, as far as needed here (gitformat-index): a header; entries, each with 40 bytes of what stat
# said, the object id, flags and the name; extensions; a checksum over all of it.

_HEADER = struct.Struct(">4sII")
_STAT = struct.Struct(">10I")
_EXTENDED, _NAME_LENGTH = 0x4000, 0x0FFF
_LIMIT = 0xFFFFFFFF


def stamp(content: bytearray, placed: Mapping[str, bytes], hash_name: str) -> bool:
    """Writes into the index `content` the imprint of each path in `placed`. Answers False, with `content`
    unchanged, for a form of index that it does not know for sure: git then reads those files once more."""
    digest_size = hashlib.new(hash_name).digest_size
    if len(content) < _HEADER.size + digest_size:
        return False
    signature, version, count = _HEADER.unpack_from(content)
    body = len(content) - digest_size
    if signature != b"DIRC" or version not in (2, 3, 4):
        return False
    wanted = {path.encode("utf-8", "surrogateescape"): found for path, found in placed.items()}
    places = _places(content, version, count, digest_size, wanted)
    if places is None:
        return False
    for at, found in places:
        mode = _STAT.unpack_from(content, at)[6]
        _STAT.pack_into(content, at, *_fields(Imprint.of(found), mode))
    if any(content[body:]):  # all zero: this repository does without checksums
        content[body:] = hashlib.new(hash_name, memoryview(content)[:body]).digest()
    return True


def _fields(found: Imprint, mode: int) -> tuple[int, ...]:
    size = found.size & _LIMIT
    if found.size and not size:
        size = 1 << 31  # git's own way to tell 4 GiB from nothing
    return (
        int(found.ctime_ns // 10**9) & _LIMIT,
        found.ctime_ns % 10**9,
        int(found.mtime_ns // 10**9) & _LIMIT,
        found.mtime_ns % 10**9,
        found.device & _LIMIT,
        found.inode & _LIMIT,
        mode,
        found.owner & _LIMIT,
        found.group & _LIMIT,
        size,
    )


def _places(
    content: bytearray, version: int, count: int, digest_size: int, wanted: Mapping[bytes, bytes]
) -> list[tuple[int, bytes]] | None:
    """Where the entries of `wanted` begin; None when the file does not read as it should."""
    at, name, places = _HEADER.size, b"", []
    try:
        for _ in range(count):
            start = at
            at += _STAT.size + digest_size
            flags = (content[at] << 8) | content[at + 1]
            at += 4 if version >= 3 and flags & _EXTENDED else 2
            if version == 4:
                drop, at = _varint(content, at)
                end = content.index(0, at)
                name = name[: len(name) - drop] + bytes(content[at:end])
                at = end + 1
            else:
                length = flags & _NAME_LENGTH
                end = at + length if length < _NAME_LENGTH else content.index(0, at)
                name = bytes(content[at:end])
                at = start + ((end - start) // 8 + 1) * 8
            found = wanted.get(name)
            if found is not None:
                places.append((start, found))
    except (IndexError, ValueError):
        return None
    return places if _is_whole(content, at, len(content) - digest_size) else None


def _is_whole(content: bytearray, at: int, body: int) -> bool:
    """Whether only extensions follow from `at` to `body`, and not the one by which the entries are shared with
    another file (a split index)."""
    while at < body:
        if content[at : at + 4] == b"link":
            return False
        at += 8 + int.from_bytes(content[at + 4 : at + 8], "big")
    return at == body


def _varint(content: bytearray, at: int) -> tuple[int, int]:
    """Git's variable-width number (the one of pack offsets) at `at`, and where it ends."""
    byte = content[at]
    value = byte & 0x7F
    while byte & 0x80:
        at += 1
        byte = content[at]
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, at + 1
