"""A repository of our own for the length of one piece of work: git in it reads all the stores of a run, and what it
makes goes into the run's quarantine. It has no ref, no commit and no file, so nothing but what it is given counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import Git
from directional_sync.system import host
from directional_sync.system.files import write_private

_ATTRIBUTES = b"* merge !conflict-marker-size !whitespace -text -eol -ident -filter -working-tree-encoding\n"
"""Before every `.gitattributes` of a tree: files are merged line by line when they are text, and never converted."""
_SETTINGS = {
    "core.commitGraph": "false",
    "core.bigFileThreshold": "512m",
    "diff.algorithm": "default",
    "diff.renames": "true",
    "merge.conflictStyle": "merge",
    "merge.directoryRenames": "conflict",
    "merge.renameLimit": "7000",
    "merge.renames": "true",
    "merge.renormalize": "false",
    "merge.verbosity": "2",
}
"""What decides a merge is git's own default, written down, so that it is the same with every version."""


@contextlib.contextmanager
def workshop(store: ObjectStore, *, shallow: bytes = b"") -> Iterator[Git]:
    """The git of such a repository; its folder vanishes at the end. `shallow`: commits whose parents are not at hand,
    one id per line. Raises HostError."""
    git, quarantine = store.writing_git()
    folder = quarantine / f"work-{host.new_id()}"
    try:
        _furnish(folder / "git", store.hash_name, shallow)
        host.make_folder(folder / "files")
        yield replace(git, git_dir=folder / "git", work_tree=folder / "files").including(config=_SETTINGS)
    finally:
        host.remove_tree(folder)


def _furnish(git_dir: Path, hash_name: str, shallow: bytes) -> None:
    host.make_folder(git_dir / "refs")
    host.make_folder(git_dir / "objects")
    form = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
    if hash_name != "sha1":
        form = form.replace("= 0", "= 1") + f"[extensions]\n\tobjectFormat = {hash_name}\n"
    write_private(git_dir / "config", form.encode("ascii"))
    write_private(git_dir / "HEAD", b"ref: refs/heads/none\n")
    write_private(git_dir / "info" / "attributes", _ATTRIBUTES)
    if shallow:
        write_private(git_dir / "shallow", shallow)
