"""Files of our own that nobody else reads yet: written quickly, made durable when they are handed over."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from directional_sync.system.host import fsync_dir, host_errors


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
