"""The account of what happened: verdicts, effects, one record per target, one summary per run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from directional_sync.errors import EXIT_PRECEDENCE, Exit
from directional_sync.model.approval import Ask
from directional_sync.model.lifecycle import OUTCOME_EXIT, SUCCESSFUL, Outcome, Skip, Step
from directional_sync.model.plan import Change, Counts, FileDiff, Plan
from directional_sync.model.target import Direction


class Phase(StrEnum):
    """When a gate judges."""

    PRE = "pre"
    PLAN = "plan"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's answer. One that did not pass stops the target before anything is written, or, with `held`, only the
    sources that it concerns."""

    gate: str
    phase: Phase
    passed: bool
    message: str = ""
    """One sentence: what was found, with the numbers."""
    code: str = ""
    """E-... when it did not pass."""
    detail: tuple[str, ...] = ()
    """One finding each; already redacted."""
    hint: str = ""
    warning: bool = False
    """Passed, but a person should read the message."""
    keys: tuple[str, ...] = field(default=(), repr=False)
    """The key of each finding, as often as there are findings in it; () when it concerns the target as a whole. Not
    redacted, and not for people."""
    asks: tuple[Ask, ...] = field(default=(), repr=False, compare=False)
    """What a person would have to approve for it to pass."""
    held: bool = False
    """Not passed, and the sources that it concerns are left out of the plan, so that the others can go on."""

    @property
    def stops(self) -> bool:
        return not self.passed and not self.held


class EffectKind(StrEnum):
    DONE = "done"
    STALE = "stale"
    """The `before` no longer matched; nothing was written."""
    REFUSED = "refused"
    FAILED = "failed"
    """It was certainly not made."""
    UNKNOWN = "unknown"
    """It was sent, and no answer says whether it was made."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What applying one change did."""

    change: Change
    kind: EffectKind
    message: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the far side calls the item now (an id, an address), for finding it again."""
    exit: Exit = Exit.FAILED
    """The status that follows when it was not done."""

    @property
    def done(self) -> bool:
        return self.kind is EffectKind.DONE


@dataclass(frozen=True, slots=True)
class Attempt:
    """One change that an earlier run has sent to the far side, or was about to."""

    key: str
    after: str
    """Digest of what was to be there; "" for a deletion."""
    age_s: float
    """How long ago by the wall clock, >= 0."""
    done: bool
    """The far side said so. False: it may have been made or not."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the far side calls the item: `Effect.facts`."""
    earlier: tuple[str, ...] = ()
    """Digests of what was sent before it and may be there still: the base does not know of them."""

    def after_that(self, older: Attempt) -> Attempt:
        """The same, with an older attempt of the same key before it."""
        return replace(self, earlier=(*self.earlier, older.after, *older.earlier))


@dataclass(frozen=True, slots=True)
class Prior:
    """What one key of the far side held before a run changed it."""

    key: str
    before: bytes | None
    """None: it was absent, or, with `withheld`, it is not kept."""
    withheld: str = ""
    """Why the content is not kept: it is too long, or holds a known secret."""
    facts: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    """Digest of what the run left there; "" when it left nothing."""

    def then(self, later: Prior) -> Prior:
        """The same key changed once more by the same run."""
        return replace(self, after=later.after, facts=later.facts)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a value, for records and reports: already redacted."""

    code: str
    message: str
    hint: str = ""
    place: str = ""
    kept: str = ""
    detail: tuple[str, ...] = ()
    exit: Exit = Exit.FAILED


@dataclass(frozen=True)
class TargetRecord:
    """How one target ended in one run."""

    target: str
    direction: Direction
    outcome: Outcome
    message: str
    """One sentence with the numbers: "Synced successfully: 30 repositories, +3 ~11 -1 files"."""
    duration_s: float = 0.0
    steps: tuple[tuple[Step, float], ...] = ()
    """How long each step took, in seconds, in the order of the steps."""
    counts: Counts = Counts()
    outputs_created: tuple[str, ...] = ()
    """Folders or files that came into being, the seed's field."""
    verification_passed: bool | None = None
    """None: no verification was asked for, or the run ended before it."""
    verdicts: tuple[Verdict, ...] = ()
    effects: tuple[Effect, ...] = ()
    commit: str = ""
    plan: Plan | None = None
    plan_digest: str = ""
    failure: Failure | None = None
    also: tuple[Failure, ...] = ()
    """What else kept it from being done as a whole, each with a next step of its own; never worse than `failure`."""
    skip: Skip | None = None
    scheduled: str = ""
    """The firing of its schedule that it ran for, RFC 3339; "" when a person began the run."""
    notes: tuple[str, ...] = ()
    samples: tuple[FileDiff, ...] = ()
    """The content of some of the plan's changes; filled in a dry run, as far as the mode asks for it."""

    @property
    def success(self) -> bool:
        return self.outcome in SUCCESSFUL

    @property
    def exit(self) -> Exit:
        if self.outcome is Outcome.SKIPPED and self.skip is Skip.DEPENDENCY:
            return Exit.FAILED
        return self.failure.exit if self.failure is not None else OUTCOME_EXIT[self.outcome]


@dataclass(frozen=True, slots=True)
class OwnBranch:
    """The branch of one target on the remote."""

    target: str
    branch: str
    commit: str
    url: str = ""
    """Of its pull request, or where one can be opened."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the commits of one run."""

    remote: str
    branch: str
    commit: str = ""
    """What the remote's branch holds; "" where it did not get there."""
    pushed: int = 0
    """How many commits went there just now."""
    attempts: int = 0
    """How often it was tried; 0 when there was nothing to push."""
    agreed: tuple[str, ...] = ()
    """The targets of which it was told what was agreed on."""
    branches: tuple[OwnBranch, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True)
class Summary:
    """One run: what every face (terminal, report, exit status) is derived from."""

    run: str
    started: str
    """RFC 3339, UTC, seconds."""
    duration_s: float
    records: tuple[TargetRecord, ...]
    dry_run: bool
    command: str = ""
    version: str = ""
    base: str = ""
    """`branch@abbreviated commit` at the start."""
    plan_id: str = ""
    undoes: str = ""
    """The run that this one took back; "" for all others."""
    unrecorded: str = ""
    """Why the record of the run could not be kept; "" when it is."""
    warnings: tuple[str, ...] = ()
    """What beside the targets did not go well and changes nothing about how the run ended: somebody could not be
    told."""
    delivered: Delivered | None = None
    """What became of its commits beyond this clone; None when that was not asked for."""

    @property
    def counted(self) -> tuple[TargetRecord, ...]:
        """Those that the seed's totals count: all that were attempted."""
        return tuple(r for r in self.records if r.outcome is not Outcome.SKIPPED)

    @property
    def skipped(self) -> tuple[TargetRecord, ...]:
        return tuple(r for r in self.records if r.outcome is Outcome.SKIPPED)

    @property
    def successful(self) -> int:
        return sum(r.success for r in self.counted)

    @property
    def failed(self) -> int:
        return len(self.counted) - self.successful

    def exit(self, *, fail_on_diff: bool = False) -> Exit:
        """The status of the whole run, by EXIT_PRECEDENCE. `fail_on_diff` turns planned changes into 5."""
        seen = {record.exit for record in self.records}
        if self.delivered is not None and self.delivered.failure is not None:
            seen.add(self.delivered.failure.exit)
        if fail_on_diff and any(r.outcome in (Outcome.PLANNED, Outcome.SYNCED) for r in self.records):
            seen.add(Exit.CHANGES)
        if self.unrecorded or not seen <= set(EXIT_PRECEDENCE):
            seen.add(Exit.FAILED)  # what says "nothing ran" of a command says "it failed" of one target
        return next((status for status in EXIT_PRECEDENCE if status in seen), Exit.OK)
