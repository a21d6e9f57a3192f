"""The content behind some of a plan's changes, taken while the object store is open."""

from __future__ import annotations

from directional_sync.git.objects import ObjectStore
from directional_sync.model.plan import FileDiff, Why
from directional_sync.model.snapshot import Entry
from directional_sync.run.scan import Scan

_BYTES_MAX = 200_000


def samples(seen: Scan, store: ObjectStore, wanted: int) -> tuple[FileDiff, ...]:
    """Up to `wanted` diffs in key order: what a run would change, then conflicts, then what was edited here."""
    if wanted <= 0:
        return ()
    pairs: list[tuple[str, Entry, Entry, bool]] = [(c.key, c.before, c.after, False) for c in seen.plan.repo]
    pairs += [(c.key, c.repo, c.remote, False) for c in seen.plan.conflicts]
    edited = (item.key for item in seen.plan.held if item.why in (Why.EDITED, Why.EDIT_KEPT))
    pairs += [(key, seen.differing["base"].at(key), seen.differing["repo"].at(key), True) for key in edited]
    pairs = pairs[:wanted]
    digests = sorted({entry.digest for _, before, after, _ in pairs for entry in (before, after) if entry.present})
    sizes = store.size_many(digests)
    small = store.read_many([digest for digest in digests if sizes.get(digest, _BYTES_MAX) < _BYTES_MAX])
    return tuple(
        FileDiff(key, small.get(before.digest), small.get(after.digest), local) for key, before, after, local in pairs
    )
