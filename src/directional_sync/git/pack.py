"""Packs of our own making: many new objects as one file instead of one file each, without starting a program.

Nothing here is clever: whole objects one after the other, each compressed alone, and the index beside them. What
stays in the repository is packed again by git when it is published. The format is git's gitformat-pack(5).
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from directional_sync.system.files import PrivateFile, write_private

_TYPES = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_FAR = 0x80000000


class PackWriter:
    """Writes one pack; git can read it once `finish` has been called."""

    def __init__(self, folder: Path, hash_name: str) -> None:
        self._folder = folder
        self._hash_name = hash_name
        self._file = PrivateFile(folder / "tmp_pack_new")
        self._size = 0
        self._found: dict[bytes, tuple[int, int]] = {}
        # How many objects there will be is not known yet; the place is filled in at the end.
        self._write(struct.pack(">4sII", b"PACK", 2, 0))

    def add(self, kind: str, digest: str, size: int, parts: Iterable[bytes]) -> None:
        """One object of `size` bytes, its content in parts; nothing happens when it is in the pack already."""
        raw = bytes.fromhex(digest)
        if raw in self._found:
            return
        start, header = self._size, _entry_header(_TYPES[kind], size)
        packer, check = zlib.compressobj(1), zlib.crc32(header)
        self._write(header)
        for part in parts:
            check = self._packed(packer.compress(part), check)
        check = self._packed(packer.flush(), check)
        self._found[raw] = (start, check)

    def _packed(self, data: bytes, check: int) -> int:
        self._write(data)
        return zlib.crc32(data, check)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._size += len(data)

    def finish(self) -> None:
        """Completes the pack and writes its index, or removes it when it is empty."""
        if not self._found:
            self._file.discard()
            return
        self._file.write_at(8, struct.pack(">I", len(self._found)))
        trailer = self._file.digest(self._hash_name)
        self._file.write(trailer)
        stem = f"pack-{trailer.hex()}"
        self._file.finish(self._folder / f"{stem}.pack")
        write_private(self._folder / f"{stem}.idx", _index(sorted(self._found.items()), trailer, self._hash_name))

    def discard(self) -> None:
        """Forgets everything that was written."""
        self._file.discard()


def _entry_header(kind: int, size: int) -> bytes:
    """Type and size: four bits of the size in the first byte, seven in each that follows."""
    byte, size = kind << 4 | size & 15, size >> 4
    header = bytearray()
    while size:
        header.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    header.append(byte)
    return bytes(header)


def _index(items: Sequence[tuple[bytes, tuple[int, int]]], trailer: bytes, hash_name: str) -> bytes:
    """The index, version 2: fan-out, ids, checksums, offsets, and the offsets that need 64 bits."""
    counts = [0] * 256
    for raw, _ in items:
        counts[raw[0]] += 1
    total, fan_out = 0, []
    for count in counts:
        total += count
        fan_out.append(total)
    far: list[int] = []
    near = []
    for _, (start, _) in items:
        if start < _FAR:
            near.append(start)
        else:
            near.append(_FAR | len(far))
            far.append(start)
    parts = (
        b"\377tOc\0\0\0\2",
        struct.pack(">256I", *fan_out),
        b"".join(raw for raw, _ in items),
        struct.pack(f">{total}I", *(check for _, (_, check) in items)),
        struct.pack(f">{total}I", *near),
        struct.pack(f">{len(far)}Q", *far),
        trailer,
    )
    content = b"".join(parts)
    return content + hashlib.new(hash_name, content).digest()
