"""A tree as plain files: exact, raw, quick the second time, and blind to what was done in there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.transaction.workbench import Workbench, write

from directional_sync.git import worktree


def listing(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = path.readlink()
        elif path.is_file():
            found[str(path.relative_to(folder))] = (path.read_bytes(), os.access(path, os.X_OK))
    return found


WISH = {
    "run": ("100755", b"#!/bin/sh\n"),
    "link": ("120000", b"in"),
    ".gitattributes": b"* text eol=crlf filter=evil\n",
    "in/b.txt": b"TWO\n",
    "new\nline": b"x",
}


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_again_and_again(tmp_path: Path, form: str) -> None:
    bench = Workbench.make(tmp_path / "work", {"a.txt": b"one\n", "in/b.txt": b"two\n"}, f"--object-format={form}")
    bench.git("config", "filter.evil.smudge", f"touch {tmp_path}/evil; cat")
    first = bench.store.tree_of(bench.repository.head)
    second = bench.work(WISH).tree  # only in the quarantine
    folder = tmp_path / "check" / "out"
    folder.mkdir(parents=True)
    one = {"a.txt": (b"one\n", False), "in/b.txt": (b"two\n", False)}
    two = {
        "a.txt": (b"one\n", False),
        "in/b.txt": (b"TWO\n", False),
        "run": (b"#!/bin/sh\n", True),
        "link": Path("in"),
        ".gitattributes": (b"* text eol=crlf filter=evil\n", False),
        "new\nline": (b"x", False),
    }
    worktree.checkout(bench.store, first, folder)
    assert listing(folder) == one
    worktree.checkout(bench.store, second, folder)
    assert listing(folder) == two
    untouched = (folder / "a.txt").stat().st_ctime_ns
    worktree.checkout(bench.store, second, folder)
    assert (folder / "a.txt").stat().st_ctime_ns == untouched

    times = (folder / "a.txt").stat()
    (folder / "a.txt").write_bytes(b"eno\n")
    os.utime(folder / "a.txt", ns=(times.st_atime_ns, times.st_mtime_ns))
    (folder / "run").unlink()
    write(folder, "extra/.git/HEAD", b"x")
    write(folder, "__pycache__/x.pyc", b"x")
    write(folder, ".gitignore", b"*\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    write(outside, "b.txt", b"not ours\n")
    (folder / "in/b.txt").unlink()
    (folder / "in").rmdir()
    (folder / "in").symlink_to(outside)
    worktree.checkout(bench.store, second, folder)
    assert listing(folder) == two
    assert (outside / "b.txt").read_bytes() == b"not ours\n"
    worktree.checkout(bench.store, first, folder)
    assert listing(folder) == one
    assert not (tmp_path / "evil").exists()
    assert not (folder / ".git").exists()

    (folder.parent / "out.git" / "index").write_bytes(b"spoilt")
    worktree.checkout(bench.store, second, folder)
    assert listing(folder) == two
    assert bench.status() == b""
    bench.store.close()


def test_snapshot_of_the_work_tree(bench: Workbench) -> None:
    write(bench.root, "out/plain", b"plain\n")
    write(bench.root, "out/run", b"run\n").chmod(0o755)
    (bench.root / "out/link").symlink_to("plain")
    write(bench.root, "out/\udcff", b"odd\n")
    write(bench.root, ".gitignore", b"out/plain\n")
    write(bench.root, "elsewhere/x", b"x\n")
    os.mkfifo(bench.root / "out/pipe")
    write(bench.root, "out/theirs/.git/HEAD", b"x")
    write(bench.root, "out/theirs/file", b"x")
    found = worktree.snapshot(bench.repository, bench.store, ["out/**", "a.txt"])
    read = {key: (entry.mode, entry.digest and bench.store.read(entry.digest)) for key, entry in found.entries.items()}
    assert read == {
        "a.txt": ("100644", b"one\n"),
        "out/plain": ("100644", b"plain\n"),
        "out/run": ("100755", b"run\n"),
        "out/link": ("120000", b"plain"),
        "out/\udcff": ("100644", b"odd\n"),
        "out/pipe": ("", ""),
    }
    assert found.entries["out/pipe"].unreadable == "a special file"
    assert found.unreadable == {"out/theirs": "another repository"}
    assert found == worktree.snapshot(bench.repository, bench.store, ["out/**", "a.txt"])
