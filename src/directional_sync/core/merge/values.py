"""The nouns of a merge by content.

A *clash* is a place, as small as can be, that both sides changed and not to the same. A *choice* settles one clash. A
*note* says what was decided without being asked. Values may hold secrets: their reprs leave content out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """By what parts a content is merged."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    TOML = "toml"
    MARKDOWN = "markdown"
    BINARY = "binary"


class Choice(Enum):
    """Which side of a clash is to stand."""

    REPO = "repo"
    REMOTE = "remote"
    BOTH = "both"
    """First what the repo has, then what the remote has."""


class Place(Enum):
    """What a clash is about."""

    FILE = "file"
    KEY = "key"
    LIST = "list"
    LINES = "lines"
    SECTION = "section"
    HEADING = "heading"
    LINE_ENDS = "line_ends"


@dataclass(frozen=True)
class Clash:
    """One place that was changed on both sides."""

    id: str
    """Where: `$.servers.github.url`, `## 17) MCP servers: line 40`, `lines 12-14` (of the repo's text). Unique in a
    merge, the same for the same three contents, and untouched by what is chosen elsewhere."""
    place: Place
    base: str | None = field(repr=False)
    """The text on each side as it is written there. None: absent."""
    repo: str | None = field(repr=False)
    remote: str | None = field(repr=False)
    may_take_both: bool = False

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over place and values. A choice that was made for one fingerprint must not be used
        for another, even where the id is the same."""
        told = hashlib.sha256()
        for part in (self.id, self.base, self.repo, self.remote):
            told.update(b"-" if part is None else b"+%d:" % len(part) + part.encode("utf-8", "surrogatepass"))
        return told.hexdigest()[:16]


class NoteKind(Enum):
    EDIT_KEPT = "edit_kept"
    """One side deleted what the other changed: the change stays."""
    BY_LINES = "by_lines"
    """The content was merged by lines, because its parts could not be told apart or put together safely."""
    CHOICE_UNUSED = "choice_unused"
    """A choice names a clash that there is not."""


@dataclass(frozen=True, slots=True)
class Note:
    kind: NoteKind
    where: str
    """A place, as in `Clash.id`; empty for the whole content."""
    text: str
    """One sentence for people. Holds no content."""


@dataclass(frozen=True)
class Merged:
    """What came of a merge. Written on both sides or on none: there is `content` only when nothing is open."""

    kind: Kind
    """By which kind it was merged in the end."""
    content: bytes | None = field(repr=False)
    partial: bytes = field(repr=False)
    """With every open clash as the repo has it. For showing: it must not be written, since the remote's side of the
    clashes is not in it."""
    clashes: tuple[Clash, ...] = ()
    """Still open, in the order of the content."""
    settled: tuple[Clash, ...] = ()
    """Settled by a choice."""
    notes: tuple[Note, ...] = ()


Choices = Mapping[str, Choice]


class UnfitChoice(ValueError):
    """A choice that its clash does not have: both sides of a single value."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}: both sides cannot stand here, take one of them")
        self.where = where


@dataclass(frozen=True, slots=True)
class Mark:
    open: int
    settled: int
    notes: int
    named: Mapping[str, int]


class Referee:
    """Collects what a merge finds, and answers how a clash is settled."""

    def __init__(self, choices: Choices, *, strict: bool = False) -> None:
        self._choices = choices
        self.strict = strict
        """Whether a deletion against a change is a clash."""
        self.open: list[Clash] = []
        self.settled: list[Clash] = []
        self.notes: list[Note] = []
        self._named: dict[str, int] = {}

    def clash(
        self,
        where: str,
        place: Place,
        base: str | None,
        repo: str | None,
        remote: str | None,
        *,
        may_take_both: bool = False,
    ) -> Choice:
        """What is to stand here; REPO while nobody has chosen. Raises UnfitChoice."""
        count = self._named[where] = self._named.get(where, 0) + 1
        name = where if count == 1 else f"{where} ({count})"
        clash = Clash(name, place, base, repo, remote, may_take_both)
        choice = self._choices.get(name)
        if choice is None:
            self.open.append(clash)
            return Choice.REPO
        if choice is Choice.BOTH and not may_take_both:
            raise UnfitChoice(name)
        self.settled.append(clash)
        return choice

    def mark(self) -> Mark:
        """How much was found so far."""
        return Mark(len(self.open), len(self.settled), len(self.notes), dict(self._named))

    def since(self, mark: Mark) -> tuple[list[Clash], list[Note]]:
        """The clashes, open or settled, and the notes that were found after `mark`."""
        return [*self.open[mark.open :], *self.settled[mark.settled :]], self.notes[mark.notes :]

    def forget(self, mark: Mark) -> None:
        """Takes back what was found after `mark`."""
        del self.open[mark.open :], self.settled[mark.settled :], self.notes[mark.notes :]
        self._named = dict(mark.named)

    def note(self, kind: NoteKind, where: str, text: str) -> None:
        self.notes.append(Note(kind, where, text))

    def edit_kept(self, where: str, deleted_in: str) -> None:
        other = "remote" if deleted_in == "repo" else "repo"
        self.note(NoteKind.EDIT_KEPT, where, f"deleted in the {deleted_in}, changed in the {other}: the change is kept")
