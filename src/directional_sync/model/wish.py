"""What a person has decided about one conflict, bound to exactly the three contents that they saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from directional_sync.model.plan import Conflict


class Take(StrEnum):
    REPO = "repo"
    """The repository's version stands on both sides."""
    REMOTE = "remote"
    BOTH = "both"
    """The far side's version stands beside the repository's, under a name of its own."""
    MERGED = "merged"
    """What does not clash is taken from both, and each clash as `clashes` says."""
    CONTENT = "content"
    """What a person has written."""


@dataclass(frozen=True, slots=True)
class Wish:
    seen: Conflict
    take: Take
    content: bytes = field(default=b"", repr=False)
    """Of `CONTENT`."""
    clashes: Mapping[str, str] = field(default_factory=dict)
    """Of `MERGED`: id of a clash -> repo, remote or both."""

    def fits(self, conflict: Conflict) -> bool:
        """Whether the conflict is still the one that the person saw."""
        seen = self.seen
        return (conflict.base, conflict.repo, conflict.remote) == (seen.base, seen.repo, seen.remote)


@dataclass(frozen=True)
class Waiting:
    """A conflict as it is kept until somebody settles it."""

    conflict: Conflict
    since: str
    """RFC 3339: when a run first met it."""
    withheld: bool = False
    """The far side's version is not kept here, because a gate would refuse it."""
