"""The content behind some of a plan's changes, taken while the object store is open."""

from __future__ import annotations

from directional_sync.git.objects import ObjectStore
from directional_sync.model.plan import FileDiff, Side, Why
from directional_sync.model.snapshot import Entry
from directional_sync.run.scan import Scan

_BYTES_MAX = 200_000


def samples(seen: Scan, store: ObjectStore, wanted: int) -> tuple[FileDiff, ...]:
    """Up to `wanted` diffs in key order: what a run would change here, then on the far side, then conflicts, then what
    was edited at the destination. The edits of a far side whose content nobody has asked for are left out."""
    if wanted <= 0:
        return ()
    plan, base = seen.plan, seen.differing["base"]
    pairs: list[tuple[str, Entry, Entry, bool]] = [(c.key, c.before, c.after, False) for c in plan.repo]
    pairs += [(c.key, c.before, c.after, False) for c in plan.remote]
    pairs += [(c.key, c.repo, c.remote, False) for c in plan.conflicts]
    edited = [item for item in plan.held if item.why in (Why.EDITED, Why.EDIT_KEPT)]
    here = [(item.key, base.at(item.key), seen.differing[item.side].at(item.key), item.side) for item in edited]
    there = store.has_many(now.digest for _, _, now, side in here if side is Side.REMOTE and now.present)
    pairs += [
        (key, was, now, side is Side.REPO)
        for key, was, now, side in here
        if side is Side.REPO or now.absent or now.digest in there
    ]
    pairs = pairs[:wanted]
    digests = sorted({entry.digest for _, before, after, _ in pairs for entry in (before, after) if entry.present})
    sizes = store.size_many(digests)
    small = store.read_many([digest for digest in digests if sizes.get(digest, _BYTES_MAX) < _BYTES_MAX])
    return tuple(
        FileDiff(key, small.get(before.digest), small.get(after.digest), local) for key, before, after, local in pairs
    )
