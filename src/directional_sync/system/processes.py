"""Which other processes live on this machine, and what they have to do with a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path("/proc")
_HARMLESS = (b"fsmonitor--daemon", b"credential-cache--daemon")
"""Programs of git that stay for days and hold no lock."""


@dataclass(frozen=True, slots=True)
class Living:
    """A process that has to do with the folders that were asked about. Never this one or its children."""

    pid: int
    git: bool
    """It is a git that works in one of the folders, or one of which that cannot be told."""
    holds: bool
    """It has the file open that was asked about."""
    arguments: bytes
    """NUL-separated; empty when they may not be read."""
    here: bytes = b""
    """The folder it is in; empty when it may not be seen."""


def living(folders: Sequence[Path], file: Path | None = None) -> list[Living] | None:
    """All that live now, have `file` open or are a git at work in one of `folders`. None where the system does
    not show its processes."""
    if not (_TABLE / "self" / "fd").is_dir():
        return None
    tops = [os.fsencode(folder) for folder in folders]
    wanted = os.fsencode(file) if file else b""
    found = (_look(place, tops, wanted) for place in _TABLE.iterdir() if place.name.isdigit())
    return [process for process in found if process is not None]


def age_s(path: Path) -> float:
    """Seconds since the file was last written; negative when the clock was set back. Raises OSError."""
    return time.time() - path.lstat().st_mtime


def _look(place: Path, tops: list[bytes], wanted: bytes) -> Living | None:
    pid = int(place.name)
    try:
        about = (place / "stat").read_bytes()
    except OSError:
        return None  # it has just ended
    name = about[about.index(b"(") + 1 : about.rindex(b")")]
    state, parent = about[about.rindex(b")") + 2 :].split()[:2]
    if state in (b"Z", b"X") or os.getpid() in (pid, int(parent)):
        return None
    arguments = b""
    with suppress(OSError):
        arguments = (place / "cmdline").read_bytes()
    holds = bool(wanted) and _holds(place, wanted)
    git = name.startswith(b"git") and not any(word in arguments for word in _HARMLESS)
    here = b""
    if git:
        try:
            here = os.fsencode((place / "cwd").readlink())
            git = _within(here, tops) or any(top in arguments for top in tops)
        except FileNotFoundError:
            git = False
        except OSError:
            pass  # another user's: cannot be told
    return Living(pid, git, holds, arguments, here) if git or holds else None


def _within(here: bytes, tops: list[bytes]) -> bool:
    return any(here == top or here.startswith(top + b"/") for top in tops)


def _holds(place: Path, wanted: bytes) -> bool:
    with suppress(OSError):
        for descriptor in (place / "fd").iterdir():
            with suppress(OSError):
                if os.fsencode(descriptor.readlink()) == wanted:
                    return True
    return False
