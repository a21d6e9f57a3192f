"""How a target passes through a run: its steps, the outcomes it can have, and the events people hear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from directional_sync.errors import Exit


class Step(StrEnum):
    """In this order; a dry run ends after JUDGING."""

    CHECKING = "checking"
    SCANNING = "scanning"
    PLANNING = "planning"
    JUDGING = "judging"
    STAGING = "staging"
    VERIFYING = "verifying"
    APPLYING = "applying"
    COMMITTING = "committing"
    PROVING = "proving"


class Outcome(StrEnum):
    """How one target ended; a closed set."""

    IN_SYNC = "in_sync"
    PLANNED = "planned"
    """A dry run that found changes."""
    SYNCED = "synced"
    REFUSED = "refused"
    CONFLICTED = "conflicted"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


SUCCESSFUL = frozenset({Outcome.IN_SYNC, Outcome.PLANNED, Outcome.SYNCED})

OUTCOME_EXIT: Mapping[Outcome, Exit] = {
    Outcome.IN_SYNC: Exit.OK,
    Outcome.PLANNED: Exit.OK,
    Outcome.SYNCED: Exit.OK,
    Outcome.SKIPPED: Exit.OK,
    Outcome.REFUSED: Exit.REFUSED,
    Outcome.CONFLICTED: Exit.CONFLICTS,
    Outcome.FAILED: Exit.FAILED,
    Outcome.CANCELLED: Exit.INTERRUPTED,
}


class Skip(StrEnum):
    """Why a target was not attempted."""

    PAUSED = "paused"
    NOT_DUE = "not_due"
    DEPENDENCY = "dependency"
    UNAVAILABLE = "unavailable"
    """Its endpoint is not in this version."""
    ELSEWHERE = "elsewhere"
    """Its far side is not on this machine, and its options say that it is left out then."""
    UNLOCKED = "unlocked"
    """A run by the lock, which does not say what this target takes."""
    UNDONE = "undone"
    """A run of it was undone, and nobody has said since that it may be done again."""


ON_PURPOSE = frozenset({Skip.PAUSED, Skip.ELSEWHERE, Skip.UNDONE})
"""A person or the file has said that the target is left alone: nothing is wrong, and nothing is missing."""


class EventType(StrEnum):
    RUN_START = "run_start"
    TARGET_START = "target_start"
    PROGRESS = "progress"
    CHANGE = "change"
    """One upstream or one key changed, where a line about it helps."""
    CHECK = "check"
    """One of the user's checks, a verification or a drift gate gave its verdict."""
    GUARD = "guard"
    """One of the built-in gates gave a verdict worth hearing."""
    COMMIT = "commit"
    TARGET_END = "target_end"
    RUN_END = "run_end"


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened. `message` can always be shown to a person; `data` is JSON."""

    type: EventType
    message: str
    target: str = ""
    level: Level = Level.INFO
    data: Mapping[str, Any] = field(default_factory=dict)
    subject: object = None
    """The value behind it (a Plan, a Verdict, a TargetRecord, a Summary), for listeners in this process."""


Tell = Callable[[Event], None]
"""Where events go; calling it never raises and never blocks for long."""
