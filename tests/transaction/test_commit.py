"""P1 to P3 where nothing goes wrong, in repositories of every shape."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from tests.transaction.workbench import Workbench, git, write

from directional_sync.errors import StalePlanError
from directional_sync.git import placing, transaction
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import Repository


def test_every_kind_of_change_in_one_commit(bench: Workbench) -> None:
    old = bench.head()
    made, left = bench.commit(
        {
            "a.txt": b"ONE\n",
            "in/b.txt": None,
            "in/c.txt": None,
            "in": ("120000", b"a.txt"),
            "new/deep/e.txt": b"five\n",
            "mine/d.txt/now/a/folder.txt": b"six\n",
            "mine/d.txt": None,
            "run.sh": ("100755", b"#!/bin/sh\n"),
        }
    )
    assert left == []
    assert bench.head() == made
    assert bench.git("rev-parse", f"{made}^").decode().strip() == old
    assert bench.status() == b""
    assert bench.git("diff-files") == b"", "the index must know the new files without reading them"
    assert bench.leftovers() == []
    assert os.readlink(bench.root / "in") == "a.txt"  # noqa: PTH115
    assert (bench.root / "mine/d.txt/now/a/folder.txt").read_bytes() == b"six\n"
    assert os.access(bench.root / "run.sh", os.X_OK)
    assert bench.git("log", "-1", "--format=%an <%ae> %s").decode().strip() == "Sync <sync@example.com> Sync demo"
    assert b"directional-sync: demo" in bench.git("reflog", "-1")
    bench.git("fsck", "--strict")


def test_files_too_large_to_be_held_are_written_in_parts(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_BATCH_BYTES", 1_000)
    wishes = {"a.txt": b"1" * 5_000, "new/b.bin": bytes(range(256)) * 9_000, "c": ("100755", b"3" * 1_001), "d": b""}
    _, left = bench.commit(wishes)
    assert left == [] and bench.status() == b"" and bench.leftovers() == []
    assert (bench.root / "new/b.bin").read_bytes() == wishes["new/b.bin"]
    assert (bench.root / "a.txt").read_bytes() == wishes["a.txt"] and os.access(bench.root / "c", os.X_OK)


def standing(path: Path) -> tuple[object, ...]:
    """All but the time of the last reading."""
    found = path.stat()
    return (found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, path.read_bytes())


def test_staged_unstaged_and_untracked_work_elsewhere_stays(bench: Workbench) -> None:
    write(bench.root, "mine/staged.txt", b"staged\n")
    bench.git("add", "mine/staged.txt")
    write(bench.root, "mine/d.txt", b"edited\n")
    write(bench.root, "in/untracked.txt", b"untracked\n")
    watched = [bench.root / key for key in ("mine/staged.txt", "mine/d.txt", "in/untracked.txt")]
    before = [standing(path) for path in watched]
    entries = bench.git("ls-files", "--stage", "mine")
    bench.commit({"a.txt": b"ONE\n", "in/b.txt": None, "in/c.txt": None})
    assert [standing(path) for path in watched] == before
    assert bench.git("ls-files", "--stage", "mine") == entries
    assert bench.status() == b" M mine/d.txt\0A  mine/staged.txt\0?? in/\0"


def test_a_path_that_the_user_staged_otherwise_keeps_its_index_entry(bench: Workbench) -> None:
    write(bench.root, "a.txt", b"staged by the user\n")
    bench.git("add", "a.txt")
    entry = bench.git("ls-files", "--stage", "a.txt")
    write(bench.root, "a.txt", b"one\n")
    bench.commit({"a.txt": b"ONE\n", "in/b.txt": b"TWO\n"})
    assert bench.git("ls-files", "--stage", "a.txt") == entry
    assert bench.status() == b"MM a.txt\0"


@pytest.mark.parametrize("umask", [0o077, 0o000, 0o022])
def test_modes_follow_the_umask_as_with_git(bench: Workbench, umask: int) -> None:
    old = os.umask(umask)
    try:
        bench.commit({"new/plain": b"x", "new/run": ("100755", b"x")})
    finally:
        os.umask(old)
    modes = [stat.S_IMODE((bench.root / "new" / name).stat().st_mode) for name in ("plain", "run")]
    assert modes == [0o666 & ~umask, 0o777 & ~umask]
    listed = bench.git("ls-tree", "-r", "HEAD", "new").split(b"\n")
    assert [line[:6] for line in listed[:2]] == [b"100644", b"100755"], "the tree is the same whatever the umask"
    assert bench.status() == b""


def test_a_replaced_file_keeps_its_permissions(bench: Workbench) -> None:
    (bench.root / "a.txt").chmod(0o600)
    bench.commit({"a.txt": b"ONE\n"})
    assert stat.S_IMODE((bench.root / "a.txt").stat().st_mode) == 0o600
    bench.reopen()
    bench.commit({"a.txt": ("100755", b"ONE\n")})
    assert stat.S_IMODE((bench.root / "a.txt").stat().st_mode) == 0o700
    assert bench.status() == b""


NAMES = ["with space", "-leading", "new\nline", 'quo"te\\', "tab\there", "\udcff\udcfe", "é", ":(glob)*", "*"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_odd_names(bench: Workbench, name: str) -> None:
    keys = (f"odd/{name}", f"{name}/inside")
    bench.commit(dict.fromkeys(keys, b"first\n"))
    assert bench.status() == b""
    bench.reopen()
    bench.commit({keys[0]: b"second\n", keys[1]: None})
    assert bench.status() == b""
    raw = b"odd/" + name.encode("utf-8", "surrogateescape")
    assert (Path(os.fsdecode(os.fsencode(bench.root) + b"/" + raw))).read_bytes() == b"second\n"
    assert raw in bench.git("ls-files", "-z").split(b"\0")


@pytest.mark.parametrize("version", ["2", "3", "4", "split"])
@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_every_form_of_index(tmp_path: Path, form: str, version: str) -> None:
    files = {f"d{n % 7}/file{n}": b"%d\n" % n for n in range(60)}
    bench = Workbench.make(tmp_path / "work", files, f"--object-format={form}")
    if version == "split":
        bench.git("update-index", "--split-index")
    else:
        bench.git("update-index", "--index-version", version)
        if version == "3":
            write(bench.root, "later", b"x")
            bench.git("add", "--intent-to-add", "later")
    bench.commit({"d1/file1": b"new\n", "d2/file2": None, "d9/file9": b"more\n"})
    expected = b" A later\0" if version == "3" else b""
    assert bench.status() == expected
    if version != "split":
        assert bench.git("diff-files", "--", "d1", "d9") == b""
    bench.git("fsck", "--strict")
    write(bench.root, "d1/file1", b"newer\n")
    assert bench.status() == b" M d1/file1\0" + expected, "an edit after the run must show"


def test_refs_move_along_or_not_at_all(bench: Workbench) -> None:
    base = "refs/directional-sync/base/demo"
    made, _ = bench.commit({"a.txt": b"ONE\n"}, (RefMove(base, bench.repository.head, ""),))
    assert bench.git("rev-parse", base).decode().strip() != made
    bench.reopen()
    before = (bench.head(), (bench.root / "a.txt").read_bytes())
    with pytest.raises(StalePlanError) as caught:
        bench.commit({"a.txt": b"two\n"}, (RefMove(base, bench.repository.head, ""),))
    assert caught.value.code == "E-STALE-BRANCH"
    assert (bench.head(), (bench.root / "a.txt").read_bytes()) == before
    assert bench.leftovers() == []


def test_only_refs_move_when_the_tree_stays(bench: Workbench) -> None:
    base = "refs/directional-sync/base/demo"
    assert bench.commit({}, (RefMove(base, bench.repository.head, ""),)) == ("", [])
    assert bench.git("rev-parse", base).decode().strip() == bench.head()
    assert bench.git("rev-list", "--count", "HEAD").strip() == b"1"


def test_a_linked_work_tree_gets_its_own_commit(bench: Workbench, tmp_path: Path) -> None:
    bench.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    linked = Workbench(tmp_path / "linked")
    made, _ = linked.commit({"a.txt": b"ONE\n", "in/b.txt": None})
    assert linked.status() == b""
    assert bench.status() == b""
    assert git(bench.root, "rev-parse", "other").decode().strip() == made != bench.head()
    linked.store.close()


def test_inside_a_submodule(bench: Workbench, tmp_path: Path) -> None:
    outer = Workbench.make(tmp_path / "outer", {"x": b"x\n"})
    git(outer.root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(bench.root), "sub")
    git(outer.root / "sub", "switch", "-q", "-C", "main")
    inner = Workbench(outer.root / "sub")
    inner.commit({"a.txt": b"ONE\n"})
    assert inner.status() == b""
    assert Repository.open(outer.root / "sub").head == inner.head()
    inner.store.close()
    outer.store.close()


def test_line_endings_of_the_user_are_no_edit(bench: Workbench) -> None:
    write(bench.root, ".gitattributes", b"*.txt text eol=crlf\n")
    bench.git("add", "-A")
    bench.git("commit", "-q", "-m", "crlf")
    (bench.root / "a.txt").unlink()
    bench.git("checkout", "--", "a.txt")
    assert (bench.root / "a.txt").read_bytes() == b"one\r\n"
    bench.reopen()
    bench.commit({"a.txt": b"ONE\n"})
    assert (bench.root / "a.txt").read_bytes() == b"ONE\n", "raw bytes"
    assert bench.status() == b""


def test_write_only_leaves_branch_and_index(bench: Workbench) -> None:
    old, index = bench.head(), bench.git("ls-files", "--stage")
    assert transaction.write_only(bench.repository, bench.store, bench.work({"a.txt": b"ONE\n", "n/e": b"new\n"})) == []
    assert (bench.head(), bench.git("ls-files", "--stage")) == (old, index)
    assert bench.status() == b" M a.txt\0?? n/\0"
    assert bench.leftovers() == []
