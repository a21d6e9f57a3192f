"""Names of repositories that are not written in the file but found in a list."""

from __future__ import annotations

from typing import cast

from directional_sync.endpoints.base import Context
from directional_sync.errors import RemoteError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.upstream import discovery
from directional_sync.upstream.remotes import Remotes


def listed(place: str, context: Context, remotes: Remotes) -> tuple[str, ...]:
    """The names in the list at `place`: an https URL, or a file of this repository as it is committed. Raises
    SyncError; a list that is empty or cannot be read to its end is an error too, never "no repositories"."""
    if "://" in place:
        return discovery.names(discovery.fetch(remotes, place), place)
    store = cast(ObjectStore, context.objects)
    found = trees.select(store, store.tree_of(context.head), (place,)).entries.get(place)
    if found is None or found.folder:
        raise RemoteError(
            "E-NAMES-MISSING",
            f"the list of names {place} is not a file that is committed on this branch",
            hint=f"commit it: git add {place}",
            kept="everything that was vendored stays as it is",
        )
    return discovery.names(store.read(found.digest), place)
