"""Two runs at once on the same pair, real processes (B99), and what only looks changed (B11)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.files.conftest import without_the_detector
from tests.twoway.conftest import Two, two

from directional_sync.endpoints.files.folder import FolderSource
from directional_sync.endpoints.files.reading import Item
from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome

__all__ = ["two", "without_the_detector"]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Begins `dsync run` in a repository."""
    begun: list[subprocess.Popen[str]] = []

    def run(pair: Two, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "directional_sync", "run", *more]
        environ = {**os.environ, **pair.project.environ}
        process = subprocess.Popen(
            command, cwd=pair.project.root, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        begun.append(process)
        return process

    yield run
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def gate(two: Two, tmp_path: Path) -> Path:
    """A pipe that every run says it has come to, and then waits at, before it looks at anything."""
    told, gate = tmp_path / "told", tmp_path / "gate"
    for pipe in (told, gate):
        os.mkfifo(pipe)
    text = (two.project.root / "sync.yaml").read_text()
    check = f'{{name: gate, command: "echo here > {told}; cat {gate}"}}'
    two.project.write("sync.yaml", f"{text}safety:\n  pre_sync_checks: [{check}]\n".encode())
    two.project.commit("A gate")
    return tmp_path


def _arrived(gate: Path) -> None:
    assert (gate / "told").read_text() == "here\n"


def _opened(gate: Path) -> None:
    (gate / "gate").write_text("go\n")


def test_the_second_is_told_who_is_at_work(two: Two, gate: Path, start: Start) -> None:  # B99
    two.a({"f": "1"})
    first = start(two)
    _arrived(gate)
    second = start(two)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == Exit.LOCKED, said
    assert f"pid {first.pid}" in said and socket.gethostname() in said and "since 20" in said and "E-LOCK" in said
    assert two.there == {}
    _opened(gate)
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 0, said
    assert two.here == two.there == {"f": "1"}


def test_the_second_waits_where_it_is_asked_to_and_sees_what_the_first_has_done(
    two: Two, gate: Path, start: Start
) -> None:  # B99
    two.a({"f": "1"})
    first = start(two)
    _arrived(gate)
    second = start(two, "--lock-timeout", "60")
    assert second.stdout is not None
    waiting = second.stdout.readline()
    assert f"pid {first.pid}" in waiting, waiting
    _opened(gate)
    assert first.wait(timeout=60) == 0
    _arrived(gate)  # the second, in its turn
    _opened(gate)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0 and "unchanged" in said, said
    assert two.project.git("log", "--format=%s").count("share") == 1
    assert two.here == two.there == {"f": "1"}


def test_what_a_killed_run_holds_is_free_at_once(two: Two, gate: Path, start: Start) -> None:  # B99, F73
    two.a({"f": "1"})
    first = start(two)
    _arrived(gate)
    first.send_signal(signal.SIGKILL)
    first.wait()
    note = two.project.root / ".git/directional-sync/lock-holder.json"
    assert f'"{first.pid}"' in note.read_text()  # nobody believes it any more
    second = start(two)
    _arrived(gate)
    _opened(gate)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0, said
    assert two.here == two.there == {"f": "1"}


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"[]", b'{"pid": "1"}'])
def test_a_note_that_cannot_be_read_neither_blocks_nor_opens(
    two: Two, gate: Path, start: Start, content: bytes
) -> None:  # B99
    two.a({"f": "1"})
    note = two.project.root / ".git/directional-sync/lock-holder.json"
    note.parent.mkdir(exist_ok=True)
    note.write_bytes(content)
    first = start(two)
    _arrived(gate)  # it did not block
    note.write_bytes(content)
    second = start(two)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == Exit.LOCKED and "an unknown process" in said, said  # and does not open
    _opened(gate)
    assert first.wait(timeout=60) == 0


def test_a_lock_that_cannot_be_opened_stops_the_run(two: Two, start: Start) -> None:  # B99
    two.a({"f": "1"})
    lock = two.project.root / ".git/directional-sync/lock"
    lock.mkdir(parents=True)
    process = start(two)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == Exit.FAILED and "E-IO" in said and str(lock) in said, said
    assert two.there == {}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the far side whose content is read."""
    found: list[str] = []
    usual = FolderSource._once

    def once(self: FolderSource, item: Item, spool: Path) -> object:
        found.append(item.path)
        return usual(self, item, spool)

    monkeypatch.setattr(FolderSource, "_once", once)
    return found


def test_what_was_only_touched_is_looked_at_once_and_nothing_is_written(two: Two, read: list[str]) -> None:  # B11
    two.agree({"f": "1", "g": "1"})
    for root in (two.far, two.project.root / "data"):
        os.utime(root / "f", (1_000_000_000, 1_000_000_000))
    (two.far / "g").write_text("1")  # the same bytes again
    two.run()
    two.settled()
    before = (two.project.head, two.pair.state(), two.project.git("for-each-ref"))
    os.utime(two.far / "f", (1_100_000_000, 1_100_000_000))
    state = two.pair.state()
    read.clear()
    record = two.run()
    assert record.outcome is Outcome.IN_SYNC and not record.effects
    # What was changed right before it was looked at, as `g` may have been, is looked at once more.
    assert read.count("f") == 1 and set(read) <= {"f", "g"}
    assert (two.project.head, two.project.git("for-each-ref")) == (before[0], before[2])
    assert two.pair.state() == state


def test_the_same_edit_on_both_sides_only_moves_what_was_agreed(two: Two) -> None:  # B11, B41
    two.agree({"f": "1"})
    two.a({"f": "2"})
    two.b({"f": "2"})
    state = two.pair.state()
    record = two.run()
    assert record.success and not record.counts.total and not record.effects
    assert two.pair.state() == state and two.here == two.there == {"f": "2"}
    two.settled()
    two.a({"f": "1"})  # what was agreed first would make this no edit at all
    assert two.run().success and two.there == {"f": "1"}
