"""Single files of a folder on this machine, read once more: what they are, not what is remembered of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from directional_sync.core.line_ends import with_lf
from directional_sync.endpoints.files.reading import WHOLE_BYTES
from directional_sync.endpoints.files.seen import Memory
from directional_sync.git.quarantine import hash_object
from directional_sync.git.standing import see
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, LINK, Entry
from directional_sync.system.reach import Reach


def confirmed(
    reach: Reach, paths: Iterable[str], hash_name: str, memory: Memory, *, modes: bool, lf: bool
) -> dict[str, Entry]:
    """Path -> what is there. What is known for certain is learnt by `memory`."""
    reach.forget()
    found = {}
    for path in paths:
        try:
            seen = see(reach, path, hash_name)
            if seen is None:
                found[path] = ABSENT
                continue
            if not seen.entry.digest:
                found[path] = Entry(unreadable="it is changing just now")
                continue
            now = as_lf(reach, path, seen.entry, hash_name) if lf and seen.entry.mode != LINK else seen.entry
        except OSError as error:
            found[path] = Entry(unreadable=error.strerror or str(error))
            continue
        found[path] = replace(now, mode=FILE) if now.mode == EXECUTABLE and not modes else now
        if now.mode != LINK:
            memory.learn(path, seen.signature[:4], now.digest)
    return found


def as_lf(reach: Reach, path: str, now: Entry, hash_name: str) -> Entry:
    """`now`, which stands at `path`, as if its lines ended as they do in the repository."""
    descriptor = reach.open(path)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(WHOLE_BYTES + 1)
    if len(content) > WHOLE_BYTES or hash_object("blob", content, hash_name) != now.digest:
        return now
    return replace(now, digest=hash_object("blob", with_lf(content), hash_name))
