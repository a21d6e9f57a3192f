"""A real repository to work in, trees to commit to it, and plain git and file reads to judge the result by."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from directional_sync.git import transaction, tree
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, LINK, Entry

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "LC_ALL": "C",
}
WHEN = "2026-03-01T12:00:00+00:00"
RUN = "0197f3a2c7d1aaaaaaaaaa"

Wish = bytes | tuple[str, bytes] | None
"""Content of a file; (mode, content) for other modes; None: the path is to be deleted."""


class Workbench:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository = Repository.open(root)
        self.store = ObjectStore(self.repository, self.repository.cache / "quarantine" / "bench")

    @classmethod
    def make(cls, root: Path, files: Mapping[str, bytes], *options: str) -> Workbench:
        root.mkdir(parents=True)
        git(root, "init", "-q", "-b", "main", *options)
        for key, content in files.items():
            write(root, key, content)
        git(root, "add", "-A")
        git(root, "commit", "-q", "--allow-empty", "-m", "Begin")
        return cls(root)

    def reopen(self) -> None:
        self.store.close()
        self.repository = Repository.open(self.root)
        self.store = ObjectStore(self.repository, self.repository.cache / "quarantine" / "bench")

    def changes(self, wishes: Mapping[str, Wish]) -> tuple[Change, ...]:
        """From what HEAD holds to what is wished."""
        found = tree.flatten(self.store, tree.select(self.store, self.store.tree_of(self.repository.head), ("**",)))
        made = []
        for key, wish in sorted(wishes.items()):
            if wish is None:
                after = ABSENT
            else:
                mode, content = wish if isinstance(wish, tuple) else (FILE, wish)
                after = Entry(content.decode() if mode == "160000" else self.store.write_blob(content), mode)
            before = found.entries.get(key, ABSENT)
            if before != after:
                made.append(Change(key, before, after))
        return tuple(made)

    def work(self, wishes: Mapping[str, Wish], moves: tuple[transaction.RefMove, ...] = ()) -> transaction.Commit:
        changes = self.changes(wishes)
        top = self.store.tree_of(self.repository.head)
        new = tree.edit(self.store, top, {change.key: change.after for change in changes})
        return transaction.Commit(
            run=RUN,
            target="demo",
            tree=new,
            message="Sync demo\n\nSync-Target: demo\n",
            changes=changes,
            moves=moves,
            author=("Sync", "sync@example.com"),
            when=WHEN,
        )

    def commit(self, wishes: Mapping[str, Wish], moves: tuple[transaction.RefMove, ...] = ()) -> tuple[str, list[str]]:
        return transaction.commit(self.repository, self.store, self.work(wishes, moves))

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return git(self.root, *arguments, stdin=stdin)

    def status(self) -> bytes:
        return self.git("status", "--porcelain", "-z")

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").decode().strip()

    def leftovers(self) -> list[str]:
        """Whatever of ours should not be there after a transaction."""
        found = [str(path) for path in self.root.rglob(".dsync-tmp-*")]
        git_dir = self.repository.git_dir
        found += [str(path) for path in git_dir.glob("index.*")]
        found += [str(path) for path in self.repository.common_dir.rglob("*.lock") if path.name != "lock"]
        journal = self.repository.state / "journal"
        return found + ([str(path) for path in journal.iterdir()] if journal.is_dir() else [])


def git(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=root, env=ENVIRONMENT, input=stdin, capture_output=True, check=True
    ).stdout


def write(root: Path, key: str, content: bytes) -> Path:
    path = root / os.fsdecode(key.encode("utf-8", "surrogateescape"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


__all__ = ["EXECUTABLE", "FILE", "LINK", "Workbench", "git", "write"]
