"""P1, P2, F01-F06, F18: a whole `dsync run` killed at any moment, judged by plain git and file reads.

The command itself, in a process of its own, over upstreams on loopback and a script: what is tested is that the
rooms together keep what each of them keeps alone.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.faults.test_kill import quick_path  # noqa: F401 (a fixture)
from tests.project import Project, make_project

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build

pytestmark = pytest.mark.faults
KILLS = int(os.environ.get("DSYNC_WHOLE_KILLS", "40"))
NAMES = ("sale-workflow", "server-tools", "web", "queue")
CONFIG = """
    targets:
      vendored:
        direction: pull
        remote:
          type: git
          url: "http://127.0.0.1:{port}/{{name}}.git"
          ref: "18.0"
          names: [{names}]
          into: "addons/{{name}}"
        outputs: ["addons/**"]
        policy: {{max_delete: 100%}}
      report:
        direction: pull
        entrypoint: "scripts/report.sh"
        outputs: ["docs/report/**"]
    """
SCRIPT = """\
#!/bin/sh
set -eu
rm -rf docs/report
mkdir -p docs/report
for n in 1 2 3 4 5 6 7 8; do cp "$HOME/source.txt" docs/report/$n.txt; done
"""
Contents = dict[str, bytes]


@dataclass
class World:
    """A repository, what it vendors, and what its outputs should be."""

    project: Project
    upstreams: dict[str, Upstream]
    rng: random.Random
    version: int = 0
    seen: dict[str, Contents] = field(default_factory=dict)
    """Tree of an upstream -> its files."""

    def move(self) -> None:
        """The far sides change: some files of one or two upstreams, and what the script copies."""
        self.version += 1
        text = f"version {self.version}\n".encode()
        for name in self.rng.sample(NAMES, 2):
            module = f"{name.replace('-', '_')}_0"
            changes: dict[str, bytes | None] = {
                f"{module}/notes/{n}.txt": None if (n + self.version) % 5 == 0 else text * self.rng.randint(1, 400)
                for n in range(12)
            }
            self.upstreams[name].commit({f"{module}/data/v{self.version % 3}.txt": text, **changes})
        source = Path(self.project.environ["HOME"]) / "source.txt"
        source.write_bytes(text * self.rng.randint(1, 20_000))

    def wanted(self) -> dict[str, Contents]:
        """Target -> what its outputs are to be."""
        vendored: Contents = {}
        for name, upstream in self.upstreams.items():
            tree = upstream.tree()
            if tree not in self.seen:
                self.seen[tree] = content(upstream.path, tree)
            vendored.update({f"addons/{name}/{path}": data for path, data in self.seen[tree].items()})
        source = (Path(self.project.environ["HOME"]) / "source.txt").read_bytes()
        return {"vendored": vendored, "report": {f"docs/report/{n}.txt": source for n in range(1, 9)}}

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "directional_sync", "run"]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            command, cwd=self.project.root, env=self.project.environ, text=True, start_new_session=True, **streams
        )


def git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["git", *arguments], cwd=folder, input=given, capture_output=True, check=True).stdout


def content(repository: Path, tree: str, *under: str) -> Contents:
    """Path -> bytes of every file of a tree, asked of git itself."""
    listed = git(repository, "ls-tree", "-r", "-z", tree, *under).split(b"\0")[:-1]
    pairs = [(path.decode(), about.split()[2]) for about, _, path in (line.partition(b"\t") for line in listed)]
    said = git(repository, "cat-file", "--batch", given=b"\n".join(digest for _, digest in pairs) + b"\n")
    found, at = {}, 0
    for path, _ in pairs:
        end = said.index(b"\n", at)
        size = int(said[at:end].split()[2])
        found[path] = said[end + 1 : end + 1 + size]
        at = end + size + 2
    return found


FOLDERS = {"vendored": "addons/", "report": "docs/report/"}


def judge_killed(project: Project, old: str, before: dict[str, Contents], after: dict[str, Contents]) -> str:
    """History is the old one or goes on by whole commits of one target each; no file is torn. Answers the tip."""
    root = project.root
    tip = git(root, "rev-parse", "refs/heads/main").decode().strip()
    lines = git(root, "log", "--format=%P %(trailers:key=Sync-Target,valueonly,separator=)", f"{old}..{tip}")
    made = [line.split() for line in reversed(lines.decode().splitlines())]
    assert [parents for *parents, _ in made[:1]] in ([], [[old]]), "does not go on from where the branch was"
    targets = [words[-1] for words in made]
    assert targets in ([], ["vendored"], ["vendored", "report"]), "not one commit for each target"
    for target, folder in FOLDERS.items():
        expected = after if target in targets else before
        assert content(root, tip, folder) == expected[target], f"{target} is committed in parts"
    for number, target in enumerate(targets):
        commit = f"{tip}~{len(targets) - 1 - number}"
        paths = git(root, "diff", "--name-only", f"{commit}^", commit).decode().splitlines()
        assert all(path == "sync.lock" or path.startswith(FOLDERS[target]) for path in paths)
    for target in FOLDERS:
        for path in before[target].keys() | after[target].keys():
            file = root / path
            found = file.read_bytes() if file.is_file() else None
            assert found in (before[target].get(path), after[target].get(path)), f"{path} is torn"
    return tip


def judge_whole(project: Project, wanted: dict[str, Contents]) -> None:
    """Both targets are as they are to be, in branch and work tree; nothing of ours is left; the user's work stands."""
    root = project.root
    for target, folder in FOLDERS.items():
        assert content(root, "HEAD", folder) == wanted[target]
        files = [path for path in (root / folder).rglob("*") if not path.is_dir()]
        assert {str(path.relative_to(root)): path.read_bytes() for path in files} == wanted[target]
    status = git(root, "status", "--porcelain", "-uall").decode().splitlines()
    assert sorted(status) == [" M mine/edited.txt", "?? mine/untracked.txt", "A  mine/staged.txt"]
    left = [path for path in (root / ".git").rglob("*.lock") if "/cache/" not in str(path)]
    state = root / ".git" / "directional-sync"
    left += [path for name in ("journal", "cache/quarantine") for path in (state / name).glob("*")]
    assert left == [], "left behind"


def living(root: Path) -> list[str]:
    """Processes that work in this folder, by what the kernel says of them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            where = os.readlink(process / "cwd")  # noqa: PTH115
            line = (process / "cmdline").read_bytes()
            if process.name != str(os.getpid()) and (str(root) in where or os.fsencode(root) in line):
                found.append(f"{process.name}: {line!r} in {where}")
    return found


@pytest.fixture
def world(quick_path: Path) -> Iterator[World]:  # noqa: F811
    upstreams = build(quick_path / "upstreams", modules=12, names=NAMES)
    project = make_project(quick_path / "work")
    project.environ["HOME"] = str(quick_path / "home")
    (quick_path / "home").mkdir()
    with GitServer(quick_path / "upstreams") as server:
        project.write("scripts/report.sh", SCRIPT, mode=0o755)
        project.write("mine/edited.txt", "as committed\n")
        project.configure(CONFIG.format(port=server.port, names=", ".join(NAMES)))
        project.write("mine/edited.txt", "edited\n")
        project.write("mine/staged.txt", "staged\n")
        project.git("add", "mine/staged.txt")
        project.write("mine/untracked.txt", "untracked\n")
        yield World(project, upstreams, random.Random(20260401))


def finish(world: World) -> float:
    """One run to its end; answers how long it took."""
    began = time.monotonic()
    process = world.start()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return time.monotonic() - began


def test_whole_runs_killed_at_random_converge(world: World) -> None:
    project, root = world.project, world.project.root
    world.move()
    finish(world)  # the first one prepares caches that every later run has
    world.move()
    whole = finish(world)
    state = world.wanted()
    alive = after_commit = 0
    began = time.monotonic()
    for number in range(KILLS):
        world.move()
        wanted = world.wanted()
        old = project.head
        process = world.start()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=world.rng.uniform(0.1, 1.0) * whole)
        alive += process.poll() is None
        with suppress(ProcessLookupError):
            (os.killpg if number % 2 else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        after_commit += judge_killed(project, old, state, wanted) != old
        assert git(root, "fsck", "--strict", "--no-dangling") == b""
        whole = 0.7 * whole + 0.3 * finish(world)
        judge_killed(project, old, state, wanted)
        judge_whole(project, wanted)
        assert git(root, "fsck", "--strict", "--no-dangling") == b""
        assert living(root) == []
        state = wanted
    head = project.head
    finish(world)
    assert project.head == head, "not at rest"
    print(f"\n{KILLS} kills in {time.monotonic() - began:.0f} s, {alive} mid-way, {after_commit} after a commit")
    assert alive > KILLS // 2, "the kills came too late to mean anything"
