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
