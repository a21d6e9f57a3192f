"""Kernel locks: one holder at a time, let go by the kernel when the holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from directional_sync.errors import LockHeldError
from directional_sync.system.host import (
    OWNER_ONLY_FILE,
    atomic_write,
    host_errors,
    make_folder,
    monotonic,
    pause,
    utc_now,
)

_POLL_S = 0.05


class Busy(Exception):
    """Somebody else held the lock all the time."""


@contextlib.contextmanager
def locked(path: Path, *, timeout_s: float, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock that is the file `path`, for one thread. `waiting` is called once, when it is busy and
    `timeout_s` > 0. Raises Busy after `timeout_s` seconds, and HostError."""
    make_folder(path.parent)
    deadline = monotonic() + timeout_s
    told = False
    with host_errors(path):
        descriptor = _taken(path)
    while descriptor is None:
        if monotonic() >= deadline:
            raise Busy
        if not told:
            waiting()
            told = True
        pause(_POLL_S)
        with host_errors(path):
            descriptor = _taken(path)
    try:
        yield
    finally:
        os.close(descriptor)


def _taken(path: Path) -> int | None:
    """An open file that holds the lock; None when another has it. Children do not inherit it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, OWNER_ONLY_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever removes the file (with its folder, to start afresh) leaves us with a lock that no other meets.
        if os.fstat(descriptor).st_ino == _inode(path):
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return -1


@contextlib.contextmanager
def run_lock(
    folder: Path,
    holder: Mapping[str, str],
    *,
    timeout_s: float = 0.0,
    waiting: Callable[[str], None] = lambda who: None,
) -> Iterator[None]:
    """Holds the lock on one repository, whose state is in `folder`: one run at a time. `holder` is what others are
    told, noted beside the lock; `waiting` is called once, with the description of whoever holds it, when it is busy
    and `timeout_s` > 0. Raises LockHeldError E-LOCK, and HostError."""
    note = folder / "lock-holder.json"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(
                locked(folder / "lock", timeout_s=timeout_s, waiting=lambda: waiting(describe_holder(folder)))
            )
        except Busy:
            raise LockHeldError(
                "E-LOCK",
                f"another run holds this repository: {describe_holder(folder)}",
                hint="wait for it, or give --lock-timeout 600 to wait here; "
                "the lock is never broken while that process lives",
                kept="nothing was changed",
            ) from None
        who = {"pid": str(os.getpid()), "host": os.uname().nodename, "since": utc_now(), **holder}
        atomic_write(note, json.dumps(who, sort_keys=True).encode())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                note.unlink()


def describe_holder(folder: Path) -> str:
    """Who holds the lock in `folder`, in words; "an unknown process" when the note cannot be read."""
    try:
        note = json.loads((folder / "lock-holder.json").read_bytes())
        return f"pid {note['pid']} on {note['host']}, `{note.get('command', '')}`, since {note['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        return "an unknown process"
