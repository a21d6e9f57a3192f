"""Where git keeps things, found without git."""

from __future__ import annotations

from pathlib import Path

from tests.git.conftest import Folder

from directional_sync.git import layout


def test_a_repository_a_linked_work_tree_and_a_folder_inside(folder: Folder, tmp_path: Path) -> None:
    main = folder.root
    folder.git("worktree", "add", "-q", str(tmp_path / "linked"))
    (main / "deep" / "er").mkdir(parents=True)
    assert layout.find_root(main / "deep" / "er") == main.resolve()
    assert layout.common_dir(main) == main / ".git"
    assert layout.common_dir(tmp_path / "linked") == (main / ".git").resolve()


def test_removing_a_tree_does_not_follow_links(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    junk = tmp_path / "junk"
    (junk / "locked").mkdir(parents=True)
    (junk / "locked" / "f").write_text("x")
    (junk / "locked").chmod(0o500)
    (junk / "link").symlink_to(precious)
    layout.remove_tree(junk)
    assert not junk.exists()
    assert (precious / "file").read_text() == "keep"
    link = tmp_path / "only-link"
    link.symlink_to(precious)
    layout.remove_tree(link)
    assert (precious / "file").exists()
