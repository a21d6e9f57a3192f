"""What the message of a commit says about the run that made it; `render.commit` is what writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from directional_sync.model.plan import Counts

_TRAILER = re.compile(r"(Sync-[A-Za-z]+): (\S.*)\Z")
_NUMBERS = re.compile(r"(?:\+(\d+) ?)?(?:~(\d+) ?)?(?:-(\d+) ?)?(?:files?|rows?|items?)\b")


@dataclass(frozen=True, slots=True)
class Synced:
    """One commit that a run has made."""

    commit: str
    parents: tuple[str, ...]
    when: int
    """Of the commit, in seconds since 1970."""
    runs: tuple[str, ...]
    """One, or several where somebody has made one commit of many."""
    targets: tuple[str, ...]
    sources: tuple[tuple[str, str], ...] = ()
    """Address and commit of those that moved."""
    undoes: str = ""
    """The run that it takes back."""
    counts: Counts = Counts()
    subject: str = ""


def read(commit: str, parents: Sequence[str], when: int, message: str) -> Synced | None:
    """None for a commit that no run has made. Only the last paragraph counts, as in git."""
    paragraphs = message.strip().split("\n\n")
    found: dict[str, list[str]] = {}
    for line in paragraphs[-1].splitlines():
        trailer = _TRAILER.match(line.strip())
        if trailer is not None:
            found.setdefault(trailer[1], []).append(trailer[2].strip())
    runs = tuple(dict.fromkeys(found.get("Sync-Run", ())))
    targets = tuple(dict.fromkeys(found.get("Sync-Target", ())))
    if not runs or not targets:
        return None
    sources = tuple((url, at) for url, _, at in (text.rpartition("@") for text in found.get("Sync-Source", ())))
    undoes = found.get("Sync-Undoes", [""])[-1]
    counts = _counts(paragraphs[1]) if len(paragraphs) > 2 else Counts()
    subject = paragraphs[0].splitlines()[0]
    return Synced(commit, tuple(parents), when, runs, targets, sources, undoes, counts, subject)


def _counts(body: str) -> Counts:
    found = _NUMBERS.match(body)
    if found is None:
        return Counts()
    added, changed, deleted = (int(number or 0) for number in found.groups())
    return Counts(added, changed, deleted)
