"""Runs that are killed, and an oracle that knows nothing about how they work: plain git and file reads.

A run is a forked child of the tests: it takes the run lock, recovers, and commits what is still missing. It is
killed by another process at a random moment, or by itself at the n-th call of those that change anything.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.transaction.workbench import Wish, Workbench, git

from directional_sync.git import transaction
from directional_sync.system.lock import run_lock

FAILED = 9
DEEDS = ("rename", "replace", "link", "symlink", "unlink", "rmdir", "mkdir", "fsync", "utime", "write")


def run(root: Path, wishes: Mapping[str, Wish]) -> str:
    """One whole run, as the program does it. Answers what recovery said."""
    bench = Workbench(root)
    try:
        with run_lock(bench.repository.state, {"command": "test"}, timeout_s=60):
            said = transaction.recover(bench.repository)
            bench.reopen()
            if bench.changes(wishes):
                bench.commit(wishes)
        return said
    finally:
        bench.store.close()


def fork(deed: Callable[[], object]) -> int:
    """Does it in a child; its status is 0, or FAILED when it raised."""
    child = os.fork()
    if child:
        return child
    status = FAILED
    try:
        deed()
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_after(seconds: float, deed: Callable[[], object], *, children_too: bool) -> bool:
    """Kills it after a while, with or without the programs it has started. Answers whether it was still alive."""
    child = fork(deed)
    time.sleep(seconds)
    below = _children(child) if children_too else []
    for process in (child, *below):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return wait(child) == -signal.SIGKILL


def _children(process: int) -> list[int]:
    with suppress(OSError):
        listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return [int(child) for child in listed]
    return []


def dying_at(step: int, deed: Callable[[], object]) -> Callable[[], object]:
    """The same, killing itself just before its `step`-th change of anything, counted from 1."""

    def watched() -> object:
        count_deeds(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == step else None)
        return deed()

    return watched


def counting(result: Path, deed: Callable[[], object]) -> Callable[[], object]:
    """The same, writing down in the end how many changes it made."""

    def watched() -> object:
        seen = [0]
        count_deeds(lambda number: seen.__setitem__(0, number))
        answer = deed()
        result.write_text(str(seen[0]))
        return answer

    return watched


def count_deeds(each: Callable[[int], object]) -> None:
    """From now on calls `each` with a running number before every call that changes something."""
    total = 0

    def watch(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal total
            total += 1
            each(total)
            return real(*args, **kwargs)

        setattr(owner, name, wrapped)

    for name in DEEDS:
        watch(os, name)
    watch(subprocess.Popen, "__init__")


def content(path: Path) -> Wish:
    """What a plain look finds there: bytes, a link, or None."""
    if path.is_symlink():
        return ("120000", os.fsencode(path.readlink()))
    return path.read_bytes() if path.is_file() else None


def contents(root: Path, keys: Mapping[str, Wish]) -> dict[str, Wish]:
    return {key: content(root / key) for key in keys}


def judge_killed(root: Path, before: Mapping[str, Wish], wishes: Mapping[str, Wish], old: str, parent_tree: str) -> str:
    """The tip is the old or one new commit, every path is old or new. Answers the tip."""
    tip = git(root, "rev-parse", "refs/heads/main").decode().strip()
    if tip != old:
        assert git(root, "rev-parse", f"{tip}^").decode().strip() == old, "more than one commit, or a foreign one"
    for key, found in contents(root, wishes).items():
        assert found in (before[key], wishes[key]), f"{key} is torn: {found!r}"
    return tip


def judge_finished(root: Path, wishes: Mapping[str, Wish], old: str) -> None:
    """One commit, every path new, git at ease, nothing of ours left."""
    assert git(root, "rev-parse", "HEAD^").decode().strip() == old, "not exactly one commit"
    assert contents(root, wishes) == dict(wishes)
    assert git(root, "diff", "--name-only", "HEAD", "--", *wishes) == b""
    assert git(root, "diff", "--cached", "--name-only", "HEAD", "--", *wishes) == b""
    bench = Workbench(root)
    left = bench.leftovers()
    assert left == [], f"left behind: {left}"
    bench.store.close()


def sound(root: Path) -> None:
    git(root, "fsck", "--strict", "--full", "--no-dangling")
