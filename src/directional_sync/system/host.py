"""This machine: the clock, identifiers, and files and folders that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from directional_sync.errors import HostError

OWNER_ONLY_FILE = 0o600
OWNER_ONLY_FOLDER = 0o700


def now() -> datetime:
    """Now by the wall clock, in UTC and whole seconds; it may jump."""
    return datetime.now(UTC).replace(microsecond=0)


def utc_now() -> str:
    """Now, as RFC 3339 in UTC with seconds: `2026-03-29T01:00:00Z`."""
    return now().strftime("%Y-%m-%dT%H:%M:%SZ")


def today() -> str:
    """Today's date in UTC, ISO form."""
    return now().date().isoformat()


def monotonic() -> float:
    """Seconds on a clock that never jumps; only differences mean something."""
    return time.monotonic()


def pause(seconds: float) -> None:
    time.sleep(seconds)


def new_id() -> str:
    """An identifier that sorts by time of making: 12 hex digits of milliseconds, 10 random ones."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(5).hex()}"


def make_folder(path: Path) -> None:
    """Makes `path` and its parents, for the owner only. Raises HostError when that cannot be."""
    with host_errors(path):
        missing = [path, *(parent for parent in path.parents if not parent.exists())]
        for folder in reversed(missing):  # `parents=True` would give the mode to the last one only
            folder.mkdir(exist_ok=True, mode=OWNER_ONLY_FOLDER)


def fsync_dir(path: Path) -> None:
    """Makes the names in `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def atomic_write(path: Path, content: bytes, mode: int = OWNER_ONLY_FILE, *, beside: str = "") -> None:
    """Replaces `path` by `content` as a whole or not at all, durably. Makes missing parent folders. `beside`: the name
    of the temporary file, for those who are alone to use it and want to find it after a kill; "": any that is new.
    Raises HostError; whatever was at `path` is then still there."""
    make_folder(path.parent)
    with host_errors(path):
        name = path.parent / (beside or f".dsync-tmp-{os.urandom(6).hex()}")
        if beside:
            name.unlink(missing_ok=True)
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, OWNER_ONLY_FILE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            name.chmod(mode)
            name.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                name.unlink()
            raise
        fsync_dir(path.parent)


def remove_tree(path: Path) -> None:
    """Removes a folder and all in it, read-only folders included. Missing is fine. Never follows a link."""

    def unlock(function: Callable[..., Any], name: str, error: BaseException) -> None:
        if isinstance(error, FileNotFoundError):
            return
        if name != str(path):
            Path(name).parent.chmod(OWNER_ONLY_FOLDER)
        if Path(name).is_dir() and not Path(name).is_symlink():
            Path(name).chmod(OWNER_ONLY_FOLDER)
            if function is not os.rmdir:  # it could not even be looked into
                remove_tree(Path(name))
                return
        function(name)

    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path, onerror=lambda function, name, info: unlock(function, name, info[1]))


@contextlib.contextmanager
def host_errors(path: Path) -> Any:
    """Turns what the operating system says about `path` into a HostError with a code and a next step."""
    import errno

    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            free = shutil.disk_usage(_existing(path)).free
            raise HostError(
                "E-DISK-FULL",
                f"no room to write {path} ({free:,} bytes free)",
                hint="make room on that file system, then run again",
                kept="the branch and your files are unchanged",
            ) from error
        if error.errno == errno.EROFS:
            raise HostError(
                "E-READ-ONLY", f"{path} is on a read-only file system", hint="mount it writable, then run again"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise HostError(
                "E-PERMISSION", f"not allowed to write {path}", hint=f"check who owns it: ls -ld {path.parent}"
            ) from error
        raise HostError("E-IO", f"{path}: {error.strerror or error}", hint="check the disk, then run again") from error


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def is_private(path: Path) -> bool:
    """Whether nobody but the owner may read `path`."""
    return not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
