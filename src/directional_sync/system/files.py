"""Files of our own that nobody else reads yet: written quickly, made durable when they are handed over."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
from pathlib import Path

from directional_sync.system.host import fsync_dir, host_errors

_BUFFER_BYTES = 1 << 20


def write_private(path: Path, content: bytes) -> None:
    """Writes `content` to `path` in an existing or new parent folder, not durably. Raises HostError."""
    with host_errors(path):
        try:
            _write(path, content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, content)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


def hand_over(source: Path, target: Path) -> None:
    """Moves the file `source` to `target` as a whole, durably but for the name: see `settle`. Works across
    file systems. Raises HostError; then there is nothing new at `target`."""
    with host_errors(target):
        descriptor = os.open(source, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            source.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy_over(source, target)


def _copy_over(source: Path, target: Path) -> None:
    # git's own name for such a file, so that its housekeeping removes what an interrupted copy leaves.
    temporary = target.with_name(f"tmp_pack_{target.name}_{os.getpid()}")
    try:
        shutil.copyfile(source, temporary)
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        shutil.copymode(source, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    source.unlink()


def settle(folder: Path) -> None:
    """Makes the names in `folder` durable. Raises HostError."""
    with host_errors(folder):
        fsync_dir(folder)


class PrivateFile:
    """A file being written front to back, through a buffer; not durable."""

    def __init__(self, path: Path) -> None:
        """Makes `path` anew, readable for its owner only. Raises HostError."""
        self._path = path
        with host_errors(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            self._file = io.BufferedRandom(io.FileIO(descriptor, "r+b"), _BUFFER_BYTES)

    def write(self, content: bytes) -> None:
        with host_errors(self._path):
            self._file.write(content)

    def write_at(self, place: int, content: bytes) -> None:
        """Overwrites at byte `place`; writing then goes on at the end."""
        with host_errors(self._path):
            self._file.seek(place)
            self._file.write(content)
            self._file.seek(0, os.SEEK_END)

    def digest(self, hash_name: str) -> bytes:
        """Of all that was written."""
        with host_errors(self._path):
            self._file.flush()
            self._file.seek(0)
            total = hashlib.file_digest(self._file, hash_name).digest()
            self._file.seek(0, os.SEEK_END)
            return total

    def finish(self, name: Path) -> None:
        """Closes it under its final name, in the same folder."""
        with host_errors(name):
            self._file.close()
            self._path.replace(name)

    def discard(self) -> None:
        """Closes and removes it."""
        self._file.close()
        self._path.unlink(missing_ok=True)
