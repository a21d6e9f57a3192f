"""How long it takes to start: nothing but the interpreter, and what answers at once."""

from __future__ import annotations

import sys
from pathlib import Path

from clock import in_turn, nothing, quiet
from peers import Dsync

BARE = "python -c pass"


def start_up(folder: Path, runs: int) -> dict[str, float]:
    """Name -> median seconds, the bare interpreter first."""
    folder.mkdir()
    quiet(["git", "init", "-q"], folder)
    targets = [
        f'  t{n}: {{direction: pull, entrypoint: "s.sh", outputs: ["o{n}/**"], schedule: "0 2 * * *"}}'
        for n in range(60)
    ]
    (folder / "sync.yaml").write_text("\n".join(['version: "1.0"', "targets:", *targets]) + "\n")
    (folder / "s.sh").write_text("#!/bin/sh\nmkdir -p o0 && echo 1 > o0/file\n")
    quiet(["git", "add", "."], folder)
    quiet(["git", "commit", "-q", "-m", "Start"], folder)
    quiet([Dsync.program, "run", "-q", "--target", "t0"], folder)  # so that it is a repository in use
    commands = {
        BARE: [sys.executable, "-c", "pass"],
        "dsync --version": [Dsync.program, "--version"],
        "dsync --help": [Dsync.program, "--help"],
        "dsync list, 60 targets": [Dsync.program, "list"],
    }
    works = [(nothing, lambda command=command: quiet(command, folder)) for command in commands.values()]
    return dict(zip(commands, in_turn(runs, works), strict=True))  # type: ignore[arg-type]
