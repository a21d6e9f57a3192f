"""How long things take, side by side in one run: `make bench`.

Machines differ, and shared ones wobble, so every figure is set against two yardsticks measured in turn with it:
a bare `python -c pass`, and plain git doing the same work in parallel (one process per repository, 16 at a time:
clone or fetch + reset, which commits nothing). What counts is the ratio of medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from directional_sync.testing.git_server import Fault, GitServer
from directional_sync.testing.upstreams import Upstream, build

DSYNC = [str(Path(sys.executable).with_name("dsync"))]
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "DSYNC", "PYTHONDONT"))},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "init.defaultBranch=main"]


def quiet(command: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout.decode()}\n{done.stderr.decode()}")


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(runs: int, *works: tuple[Callable[[], None], Callable[[], None]]) -> list[float]:
    """The median of each (prepare, work), measured alternately after one warm-up round."""
    figures: list[list[float]] = [[] for _ in works]
    for number in range(runs + 1):
        for (prepare, work), taken in zip(works, figures, strict=True):
            prepare()
            figure = seconds(work)
            if number:
                taken.append(figure)
    return [statistics.median(taken) for taken in figures]


def nothing() -> None:
    pass


class Vendoring:
    """A repository that vendors `count` upstreams, and a folder where plain git does the same."""

    def __init__(self, folder: Path, count: int, server: GitServer, upstreams: dict[str, Upstream]) -> None:
        self.names = list(upstreams)[:count]
        self.server, self.upstreams = server, upstreams
        self.repository, self.clones = folder / "ours", folder / "clones"
        config = [
            'version: "1.0"',
            "targets:",
            "  oca:",
            "    direction: pull",
            "    remote:",
            "      type: git",
            f'      url: "{server.url("{name}")}"',
            '      ref: "18.0"',
            f"      names: [{', '.join(self.names)}]",
            '      into: "addons/{name}"',
            '    outputs: ["addons/**"]',
        ]
        self.repository.mkdir(parents=True)
        (self.repository / "sync.yaml").write_text("\n".join(config) + "\n")
        quiet([*GIT, "init", "-q"], self.repository)
        quiet([*GIT, "add", "sync.yaml"], self.repository)
        quiet([*GIT, "commit", "-q", "-m", "Start"], self.repository)
        self.start = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=self.repository, text=True).strip()

    def reset(self) -> None:
        """As it was before the first run."""
        quiet(["git", "reset", "-q", "--hard", self.start], self.repository)
        refs = subprocess.check_output(
            ["git", "for-each-ref", "--format=delete %(refname)", "refs/directional-sync"], cwd=self.repository
        )
        subprocess.run(["git", "update-ref", "--stdin"], input=refs, cwd=self.repository, check=True)
        shutil.rmtree(self.repository / ".git" / "directional-sync", ignore_errors=True)
        quiet(["git", "reflog", "expire", "--expire=now", "--all"], self.repository)
        quiet(["git", "gc", "-q", "--prune=now"], self.repository)

    def run(self) -> None:
        quiet([*DSYNC, "run", "-q"], self.repository)

    def remove_clones(self) -> None:
        shutil.rmtree(self.clones, ignore_errors=True)
        self.clones.mkdir(parents=True)

    def clone(self) -> None:
        self._parallel(lambda name: ["git", "clone", "-q", "--depth", "1", "-b", "18.0", self.server.url(name), name])

    def fetch(self) -> None:
        script = "git -C $0 fetch -q --depth 1 origin 18.0 && git -C $0 reset -q --hard FETCH_HEAD"
        self._parallel(lambda name: ["sh", "-c", script, name])

    def _parallel(self, command: Callable[[str], list[str]], at_once: int = 16) -> None:
        waiting, running = list(self.names), []
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(
                    subprocess.Popen(
                        command(waiting.pop(0)), cwd=self.clones, env=ENVIRONMENT, stderr=subprocess.DEVNULL
                    )
                )
            if running.pop(0).wait():
                sys.exit("plain git failed")

    def change_one(self) -> None:
        name = self.names[0]
        self.upstreams[name].commit({"CHANGES": f"{time.time_ns()}\n".encode()}, "Change one file")


def start_up(folder: Path, runs: int) -> None:
    folder.mkdir()
    quiet([*GIT, "init", "-q"], folder)
    targets = [
        f'  t{n}: {{direction: pull, entrypoint: "s.sh", outputs: ["o{n}/**"], schedule: "0 2 * * *"}}'
        for n in range(60)
    ]
    (folder / "sync.yaml").write_text("\n".join(['version: "1.0"', "targets:", *targets]) + "\n")
    (folder / "s.sh").write_text("#!/bin/sh\nmkdir -p o0 && echo 1 > o0/file\n")
    quiet([*GIT, "add", "."], folder)
    quiet([*GIT, "commit", "-q", "-m", "Start"], folder)
    quiet([*DSYNC, "run", "-q", "--target", "t0"], folder)  # so that it is a repository in use
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "dsync --version": [*DSYNC, "--version"],
        "dsync --help": [*DSYNC, "--help"],
        "dsync list, 60 targets": [*DSYNC, "list"],
    }
    works = [(nothing, lambda command=command: quiet(command, folder)) for command in commands.values()]
    figures = in_turn(runs * 3, *works)  # type: ignore[arg-type]
    for name, figure in zip(commands, figures, strict=True):
        row(name, figure, figures[0], "python -c pass")


def vendoring(folder: Path, count: int, runs: int, delay_s: float) -> None:
    upstreams = build(folder / "upstreams", repositories=count, modules=count * 30)
    with GitServer(folder / "upstreams") as server:
        if delay_s:
            for name in upstreams:
                server.fault(name, Fault(delay_s=delay_s))
        work = Vendoring(folder, count, server, upstreams)
        far = f", {delay_s * 1000:.0f} ms a request" if delay_s else ""
        ours, theirs = in_turn(runs, (work.reset, work.run), (work.remove_clones, work.clone))
        row(f"cold, {count} upstreams{far}", ours, theirs, "plain git, parallel")
        ours, theirs = in_turn(runs, (nothing, work.run), (nothing, work.fetch))
        row(f"no change, {count} upstreams{far}", ours, theirs, "plain git, parallel")
        ours, theirs = in_turn(runs, (work.change_one, work.run), (work.change_one, work.fetch))
        row(f"1 changed of {count}{far}", ours, theirs, "plain git, parallel")


def row(name: str, figure: float, yardstick: float, beside: str) -> None:
    print(f"{name:<44} {figure:8.3f} s   {figure / yardstick:6.2f} x {beside} ({yardstick:.3f} s)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstreams", type=int, default=30, help="how many upstreams (default 30)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each (default 5)")
    parser.add_argument("--delay-ms", type=float, default=40.0, help="added to each request in the far rows")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dsync-bench-") as temporary:
        folder = Path(temporary)
        start_up(folder / "start", arguments.runs)
        vendoring(folder / "near", arguments.upstreams, arguments.runs, 0.0)
        vendoring(folder / "far", arguments.upstreams, arguments.runs, arguments.delay_ms / 1000)


if __name__ == "__main__":
    main()
