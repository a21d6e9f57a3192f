"""Targets that the file no longer holds, but the lock does: what they brought is still here."""

from __future__ import annotations

import re

from directional_sync.core.lockfile import LockedTarget
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import BASE_REF, Repository
from directional_sync.model.target import Config, Direction, Target
from directional_sync.run.base import read_lock

SUBJECT = "Prune $target: $numbers"
_ENDPOINT = "gone-from-the-file"


def departed(repository: Repository, store: ObjectStore, lock_path: str, config: Config) -> tuple[Target, ...]:
    """A target for each that the lock of the branch names and the file does not, by name: its outputs are what it
    brought, its far side holds nothing. Raises ConfigError when the lock is broken."""
    lock = read_lock(store, store.tree_of(repository.head), lock_path)
    names = {target.name for target in config.targets}
    return tuple(
        Target(
            name=name,
            direction=Direction.PULL,
            endpoint=_ENDPOINT,
            outputs=_outputs(repository, store, name, locked),
            git_commit_message=SUBJECT,
        )
        for name, locked in sorted(lock.targets.items())
        if name not in names
    )


def _outputs(repository: Repository, store: ObjectStore, name: str, locked: LockedTarget) -> tuple[str, ...]:
    """Exactly what it brought: whole folders of sources, or file by file as far as its base is known here."""
    folders = tuple(f"{_literally(source.into)}/**" for source in locked.sources if source.into)
    if folders:
        return folders
    base = repository.ref(BASE_REF.format(target=name))
    try:
        tree = store.tree_of(base) if base else locked.tree
        held = trees.flatten(store, trees.opened(store, tree))
    except KeyError:
        return ()
    return tuple(_literally(key) for key in sorted(held))


def _literally(path: str) -> str:
    """A glob that names exactly `path`."""
    return re.sub(r"([*?\\[\]])", r"\\\1", path)
