"""Files that only one process can make: how git's lock files work."""

from __future__ import annotations

import os
from pathlib import Path

from directional_sync.system.host import host_errors


def make_exclusively(path: Path, content: bytes) -> bool:
    """Makes the file `path`; False when it is there already. Raises HostError; then it is not there."""
    with host_errors(path):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            return False
        try:
            os.write(descriptor, content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
    return True
