"""Locks between real processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from directional_sync.errors import LockHeldError
from directional_sync.system.lock import run_lock

HOLD = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from directional_sync.system.lock import run_lock
    with run_lock(Path(sys.argv[1]), {"command": "dsync run oca", "run": "r1"}):
        print("held", flush=True)
        time.sleep(60)
""")


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    """F73."""
    process = holder(tmp_path)
    try:
        with pytest.raises(LockHeldError) as caught, run_lock(tmp_path, {}):
            pass
        assert f"pid {process.pid}" in caught.value.message
        assert "dsync run oca" in caught.value.message
    finally:
        process.kill()
        process.wait()


def test_the_lock_of_a_killed_run_is_free_at_once(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.kill()
    process.wait()
    with run_lock(tmp_path, {}):
        pass


def test_waiting_says_so_once_and_then_gets_the_lock(tmp_path: Path) -> None:
    process = holder(tmp_path)
    heard: list[str] = []

    def waiting(who: str) -> None:
        heard.append(who)
        process.kill()
        process.wait()

    with run_lock(tmp_path, {}, timeout_s=20, waiting=waiting):
        pass
    assert len(heard) == 1


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    with run_lock(tmp_path, {}):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        with run_lock(tmp_path, {}):
            pass
    finally:
        child.kill()
        child.wait()
