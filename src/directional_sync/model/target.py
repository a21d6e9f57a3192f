"""What the YAML says, validated: targets, policies, checks and safety rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from directional_sync.model.notify import Notify

from directional_sync.model.delivery import Api, Deliver, DeliverMode, ForgeKind


class Direction(StrEnum):
    """Which way a flow goes; a closed set."""

    PULL = "pull"
    PUSH = "push"
    BIDIRECTIONAL = "bidirectional"


class OnConflict(StrEnum):
    """What happens to a key that changed on both sides and cannot be merged."""

    STOP = "stop"
    """Neither side is touched; the key waits for a person."""
    REPO = "repo"
    REMOTE = "remote"
    NEWER = "newer"
    """What was changed last; both are kept where nobody knows which that is."""
    KEEP_BOTH = "keep_both"
    """The far side's version is kept beside the repository's, under a name of its own, on both sides."""


class Prefer(StrEnum):
    """What a person wants for this once where both sides differ."""

    REPO = "repo"
    REMOTE = "remote"
    NEWER = "newer"
    UNION = "union"
    """All that either side has: both versions where they differ."""

    @property
    def on_conflict(self) -> OnConflict:
        return OnConflict.KEEP_BOTH if self is Prefer.UNION else OnConflict(self.value)


class OnDelete(StrEnum):
    """What happens on one side when an item is deleted on the other."""

    PROPAGATE = "propagate"
    """The deletion is carried over, within `max_delete`."""
    KEEP = "keep"
    """The item stays."""
    STRICT = "strict"
    """As `propagate`, but a deletion of what the other side has edited is a conflict; else the edit stays."""


class ReadOnly(StrEnum):
    """The side of a bidirectional target that is never written."""

    REPO = "repo"
    REMOTE = "remote"


class OnReadOnly(StrEnum):
    """What happens with what would have to be written on the read-only side."""

    STOP = "stop"
    """The target is refused before anything is written."""
    HOLD = "hold"
    """It is left as it is, and told."""
    REVERT = "revert"
    """The other side is set back to what the read-only side holds; what was there is kept like a conflict."""


class Approve(StrEnum):
    """What of that which comes in a person must have approved, by its content."""

    EXECUTABLES = "executables"
    """Whatever could act by itself: programs, and what makes an agent run something."""
    NOTHING = "nothing"


class HiddenText(StrEnum):
    """What happens with text that agents read and people do not see."""

    REFUSE = "refuse"
    WARN = "warn"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Limit:
    """An upper bound for deletions: a share of all items, a count, or both (the stricter holds)."""

    share: float | None = None
    """(0, 1], or None for no bound by share."""
    count: int | None = None
    """>= 0, or None for no bound by count."""


@dataclass(frozen=True, slots=True)
class ConflictRule:
    """What holds for conflicts at some keys."""

    glob: str
    on_conflict: OnConflict


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be lost."""

    on_conflict: OnConflict = OnConflict.STOP
    on_delete: OnDelete = OnDelete.PROPAGATE
    max_delete: Limit = Limit(share=0.5, count=None)
    overwrite_edits: bool = False
    """One-way targets: whether edits on the destination give way to the source."""
    allow_empty: bool = False
    """Whether a side that held items and now holds none is believed."""
    on_conflict_at: tuple[ConflictRule, ...] = ()
    """The first whose glob matches the key holds instead of `on_conflict`."""
    read_only: ReadOnly | None = None
    on_read_only: OnReadOnly = OnReadOnly.STOP


@dataclass(frozen=True, slots=True)
class Schedule:
    """Five-field cron expression and the IANA time zone in which it is read."""

    cron: str
    timezone: str = "UTC"


class Catchup(StrEnum):
    """What happens with firings that nobody answered in time."""

    ONCE = "once"
    """One run answers all of them."""
    SKIP = "skip"
    """None does; the next firing is waited for."""
    ALL = "all"
    """Each gets a run of its own, the oldest first."""


@dataclass(frozen=True, slots=True)
class Punctuality:
    """What a schedule allows, and what happens when a run comes late."""

    catchup: Catchup = Catchup.ONCE
    catchup_max: int = 1
    """With ALL: how many of the newest are answered, >= 1."""
    jitter_s: float = 0.0
    """The target's own delay lies in [0, this); never more than half the time between two firings."""
    overdue_after_s: float | None = None
    """How late the answer to a firing may be before it is an alarm; None: half the time to the next one, 10 minutes
    to 6 hours."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a target does not run for now."""

    reason: str = ""
    until: str = ""
    """ISO date, the last day on which it holds; "" for as long as the file says so."""

    def holds(self, today: str) -> bool:
        """`today`: ISO date."""
        return not self.until or today <= self.until

    def __str__(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"paused in the file{f' until {self.until}' if self.until else ''}{reason}"


@dataclass(frozen=True, slots=True)
class Check:
    """One of the seed's pre or post sync checks."""

    name: str
    command: str
    """A shell command line, run with `bash -c`: the one place where the file's author means a shell."""
    expected_exit_code: int = 0
    skip_on_pull: bool = False
    skip_on_push: bool = False
    timeout_s: float = 300.0


@dataclass(frozen=True, slots=True)
class DriftGate:
    """A command whose score (the last number it prints, else its exit status) must lie within bounds."""

    name: str
    command: str
    max_drift_score: float | None = None
    min_value: float | None = None
    max_value: float | None = None
    timeout_s: float = 300.0
    targets: tuple[str, ...] = ()
    """Globs of target names that it judges; empty: every target."""


@dataclass(frozen=True, slots=True)
class Verification:
    command: str
    expected_min: float | None = None
    expected_max: float | None = None
    expected_exit_code: int | None = None
    """None: the exit status must be 0."""
    timeout_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Allowed:
    """One finding of the secret gate that a person has declared harmless."""

    fingerprint: str
    reason: str
    expires: str = ""
    """ISO date (last day on which it holds), or "" for never."""


@dataclass(frozen=True, slots=True)
class Safety:
    secret_patterns: tuple[str, ...] = ()
    pre_sync_checks: tuple[Check, ...] = ()
    post_sync_checks: tuple[Check, ...] = ()
    drift_gates: tuple[DriftGate, ...] = ()
    allowed_secrets: tuple[Allowed, ...] = ()
    require_detector: bool = False
    max_file_bytes: int = 100_000_000
    protected: tuple[str, ...] = ()
    """Globs that no target may write, beside the built-in ones (.git, .github/workflows, the YAML itself)."""
    allow_protected: tuple[str, ...] = ()
    run_hooks: bool = False
    """The user's own `pre-commit` is asked about what would be committed."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many targets of one run are looked at at the same time."""

    targets: int = 4
    """>= 1; with 1 each is looked at when the one before is done."""
    per_host: int = 1
    """Of those with their far side on one host, >= 1."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something was written; line and column are 1-based."""

    path: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


@dataclass(frozen=True)
class Target:
    """One named flow, as the YAML and its defaults say."""

    name: str
    direction: Direction
    endpoint: str
    """The endpoint's type: `command`, `git`, ..."""
    options: Any = None
    """The endpoint's own options, validated by its class; a plain mapping where the endpoint is not available."""
    description: str = ""
    schedule: Schedule | None = None
    punctuality: Punctuality = Punctuality()
    config: Mapping[str, Any] = field(default_factory=dict)
    """The seed's free mapping, handed to an entrypoint as JSON."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    verification: Verification | None = None
    policy: Policy = Policy()
    needs: tuple[str, ...] = ()
    priority: int = 0
    """Higher goes first among targets that are ready."""
    timeout_s: float = 1800.0
    retries: int = 2
    env: tuple[str, ...] = ()
    """Names of environment variables handed on."""
    env_vars: tuple[str, ...] = ()
    """Names of environment variables that must be set (the seed's `config.env_vars`)."""
    credentials: tuple[str, ...] = ()
    """Names of environment variables that the endpoint alone sees, to prove itself with."""
    git_commit: bool = True
    git_commit_message: str = ""
    idempotent: bool = True
    dry_run: bool = False
    fail_on_diff: bool = False
    paused: Pause | None = None
    approve: Approve = Approve.NOTHING
    hidden_text: HiddenText = HiddenText.ALLOW
    place: Place = Place()
    missing: tuple[tuple[str, Place], ...] = ()
    """Variables that its values refer to and that are not set, each with its place: the target cannot run, and
    the values that refer to them are as they are written."""
    variables: tuple[str, ...] = ()
    """Names of all variables that its values refer to, sorted."""
    records: bool = False
    """Its keys are records of the far side, which its endpoint makes of the repository's files, and not paths."""

    @property
    def in_lock(self) -> bool:
        """Whether the lock file knows its agreed state. It travels with the branch, so only for what is committed to
        the branch; all others are known to our own ref alone."""
        return self.git_commit and self.direction is not Direction.PUSH

    def pause(self, today: str) -> Pause | None:
        """The pause that holds on that day (ISO date)."""
        return self.paused if self.paused is not None and self.paused.holds(today) else None


@dataclass(frozen=True)
class Config:
    """The whole file."""

    targets: tuple[Target, ...]
    safety: Safety
    path: str
    """Where it was found, relative to the repository root."""
    digest: str
    """sha256 of its bytes: what a plan is bound to."""
    version: str = "1.0"
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values of expanded variables whose names look secret; for redaction only."""
    variables: tuple[str, ...] = ()
    """Names of all variables that the file refers to, sorted."""
    notify: Notify | None = None
    """Who is told; None: nobody."""
    deliver: Deliver | None = None
    """What becomes of commits beyond this clone; None: nothing, by itself."""
    concurrency: Concurrency = Concurrency()

    def target(self, name: str) -> Target:
        """Raises KeyError for an unknown name."""
        for target in self.targets:
            if target.name == name:
                return target
        raise KeyError(name)


__all__ = [
    "Allowed",
    "Api",
    "Approve",
    "Check",
    "Concurrency",
    "Config",
    "ConflictRule",
    "Deliver",
    "DeliverMode",
    "Direction",
    "DriftGate",
    "ForgeKind",
    "HiddenText",
    "Limit",
    "OnConflict",
    "OnDelete",
    "Place",
    "Policy",
    "Prefer",
    "Safety",
    "Schedule",
    "Target",
    "Verification",
]
