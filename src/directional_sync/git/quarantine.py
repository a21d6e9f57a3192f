"""A quarantine: an object store of a run's own, where everything new waits until it is published or thrown away."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from directional_sync.errors import HostError
from directional_sync.git.pack import PackWriter
from directional_sync.system import files, host

_LOOSE_MAX = 16
"""More new objects than this are written as one pack."""
_READ_WHOLE_BYTES = 16_000_000
"""Larger files are read twice rather than held in memory."""
_HELD_BYTES = 64_000_000
_HELD_FILES = 2_000
_PART_BYTES = 1 << 20


def hash_object(kind: str, content: bytes, hash_name: str) -> str:
    """The object id git gives to `content`. `kind`: blob, tree, commit or tag. `hash_name`: sha1 or sha256."""
    total = hashlib.new(hash_name, b"%s %d\0" % (kind.encode("ascii"), len(content)))
    total.update(content)
    return total.hexdigest()


class Content:
    """What an object holds: bytes at hand, or a big file to be read again."""

    __slots__ = ("_data", "_path", "size")

    def __init__(self, data: bytes | None, path: Path | None = None, size: int = 0) -> None:
        self._data, self._path = data, path
        self.size = size if data is None else len(data)

    def parts(self, hash_name: str, digest: str) -> Iterator[bytes]:
        """All of it in order. Raises HostError at the end when it is no longer what `digest` names."""
        if self._data is not None or self._path is None:
            yield self._data or b""
            return
        with host.host_errors(self._path), self._path.open("rb") as file:
            total = hashlib.new(hash_name, b"blob %d\0" % self.size)
            for part in _parts(file, self.size, self._path):
                total.update(part)
                yield part
        if total.hexdigest() != digest:
            raise _unsteady(self._path)


def read_files(paths: Sequence[Path], hash_name: str) -> Iterator[list[tuple[str, Content]]]:
    """Object id and content of each file in order, as many at once as memory allows. Raises HostError."""
    some: list[tuple[str, Content]] = []
    held = 0
    for path in paths:
        with host.host_errors(path), path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > _READ_WHOLE_BYTES:
                total = hashlib.new(hash_name, b"blob %d\0" % size)
                for part in _parts(file, size, path):
                    total.update(part)
                some.append((total.hexdigest(), Content(None, path, size)))
            else:
                data = file.read()
                held += len(data)
                some.append((hash_object("blob", data, hash_name), Content(data)))
        if held > _HELD_BYTES or len(some) >= _HELD_FILES:
            yield some
            some, held = [], 0
    if some:
        yield some


def _parts(file: BinaryIO, size: int, path: Path) -> Iterator[bytes]:
    """Exactly `size` bytes; raises HostError when there are fewer."""
    while size:
        part = file.read(min(size, _PART_BYTES))
        if not part:
            raise _unsteady(path)
        size -= len(part)
        yield part


def _unsteady(path: Path) -> HostError:
    return HostError("E-IO", f"{path} changed while it was read", hint="run again", retryable=True)


class Quarantine:
    """The folder. It is made at the first write; every write answers whether it was this one that made it."""

    def __init__(self, folder: Path, hash_name: str) -> None:
        self.folder = folder
        self.made = False
        self._hash_name = hash_name

    @property
    def objects(self) -> Path:
        """The object store in it."""
        return self.folder / "objects"

    def make(self) -> bool:
        """Makes the folder; True when it was not there before."""
        if self.made:
            return False
        host.make_folder(self.objects / "pack")
        self.made = True
        return True

    def write(self, kind: str, digest: str, content: bytes) -> bool:
        """One object as a file."""
        new = self.make()
        path = self.objects / digest[:2] / digest[2:]
        if not path.exists():
            packed = zlib.compress(b"%s %d\0" % (kind.encode("ascii"), len(content)) + content, 1)
            files.write_private(path, packed)
        return new

    def write_many(self, kind: str, objects: Sequence[tuple[str, Content]]) -> bool:
        """A few objects as a file each, many or big ones as a pack."""
        if len(objects) <= _LOOSE_MAX and all(content.size <= _READ_WHOLE_BYTES for _, content in objects):
            made = [
                self.write(kind, digest, b"".join(content.parts(self._hash_name, digest)))
                for digest, content in objects
            ]
            return any(made)
        new = self.make()
        pack = PackWriter(self.objects / "pack", self._hash_name)
        try:
            for digest, content in objects:
                pack.add(kind, digest, content.size, content.parts(self._hash_name, digest))
            pack.finish()
        except BaseException:
            pack.discard()
            raise
        return new

    def remove(self) -> None:
        """Removes it with all it holds. Safe to call twice."""
        if self.made:
            host.remove_tree(self.folder)
            self.made = False
