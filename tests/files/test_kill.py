"""Pushes that are killed, as programs of their own; and the memory that a large folder takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.files.conftest import HERE, Pair

from directional_sync.endpoints.temporary import PREFIX

pytestmark = HERE

_FILES = 300


def program(pair: Pair, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "directional_sync", *arguments],
        cwd=pair.project.root,
        env={**os.environ, **pair.project.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def whole(pair: Pair, content: dict[str, bytes]) -> None:
    """No file is there in part under its final name."""
    for path, found in pair.files().items():
        if PREFIX not in path:
            assert found == content[path], path


@pytest.mark.parametrize("after", [1, 40, 150, 299])
def test_b92_killed_in_the_middle_of_a_push(pair: Pair, after: int) -> None:
    """Killed when so many files are there (or somewhat later: nothing here depends on when exactly). Then it converges
    by itself, and nothing temporary stays."""
    content = {f"d{n % 7}/{n}": f"{n}\n".encode() * (1 + n % 50) for n in range(_FILES)}
    for path, text in content.items():
        pair.project.write(f"data/{path}", text)
    pair.target("push")
    running = program(pair, "run", "share")
    deadline = time.monotonic() + 60
    while running.poll() is None and time.monotonic() < deadline:
        if sum(1 for path in pair.far.rglob("*") if path.is_file()) >= after:
            break
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    whole(pair, content)
    done = program(pair, "run", "share")
    out, _ = done.communicate(timeout=60)
    assert done.returncode == 0, out.decode()
    assert pair.files() == content
    state = pair.state()
    again = program(pair, "run", "share")
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0 and b"1 unchanged" in out, out.decode()
    assert pair.state() == state


def test_temporary_files_of_others_stay(pair: Pair) -> None:
    """Another repository may be pushing to the same folder just now."""
    theirs = pair.put(f"{PREFIX}0123456789abcdef-0", "theirs")
    pair.project.write("data/a", "1")
    pair.target("push")
    assert pair.project.one().success
    assert theirs.read_text() == "theirs"
    assert pair.project.one().success


@pytest.mark.parametrize("direction", ["push", "bidirectional"])
def test_b92_what_a_kill_left_goes_though_nothing_is_written(pair: Pair, direction: str) -> None:
    """A kill right after a file was put in place leaves its other name, and the next run has nothing to write."""
    from directional_sync.endpoints import temporary

    pair.project.write("data/d/a", "1")
    pair.target(direction)
    assert pair.project.one().success
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "directional_sync.endpoints.files.local.token", lambda c: told.append(temporary.token(c)) or told[-1]
        )
        pair.project.write("data/d/a", "2")
        pair.project.commit()
        assert pair.project.one().success
    left = pair.put(f"d/{PREFIX}{told[0]}-7", "1")
    pair.project.plan()
    assert left.exists()
    assert pair.project.one().success
    assert not left.exists()


@pytest.mark.faults
def test_g14_f29_a_hundred_thousand_files_in_bounded_memory(tmp_path: Path, pair: Pair) -> None:
    for folder in range(100):
        (pair.far / str(folder)).mkdir()
        for name in range(1000):
            (pair.far / str(folder) / str(name)).write_bytes(b"%d %d" % (folder, name))
    pair.target("pull")
    code = (
        "import re, sys; from directional_sync.cli import main; s = main(['plan', '-q']);"
        "print(int(re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())[1]) // 1024); sys.exit(s)"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=pair.project.root, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert int(done.stdout.split()[-1]) < 400
