"""Where the two sides together would make a path a file and a folder at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from directional_sync.model.plan import Change
from directional_sync.model.snapshot import Snapshot


def crossings(side: Snapshot, changes: Iterable[Change]) -> frozenset[str]:
    """Keys at which `side` would hold a file after the changes, and something below it as well."""
    there = {key for key, entry in side.entries.items() if not entry.absent}
    for change in changes:
        if change.after.present:
            there.add(change.key)
        else:
            there.discard(change.key)
    return frozenset(key for key in {above for key in there for above in _above(key)} if key in there)


def crossed(key: str, tops: frozenset[str]) -> bool:
    """Whether `key` is one of `tops` or lies below one."""
    return key in tops or any(above in tops for above in _above(key))


def _above(key: str) -> Iterator[str]:
    key = key.rpartition("/")[0]
    while key:
        yield key
        key = key.rpartition("/")[0]
