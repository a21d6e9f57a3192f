"""The content behind some of a plan's changes, taken while the object store is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from directional_sync.git.objects import ObjectStore
from directional_sync.model.plan import Change, FileDiff, Side, Why
from directional_sync.model.snapshot import ABSENT, Entry
from directional_sync.run.scan import Scan

_BYTES_MAX = 200_000


class _Ends(NamedTuple):
    """Both ends of a difference."""

    key: str
    before: Entry
    after: Entry
    edited: Side | None = None
    agreed: Entry = ABSENT


def samples(seen: Scan, store: ObjectStore, wanted: int) -> tuple[FileDiff, ...]:
    """Up to `wanted` diffs in key order: what a run would change here, then on the far side, then conflicts, then what
    was edited at the destination. The edits of a far side whose content nobody has asked for are left out."""
    if wanted <= 0:
        return ()
    plan, base = seen.plan, seen.differing["base"]
    found: list[_Ends] = [_Ends(c.key, c.before, c.after) for c in (*plan.repo, *plan.remote)]
    found += [_Ends(c.key, c.repo, c.remote, agreed=c.base) for c in plan.conflicts]
    edited = [item for item in plan.held if item.why in (Why.EDITED, Why.EDIT_KEPT)]
    edits = [_Ends(item.key, base.at(item.key), seen.differing[item.side].at(item.key), item.side) for item in edited]
    known = store.has_many(one.after.digest for one in edits if one.edited is Side.REMOTE and one.after.present)
    found += [one for one in edits if one.edited is Side.REPO or one.after.absent or one.after.digest in known]
    return _read(found[:wanted], store)


def contents(changes: Sequence[Change], store: ObjectStore, wanted: int) -> tuple[FileDiff, ...]:
    """Up to `wanted` diffs of these changes."""
    return _read([_Ends(change.key, change.before, change.after) for change in changes[:wanted]], store)


def _read(found: Sequence[_Ends], store: ObjectStore) -> tuple[FileDiff, ...]:
    entries = (entry for one in found for entry in (one.before, one.after, one.agreed))
    digests = sorted({entry.digest for entry in entries if entry.present})
    sizes = store.size_many(digests)
    small = store.read_many([digest for digest in digests if sizes.get(digest, _BYTES_MAX) < _BYTES_MAX])
    return tuple(
        FileDiff(
            one.key, small.get(one.before.digest), small.get(one.after.digest), one.edited, small.get(one.agreed.digest)
        )
        for one in found
    )
