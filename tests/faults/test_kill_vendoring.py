"""G1, F01-F06: runs, locked runs and prunings of a target that merges, patches and selects, killed at any moment.

Judged by plain git and file reads, against what the upstreams' trees say should be there."""

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
from tests.faults.test_kill_whole_runs import Contents, content, git, living
from tests.project import Project, make_project
from tests.vendoring.vendored import Vendored

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Content, build

pytestmark = pytest.mark.faults
KILLS = int(os.environ.get("DSYNC_VENDOR_KILLS", "25"))
STEPS = int(os.environ.get("DSYNC_VENDOR_STEPS", "15"))
PLAIN, MERGED, PATCHED, CHOSEN, LEAVING = NAMES = ("queue", "web", "server-tools", "sale-workflow", "dms")
SEED = 20260502
QUIET_S = 10.0
"""How long helpers of a killed run may go on."""
PULL = "refs/pull/1/head"
EXCLUDED = "static"
PATCH = """\
diff --git a/README.md b/README.md
--- a/README.md
+++ b/README.md
@@ -1,3 +1,4 @@
 # server-tools
+Ours.
\x20
 Odoo modules.
"""
PROGRAM = """\
import sys
from directional_sync.cli import main
from directional_sync.gates import secrets
secrets.installed = lambda: False  # which takes longer to load than all the rest, and is not what is tested
step, *arguments = sys.argv[1:]
if step:
    import os, signal
    from pathlib import Path
    from tests.faults.killing import count_deeds
    count_deeds(lambda n: (
        os.kill(os.getpid(), signal.SIGKILL) if step == str(n) else
        Path(step).open("w").write(str(n)) if not step.isdigit() else None
    ))
sys.exit(main(arguments))
"""
USERS = [" M mine/edited.txt", "?? mine/untracked.txt", "A  mine/staged.txt"]


@dataclass
class World:
    """A repository, what it vendors, and what should be in it."""

    vendored: Vendored
    rng: random.Random
    version: int = 0
    names: list[str] = field(default_factory=lambda: list(NAMES))
    locks: list[tuple[bytes, Contents]] = field(default_factory=list)
    """Every lock so far with what it stands for."""

    @property
    def project(self) -> Project:
        return self.vendored.project

    @property
    def root(self) -> Path:
        return self.project.root

    @property
    def said(self) -> Path:
        """What the last command said."""
        return self.root.parent / "said"

    def move(self) -> None:
        """Upstream, the merged ref among it, goes on."""
        self.version += 1
        text = b"version %d\n" % self.version
        for name in (MERGED, *self.rng.sample(NAMES, 2)):
            module = f"{name.replace('-', '_')}_0"
            changes: dict[str, Content] = {
                f"{module}/notes/{n}.txt": None if (n + self.version) % 5 == 0 else text * self.rng.randint(1, 300)
                for n in range(10)
            }
            self.vendored.upstreams[name].commit({**changes, f"{module}/v{self.version % 3}.txt": text})
        pulled = self.vendored.upstreams[MERGED]
        pulled.git("update-ref", PULL, pulled.commit({"pulled.txt": text}, "Propose", branch="pr"))

    def wanted(self) -> Contents:
        """What should be vendored, by reading the upstreams."""
        found: Contents = {}
        for name in self.names:
            upstream = self.vendored.upstreams[name]
            files = content(upstream.path, upstream.tree())
            if name == MERGED:
                files |= content(upstream.path, upstream.tree("pr"), "pulled.txt")
            if name == PATCHED:
                files["README.md"] = files["README.md"].replace(b"server-tools\n", b"server-tools\nOurs.\n", 1)
            if name == CHOSEN:
                files = {path: data for path, data in files.items() if f"/{EXCLUDED}/" not in path}
            found |= {f"vendor/{name}/{path}": data for path, data in files.items()}
        return found

    def configure(self, names: list[str]) -> None:
        self.names = names
        self.vendored.configure(
            names=names,
            repositories={MERGED: {"merge": [PULL]}, CHOSEN: {"exclude": [f"**/{EXCLUDED}/**"]}},
        )

    def change(self, path: str) -> None:
        """Commits this file alone, as a user would."""
        self.project.git("commit", "-q", "-m", f"Change {path}", "--", path)

    def start(self, *arguments: str, step: str = "") -> subprocess.Popen[bytes]:
        environment = {**self.project.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", PROGRAM, step, *arguments]
        with self.said.open("wb") as said:
            return subprocess.Popen(
                command, cwd=self.root, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip

    def finish(self, *arguments: str, step: str = "") -> float:
        """To its end; answers how long it took."""
        began = time.monotonic()
        assert self.start(*arguments, step=step).wait(timeout=60) == 0, self.said.read_text()
        return time.monotonic() - began

    def remember(self, wanted: Contents) -> None:
        self.locks.append((git(self.root, "show", "HEAD:sync.lock"), wanted))

    # the three deeds; each answers the command and what it should lead to

    def to_run(self) -> tuple[tuple[str, ...], Contents]:
        self.move()
        return ("run",), self.wanted()

    def to_go_back(self) -> tuple[tuple[str, ...], Contents]:
        now = git(self.root, "show", "HEAD:sync.lock")
        lock, wanted = next(entry for entry in reversed(self.locks) if entry[0] != now)
        (self.root / "sync.lock").write_bytes(lock)
        self.change("sync.lock")
        return ("run", "--locked"), wanted

    def to_prune(self) -> tuple[tuple[str, ...], Contents]:
        here = content(self.root, "HEAD", "vendor/")
        text = (self.root / "sync.yaml").read_text()
        (self.root / "sync.yaml").write_text(text.replace(f"      - {LEAVING}\n", ""))
        assert (self.root / "sync.yaml").read_text() != text
        self.change("sync.yaml")
        return ("prune",), {path: data for path, data in here.items() if not path.startswith(f"vendor/{LEAVING}/")}

    def after_pruning(self) -> None:
        """The one that left comes back, so that everything is as before."""
        self.project.git("checkout", "-q", "HEAD~2", "--", "sync.yaml")
        self.change("sync.yaml")
        self.finish("run")

    # the oracle

    def judge_killed(self, old: str, before: Contents, after: Contents) -> bool:
        """The tip is old or one new commit, no file is torn, what is the user's stands. Answers whether it moved."""
        assert git(self.root, "fsck", "--strict", "--no-dangling") == b""
        tip = self.project.head
        assert tip == old or git(self.root, "rev-parse", f"{tip}^").decode().strip() == old, "not one commit"
        assert content(self.root, tip, "vendor/") == (before if tip == old else after), "committed in parts"
        for path in before.keys() | after.keys():
            file = self.root / path
            found = file.read_bytes() if file.is_file() else None
            assert found in (before.get(path), after.get(path)), f"{path} is torn"
        return tip != old

    def judge_whole(self, old: str, after: Contents) -> None:
        """One commit led to what was wanted, in branch and work tree; nothing of ours is left; caches are whole."""
        commits = git(self.root, "rev-list", f"{old}..HEAD").split()
        assert len(commits) == 1, f"{len(commits)} commits"
        assert content(self.root, "HEAD", "vendor/") == after
        files = [path for path in (self.root / "vendor").rglob("*") if not path.is_dir()]
        assert {str(path.relative_to(self.root)): path.read_bytes() for path in files} == after
        assert sorted(git(self.root, "status", "--porcelain", "-uall").decode().splitlines()) == USERS
        state = self.root / ".git/directional-sync"
        left = [path for path in (self.root / ".git").rglob("*.lock") if path.stat().st_size]
        left += [path for name in ("journal", "cache/quarantine") for path in (state / name).glob("*")]
        left += list(state.rglob("tmp_*"))
        assert left == [], "left behind"
        for cache in state.glob("cache/endpoints/*/*.git"):
            assert git(cache, "fsck", "--no-dangling") == b"", cache

    def judge_quiet(self) -> None:
        """Whatever the killed run had started ends by itself."""
        deadline = time.monotonic() + QUIET_S
        while (found := living(self.root)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert found == []


@pytest.fixture
def world(quick_path: Path) -> Iterator[World]:  # noqa: F811
    upstreams = build(quick_path / "upstreams", modules=10, names=NAMES)
    fork = upstreams[MERGED].head()
    upstreams[MERGED].commit({"pulled.txt": b"proposed\n"}, "Propose", branch="pr", onto=fork)
    upstreams[MERGED].git("update-ref", PULL, "refs/heads/pr")
    project = make_project(quick_path / "work")
    (quick_path / "home").mkdir()
    project.environ["HOME"] = str(quick_path / "home")
    with GitServer(quick_path / "upstreams") as server:
        world = World(
            Vendored(project, server, upstreams, target={"policy": {"max_delete": "100%"}}), random.Random(SEED)
        )
        project.write(f"patches/{PATCHED}/0001-ours.patch", PATCH)
        project.write("mine/edited.txt", "as committed\n")
        world.configure(list(NAMES))
        project.write("mine/edited.txt", "edited\n")
        project.write("mine/staged.txt", "staged\n")
        project.git("add", "mine/staged.txt")
        project.write("mine/untracked.txt", "untracked\n")
        for _ in range(2):
            world.move()
            world.finish("run")
            world.remember(world.wanted())
        yield world


def deed(world: World, number: int) -> tuple[tuple[str, ...], Contents]:
    return (world.to_run, world.to_run, world.to_go_back, world.to_run, world.to_prune)[number % 5]()


def ended(world: World, command: tuple[str, ...], old: str, before: Contents, after: Contents) -> bool:
    """Judges what a kill has left, lets the next one finish, and judges that. Answers whether the kill came after
    the commit."""
    world.judge_quiet()
    late = world.judge_killed(old, before, after)
    world.finish(*command)
    world.judge_whole(old, after)
    world.judge_quiet()
    if command == ("prune",):
        world.after_pruning()
    else:
        world.remember(after)
    return late


def test_kills_at_random(world: World) -> None:
    world.move()
    whole = world.finish("run")
    alive = late = 0
    began = time.monotonic()
    for number in range(KILLS):
        command, after = deed(world, number)
        before, old = content(world.root, "HEAD", "vendor/"), world.project.head
        process = world.start(*command)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=world.rng.uniform(0.15, 1.0) * whole)
        alive += process.poll() is None
        with suppress(ProcessLookupError):
            (os.killpg if number % 2 else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        late += ended(world, command, old, before, after)
    print(f"\n{KILLS} kills in {time.monotonic() - began:.0f} s, {alive} mid-way, {late} after the commit")
    assert alive > KILLS // 3, "the kills came too late to mean anything"


def test_kills_before_steps(world: World) -> None:
    """Spread evenly over all that a run changes: files, links, folders, programs started."""
    count = world.root.parent / "count"
    alive = late = 0
    began = time.monotonic()
    for number in range(STEPS):
        if number < 5 and number not in (1, 3):  # how many steps each kind of deed has
            command, after = deed(world, number)
            old = world.project.head
            world.finish(*command, step=str(count))
            world.judge_whole(old, after)
            if command == ("prune",):
                world.after_pruning()
            else:
                world.remember(after)
        command, after = deed(world, number)
        before, old = content(world.root, "HEAD", "vendor/"), world.project.head
        steps = int(count.read_text())
        status = world.start(*command, step=str(1 + steps * number // STEPS)).wait(timeout=60)
        alive += status == -signal.SIGKILL
        assert status in (0, -signal.SIGKILL)
        late += ended(world, command, old, before, after)
    print(f"\n{STEPS} steps in {time.monotonic() - began:.0f} s, {alive} mid-way, {late} after the commit")
    assert alive > STEPS // 2 and late
