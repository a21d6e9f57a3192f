"""What the file system says of a file, kept in a hundred bytes: a vendored tree has many files."""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

_FORM = struct.Struct("=QqqQIQII")


class Imprint(NamedTuple):
    """Size, times, kind and place of one file or link."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int
    device: int
    owner: int
    group: int

    @classmethod
    def of(cls, packed: bytes) -> Imprint:
        size, mtime_ns, ctime_ns, inode, mode, device, owner, group = _FORM.unpack(packed)
        return cls(size, mtime_ns, ctime_ns, inode, mode, device, owner, group)


def pack(found: os.stat_result) -> bytes:
    """For `Imprint.of`."""
    return _FORM.pack(
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_ino,
        found.st_mode,
        found.st_dev,
        found.st_uid,
        found.st_gid,
    )


def same_file(one: bytes, other: bytes) -> bool:
    """Whether both are of one file with one content: all but the time of change, which a rename alters, is equal."""
    return Imprint.of(one)._replace(ctime_ns=0) == Imprint.of(other)._replace(ctime_ns=0)
