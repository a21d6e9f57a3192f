"""The program as a process: what it loads, how it is interrupted, how it meets a closed pipe."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from directional_sync.cli.signals import Stop, listening

_HEAVY = ("pydantic", "httpx2", "rich", "yaml", "cronsim", "directional_sync.git", "sqlite3")


def _loaded(*arguments: str) -> list[str]:
    script = f"""
        import sys, json
        from directional_sync.cli import main
        main({list(arguments)!r})
        json.dump(sorted(sys.modules), sys.stderr)
    """
    done = subprocess.run([sys.executable, "-c", dedent(script)], capture_output=True, text=True, timeout=60)
    loaded: list[str] = json.loads(done.stderr)
    return loaded


@pytest.mark.parametrize(
    "line", [["--version"], ["--help"], ["run", "--help"], ["plan", "--help"], ["explain", "exit"]]
)
def test_help_loads_nothing_heavy(line: list[str]) -> None:
    assert [name for name in _loaded(*line) if name in _HEAVY or name.startswith("rich.")] == []


def test_the_version_loads_nothing_at_all() -> None:
    loaded = _loaded("--version")
    assert "click" not in loaded
    assert [name for name in loaded if name.startswith("directional_sync")] == [
        "directional_sync",
        "directional_sync.cli",
    ]


def test_version_is_told_in_both_ways() -> None:
    for line in (["--version"], ["--version", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "directional_sync", *line], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 and "dsync" in done.stdout


def test_one_signal_asks_two_stop() -> None:  # F10, F11
    said: list[str] = []
    with listening(Stop(), said.append) as stop:
        assert not stop() and stop.by == 0
        signal.raise_signal(signal.SIGINT)
        assert stop() and stop.exit_status == 130
        assert "press Ctrl-C again" in said[0]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert len(said) == 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_step_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:  # F09: within 10 s
    from directional_sync.cli import signals

    assert signals.STEP_GRACE_S + signals.UNWIND_GRACE_S < 10
    monkeypatch.setattr(signals, "STEP_GRACE_S", 0.05)
    with listening(Stop(), lambda text: None) as stop, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(5)
    assert stop.exit_status == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_end_is_143_and_never_means_now(number: int) -> None:  # F09, F12
    said: list[str] = []
    with listening(Stop(), said.append) as stop:
        signal.raise_signal(number)
        signal.raise_signal(number)
        assert stop() and stop.exit_status == 143
    assert len(said) == 1


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with listening(Stop(), lambda text: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


_SLOW = """
    import sys, time
    from pathlib import Path
    from directional_sync import app
    from directional_sync.cli import main
    from directional_sync.cli.options import Face
    from directional_sync.model.lifecycle import Event, EventType, Outcome
    from directional_sync.model.record import Summary, TargetRecord
    from directional_sync.model.target import Config, Direction, Safety
    from directional_sync.workspace import Workspace

    Face.open = lambda self: Workspace(Path.cwd(), Config((), Safety(), "sync.yaml", "0"), {})

    def run(workspace, selection, options, tell):
        tell(Event(EventType.TARGET_START, "pull a", "a"))
        print("started", file=sys.stderr, flush=True)
        deadline = time.monotonic() + 20
        while not options.stop() and time.monotonic() < deadline:
            time.sleep(0.02)
        if "stubborn" in sys.argv:
            time.sleep(20)
        record = TargetRecord("a", Direction.PULL, Outcome.CANCELLED, "stopped before applying a")
        return Summary("0" * 22, "2026-03-29T02:00:00Z", 1.0, (record,), False)

    app.run = run
    sys.exit(main(["run", "--color", "never"]))
"""


def _start(*arguments: str, **given: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", dedent(_SLOW), *arguments], **given)  # type: ignore[call-overload, no-any-return]


def _until(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    assert process.stderr is not None
    seen = b""
    while text not in seen:
        block = os.read(process.stderr.fileno(), 4096)
        assert block, f"ended before it said {text!r}: {seen!r}"
        seen += block
    return seen


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_ends_the_run_in_order(number: int, status: int) -> None:  # F09, F10, F12
    process = _start(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _until(process, b"started")
    process.send_signal(number)
    out, err = process.communicate(timeout=15)
    assert process.returncode == status
    assert b"finishing the step at hand" in err
    assert f"exit {status}".encode() in out and b"1 failed (1 cancelled)" in out
    assert b"Traceback" not in out + err


def test_sigterm_ends_a_run_that_hangs_in_a_step() -> None:  # F09
    process = _start("stubborn", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _until(process, b"started")
    began = time.monotonic()
    process.terminate()
    out, err = process.communicate(timeout=20)
    assert process.returncode == 143 and time.monotonic() - began < 10
    assert b"dsync status" in err and b"Traceback" not in out + err


def test_ctrl_c_twice_ends_at_once() -> None:  # F11
    process = _start("stubborn", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _until(process, b"started")
    process.send_signal(signal.SIGINT)
    _until(process, b"finishing")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert process.returncode == 130 and time.monotonic() - began < 5
    assert b"Traceback" not in out + err


def test_a_terminal_shows_progress_and_leaves_nothing_behind() -> None:  # 10.1.2
    master, slave = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR")} | {"TERM": "xterm"}
    process = _start(stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    seen = b""
    while b"started" not in seen:
        seen += os.read(master, 4096)
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            block = os.read(master, 4096)
        except OSError:
            break
        if not block:
            break
        seen += block
    os.close(master)
    assert process.wait(timeout=15) == 130
    assert b"\x1b[?25l" in seen and b"\x1b[?25h" in seen  # the cursor was hidden, and shown again
    assert b"1 cancelled" in seen


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:  # F13
    line = f"{sys.executable} -m directional_sync explain | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("0", "141")


def test_a_closed_stdout_is_no_error(tmp_path: Path) -> None:  # F13
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "directional_sync", "explain"],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        cwd=tmp_path,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
