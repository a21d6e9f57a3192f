"""The daemon: one look after the other with a clock that the test sets, and as a real process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.project import Project
from tests.schedule.conftest import CONFIG, Clock

from directional_sync.app import open_workspace
from directional_sync.daemon import LOOK_S, Daemon, alone
from directional_sync.errors import LockHeldError


@dataclass
class Watched:
    """A daemon whose runs happen in this process."""

    project: Project
    said: list[str] = field(default_factory=list)
    runs: int = 0
    deaf: bool = False
    """Its runs are killed before they leave a record."""

    def __post_init__(self) -> None:
        self.daemon = Daemon(
            lambda: open_workspace(None, self.project.root, self.project.environ),
            self._run,
            lambda error: str(error),
            self.said.append,
        )

    def _run(self) -> int:
        self.runs += 1
        return -9 if self.deaf else int(self.project.run(due=True).exit())


def test_it_sleeps_until_the_next_firing_and_never_long(scheduled: Project, clock: Clock) -> None:
    watched = Watched(scheduled)
    assert watched.daemon.look() == 0.0 and watched.runs == 1
    assert watched.daemon.look() == LOOK_S
    clock.set("2026-11-28T01:59:55")
    assert watched.daemon.look() == 5.0 and watched.runs == 1
    clock.pass_by(seconds=5)
    assert watched.daemon.look() == 0.0 and watched.runs == 2
    assert watched.said[:2] == ["looking after 3 targets of sync.yaml", "due: daily, often"]


def test_it_survives_sleep_and_jumps_of_the_clock(scheduled: Project, clock: Clock) -> None:  # F17, F34
    watched = Watched(scheduled)
    watched.daemon.look()
    for moment, runs in (
        ("2026-11-30T09:00", 2),  # the machine has slept for two days: once for all that was missed
        ("2026-11-30T08:00", 2),  # an hour back
        ("2026-11-30T11:59", 2),
        ("2026-11-30T12:00", 3),
    ):
        clock.set(moment)
        watched.daemon.look()
        watched.daemon.look()
        assert watched.runs == runs


def test_a_broken_file_holds_it_and_is_told_once(scheduled: Project, clock: Clock) -> None:
    watched = Watched(scheduled)
    watched.daemon.look()
    whole = (scheduled.root / "sync.yaml").read_text()
    scheduled.write("sync.yaml", whole.replace("pull", "pul"))
    clock.set("2026-11-28T02:00")
    for _ in range(3):
        assert watched.daemon.look() == LOOK_S
    assert watched.runs == 1
    assert sum("held, nothing is run" in line for line in watched.said) == 1
    scheduled.write("sync.yaml", whole)
    assert watched.daemon.look() == 0.0 and watched.runs == 2
    assert "going on: sync.yaml can be read, 3 targets" in watched.said


def test_a_changed_file_is_read(scheduled: Project, clock: Clock) -> None:
    watched = Watched(scheduled)
    watched.daemon.look()
    scheduled.configure(CONFIG.replace('"0 2 * * *"', '"30 1 * * *"'))
    clock.set("2026-11-28T01:30")
    watched.daemon.look()
    assert watched.runs == 2 and "sync.yaml has changed: 3 targets" in watched.said


def test_runs_that_leave_no_record_are_asked_for_less_and_less(scheduled: Project, clock: Clock) -> None:
    watched = Watched(scheduled, deaf=True)
    assert [watched.daemon.look() for _ in range(10)] == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    watched.deaf = False
    assert watched.daemon.look() == 0.0


def test_one_for_each_repository(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(LockHeldError) as caught, alone(tmp_path):
        pass
    assert caught.value.code == "E-DAEMON" and str(os.getpid()) in caught.value.message
    with alone(tmp_path):
        pass


class Process:
    """`dsync daemon` as a process; reads what it says until something is said."""

    def __init__(self, root: Path) -> None:
        argv = [sys.executable, "-m", "directional_sync", "daemon", "--color", "never"]
        self.child = subprocess.Popen(argv, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = b""

    def until(self, text: str) -> None:
        assert self.child.stdout is not None
        while text.encode() not in self.said:
            ready, _, _ = select.select([self.child.stdout], [], [], 60)
            block = os.read(self.child.stdout.fileno(), 65536) if ready else b""
            assert block, f"it never said {text!r}, but {self.said.decode()}"
            self.said += block


@contextlib.contextmanager
def running(project: Project) -> Iterator[Process]:
    process = Process(project.root)
    try:
        yield process
    finally:
        process.child.kill()
        process.child.communicate()


def test_a_real_process_runs_what_is_due_and_ends_when_told(scheduled: Project) -> None:
    with running(scheduled) as process:
        process.until("2 targets: 2 successful")
        assert scheduled.files()["daily/note.txt"].startswith("for 20")
        process.child.send_signal(signal.SIGTERM)
        process.until("daemon: stopped")
        assert process.child.wait(20) == 0


def test_a_second_one_is_refused(scheduled: Project) -> None:
    with running(scheduled) as process:
        process.until("looking after 3 targets")
        argv = [sys.executable, "-m", "directional_sync", "daemon"]
        second = subprocess.run(argv, cwd=scheduled.root, capture_output=True, text=True, timeout=60)
        assert second.returncode == 10
        assert "E-DAEMON" in second.stderr and str(process.child.pid) in second.stderr


def test_a_signal_ends_the_target_at_hand_cleanly(scheduled: Project) -> None:  # F09
    begun = scheduled.root.parent / "begun"
    os.mkfifo(begun)
    scheduled.write("scripts/note.sh", f"#!/bin/bash\necho begun >'{begun}'; exec sleep 60\n", mode=0o755)
    scheduled.configure(CONFIG)
    head = scheduled.head
    with running(scheduled) as process:
        process.until("due: daily, often")
        with begun.open() as told:
            assert told.read() == "begun\n"
        process.child.send_signal(signal.SIGTERM)
        process.until("daemon: stopped")
        assert process.child.wait(20) == 0
    assert scheduled.head == head and scheduled.clean()
    assert b"finishing the step at hand" in process.said
    assert not (scheduled.root / ".git/directional-sync/lock-holder.json").exists()


def test_a_broken_file_at_the_start_is_waited_for(scheduled: Project) -> None:
    whole = (scheduled.root / "sync.yaml").read_text()
    scheduled.write("sync.yaml", "version: [")
    with running(scheduled) as process:
        process.until("held, nothing is run until this is mended")
        assert process.child.poll() is None
        scheduled.write("sync.yaml", whole)
        process.child.send_signal(signal.SIGINT)
        process.until("daemon: stopped")
        assert process.child.wait(20) == 0
