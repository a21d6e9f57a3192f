"""What lies between two commits: the paths that differ, and whose commits they are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from directional_sync.git.plumbing import Git
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import ABSENT, Entry

_TRAILER = re.compile(r"^Sync-(Target|Run): (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Between:
    """One commit, as far as it matters whose it is."""

    commit: str
    parents: tuple[str, ...]
    subject: str
    target: str
    """The target whose run made it, by its trailers; "" for a commit of somebody else."""
    run: str


def changes(git: Git, old: str, new: str) -> list[Change]:
    """From commit or tree `old` to `new`, in key order, one for each path."""
    said = git.run("diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", old, new)
    fields = said.split(b"\0")[:-1]
    found = []
    for about, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, before, after, _ = about.decode("ascii").removeprefix(":").split()
        key = path.decode("utf-8", "surrogateescape")
        found.append(Change(key, _entry(old_mode, before), _entry(new_mode, after)))
    return sorted(found, key=lambda change: change.key)


def commits(git: Git, old: str, new: str) -> list[Between]:
    """Those that can be reached from `new` and not from `old`, oldest first."""
    said = git.run("log", "--reverse", "--topo-order", "-z", "--format=%H%n%P%n%B", new, "--not", old, "--")
    found = []
    for text in said.decode("utf-8", "surrogateescape").split("\0"):
        if text:
            commit, parents, message = text.split("\n", 2)
            told = dict(_TRAILER.findall(message.rpartition("\n\n")[2]))
            ours = told if {"Target", "Run"} <= told.keys() else {}
            subject = message.partition("\n")[0]
            found.append(Between(commit, tuple(parents.split()), subject, ours.get("Target", ""), ours.get("Run", "")))
    return found


def merge_base(git: Git, one: str, other: str) -> str:
    """The newest commit in the history of both, "" where none is known here."""
    said = git.attempt("merge-base", one, other)
    return said.stdout.decode("ascii").strip() if said.status == 0 else ""


def _entry(mode: str, digest: str) -> Entry:
    return ABSENT if mode == "000000" else Entry(digest, mode)
