"""Exactly what the lock says, without asking anybody what is newer."""

from __future__ import annotations

from directional_sync.endpoints.git.resolve import Tips, kept
from directional_sync.endpoints.git.upstream import Upstream
from directional_sync.errors import RefusedError
from directional_sync.model.snapshot import Source
from directional_sync.upstream.complaints import KEPT


def locked_tips(upstream: Upstream, before: Source | None, recipe: str) -> Tips:
    """The commits in the lock. Raises RefusedError E-LOCK-OUTDATED when the lock speaks of something else than the
    file."""
    if before is None:
        raise _outdated(upstream, "the lock does not know it")
    for what, now, then in (
        ("url", upstream.url, before.url),
        ("into", upstream.into, before.into),
        ("ref", upstream.wanted, before.asked),
        ("what is taken of it", recipe, before.recipe),
        ("merge", ", ".join(upstream.merge), ", ".join(part.ref for part in before.merged)),
    ):
        if now != then and not (what == "merge" and _same_merges(upstream, before)):
            raise _outdated(
                upstream, f"{what} is {now or 'nothing'!r} in the file and {then or 'nothing'!r} in the lock"
            )
    return kept(upstream, before)


def _same_merges(upstream: Upstream, before: Source) -> bool:
    """Whether the lock's full names are those that the file's names may stand for."""
    pairs = zip(upstream.merge, before.merged, strict=False)
    same = all(part.ref in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}") or part.commit == ref for ref, part in pairs)
    return same and len(upstream.merge) == len(before.merged)


def _outdated(upstream: Upstream, why: str) -> RefusedError:
    return RefusedError(
        "E-LOCK-OUTDATED",
        f"{upstream.name} cannot be taken as the lock says: {why}",
        hint="bring the lock up to date with a run without --locked",
        kept=KEPT,
    )
