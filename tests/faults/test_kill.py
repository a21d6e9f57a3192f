"""G1, F01-F06, F30: a run may be killed at any moment, and the next one makes it whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.faults import killing
from tests.transaction.workbench import Wish, Workbench, git, write

pytestmark = pytest.mark.faults
KILLS = int(os.environ.get("DSYNC_KILLS", "200"))
RUNS_PER_REPOSITORY = 20


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: a killed process loses nothing that it has written, synced or not,
    so that waiting for a disk would only make fewer kills of the same time."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < 200 << 20:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="dsync-kill-", dir=memory) as folder:
        yield Path(folder)


def users_work(root: Path) -> None:
    write(root, "mine/staged.txt", b"staged\n")
    git(root, "add", "mine/staged.txt")
    write(root, "mine/tracked.txt", b"edited, not staged\n")
    write(root, "mine/untracked.txt", b"untracked\n")


def users_work_is_untouched(root: Path) -> None:
    status = git(root, "status", "--porcelain", "-uall", "--", "mine").decode().splitlines()
    assert sorted(status) == [" M mine/tracked.txt", "?? mine/untracked.txt", "A  mine/staged.txt"]
    assert (root / "mine/staged.txt").read_bytes() == b"staged\n"
    assert (root / "mine/tracked.txt").read_bytes() == b"edited, not staged\n"
    assert (root / "mine/untracked.txt").read_bytes() == b"untracked\n"


def many_files(version: int, rng: random.Random) -> dict[str, Wish]:
    """200 of 250 files: most changed, some deleted, some new."""
    wishes: dict[str, Wish] = {}
    for number in range(200):
        key = f"out/d{number % 20}/f{number}.txt"
        gone = number % 10 == version % 10
        wishes[key] = None if gone else b"%d of version %d\n" % (number, version) * rng.randint(1, 300)
    return wishes


def fresh(root: Path) -> dict[str, Wish]:
    shutil.rmtree(root, ignore_errors=True)
    files = {f"out/d{n % 20}/f{n}.txt": b"first %d\n" % n * 50 for n in range(250)}
    Workbench.make(root, {**files, "mine/tracked.txt": b"as committed\n"}).store.close()
    users_work(root)
    return dict(files)


def test_random_kills(quick_path: Path) -> None:
    rng = random.Random(20260301)
    root = quick_path / "work"
    state: dict[str, Wish] = fresh(root)
    version = 0
    alive = visible = 0
    whole, steps = 0.3, 1
    began = time.monotonic()
    for number in range(KILLS):
        if number % RUNS_PER_REPOSITORY == 0:
            state, version = fresh(root), version + 1
            wishes = many_files(version, rng)
            started = time.monotonic()
            counted = killing.counting(quick_path / "steps", lambda w=wishes: killing.run(root, w))
            assert killing.wait(killing.fork(counted)) == 0
            whole, steps = time.monotonic() - started, int((quick_path / "steps").read_text())
            state.update(wishes)
        version += 1
        wishes = many_files(version, rng)
        before = {key: state.get(key) for key in wishes}
        old = git(root, "rev-parse", "HEAD").decode().strip()
        deed = lambda w=wishes: killing.run(root, w)  # noqa: E731
        if number % 4 == 3:  # the last step of all that moves files is too quick for a clock to hit it often
            dying = killing.dying_at(rng.randint(1, steps), deed)
            alive += killing.wait(killing.fork(dying)) == -signal.SIGKILL
        else:
            alive += killing.killed_after(rng.uniform(0, whole * 1.05), deed, children_too=number % 2 == 0)
        tip = killing.judge_killed(root, before, wishes, old, "")
        visible += tip != old and killing.contents(root, wishes) != wishes
        assert killing.wait(killing.fork(lambda w=wishes: killing.run(root, w))) == 0, "locked out, or failed"
        killing.judge_finished(root, wishes, old)
        users_work_is_untouched(root)
        state.update(wishes)
        if number % RUNS_PER_REPOSITORY == RUNS_PER_REPOSITORY - 1 or number == KILLS - 1:
            killing.sound(root)
    seconds = time.monotonic() - began
    print(f"\n{KILLS} kills in {seconds:.1f} s, {alive} mid-way, {visible} of them between commit and last file")
    assert alive > KILLS // 4, "the kills came too late to mean anything"


KINDS: Mapping[str, Wish] = {
    "out/changed.txt": b"new content\n",
    "out/gone.txt": None,
    "out/new.txt": b"new\n",
    "out/fresh/deep/new.txt": b"in a new folder\n",
    "out/fresh/deep/other.txt": b"in a new folder too\n",
    "out/folder/a.txt": None,
    "out/folder": b"a file where a folder was\n",
    "out/file": None,
    "out/file/inside.txt": b"a folder where a file was\n",
    "out/link": ("120000", b"changed.txt"),
    "out/to-link": ("120000", b"new.txt"),
}
FIRST = {
    "out/changed.txt": b"old content\n",
    "out/gone.txt": b"to go\n",
    "out/folder/a.txt": b"a\n",
    "out/file": b"a file\n",
    "out/to-link": b"a file still\n",
    "mine/tracked.txt": b"as committed\n",
}


def prepared(template: Path, root: Path) -> str:
    if not template.exists():
        Workbench.make(template, FIRST).store.close()
        users_work(template)
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(template, root, symlinks=True)
    return git(root, "rev-parse", "HEAD").decode().strip()


def test_a_kill_before_every_single_step(quick_path: Path) -> None:
    root, template = quick_path / "work", quick_path / "template"
    before: dict[str, Wish] = {key: FIRST.get(key) for key in KINDS}
    steps = tips = 0
    while True:
        steps += 1
        old = prepared(template, root)
        status = killing.wait(killing.fork(killing.dying_at(steps, lambda: killing.run(root, KINDS))))
        if status == 0:
            break
        assert status == -9
        tips += killing.judge_killed(root, before, KINDS, old, "") != old
        if steps % 3 == 0:  # killed again during recovery, a little later each time
            killing.wait(killing.fork(killing.dying_at(steps // 3, lambda: killing.run(root, KINDS))))
            killing.judge_killed(root, before, KINDS, old, "")
        assert killing.wait(killing.fork(lambda: killing.run(root, KINDS))) == 0
        killing.judge_finished(root, KINDS, old)
        users_work_is_untouched(root)
        if steps % 10 == 0:
            killing.sound(root)
    assert steps > 60, "the steps are not being counted"
    assert tips > 5, "no kill came after the commit"
    print(f"\n{steps - 1} steps, {tips} of them after the commit")


def test_kills_while_git_fills_a_folder(quick_path: Path) -> None:
    """The gits that write may go on for a moment: what they leave is swept, and what they write is waited for."""
    root, template = quick_path / "work", quick_path / "template"
    wishes: dict[str, Wish] = {f"out/new/d{n % 40}/f{n}": b"%d\n" % n * (n % 900) for n in range(4000)}
    before: dict[str, Wish] = dict.fromkeys(wishes)
    deed = lambda: killing.run(root, wishes)  # noqa: E731
    rng = random.Random(20260302)
    prepared(template, root)
    started = time.monotonic()
    assert killing.wait(killing.fork(deed)) == 0
    whole, caught = time.monotonic() - started, 0
    for number in range(12):
        old = prepared(template, root)
        killing.killed_after(rng.uniform(0.1, 0.9) * whole, deed, children_too=number % 3 == 0)
        caught += any(root.rglob(".dsync-tmp-*"))
        killing.judge_killed(root, before, wishes, old, "")
        assert killing.wait(killing.fork(deed)) == 0, "locked out, or failed"
        killing.judge_finished(root, wishes, old)
        users_work_is_untouched(root)
    assert caught > 2, "no kill came while the folder was being filled"
