"""The way back on a far side: what the ledger says was there before, through the endpoint's own way of writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from directional_sync.endpoints.base import Endpoint, Translating
from directional_sync.errors import SyncError
from directional_sync.git import tree as trees
from directional_sync.model.plan import Change, Held, Side, Why
from directional_sync.model.record import Prior
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Snapshot
from directional_sync.run.base import Base, globs
from directional_sync.run.world import Passage

ARCHIVED = "what the run has made is removed the way this far side removes things: Notion moves rows to its trash"
MADE_AGAIN = "what the run has removed is made anew, under a new id, and without what people had added to it"


def joined(priors: Iterable[Prior]) -> dict[str, Prior]:
    """By key, from what was there before the run to what it left."""
    found: dict[str, Prior] = {}
    for one in priors:
        found[one.key] = found[one.key].then(one) if one.key in found else one
    return found


@dataclass(frozen=True, slots=True)
class FarBack:
    """The way back on a far side."""

    changes: tuple[Change, ...] = ()
    held: tuple[Held, ...] = ()
    """What has to stay as it is."""
    already: Mapping[str, Entry] = field(default_factory=dict)
    """What is back already: an undoing of the same run was cut off after it."""


def far_back(
    at: Passage, endpoint: Endpoint, base: Base, priors: Sequence[Prior], before: Callable[[str], Entry]
) -> FarBack:
    """`before`: what was agreed on before the run, for the mode of files. Raises SyncError when nothing can be said of
    the far side."""
    if at.target.records:
        files = trees.flatten(at.store, trees.select(at.store, _tree(at), globs(at.target)))
        with suppress(SyncError):  # broken inputs keep nobody from undoing; pages that are made anew are empty then
            cast(Translating, endpoint).translate(files)
    remote = endpoint.snapshot(base.snapshot)
    if any(entry.folder for entry in remote.entries.values()):
        remote = trees.flatten(at.store, remote)
    changes: list[Change] = []
    held: list[Held] = []
    already: dict[str, Entry] = {}
    for key, prior in sorted(joined(priors).items()):
        there, why = _there(remote, key)
        was = _was(at, prior, there, before(key))
        if why:
            held.append(Held(key, Side.REMOTE, Why.UNREADABLE, why))
        elif was is None:
            held.append(Held(key, Side.REMOTE, Why.LOST, prior.withheld))
        elif there == was:
            already[key] = was
        elif there.digest == prior.after:
            changes.append(Change(key, there, was))
        else:
            held.append(Held(key, Side.REMOTE, Why.LATER))
    return FarBack(tuple(changes), tuple(held), already)


def notes(changes: Sequence[Change], records: bool) -> tuple[str, ...]:
    """What people should know before they say yes."""
    if not records:
        return ()
    gone = [ARCHIVED] if any(change.after.absent for change in changes) else []
    return (*gone, *([MADE_AGAIN] if any(change.before.absent for change in changes) else []))


def _tree(at: Passage) -> str:
    return at.store.tree_of(at.world.repository.head)


def _there(remote: Snapshot, key: str) -> tuple[Entry, str]:
    entry = remote.at(key)
    why = remote.why_unreadable(key) or entry.unreadable
    return (ABSENT, why) if why else (entry, "")


def _was(at: Passage, prior: Prior, there: Entry, agreed: Entry) -> Entry | None:
    """None when what was there is not kept."""
    if prior.withheld:
        return None
    if prior.before is None:
        return ABSENT
    digest = at.store.write_blob(prior.before)
    if agreed.digest == digest:
        return agreed
    return Entry(digest, there.mode if there.present else FILE)
