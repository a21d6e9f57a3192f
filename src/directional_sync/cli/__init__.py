"""The terminal: arguments in, text and an exit status out.

Importing this loads nothing: `dsync --version` has to answer at once.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["main", "seed_main"]


def main(argv: Sequence[str] | None = None) -> int:
    """`dsync`. Answers the exit status; `argv` is without the program's name."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        from directional_sync import __version__

        sys.stdout.write(f"dsync {__version__}\n")
        return 0
    gc.set_threshold(50_000)  # loading the program makes many objects and no garbage
    if "_DSYNC_COMPLETE" in os.environ:
        from directional_sync.cli.complete import answered

        if answered(os.environ):
            return 0
    from directional_sync.cli.entry import enter

    status = enter(arguments)
    if argv is None:
        _end_at_once(status)
    return status


def seed_main(argv: Sequence[str] | None = None) -> int:
    """`scripts/sync_directional.py`: the flags alone, through the same parser; no flag at all runs every target."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    status = main(arguments or ["run"])
    if argv is None:
        _end_at_once(status)
    return status


def _end_at_once(status: int) -> None:
    """Ends the process where a plugin has left threads at work: they must not keep the program alive."""
    foreign = sys.modules.get("directional_sync.endpoints.foreign")
    if foreign is None or not foreign.left_running():
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
