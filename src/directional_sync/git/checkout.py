"""A tree as plain files in a folder of our own, for gates and programs to look at.

Git does the writing, with an index kept beside the folder: a second checkout writes only what differs, and sees
by that index whatever was changed, added or removed in the folder since. No conversion takes place and no filter
is run: the files hold the bytes of the blobs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from directional_sync.errors import HostError
from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import Git
from directional_sync.system import host
from directional_sync.system.files import write_private

_RAW = b"* -text -crlf -eol -ident -filter -working-tree-encoding\n"
SETTINGS = {
    "checkout.workers": "0",
    "core.fsync": "none",
    "core.symlinks": "true",
    "core.fileMode": "true",
    "core.trustctime": "true",
    "core.checkStat": "default",
}


def checkout(store: ObjectStore, tree: str, folder: Path) -> None:
    """Makes `folder` hold exactly the files of `tree`; there is no `.git` in it. Fast when `folder` holds an
    earlier checkout: only what differs is written, and whatever else was put there is removed. Links are made as
    they are and never written through. Needs the folder `<folder>.git` beside it. Raises HostError."""
    keep = folder.with_name(f"{folder.name}.git")
    git = replace(store.git, git_dir=keep, work_tree=folder).including(config=SETTINGS)
    if (keep / "index").exists() and not (keep / "index.lock").exists():
        try:
            _fill(git, tree)
            return
        except HostError:
            pass  # spoilt, or made unreadable by what ran in there: anew, then
    _begin(store, keep, folder)
    _fill(git, tree)


def _fill(git: Git, tree: str) -> None:
    git.work_tree.mkdir(parents=True, exist_ok=True)
    again = (git.git_dir / "index").exists()
    git.run("read-tree", "--reset", "-u", tree, timeout_s=3600)
    if again:
        git.run("clean", "-ffdxq", timeout_s=3600)


def _begin(store: ObjectStore, keep: Path, folder: Path) -> None:
    with host.host_errors(folder):
        host.remove_tree(folder)
        host.make_folder(folder)
    begin(store, keep)


def begin(store: ObjectStore, keep: Path) -> None:
    """Makes `keep` a git folder with nothing in it but orders to write files as they are: its attributes go before
    every `.gitattributes`. Raises HostError."""
    with host.host_errors(keep):
        host.remove_tree(keep)
        host.make_folder(keep / "refs")
    form = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
    if store.hash_name != "sha1":
        form = "[core]\n\trepositoryformatversion = 1\n\tbare = false\n"
        form += f"[extensions]\n\tobjectFormat = {store.hash_name}\n"
    write_private(keep / "config", form.encode("ascii"))
    write_private(keep / "HEAD", b"ref: refs/heads/none\n")
    write_private(keep / "info" / "attributes", _RAW)
    host.make_folder(keep / "objects")
