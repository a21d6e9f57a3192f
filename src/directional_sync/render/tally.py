"""One word for each target and one count for each word: what every face of a run shows is taken from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.plan import Counts
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.render.ink import Style


class Word(StrEnum):
    """How a target ended, as people read it."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"
    """A dry run that could not look ahead: never to be read as "no change"."""
    FAILED = "failed"
    REFUSED = "refused"
    CONFLICT = "conflict"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


SUCCESSES = (Word.CHANGED, Word.UNCHANGED, Word.UNKNOWN)
FAILURES = (Word.FAILED, Word.REFUSED, Word.CONFLICT, Word.CANCELLED)

_WORDS: Mapping[Outcome, Word] = {
    Outcome.IN_SYNC: Word.UNCHANGED,
    Outcome.SYNCED: Word.CHANGED,
    Outcome.REFUSED: Word.REFUSED,
    Outcome.CONFLICTED: Word.CONFLICT,
    Outcome.FAILED: Word.FAILED,
    Outcome.SKIPPED: Word.SKIPPED,
    Outcome.CANCELLED: Word.CANCELLED,
}

STYLES: Mapping[Word, Style] = {
    Word.CHANGED: Style.CHANGED,
    Word.UNCHANGED: Style.NONE,
    Word.UNKNOWN: Style.CHANGED,
    Word.FAILED: Style.BAD,
    Word.REFUSED: Style.BAD,
    Word.CONFLICT: Style.BAD,
    Word.CANCELLED: Style.BAD,
    Word.SKIPPED: Style.QUIET,
}

SIGNS: Mapping[Word, str] = {
    Word.CHANGED: "~",
    Word.UNCHANGED: "=",
    Word.UNKNOWN: "?",
    Word.FAILED: "!",
    Word.REFUSED: "!",
    Word.CONFLICT: "x",
    Word.CANCELLED: "!",
    Word.SKIPPED: "=",
}

SKIPS: Mapping[Skip | None, str] = {
    Skip.PAUSED: "paused in the file",
    Skip.NOT_DUE: "not due",
    Skip.ELSEWHERE: "its far side is not on this machine",
    Skip.DEPENDENCY: "a target it needs did not succeed",
    Skip.UNAVAILABLE: "endpoint not available in this version",
    Skip.UNLOCKED: "the lock does not say what they take",
    Skip.UNDONE: "at rest since a run was undone (--resume goes on)",
    None: "skipped",
}


def word(record: TargetRecord) -> Word:
    if record.outcome is not Outcome.PLANNED:
        return _WORDS[record.outcome]
    if record.plan is not None and record.plan.opaque:
        return Word.UNKNOWN
    if record.plan is not None and record.plan.empty:
        return Word.UNCHANGED
    return Word.CHANGED


def in_part(record: TargetRecord) -> bool:
    """Whether a dry run found something to do beside what keeps the target from being done as a whole."""
    short = record.outcome in (Outcome.FAILED, Outcome.CONFLICTED)
    return short and record.plan is not None and not record.plan.empty


def outcome_word(outcome: str) -> str:
    """The word for an outcome as reports keep it."""
    try:
        return "planned" if outcome == Outcome.PLANNED else _WORDS[Outcome(outcome)]
    except ValueError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Tally:
    """The numbers of one run. `successful + failed == total`; skipped targets are counted beside."""

    total: int
    successful: int
    failed: int
    skipped: int
    words: Mapping[Word, int]
    counts: Counts

    def of(self, word: Word) -> int:
        return self.words.get(word, 0)


def tally(summary: Summary) -> Tally:
    words: dict[Word, int] = {}
    counts = Counts()
    for record in summary.records:
        words[word(record)] = words.get(word(record), 0) + 1
        counts += record.counts
    return Tally(len(summary.counted), summary.successful, summary.failed, len(summary.skipped), words, counts)


def numbers(given: Tally) -> str:
    """`8 targets: 7 successful (2 changed, 5 unchanged), 1 failed (1 refused), 3 skipped`."""
    noun = "target" if given.total == 1 else "targets"
    parts = (_split("successful", given.successful, given, SUCCESSES), _split("failed", given.failed, given, FAILURES))
    return f"{given.total} {noun}: {', '.join(parts)}, {given.skipped} skipped"


def _split(name: str, total: int, given: Tally, words: tuple[Word, ...]) -> str:
    shown = [f"{given.of(word)} {word}" for word in words if given.of(word)]
    return f"{total} {name}" + (f" ({', '.join(shown)})" if shown and shown != [f"{total} {name}"] else "")
