"""P1, P2, G1, G2 for undoing: killed at any moment, the branch is at the old commit or at one whole new one, no file is
torn, and the same command again ends it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.faults.test_kill import quick_path  # noqa: F401 (a fixture)
from tests.undo.conftest import Flows, dsync, make_flows

pytestmark = pytest.mark.faults
KILLS = int(os.environ.get("DSYNC_UNDO_KILLS", "20"))
FILES = [f"f{number:02}" for number in range(30)]


def start(flows: Flows, run: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "directional_sync", "rollback", run, "--yes"]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(
        command, cwd=flows.project.root, env=flows.project.environ, text=True, start_new_session=True, **streams
    )


def on_disk(flows: Flows) -> dict[str, str]:
    folder = flows.project.root / "both"
    return {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith(".dsync-tmp")}


def test_killed_at_random_the_same_command_ends_it(quick_path: Path) -> None:  # noqa: F811
    rng = random.Random(20261128)
    flows = make_flows(quick_path)
    flows.put("both", {name: f"old {name}\n" * 50 for name in FILES})
    flows.run("both")
    took = killed = 0.0
    for number in range(KILLS + 1):
        flows.edit({f"both/{name}": f"{number} mine {name}\n" * 40 for name in FILES[:10]})
        flows.put("both", {name: f"{number} theirs {name}\n" * 60 for name in FILES[15:]})
        back_here, back_there = flows.here("both"), flows.there("both")
        run = flows.run("both", resume=True).run
        left, head = flows.here("both"), flows.project.head
        assert left == flows.there("both")
        clock = time.monotonic()
        process = start(flows, run)
        if took:
            time.sleep(rng.uniform(0.3, 1.0) * took)
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        took = took or time.monotonic() - clock
        killed += process.returncode == -signal.SIGKILL
        tip = flows.project.git("rev-parse", "refs/heads/main")
        assert tip == head or flows.project.git("rev-parse", "main^") == head
        for name, text in on_disk(flows).items():
            assert text in (left[name], back_here[name]), f"{name} is torn"
        for name, text in flows.there("both").items():
            if ".dsync-" in name:
                continue  # beside its place, and removed by the next run
            assert text in (left[name], back_there[name]), f"{name} is torn on the far side"
        done = dsync(flows.project, "rollback", run, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert flows.here("both") == on_disk(flows) == back_here
        assert flows.there("both") == back_there
        flows.sound()
    assert killed > KILLS // 3
