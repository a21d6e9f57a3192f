"""P3, F31, F76: what is the user's stays the user's, whenever it comes to be there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.transaction.workbench import Workbench, git, write

from directional_sync.errors import StalePlanError
from directional_sync.git import placing, transaction, worktree

WISH = {"a.txt": b"ONE\n", "in/b.txt": None, "new/e.txt": b"five\n", "new.txt": b"six\n"}


def test_dirty_is_exact(bench: Workbench) -> None:
    assert worktree.dirty(bench.repository, ["**"]) == []
    write(bench.root, "a.txt", b"one\n")  # written again with the same content
    write(bench.root, "in/b.txt", b"edited\n")
    write(bench.root, "mine/d.txt", b"staged\n")
    bench.git("add", "mine/d.txt")
    (bench.root / "in/c.txt").unlink()
    write(bench.root, "untracked.txt", b"x")
    index = (bench.repository.git_dir / "index").read_bytes()
    assert worktree.dirty(bench.repository, ["**"]) == ["in/b.txt", "in/c.txt", "mine/d.txt"]
    assert worktree.dirty(bench.repository, ["in/**", "a.txt"]) == ["in/b.txt", "in/c.txt"]
    assert worktree.dirty(bench.repository, ["in/b*"]) == ["in/b.txt"]
    assert (bench.repository.git_dir / "index").read_bytes() == index, "looking must not write"


def put_untracked(root: Path) -> str:
    write(root, "new.txt", b"the user's\n")
    return "new.txt"


def put_ignored(root: Path) -> str:
    write(root, ".git/info/exclude", b"new.txt\n")
    return put_untracked(root)


def put_edit(root: Path) -> str:
    write(root, "a.txt", b"edited\n")
    return "a.txt"


def put_mode(root: Path) -> str:
    (root / "a.txt").chmod(0o755)
    return "a.txt"


def put_linked_parent(root: Path) -> str:
    (root.parent / "elsewhere").mkdir()
    (root / "new").symlink_to(root.parent / "elsewhere")
    return "new/e.txt"


def put_repository(root: Path) -> str:
    (root / "new").mkdir()
    git(root / "new", "init", "-q")
    return "new/e.txt"


def put_folder(root: Path) -> str:
    write(root, "new.txt/theirs", b"x")
    return "new.txt"


def put_file_for_parent(root: Path) -> str:
    write(root, "new", b"a file\n")
    return "new/e.txt"


def put_link_for_file(root: Path) -> str:
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to("in/b.txt")
    return "a.txt"


def delete(root: Path) -> str:
    (root / "a.txt").unlink()
    return "a.txt"


PUT = [put_untracked, put_ignored, put_edit, put_mode, put_linked_parent, put_repository, put_folder]
PUT += [put_file_for_parent, put_link_for_file, delete]


def everything(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        if ".git" not in path.relative_to(root).parts[:1]:
            kind = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(root))] = (kind, path.lstat().st_mode)
    return found


@pytest.mark.parametrize("put", PUT)
def test_what_stands_in_the_way_is_found_and_nothing_is_done(bench: Workbench, put: Callable[[Path], str]) -> None:
    work = bench.work(WISH)
    assert worktree.collisions(bench.repository, work.changes) == []
    key = put(bench.root)
    assert worktree.collisions(bench.repository, work.changes) == [key]
    before, head = everything(bench.root), bench.head()
    with pytest.raises(StalePlanError) as caught:
        transaction.commit(bench.repository, bench.store, work)
    assert caught.value.code == "E-STALE-TREE"
    assert any(line.startswith(f"{key}: ") for line in caught.value.detail)
    assert (everything(bench.root), bench.head()) == (before, head)
    assert bench.leftovers() == []


def in_the_last_moment(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """Between the ref transaction and the first rename."""
    real = placing.place

    def place(*args: Any, **kwargs: Any) -> Any:
        deed()
        return real(*args, **kwargs)

    monkeypatch.setattr(transaction, "place", place)


@pytest.mark.parametrize("put", [put_untracked, put_edit, put_linked_parent, put_folder, put_file_for_parent, delete])
def test_what_comes_in_the_last_moment_is_left_alone(
    bench: Workbench, put: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []
    in_the_last_moment(monkeypatch, lambda: keys.append(put(bench.root)))
    made, left = bench.commit(WISH)
    assert left == keys
    assert bench.head() == made
    assert bench.leftovers() == []
    if put is not delete:
        monkeypatch.undo()
        there = everything(bench.root)
        assert there["new.txt" if keys == ["new.txt"] and put is put_untracked else next(iter(there))]
        assert keys[0].split("/")[0].encode() in bench.status(), "it must show as the user's own"


def test_an_edit_of_the_same_size_in_the_last_moment_is_seen(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def edit() -> None:
        path = bench.root / "a.txt"
        times = path.stat()
        path.write_bytes(b"eno\n")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    in_the_last_moment(monkeypatch, edit)
    assert bench.commit(WISH)[1] == ["a.txt"]
    assert (bench.root / "a.txt").read_bytes() == b"eno\n"
    assert bench.status() == b" M a.txt\0"


def test_a_commit_of_the_user_during_the_run_wins(bench: Workbench) -> None:
    work = bench.work(WISH)
    write(bench.root, "mine/d.txt", b"their commit\n")
    bench.git("commit", "-qam", "theirs")
    before, head = everything(bench.root), bench.head()
    with pytest.raises(StalePlanError, match="E-STALE-BRANCH"):
        transaction.commit(bench.repository, bench.store, work)
    assert (everything(bench.root), bench.head(), bench.status(), bench.leftovers()) == (before, head, b"", [])


def test_a_switch_of_branch_during_the_run_wins(bench: Workbench) -> None:
    work = bench.work(WISH)
    main = bench.head()
    bench.git("switch", "-q", "-c", "elsewhere")
    before = everything(bench.root)
    with pytest.raises(StalePlanError, match="E-STALE-BRANCH"):
        transaction.commit(bench.repository, bench.store, work)
    assert bench.git("rev-parse", "main", "elsewhere").decode().split() == [main, main]
    assert (everything(bench.root), bench.status(), bench.leftovers()) == (before, b"", [])


def test_files_that_already_hold_the_new_content_are_no_obstacle(bench: Workbench) -> None:
    write(bench.root, "new.txt", b"six\n")
    write(bench.root, "a.txt", b"ONE\n")
    (bench.root / "in/b.txt").unlink()
    assert bench.commit(WISH)[1] == []
    assert bench.status() == b""


def test_a_folder_keeps_what_git_does_not_know(bench: Workbench) -> None:
    write(bench.root, "in/notes", b"the user's\n")
    bench.commit({"in/b.txt": None, "in/c.txt": None})
    assert [path.name for path in (bench.root / "in").iterdir()] == ["notes"]
