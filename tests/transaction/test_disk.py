"""F19, F20, F23 to F25: a disk that is full, read-only or broken. Nothing half-written, no lock left."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.transaction.workbench import Workbench, write

from directional_sync.errors import HostError
from directional_sync.git import transaction

MEGABYTE = 1 << 20


def mounted(folder: Path, *options: str) -> None:
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.decode().strip()}")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    if shutil.which("mount") is None:
        pytest.skip("there is no mount program")
    folder = tmp_path / "small"
    mounted(folder, "-o", "size=6m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def unchanged(bench: Workbench, head: str) -> None:
    assert bench.head() == head
    assert (bench.root / "a.txt").read_bytes() == b"one\n"
    assert bench.leftovers() == []
    assert bench.status() == b""
    bench.git("fsck")


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(small: Path, tmp_path: Path) -> None:
    bench = Workbench.make(small / "work", {"a.txt": b"one\n"})
    work = bench.work({"a.txt": b"ONE\n", **{f"big{n}": bytes([n]) * MEGABYTE for n in range(8)}})
    head = bench.head()
    with pytest.raises(HostError, match="E-DISK-FULL") as caught:
        transaction.commit(bench.repository, bench.store, work)
    assert "needs 8,392,704 bytes more" in caught.value.message
    unchanged(bench, head)
    bench.store.close()


@pytest.mark.parametrize("free_kb", range(0, 240, 24))
def test_a_disk_that_fills_up_on_the_way(small: Path, free_kb: int) -> None:
    bench = Workbench.make(small / "work", {"a.txt": b"one\n", "in/b.txt": b"two\n"})
    wishes = {"a.txt": b"ONE\n", "in/b.txt": None, **{f"n/{n}": os.urandom(500) for n in range(20)}}
    work = bench.work(wishes)
    head = bench.head()
    free = shutil.disk_usage(small).free
    write(small, "ballast", b"x" * (free - free_kb * 1024))
    try:
        made, left = transaction.commit(bench.repository, bench.store, work)
    except HostError as error:
        assert error.code in ("E-DISK-FULL", "E-GIT", "E-IO"), error
        (small / "ballast").unlink()
        unchanged(bench, head)
        bench.reopen()
        made, left = bench.commit(wishes)
    assert (bench.head(), left, bench.status(), bench.leftovers()) == (made, [], b"", [])
    bench.store.close()


def test_a_read_only_disk(small: Path) -> None:
    bench = Workbench.make(small / "work", {"a.txt": b"one\n"})
    work = bench.work({"a.txt": b"ONE\n"})
    head = bench.head()
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    try:
        with pytest.raises(HostError, match="E-READ-ONLY"):
            transaction.commit(bench.repository, bench.store, work)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
    unchanged(bench, head)
    bench.store.close()


def test_a_limit_on_the_size_of_files(bench: Workbench) -> None:
    work = bench.work({"a.txt": b"ONE\n", "big": os.urandom(MEGABYTE)})
    head = bench.head()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE // 2, old[1]))
    try:
        with pytest.raises(HostError, match="E-DISK-FULL"):
            transaction.commit(bench.repository, bench.store, work)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    unchanged(bench, head)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {top!r})
from tests.transaction.workbench import Workbench
from directional_sync.errors import HostError
bench = Workbench(Path({root!r}))
try:
    bench.commit({{"a.txt": b"ONE\\n", "new/e.txt": b"five\\n"}})
except HostError as error:
    print(error.code, error.kept)
finally:
    bench.store.close()
"""


@pytest.mark.faults
@pytest.mark.parametrize("call", ["fsync", "rename,renameat,renameat2", "linkat", "mkdirat,mkdir"])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EROFS"])
def test_the_nth_call_fails(tmp_path: Path, call: str, error: str) -> None:
    """For every n until the run completes untouched: old or new, no lock, and the next run makes it whole."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace here")
    for number in range(1, 40):
        root = tmp_path / f"work{number}"
        bench = Workbench.make(root, {"a.txt": b"one\n"})
        head = bench.head()
        script = SCRIPT.format(top=str(Path(__file__).parents[2]), root=str(root))
        options = ["strace", "-f", "-qq", "-o", str(tmp_path / "log"), "-e", f"trace={call}"]
        options += ["-e", f"inject={call}:error={error}:when={number}", "--"]
        done = subprocess.run([*options, sys.executable, "-c", script], capture_output=True, text=True, check=False)
        if "strace: " in done.stderr:
            pytest.skip(f"strace does not work here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        assert not list((root / ".git").glob("*.lock")), "a lock was left"
        assert (root / "a.txt").read_bytes() in (b"one\n", b"ONE\n")
        if done.stdout.strip() and "is complete" not in done.stdout:
            assert bench.head() == head
        bench.reopen()
        transaction.recover(bench.repository)
        bench.reopen()
        if bench.changes({"a.txt": b"ONE\n", "new/e.txt": b"five\n"}):
            bench.commit({"a.txt": b"ONE\n", "new/e.txt": b"five\n"})
        assert (bench.status(), bench.leftovers()) == (b"", [])
        bench.git("fsck")
        bench.store.close()
        if not done.stdout.strip() and "INJECTED" not in (tmp_path / "log").read_text():
            return
    raise AssertionError("it never completed")
