"""Measuring: commands that must succeed, and medians of works that take turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "DSYNC", "PYTHONDONT"))},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
}
Work = Callable[[], None]


def quiet(command: Sequence[str], cwd: Path | None = None) -> None:
    done = subprocess.run(list(command), cwd=cwd, env=ENVIRONMENT, capture_output=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout.decode()}\n{done.stderr.decode()}")


def parallel(commands: Sequence[Sequence[str]], cwd: Path, at_once: int = 16) -> None:
    """As a shell user would: one process for each repository, at most `at_once` at a time."""
    waiting = list(commands)
    running: list[subprocess.Popen[bytes]] = []
    while waiting or running:
        while waiting and len(running) < at_once:
            running.append(subprocess.Popen(waiting.pop(0), cwd=cwd, env=ENVIRONMENT, stderr=subprocess.DEVNULL))
        for process in [process for process in running if process.poll() is not None]:
            running.remove(process)
            if process.returncode:
                sys.exit("plain git failed")
        time.sleep(0.002)


def in_turn(runs: int, works: Sequence[tuple[Work, Work]]) -> list[float]:
    """The median seconds of each (prepare, work), measured alternately after one round that does not count."""
    figures: list[list[float]] = [[] for _ in works]
    for number in range(runs + 1):
        for (prepare, work), taken in zip(works, figures, strict=True):
            prepare()
            start = time.perf_counter()
            work()
            if number:
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in figures]


def nothing() -> None:
    pass
