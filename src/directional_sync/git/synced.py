"""The commits that runs have made, as their trailers say."""

from __future__ import annotations

from directional_sync.core.trailers import Synced, read
from directional_sync.git.repository import Repository

_MOST = 10_000
_FORMAT = "%H%x00%P%x00%ct%x00%B%x01"


def synced(repository: Repository, *revisions: str, run: str = "", limit: int = _MOST) -> list[Synced]:
    """Those that can be reached from `revisions`, newest first; only those of `run` when one is given. Raises
    HostError."""
    pattern = f"^Sync-Run: {run}$" if run else "^Sync-Run: "
    ways = ("--no-show-signature", "--date-order", "--basic-regexp", f"--grep={pattern}", f"--max-count={limit}")
    said = repository.git.run("log", *ways, f"--format=tformat:{_FORMAT}", *revisions, "--")
    found = []
    for text in said.decode("utf-8", "replace").split("\x01")[:-1]:
        commit, parents, when, message = text.lstrip("\n").split("\0", 3)
        one = read(commit, parents.split(), int(when), message)
        if one is not None:
            found.append(one)
    return found
