"""What lies between two commits of an upstream, as far as its host still tells."""

from __future__ import annotations

import tempfile
from pathlib import Path

from directional_sync.errors import SyncError
from directional_sync.upstream.remotes import Remotes

_DEPTH = 100
_LISTED = 20


def dropped(remotes: Remotes, folder: Path, url: str, old: str, new: str, hash_name: str) -> tuple[str, ...]:
    """`abbreviated id subject` of the commits that `old` has and `new` has not, the newest first, at most 20; () when
    the host does not give out `old` any more. `folder`: where a scratch repository may lie. Never raises SyncError: it
    only helps people to see what a rewrite took away."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="history-") as scratch:

        def git(*arguments: str) -> bytes | None:
            done = remotes.git(url, [f"--git-dir={scratch}", *arguments])
            return None if done.status else done.stdout

        try:
            if git("init", "--quiet", "--bare", "--template=", f"--object-format={hash_name}") is None:
                return ()
            # Commits only, where the host can: nothing of their content is looked at.
            fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", f"--depth={_DEPTH}", "--filter=tree:0")
            if git(*fetch, "--", url, old, new) is None:
                return ()
            listed = git("log", "--format=%h %s", f"--max-count={_LISTED}", "--end-of-options", old, f"^{new}")
        except SyncError:
            return ()
    return tuple((listed or b"").decode("utf-8", "replace").splitlines())
