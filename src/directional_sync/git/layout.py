"""Where git keeps things, read from the files themselves: for commands that start no program."""

from __future__ import annotations

from pathlib import Path


def find_root(start: Path) -> Path | None:
    """The nearest folder at or above `start` that git would take for the root of a work tree, by its `.git`;
    None when there is none."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / ".git").exists():
            return folder
    return None


def common_dir(root: Path) -> Path:
    """The git directory that all work trees of the repository at `root` share."""
    git_dir = root / ".git"
    if git_dir.is_file():  # a linked work tree or a submodule: a pointer
        git_dir = (root / git_dir.read_text().partition("gitdir:")[2].strip()).resolve()
    pointer = git_dir / "commondir"
    return (git_dir / pointer.read_text().strip()).resolve() if pointer.is_file() else git_dir
