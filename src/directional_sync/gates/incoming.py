"""The content that a plan would bring in, for gates that look into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from directional_sync.gates.base import READ_BYTES_MAX, Subject
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import FOLDER, GITLINK, LINK, Entry

_AT_ONCE = 200
_BYTES_AT_ONCE = 64_000_000


def incoming(subject: Subject) -> list[Change]:
    """The changes of either side that bring in a file, with other content or another mode than before."""
    plan = subject.plan
    changes = (*plan.repo, *plan.remote) if plan is not None else ()
    return [change for change in changes if change.after.present and change.after.mode not in (LINK, GITLINK, FOLDER)]


def contents(subject: Subject, changes: Sequence[Change]) -> Iterator[tuple[Change, bytes, bytes]]:
    """Each change with the content that was there and the one that comes, all of it, whatever its size. Raises KeyError
    when one cannot be read."""
    for some in _portions(subject, changes):
        digests = [digest for change in some for digest in _digests(change)]
        found = subject.read_many(list(dict.fromkeys(digests)))
        for change in some:
            yield change, _content(subject, found, change.before), _content(subject, found, change.after)


def _portions(subject: Subject, changes: Sequence[Change]) -> Iterator[list[Change]]:
    """So many at once that they fit into memory together; one that is larger by itself comes alone."""
    sizes = subject.size_many(list(dict.fromkeys(digest for change in changes for digest in _digests(change))))
    some: list[Change] = []
    total = 0
    for change in changes:
        size = sum(sizes.get(digest, 0) for digest in _digests(change))
        if some and (len(some) == _AT_ONCE or total + size > _BYTES_AT_ONCE):
            yield some
            some, total = [], 0
        some.append(change)
        total += size
    if some:
        yield some


def _digests(change: Change) -> list[str]:
    return [side.digest for side in (change.before, change.after) if _readable(side)]


def _readable(side: Entry) -> bool:
    return bool(side.digest) and side.mode not in (GITLINK, FOLDER)


def _content(subject: Subject, found: Mapping[str, bytes], side: Entry) -> bytes:
    if not _readable(side):
        return b""
    content = found[side.digest]
    # Reading many stops at a limit; what is approved is approved to its last byte.
    return subject.read(side.digest) if len(content) >= READ_BYTES_MAX else content
