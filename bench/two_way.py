"""How long a two-way sync of many files takes, beside Unison and rclone bisync where these are installed:
`python bench/two_way.py [--files 100000] [--runs 3] [--write]`.

Each tool keeps two copies of its own of the same trees equal; dsync has a repository on one side, and commits. Measured
are the first sync, one with nothing changed, and one with 1 % of the files changed, half of them on either side; the
tools in turn, so that a machine that is busy is so for all of them. `--write` puts the medians into
docs/benchmarks-two-way.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from textwrap import fill

IN_FOLDER = 250
CASES = ("first sync", "no change", "1 % changed")
YARDSTICK = "unison"
PAGE = Path(__file__).parents[1] / "docs/benchmarks-two-way.md"


def tree(root: Path, files: int) -> None:
    for number in range(files):
        place = root / f"{number // (IN_FOLDER * 20)}" / f"{number // IN_FOLDER}" / f"{number}.txt"
        if not number % IN_FOLDER:
            place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"".join(b"line %d of %d\n" % (line, number) for line in range(1 + number % 20)))


class Peer:
    """One tool with its two sides."""

    label = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.one, self.other = folder / "one", folder / "other"

    def sync(self) -> None: ...

    def first(self) -> None:
        self.sync()

    def run(self, *command: str, at: Path | None = None, **environ: str) -> None:
        done = subprocess.run(
            command, cwd=at or self.folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{self.label}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def changed(self) -> None:
        """Somebody has edited the side that may have to be committed."""


class Dsync(Peer):
    label = "dsync (commits)"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.one = folder / "repository/data"

    def _git(self, *arguments: str) -> None:
        self.run("git", "-C", str(self.one.parent), "-c", "user.name=b", "-c", "user.email=b@localhost", *arguments)

    def first(self) -> None:
        root = self.one.parent
        self._git("init", "-q", "-b", "main")
        self._git("config", "directional-sync.externalRoots", str(self.folder))
        (root / "sync.yaml").write_text(
            'version: "1.0"\ntargets:\n  share:\n    direction: bidirectional\n'
            f'    remote: {{type: files, url: "{self.other}"}}\n    outputs: ["data/**"]\n'
        )
        self.changed()
        self.sync()

    def changed(self) -> None:
        self._git("add", "-A")
        self._git("commit", "-qm", "Edit")

    def sync(self) -> None:
        config = str(self.one.parent / "sync.yaml")
        self.run(str(Path(sys.executable).with_name("dsync")), "run", "-q", "--config", config, at=self.one.parent)


class Unison(Peer):
    label = "unison"

    def sync(self) -> None:
        options = ("-ui", "text", "-batch", "-auto", "-silent", "-log=false", "-perms", "0o100", "-dontchmod=false")
        state = str(self.folder / "state")
        self.run("unison", *options, str(self.one), str(self.other), UNISON=state, HOME=state)


class Rclone(Peer):
    label = "rclone bisync"

    def sync(self, *more: str) -> None:
        work = str(self.folder / "state")
        self.run("rclone", "bisync", "-q", "--workdir", work, *more, str(self.one), str(self.other))

    def first(self) -> None:
        self.sync("--resync")


def edited(peer: Peer, files: int, turn: int) -> None:
    """Each hundredth file, in turn here and there."""
    for at, number in enumerate(range(turn, files, 100)):
        side = peer.other if at % 2 else peer.one
        place = side / f"{number // (IN_FOLDER * 20)}" / f"{number // IN_FOLDER}" / f"{number}.txt"
        place.write_bytes(place.read_bytes() + b"turn %d\n" % turn)
    peer.changed()


@dataclass
class Times:
    """Of one tool and one case, a number for each run."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def take(self, deed: Callable[[], None]) -> None:
        used, started = _used(), time.perf_counter()
        deed()
        self.wall.append(time.perf_counter() - started)
        self.processor.append(_used() - used)


def _used() -> float:
    """Seconds of processor time of all children that have ended."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


Figures = dict[str, dict[str, Times]]
"""Case -> label of the tool -> its times."""


def measured(folder: Path, kinds: list[type[Peer]], files: int, runs: int) -> Figures:
    figures: Figures = {case: {kind.label: Times() for kind in kinds} for case in CASES}
    tree(folder / "tree", files)
    peers = []
    for kind in kinds:
        own = folder / kind.__name__
        (own / "state").mkdir(parents=True)
        peer = kind(own)
        shutil.copytree(folder / "tree", peer.one)
        peer.other.mkdir()
        peers.append(peer)
    os.sync()  # what was made above is nobody's time
    for peer in peers:
        figures["first sync"][peer.label].take(peer.first)
        peer.sync()
    for turn in range(runs):
        for peer in peers:
            figures["no change"][peer.label].take(peer.sync)
        for peer in peers:
            edited(peer, files, turn)
            figures["1 % changed"][peer.label].take(peer.sync)
            peer.sync()  # which remembers what came in the moment before
    return figures


def page(figures: Figures, files: int, runs: int) -> str:
    git = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.split()[2]
    about = f"""
        Written by `bench/two_way.py --write`: {files:,} small files in folders of {IN_FOLDER}, medians of {runs}
        run(s), all tools in turn, on a machine with {os.cpu_count()} cores, {platform.system()}, git {git} and Python
        {platform.python_version()}. Each tool keeps two copies of its own of the same trees equal. dsync has a
        repository on one side: it commits, keeps the history, waits until what it wrote is on the disk and reads it
        once more; its first sync makes the repository, too. Of the changed files half are changed on either side.
        Processor time is of all processes of a tool. On a machine that has other work to do, only that and the ratios
        within one table hold.
    """
    lines = [
        "# Benchmarks: both ways",
        "",
        fill(" ".join(about.split()), 120),
        "",
        f"| | {' | '.join(f'{case}, s | of {YARDSTICK} | processor, s' for case in CASES)} |",
        f"|---|{'---:|' * 3 * len(CASES)}",
    ]
    for label in figures[CASES[0]]:
        cells = []
        for case in CASES:
            mine, yard = figures[case][label], figures[case].get(YARDSTICK)
            wall = median(mine.wall)
            ratio = f"{wall / median(yard.wall):.2f}x" if yard else ""
            cells += [f"{wall:.2f}", ratio, f"{median(mine.processor):.2f}"]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    kinds: list[type[Peer]] = [Dsync]
    for kind, program in ((Unison, "unison"), (Rclone, "rclone")):
        if shutil.which(program):
            kinds.append(kind)
        else:
            print(f"{program} is not installed (apt install {program}), so it is left out")
    with tempfile.TemporaryDirectory(prefix="dsync-two-way-") as temporary:
        said = page(measured(Path(temporary), kinds, given.files, given.runs), given.files, given.runs)
    print(said)
    if given.write:
        PAGE.write_text(said, encoding="utf-8")


if __name__ == "__main__":
    main()
