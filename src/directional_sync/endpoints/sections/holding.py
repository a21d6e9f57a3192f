"""The files that a part lies in: in the repository, as its tree has them, or in a folder of this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from directional_sync.model.snapshot import FOLDER, GITLINK, LINK, Snapshot
from directional_sync.system import host

_BYTES_MAX = 8_000_000
_FILES_MAX = 5_000


class Unreachable(Exception):
    """What is there cannot be looked at; the message says why."""


class Holding(Protocol):
    def read(self, path: str) -> bytes | None:
        """The content of a file; None: there is none. Raises Unreachable."""

    def names(self, folder: str) -> list[str] | None:
        """What lies directly in a folder, hidden files left out, sorted; None: there is no such folder. Raises
        Unreachable."""

    def shown(self, path: str) -> str:
        """For people."""


class InRepository:
    """Paths relative to the root of the repository."""

    def __init__(self, files: Snapshot, read: Callable[[str], bytes]) -> None:
        self._files, self._read = files, read

    def read(self, path: str) -> bytes | None:
        entry = self._files.entries.get(path)
        if entry is None or not entry.present:
            return None
        if entry.mode in (LINK, GITLINK, FOLDER):
            raise Unreachable("it is no file")
        return self._read(entry.digest)

    def names(self, folder: str) -> list[str] | None:
        inside = f"{folder}/"
        found = {key[len(inside) :].split("/", 1)[0] for key in self._files.entries if key.startswith(inside)}
        return sorted(name for name in found if not name.startswith("."))

    def shown(self, path: str) -> str:
        return path


class OnDisk:
    """Absolute paths. Links are followed for reading: settings are often kept elsewhere and linked."""

    def read(self, path: str) -> bytes | None:
        try:
            with Path(path).open("rb") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode):
                    raise Unreachable("it is no file")
                content = file.read(_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreachable(error.strerror or str(error)) from error
        if len(content) > _BYTES_MAX:
            raise Unreachable(f"it has more than {_BYTES_MAX:,} bytes")
        return content

    def names(self, folder: str) -> list[str] | None:
        try:
            found = sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreachable(error.strerror or str(error)) from error
        if len(found) > _FILES_MAX:
            raise Unreachable(f"more than {_FILES_MAX:,} files lie in it")
        return found

    def shown(self, path: str) -> str:
        return path


def replace_file(path: str, before: bytes | None, after: bytes | None, beside: str) -> bool:
    """Puts `after` in the place of `before` (None: no file), whole or not at all; a link stays one. `beside`: the name
    of the temporary file. False: something else is there by now. Raises HostError."""
    real = Path(os.path.realpath(path))
    with host.host_errors(real):
        try:
            now: bytes | None = real.read_bytes()
            mode = stat.S_IMODE(real.stat().st_mode)
        except FileNotFoundError:
            now, mode = None, host.OWNER_ONLY_FILE
        if now != before:
            return False
        if after is None:
            real.unlink(missing_ok=True)
            return True
    host.atomic_write(real, after, mode, beside=beside)
    return True
