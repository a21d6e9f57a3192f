"""What stands at a key in conflict, and all of it as one text for an editor."""

from __future__ import annotations

from dataclasses import dataclass, field

from directional_sync.core.merge.text import split, stretches
from directional_sync.core.merge.values import Clash
from directional_sync.model.wish import Waiting

MARKS = ("<<<<<<< repo", "||||||| base", "=======", ">>>>>>> remote")


@dataclass(frozen=True)
class Versions:
    waiting: Waiting
    base: bytes | None = field(repr=False)
    """None: absent, or not at hand."""
    repo: bytes | None = field(repr=False)
    remote: bytes | None = field(repr=False)
    clashes: tuple[Clash, ...] = ()
    """Where both sides have changed the same, when the content can be merged at all."""


def marked(base: bytes, repo: bytes, remote: bytes) -> bytes:
    """One text with the edits of both, in which marks surround what both have changed, as git has it. What is no UTF-8
    comes through as it is."""
    texts = [split(one.decode("utf-8", "surrogateescape")) for one in (base, repo, remote)]
    lines: list[str] = []
    for part in stretches(*texts):
        ours, theirs = texts[1][slice(*part.repo)], texts[2][slice(*part.remote)]
        if not part.open:
            lines += theirs if part.from_remote else ours
            continue
        for mark, some in zip(MARKS, (ours, texts[0][slice(*part.base)], theirs, []), strict=True):
            lines += [f"{mark}\n", *some]
            if some and not some[-1].endswith("\n"):
                lines.append("\n")
    return "".join(lines).encode("utf-8", "surrogateescape")


def marks_left(content: bytes) -> bool:
    """Whether marks of a conflict are in it."""
    marks = tuple(mark.encode() for mark in (MARKS[0], MARKS[1], MARKS[3]))
    return any(line.startswith(marks) for line in content.split(b"\n"))
