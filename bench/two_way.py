"""How long a two-way sync of many files takes, beside Unison and rclone bisync where these are installed:
`python bench/two_way.py [--files 100000]`.

Each tool keeps two copies of its own of the same trees equal; dsync has a repository on one side, and commits. A first
sync is not counted. Then: nothing changed, and 1 % of the files changed, half of them on either side.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IN_FOLDER = 250


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


def timed(deed: Callable[[], None]) -> float:
    started = time.perf_counter()
    deed()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    kinds: list[type[Peer]] = [Dsync]
    for kind, program in ((Unison, "unison"), (Rclone, "rclone")):
        if shutil.which(program):
            kinds.append(kind)
        else:
            print(f"{program} is not installed (apt install {program}), so it is left out")
    with tempfile.TemporaryDirectory(prefix="dsync-two-way-") as temporary:
        tree(Path(temporary) / "tree", given.files)
        for kind in kinds:
            folder = Path(temporary) / kind.__name__
            (folder / "state").mkdir(parents=True)
            peer = kind(folder)
            shutil.copytree(Path(temporary) / "tree", peer.one)
            peer.other.mkdir()
            peer_first = timed(peer.first)
            peer.sync()
            print(f"{peer.label:20} first sync   {peer_first:8.2f} s", flush=True)
            for turn in range(given.runs):
                print(f"{peer.label:20} no change    {timed(peer.sync):8.2f} s", flush=True)
                edited(peer, given.files, turn)
                print(f"{peer.label:20} 1 % changed  {timed(peer.sync):8.2f} s", flush=True)
            most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            print(f"{peer.label:20} largest process so far {most} MB", flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
