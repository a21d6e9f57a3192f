"""Carrying out the changes for the far side, one by one, each in the ledger before the next is begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, cast

from directional_sync.endpoints.base import Endpoint
from directional_sync.errors import InterruptedRun, SyncError
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Event, EventType, Level
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.run.account import bug
from directional_sync.run.world import Passage

if TYPE_CHECKING:
    from collections.abc import Generator

_PRIOR_BYTES_MAX = 256_000
_AHEAD = 100


def carry_over(
    at: Passage, endpoint: Endpoint, changes: Sequence[Change]
) -> tuple[tuple[Effect, ...], SyncError | None]:
    """What became of the changes that were attempted, in order, and what ended it before the last one. Whatever
    happens, what was made is known afterwards: nothing is raised."""
    effects: list[Effect] = []
    before, wait = _Before(at.store, changes), not endpoint.capabilities.portions
    try:
        with _settled(at), closing(cast("Generator[Effect, None, None]", endpoint.apply(changes))) as applying:
            for effect in applying:
                effects.append(effect)
                at.ledger.ended(effect, before.content(effect.change), wait=wait)
                at.world.tell(_event(at, effect, len(effects), len(changes)))
                if len(effects) < len(changes) and at.world.stop():
                    raise _stopped(at)
                if len(effects) < len(changes):
                    at.world.turns.still(at.target)
    except SyncError as error:
        return tuple(effects), error
    except Exception as error:  # an endpoint may be a stranger's, and what it has made must not be forgotten
        return tuple(effects), bug(error)
    return tuple(effects), None


@contextmanager
def _settled(at: Passage) -> Iterator[None]:
    """What became of the changes is on the disk, however they end."""
    try:
        yield
    finally:
        at.ledger.settle()


class _Before:
    """What stood where something changes, read some ahead."""

    def __init__(self, store: ObjectStore, changes: Sequence[Change]) -> None:
        self._store = store
        sizes = store.size_many(change.before.digest for change in changes if change.before.present)
        self._wanted = [digest for digest, size in sizes.items() if size <= _PRIOR_BYTES_MAX]
        self._places = {digest: at for at, digest in enumerate(self._wanted)}
        self._read: dict[str, bytes] = {}

    def content(self, change: Change) -> bytes | None:
        """None when it was absent, is too large to be kept, or is nowhere."""
        digest = change.before.digest
        if digest in self._places and digest not in self._read:
            start = self._places[digest]
            self._read = self._store.read_many(self._wanted[start : start + _AHEAD])
        return self._read.get(digest)


def _event(at: Passage, effect: Effect, number: int, total: int) -> Event:
    message = f"{number} of {total}: {effect.change.key} {effect.kind}"
    data = {"key": effect.change.key, "kind": str(effect.kind), "number": number, "total": total}
    return Event(EventType.PROGRESS, message, at.target.name, Level.DEBUG, data)


def _stopped(at: Passage) -> InterruptedRun:
    return InterruptedRun(
        "E-INTERRUPTED",
        f"stopped while {at.target.name} was written to the far side",
        kept="what was written is recorded, and nothing is half written",
        hint=f"carry on with: dsync run {at.target.name}",
    )
