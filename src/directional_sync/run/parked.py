"""Conflicts as data: what waits for a person is kept under a ref of its own, with all three contents.

The ref moves in the same transaction as branch and base. Before a run writes what settles conflicts, it keeps what is
about to be replaced the same way, so a kill at any moment leaves both versions; each commit has the one before it for
a parent, so nothing that was ever in conflict is forgotten by git. See docs/design/conflicts.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import CONFLICTS_REF, Repository
from directional_sync.model.plan import Conflict, Plan
from directional_sync.model.snapshot import FILE, Entry
from directional_sync.model.wish import Waiting

_INDEX = "conflicts.json"
_VERSION = 1
_AUTHOR = ("directional-sync", "directional-sync@localhost")


@dataclass(frozen=True)
class Parked:
    """What is kept of one target."""

    ref: str = ""
    """The commit that our ref points at; "" when there is none."""
    waiting: tuple[Waiting, ...] = ()

    def differs(self, plan: Plan) -> bool:
        """Whether other conflicts wait after `plan` than are kept."""
        return tuple(one.conflict for one in self.waiting) != plan.conflicts


def read(repository: Repository, store: ObjectStore, target: str) -> Parked:
    """What is kept; nothing where that cannot be read: the next run finds the conflicts again."""
    ref = repository.ref(CONFLICTS_REF.format(target=target))
    if not ref:
        return Parked()
    try:
        index = trees.select(store, store.tree_of(ref), (_INDEX,)).entries[_INDEX]
        data = json.loads(store.read(index.digest))
        if data["version"] != _VERSION:
            return Parked(ref)
        return Parked(ref, tuple(_waiting(item) for item in data["conflicts"]))
    except (KeyError, ValueError, TypeError):
        return Parked(ref)


def written(
    store: ObjectStore, target: str, parked: Parked, conflicts: Iterable[Conflict], withheld: frozenset[str], when: str
) -> Parked:
    """The same with these conflicts instead, as a commit in the store."""
    since = {one.conflict.key: one.since for one in parked.waiting}
    waiting = tuple(Waiting(one, since.get(one.key, when), one.key in withheld) for one in conflicts)
    kept: dict[str, Entry] = {}
    for one in waiting:
        entries = (one.conflict.base, one.conflict.repo, one.conflict.remote)
        wanted = [e.digest for e in entries[: 2 if one.withheld else 3] if e.present]
        kept |= {f"content/{digest}": Entry(digest, FILE) for digest in store.has_many(wanted)}
    text = json.dumps({"version": _VERSION, "conflicts": [_item(one) for one in waiting]}, indent=1)
    kept[_INDEX] = Entry(store.write_blob(text.encode()), FILE)
    tree = trees.edit(store, trees.empty_tree(store.hash_name), kept)
    parents = (parked.ref,) if parked.ref else ()
    commit = store.write_commit(tree, parents, f"Conflicts of {target}", author=_AUTHOR, when=when)
    return Parked(commit, waiting)


def move(target: str, before: Parked, after: Parked) -> tuple[RefMove, ...]:
    """How the ref gets from one to the other."""
    if before.ref == after.ref:
        return ()
    return (RefMove(CONFLICTS_REF.format(target=target), after.ref, before.ref),)


def _item(one: Waiting) -> dict[str, Any]:
    conflict = one.conflict
    sides = {name: _side(getattr(conflict, name)) for name in ("base", "repo", "remote")}
    found = {"key": conflict.key, **sides, "why": conflict.why, "clashes": list(conflict.clashes), "since": one.since}
    return {**found, "withheld": True} if one.withheld else found


def _side(entry: Entry) -> dict[str, str] | None:
    return {"digest": entry.digest, "mode": entry.mode} if entry.present else None


def _waiting(item: Mapping[str, Any]) -> Waiting:
    sides = {}
    for name in ("base", "repo", "remote"):
        said = item[name]
        sides[name] = Entry(str(said["digest"]), str(said["mode"])) if said else Entry()
    conflict = Conflict(str(item["key"]), **sides, why=str(item["why"]), clashes=tuple(map(str, item["clashes"])))
    return Waiting(conflict, str(item["since"]), bool(item.get("withheld")))
