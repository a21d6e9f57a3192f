"""What a run would do: changes for each side, base moves, conflicts and held keys, bound to what was seen."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from directional_sync.model.snapshot import Entry, Source
from directional_sync.model.target import Direction


class Side(StrEnum):
    REPO = "repo"
    REMOTE = "remote"


class Sign(StrEnum):
    """What a change does to its key."""

    ADD = "+"
    CHANGE = "~"
    DELETE = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """One key of one side: what is expected there, and what it is to become. Never equal."""

    key: str
    before: Entry
    after: Entry

    @property
    def sign(self) -> Sign:
        if not self.before.present:
            return Sign.ADD
        return Sign.CHANGE if self.after.present else Sign.DELETE


@dataclass(frozen=True, slots=True)
class Conflict:
    """A key that changed on both sides, to different content; it waits for a person."""

    key: str
    base: Entry
    repo: Entry
    remote: Entry
    why: str = ""
    """What keeps it from being merged, as a sentence without content; "" when nobody has tried."""
    clashes: tuple[str, ...] = ()
    """Where in the content both sides have changed the same: ids of `core.merge` clashes."""


class Ending(StrEnum):
    """How a conflict was settled."""

    MERGED = "merged"
    REPO = "repo"
    REMOTE = "remote"
    BOTH = "both"
    EDITED = "edited"
    """A person has written what stands now."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A conflict that this plan settles, and how."""

    conflict: Conflict
    ending: Ending
    after: Entry
    """What stands at the key on both sides then."""
    copy: str = ""
    """The key at which the far side's version stands then; "" without."""
    note: str = ""
    """What was decided without being asked, as a sentence without content."""


class Why(StrEnum):
    """Why a key that differs is left as it is."""

    UNREADABLE = "unreadable"
    """A side could not be looked at."""
    REFUSED = "refused"
    """A gate refused what would come from its source."""
    EDITED = "edited"
    """The destination of a one-way flow was edited, the source was not changed."""
    FOREIGN = "foreign"
    """The destination holds an item that never came from the source."""
    EDIT_KEPT = "edit_kept"
    """Deleted at the source, edited at the destination: the edit survives."""
    DELETE_KEPT = "delete_kept"
    """Deleted on one side, kept on the other by `on_delete: keep`."""
    LATER = "later"
    """It was to be undone, and somebody has changed it since."""
    LOST = "lost"
    """It was to be undone, and nobody knows what was there before."""
    READ_ONLY = "read_only"
    """The side that would have to change may not be written."""


@dataclass(frozen=True, slots=True)
class Held:
    """A key that differs and is left as it is, with the reason."""

    key: str
    side: Side
    """The side whose content is being protected, or that could not be read."""
    why: Why
    detail: str = ""
    advice: str = field(default="", compare=False, repr=False)
    """What a person can do about it; "" when nobody said."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What the plan saw; where any of it differs at apply time the plan is stale."""

    config: str = ""
    base: str = ""
    repo: str = ""
    remote: str = ""


@dataclass(frozen=True)
class Plan:
    """Made by `core.reconcile`, judged by gates, carried out by `run`. Tuples are sorted by key."""

    target: str
    direction: Direction
    repo: tuple[Change, ...] = ()
    """Changes for the repository side."""
    remote: tuple[Change, ...] = ()
    """Changes for the far side."""
    agreed: tuple[Change, ...] = ()
    """Base moves that need no write: both sides already hold the same, the base does not."""
    conflicts: tuple[Conflict, ...] = ()
    settled: tuple[Settled, ...] = ()
    """Conflicts that the changes settle."""
    outlived: tuple[str, ...] = ()
    """Keys that were deleted on one side and edited on the other: the edit stays, and is made again where it was
    deleted."""
    held: tuple[Held, ...] = ()
    foreseen: tuple[Held, ...] = field(default=(), compare=False)
    """Of a dry run: changes for the far side that it would refuse, each with the reason."""
    sources: tuple[Source, ...] = ()
    was: tuple[Source, ...] = field(default=(), compare=False)
    """The sources of the base: with `sources`, what moved from where to where."""
    notes: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    """Names of sources that the configuration no longer holds, kept until they are pruned."""
    opaque: str = ""
    """Why nothing can be said beforehand about the far side; "" when everything can."""
    preview: str = ""
    """What an opaque entrypoint printed about itself when it was asked for a dry run."""
    bound: Bound = field(default=Bound(), compare=False)
    records: bool = field(default=False, compare=False)
    """Its keys are records of the far side, and their contents JSON mappings; otherwise files."""

    @property
    def noun(self) -> str:
        """What one of its items is called."""
        return "row" if self.records else "file"

    @property
    def empty(self) -> bool:
        """Nothing to write on either side and nothing unknown. Held and conflicting keys are no writes."""
        return not self.repo and not self.remote and not self.opaque

    @property
    def drift_score(self) -> int:
        """How many keys differ between the two sides, for whatever reason, unreadable ones included."""
        return len(self.repo) + len(self.remote) + len(self.conflicts) + len(self.held)

    @cached_property
    def digest(self) -> str:
        """sha256 over everything that would be done and what it was seen against."""
        total = hashlib.sha256(f"{self.target}\0{self.direction}\0{self.bound!r}\n".encode())
        for name in ("repo", "remote", "agreed", "conflicts", "settled", "held", "sources"):
            for item in getattr(self, name):
                total.update(f"{name}\0{item!r}\n".encode("utf-8", "surrogateescape"))
        total.update(self.opaque.encode())
        return total.hexdigest()


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The content of one key on both ends of a change, for showing it to people."""

    key: str
    before: bytes | None
    """None: absent, or too large to show."""
    after: bytes | None
    edited: Side | None = None
    """The side where somebody has made this edit (base to what is there); None: a change that a run would make."""
    base: bytes | None = None
    """Of a conflict, what both sides agreed on; None where that is absent, too large or of no use."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many keys were added, changed, deleted; moves are pairs already counted in added and deleted."""

    added: int = 0
    changed: int = 0
    deleted: int = 0
    moved: int = 0
    noun: str = field(default="file", compare=False)
    """What one of them is called: "file", "row", or "item" where both are counted."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.added + other.added,
            self.changed + other.changed,
            self.deleted + other.deleted,
            self.moved + other.moved,
            self._noun_with(other),
        )

    def _noun_with(self, other: Counts) -> str:
        if not self.total or not other.total:
            return self.noun if self.total else other.noun
        return self.noun if self.noun == other.noun else "item"

    @property
    def total(self) -> int:
        return self.added + self.changed + self.deleted


def moves(changes: tuple[Change, ...]) -> tuple[tuple[str, str], ...]:
    """Pairs (from, to): a deleted and an added key with the same content, each used once, in key order."""
    gone: dict[str, list[str]] = {}
    for change in changes:
        if change.sign is Sign.DELETE:
            gone.setdefault(change.before.digest, []).append(change.key)
    found = []
    for change in changes:
        if change.sign is Sign.ADD and gone.get(change.after.digest):
            found.append((gone[change.after.digest].pop(0), change.key))
    return tuple(found)


def count(changes: tuple[Change, ...], noun: str = "file") -> Counts:
    """`noun`: what one of their items is called. Only files are ever moved: two rows that hold the same are two."""
    signs = Counter(change.sign for change in changes)
    added, changed, deleted = signs[Sign.ADD], signs[Sign.CHANGE], signs[Sign.DELETE]
    moved = len(moves(changes)) if added and deleted and noun == "file" else 0
    return Counts(added, changed, deleted, moved, noun)
