"""Names of temporary files on far sides, by which a later run knows what a killed one has left."""

from __future__ import annotations

import hashlib

from directional_sync.endpoints.base import Context

PREFIX = ".dsync-tmp-"
"""How every temporary name on a far side begins."""


def token(context: Context) -> str:
    """What tells the temporary files of this target from those of others that write to the same far side; while the
    run lock is held nobody else has the same."""
    own = f"{context.git_dir.resolve()}\0{context.target.name}"
    return hashlib.sha256(own.encode("utf-8", "surrogateescape")).hexdigest()[:16]
