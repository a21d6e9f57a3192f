"""P2, F03-F06: what a killed run left, one situation at a time (all of them at random: tests/faults)."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.transaction.workbench import ENVIRONMENT, Workbench, write

from directional_sync.errors import HostError
from directional_sync.git import index, journal, stale_locks, transaction
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import Repository

BASE = "refs/directional-sync/base/demo"
WISH = {"a.txt": b"ONE\n", "in/b.txt": None, "new/e.txt": b"five\n"}


class Killed(BaseException):
    """Stands for a SIGKILL: nothing of ours runs after it."""


def interrupt(bench: Workbench, monkeypatch: pytest.MonkeyPatch, name: str, moves: tuple[RefMove, ...] = ()) -> None:
    """Ends a commit when it comes to `name`, and lets it tidy nothing up."""

    def die(*args: Any, **kwargs: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(transaction, name, die)
        patch.setattr(transaction, "_forget", lambda *args: None)
        patch.setattr(index.IndexUpdate, "release", lambda self: None)
        with pytest.raises(Killed):
            bench.commit(WISH, moves)
    bench.reopen()


def test_nothing_to_do(bench: Workbench) -> None:
    assert transaction.interrupted(bench.repository) == ""
    assert transaction.recover(bench.repository) == ""


@pytest.mark.parametrize("content", [b"", b"\0" * 41, b"1234\n"])
def test_a_ref_of_ours_without_content_is_in_nobodys_way(bench: Workbench, content: bytes) -> None:
    """F16: what a power cut makes of a file that was not yet on the disk."""
    digest = bench.head()
    bench.git("update-ref", BASE, digest)
    bench.git("update-ref", BASE.replace("demo", "whole"), digest)
    (bench.root / ".git" / BASE).write_bytes(content)
    assert BASE in transaction.recover(bench.repository)
    bench.git("update-ref", BASE, digest, "")
    assert bench.git("for-each-ref", "--format=%(refname)", "refs/directional-sync").decode().split() == [
        BASE,
        BASE.replace("demo", "whole"),
    ]


def test_before_the_commit_it_is_undone(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    old = bench.head()
    interrupt(bench, monkeypatch, "_move_refs")
    assert bench.leftovers() != []
    assert "demo" in transaction.interrupted(bench.repository)
    assert "undid" in transaction.recover(bench.repository)
    assert (bench.head(), bench.status(), bench.leftovers()) == (old, b"", [])
    assert transaction.interrupted(bench.repository) == ""


def test_after_the_commit_it_is_finished(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(bench, monkeypatch, "place")
    assert bench.status() != b""
    assert "3 of 3 paths" in transaction.recover(bench.repository)
    assert (bench.status(), bench.leftovers()) == (b"", [])
    assert (bench.root / "a.txt").read_bytes() == b"ONE\n"
    assert transaction.recover(bench.repository) == ""


def test_an_edit_since_then_is_left_alone(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(bench, monkeypatch, "place")
    write(bench.root, "a.txt", b"edited since\n")
    assert "left alone, because they were edited since: a.txt" in transaction.recover(bench.repository)
    assert (bench.root / "a.txt").read_bytes() == b"edited since\n"
    assert bench.status() == b" M a.txt\0"
    assert bench.leftovers() == []


def test_a_commit_on_top_is_respected(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(bench, monkeypatch, "place")
    (bench.repository.git_dir / "index.lock").unlink()
    bench.git("reset", "-q", "--", ".")
    write(bench.root, "a.txt", b"one\n")
    bench.git("commit", "-q", "-m", "back to one", "--only", "a.txt")
    assert "finished" in transaction.recover(bench.repository)
    assert (bench.root / "a.txt").read_bytes() == b"one\n"
    assert (bench.root / "new/e.txt").read_bytes() == b"five\n"
    assert bench.status() == b""


def test_another_branch_checked_out_since_is_not_touched(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    old = bench.head()
    interrupt(bench, monkeypatch, "place")
    (bench.repository.git_dir / "index.lock").unlink()
    bench.git("switch", "-q", "--force", "-c", "elsewhere", old)
    bench.reopen()
    assert "no longer checked out" in transaction.recover(bench.repository)
    assert (bench.status(), bench.leftovers()) == (b"", [])


def test_refs_of_which_only_the_branch_has_moved(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    old = bench.head()
    interrupt(bench, monkeypatch, "_move_refs", (RefMove(BASE, old, ""),))
    (token,) = journal.pending(bench.repository)
    bench.git("update-ref", "refs/heads/main", journal.read(bench.repository, token).new)
    lock = bench.repository.common_dir / f"{BASE}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    said = transaction.recover(bench.repository)
    assert "finished" in said and str(lock) in said
    assert bench.git("rev-parse", BASE).decode().strip() == old
    assert (bench.status(), bench.leftovers()) == (b"", [])


def test_refs_of_which_all_but_the_branch_have_moved(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    old = bench.head()
    interrupt(bench, monkeypatch, "_move_refs", (RefMove(BASE, old, ""),))
    bench.git("update-ref", BASE, old)
    assert "undid" in transaction.recover(bench.repository)
    assert bench.git("for-each-ref", BASE) == b""
    assert bench.leftovers() == []


def test_a_journal_of_a_newer_version_stops_the_run(bench: Workbench) -> None:
    path = bench.repository.state / "journal" / "1.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"format": 2}')
    assert "cannot be read" in transaction.interrupted(bench.repository)
    with pytest.raises(HostError, match="E-JOURNAL"):
        transaction.recover(bench.repository)
    assert path.exists()


def test_a_run_in_a_linked_work_tree_is_finished_from_the_main_one(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    linked = Workbench(tmp_path / "linked")
    interrupt(linked, monkeypatch, "place")
    assert "finished" in transaction.recover(bench.repository)
    assert (linked.status(), linked.leftovers(), bench.status()) == (b"", [], b"")
    linked.store.close()


def lock_of(bench: Workbench) -> Path:
    return bench.repository.git_dir / "index.lock"


def test_a_stale_lock_is_removed_and_named(bench: Workbench) -> None:
    lock_of(bench).touch()
    os.utime(lock_of(bench), (1, 1))
    assert str(lock_of(bench)) in transaction.recover(bench.repository)
    assert not lock_of(bench).exists()


def living_git(bench: Workbench) -> subprocess.Popen[bytes]:
    """A git that works in the repository until its input ends."""
    child = subprocess.Popen(
        ["git", "cat-file", "--batch"], cwd=bench.root, env=ENVIRONMENT, stdin=subprocess.PIPE, start_new_session=True
    )
    time.sleep(0.1)
    return child


@pytest.fixture
def foreign_git(bench: Workbench) -> Any:
    """The same, but not a child of this process: those are known to be ours."""
    shell = subprocess.Popen(
        ["sh", "-c", "git cat-file --batch; true"], cwd=bench.root, env=ENVIRONMENT, stdin=subprocess.PIPE
    )
    time.sleep(0.2)
    yield shell
    assert shell.stdin is not None
    shell.stdin.close()
    shell.wait(5)


def test_the_lock_of_a_living_git_is_never_removed(bench: Workbench, foreign_git: object) -> None:
    lock_of(bench).touch()
    os.utime(lock_of(bench), (1, 1))
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not show its processes")
    assert transaction.recover(bench.repository) == ""
    assert lock_of(bench).exists()


def test_a_lock_that_another_program_has_open_is_never_removed(bench: Workbench) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not show its processes")
    holder = subprocess.Popen(["sh", "-c", f"exec 3>'{lock_of(bench)}'; (sleep 20) & wait"], start_new_session=True)
    try:
        while not lock_of(bench).exists():
            time.sleep(0.02)
        os.utime(lock_of(bench), (1, 1))
        assert not stale_locks.is_stale(bench.repository, lock_of(bench))
    finally:
        os.killpg(holder.pid, 9)
        holder.wait()
    assert stale_locks.is_stale(bench.repository, lock_of(bench))


def test_an_index_that_stays_locked_is_left_to_the_next_run(
    bench: Workbench, foreign_git: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index.IndexUpdate.lock, "__defaults__", (0.2,))
    lock_of(bench).touch()
    made, left = bench.commit(WISH)
    assert (bench.head(), left) == (made, [])
    assert (bench.root / "a.txt").read_bytes() == b"ONE\n"
    assert transaction.interrupted(bench.repository) != ""
    lock_of(bench).unlink()
    assert "finished" in transaction.recover(bench.repository)
    assert (bench.status(), bench.leftovers()) == (b"", [])


def test_stale_quarantines_go(bench: Workbench) -> None:
    left = bench.repository.cache / "quarantine" / "old" / "objects"
    left.mkdir(parents=True)
    transaction.recover(bench.repository)
    assert not left.parent.exists()


STEPS = ["_refuse_strangers", "stage", "_move_refs"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("bug")])
def test_whatever_fails_before_the_commit_leaves_nothing(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    def fail(*args: Any) -> Any:
        raise error

    old = bench.head()
    expected: type[BaseException] = HostError if isinstance(error, OSError) else type(error)
    monkeypatch.setattr(transaction, step, fail)
    with pytest.raises(expected):
        bench.commit(WISH)
    assert (bench.head(), bench.status(), bench.leftovers()) == (old, b"", [])


Step = Callable[..., Any]


def test_a_failure_after_the_commit_says_that_it_is_complete(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> Any:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(transaction, "place", fail)
        with pytest.raises(HostError, match="E-IO") as caught:
            bench.commit(WISH)
    assert "is complete" in caught.value.kept
    assert not lock_of(bench).exists(), "no lock may be left"
    transaction.recover(Repository.open(bench.root))
    assert (bench.status(), bench.leftovers()) == (b"", [])
