"""F73, G7: several processes run the program in one clone at once; each has its turn, and none meets the others."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults import killing
from tests.project import Project, make_project

from directional_sync.errors import LockHeldError
from directional_sync.system import lock
from directional_sync.system.lock import run_lock

PROCESSES = 8
PATIENCE_S = 600.0
TARGET = """
      t{0}:
        direction: pull
        remote: {{type: files, url: "{1}/{0}"}}
        outputs: ["out/{0}/**"]
"""


@pytest.fixture
def crowded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A clone with a target for each process, whose far sides are folders beside it."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
    project = make_project(tmp_path / "clone")
    for number in range(PROCESSES):
        source(project, number).parent.mkdir(parents=True)
    far = tmp_path / "far"
    project.configure("targets:\n" + "".join(TARGET.format(number, far) for number in range(PROCESSES)))
    return project


def source(project: Project, number: int) -> Path:
    return project.root.parent / "far" / str(number) / "turn.txt"


def all_at_once(project: Project, runs: int) -> None:
    """Each process changes what its own target brings, and runs that target, `runs` times."""

    def work(number: int) -> None:
        for turn in range(1, runs + 1):
            source(project, number).write_text(f"{turn}\n")
            record = project.one(f"t{number}", lock_timeout_s=PATIENCE_S)
            assert record.commit, (record.message, record.failure)

    before = project.commits()
    children = [killing.fork(lambda n=number: work(n)) for number in range(PROCESSES)]  # type: ignore[misc]
    assert [killing.wait(child) for child in children] == [0] * PROCESSES
    assert project.commits() == before + PROCESSES * runs
    judge(project, runs)


def judge(project: Project, runs: int) -> None:
    """Every run is one commit of its own target alone, the turns of each are in order, and nothing is left over."""
    turns: dict[str, list[str]] = {}
    for commit in project.git("rev-list", "--reverse", f"--max-count={PROCESSES * runs}", "HEAD").split():
        [target] = project.git("show", "-s", "--format=%(trailers:key=Sync-Target,valueonly)", commit).split()
        changed = project.git("diff-tree", "--no-commit-id", "--name-only", "-r", commit).split()
        path = f"out/{target[1:]}/turn.txt"
        assert set(changed) - {"sync.lock"} == {path}, (target, changed)
        turns.setdefault(target, []).append(project.git("show", f"{commit}:{path}"))
    assert turns == {f"t{number}": [str(turn) for turn in range(1, runs + 1)] for number in range(PROCESSES)}
    assert project.clean() and project.fsck() == ""
    assert not (project.root / ".git/directional-sync/lock-holder.json").exists()


def test_F73_eight_processes_run_in_one_clone(crowded: Project) -> None:
    all_at_once(crowded, 2)


@pytest.mark.faults
def test_F73_G7_eight_processes_run_fifty_times_each_in_one_clone(crowded: Project) -> None:
    all_at_once(crowded, 50)


@pytest.fixture
def holder(crowded: Project) -> subprocess.Popen[str]:
    """A process that keeps the clone to itself."""
    state = crowded.root / ".git/directional-sync"
    program = (
        "import sys; from pathlib import Path; from directional_sync.system.lock import run_lock\n"
        "with run_lock(Path(sys.argv[1]), {'command': 'dsync run t0 --verify'}): print('held', flush=True); input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def dsync(project: Project, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "directional_sync", *arguments]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=project.root, env={**project.environ, "COLUMNS": "200"}, text=True, **streams)


@pytest.mark.parametrize("command", [("run", "t1"), ("plan", "t1"), ("recover",)], ids=lambda command: command[0])
def test_F73_who_waits_says_for_whom_at_once_and_goes_on_when_it_is_free(
    crowded: Project, holder: subprocess.Popen[str], command: tuple[str, ...]
) -> None:
    source(crowded, 1).write_text("1\n")
    second = dsync(crowded, *command, "--lock-timeout", "10m")
    assert second.stderr is not None and holder.stdin is not None
    said = second.stderr.readline()  # while it waits: the other lets go only after it
    assert f"waiting for another run: pid {holder.pid} on " in said and "`dsync run t0 --verify`, since 20" in said
    holder.communicate("\n", timeout=60)
    second.communicate(timeout=60)
    assert second.returncode == 0
    assert (crowded.root / "out/1/turn.txt").exists() is (command[0] == "run")


def test_F73_who_has_waited_in_vain_names_who_is_at_work(crowded: Project, holder: subprocess.Popen[str]) -> None:
    head = crowded.head
    second = dsync(crowded, "run", "t1", "--lock-timeout", "1s")
    _, said = second.communicate(timeout=60)
    assert second.returncode == 10 and "E-LOCK" in said and "waiting for another run" in said
    for words in (f"pid {holder.pid} on ", "dsync run t0 --verify", "since 20"):
        assert words in said, said
    assert holder.poll() is None and crowded.head == head
    holder.send_signal(signal.SIGKILL)
    holder.communicate(timeout=60)


def test_F73_the_wait_is_told_before_it_begins_and_lasts_no_longer_than_said(
    crowded: Project, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of the test's own: told at second 0, given up at second 7."""
    now = 0.0
    told: list[float] = []

    def passes(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(lock, "monotonic", lambda: now)
    monkeypatch.setattr(lock, "pause", passes)
    state = crowded.root / ".git/directional-sync"
    with pytest.raises(LockHeldError), run_lock(state, {}, timeout_s=7.0, waiting=lambda who: told.append(now)):
        pass
    assert told == [0.0] and 7.0 <= now < 7.1
    holder.communicate("\n", timeout=60)
