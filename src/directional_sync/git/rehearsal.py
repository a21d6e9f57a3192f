"""A commit that is about to be made, in a throw-away repository: for the user's own hooks to look at.

There the tree that would be committed is staged on top of the branch's commit, and checked out just so, whatever the
user's index and work tree hold. Objects are borrowed; refs, index, configuration and work tree are its own, so whatever
a hook does to them, it does to nothing of the user's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from directional_sync.git import plumbing
from directional_sync.git.checkout import SETTINGS, begin
from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import Git
from directional_sync.git.repository import Repository
from directional_sync.system import host
from directional_sync.system.files import write_private


@dataclass(frozen=True)
class Rehearsal:
    repository: Repository
    store: ObjectStore
    tree: str
    """What would be committed."""
    folder: Path
    """Where the throw-away repository is made; whatever is there goes."""

    def hook(self, name: str) -> Path | None:
        """The user's hook of that name, where git would look for it for this user; None when there is none. It may
        not be executable: git does not run such a one. Raises HostError."""
        asking = replace(self.repository.git, environment=plumbing.users_own())
        said = asking.run("rev-parse", "--git-path", f"hooks/{name}").decode("utf-8", "surrogateescape")
        path = self.repository.root / said.removesuffix("\n")
        return path if path.is_file() else None

    def begin(self) -> dict[str, str]:
        """Makes the repository; answers the variables that tell a hook about it, as `git commit` does. Raises
        HostError."""
        with host.host_errors(self.folder):
            host.remove_tree(self.folder)
            host.make_folder(self.folder)
        inside = self.folder / ".git"
        begin(self.store, inside)
        write_private(
            inside / "objects" / "info" / "alternates", self.store.alternates.encode("utf-8", "surrogateescape")
        )
        write_private(inside / "HEAD", f"ref: {self.repository.branch}\n".encode("utf-8", "surrogateescape"))
        self._git.update_refs([(self.repository.branch, self.repository.head, "")])
        self._git.run("read-tree", "--reset", "-u", self.tree, timeout_s=3600)
        name, address = self.repository.identity
        people = {f"GIT_{who}_{part}": value for who in ("AUTHOR", "COMMITTER") for part, value in
                  (("NAME", name), ("EMAIL", address))}  # fmt: skip
        return {**people, "GIT_INDEX_FILE": str(inside / "index"), "GIT_EDITOR": ":"}

    def altered(self) -> list[str]:
        """Paths of the tree that a hook has changed, staged otherwise or removed, and those that it has added to the
        index; sorted. Files that it only left lying about are none. Raises HostError when its index cannot be read."""
        git = self._git
        git.attempt("update-index", "-q", "--refresh")
        return sorted({*git.staged(self.tree), *git.touched()})

    def end(self) -> None:
        """Removes it, as far as that can be done."""
        host.remove_tree(self.folder)

    @property
    def _git(self) -> Git:
        git = Git(self.folder / ".git", self.folder, self.store.hash_name)
        return git.including(config=SETTINGS)


def executable(path: Path) -> bool:
    return os.access(path, os.X_OK)
