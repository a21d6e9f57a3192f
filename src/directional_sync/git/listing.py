"""What lies directly in given folders of a tree, read level by level."""

from __future__ import annotations

from collections.abc import Iterable

from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import FOLDER


def listing(store: ObjectStore, tree: str, folders: Iterable[str]) -> dict[str, dict[str, str]]:
    """Folder ("" for the root) -> name -> mode, for those of `folders` that `tree` has."""
    wanted = set(folders)
    on_the_way = {"", *wanted}
    for folder in wanted:
        parts = folder.split("/")
        on_the_way.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    found: dict[str, dict[str, str]] = {}
    level = {"": tree}
    while level:
        items = store.read_trees(sorted(set(level.values())))
        deeper = {}
        for folder, digest in level.items():
            found[folder] = {item.name: item.mode for item in items[digest]}
            for item in items[digest]:
                path = f"{folder}/{item.name}" if folder else item.name
                if item.mode == FOLDER and path in on_the_way:
                    deeper[path] = item.digest
        level = deeper
    return {folder: found[folder] for folder in wanted if folder in found}
