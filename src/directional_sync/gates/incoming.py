"""The content that a plan would bring in, for gates that look into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from directional_sync.gates.base import Subject
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import FOLDER, GITLINK, LINK

_AT_ONCE = 200


def incoming(subject: Subject) -> list[Change]:
    """The changes of either side that bring in a file, with other content or another mode than before."""
    plan = subject.plan
    changes = (*plan.repo, *plan.remote) if plan is not None else ()
    return [change for change in changes if change.after.present and change.after.mode not in (LINK, GITLINK, FOLDER)]


def contents(subject: Subject, changes: Sequence[Change]) -> Iterator[tuple[Change, bytes, bytes]]:
    """Each change with the content that was there and the one that comes. Raises KeyError when one cannot be read."""
    for start in range(0, len(changes), _AT_ONCE):
        some = changes[start : start + _AT_ONCE]
        digests = [side.digest for change in some for side in (change.before, change.after) if side.digest]
        found = subject.read_many(list(dict.fromkeys(digests)))
        for change in some:
            before = found.get(change.before.digest, b"") if change.before.mode not in (GITLINK, FOLDER) else b""
            yield change, before, found[change.after.digest]
