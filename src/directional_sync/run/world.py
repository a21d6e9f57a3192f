"""What one target is given on its way through a run: the world around it, the mode, and a store to write into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from directional_sync.endpoints.base import Context, Endpoint
from directional_sync.errors import InterruptedRun
from directional_sync.gates.base import Gate
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.lifecycle import Event, EventType, Level, Step, Tell
from directional_sync.model.surprise import Accepted
from directional_sync.model.target import Config, Prefer, Target
from directional_sync.model.wish import Wish
from directional_sync.store.ledger import TargetLedger


class Turns(Protocol):
    """Whose turn it is, of several machines, to write to the far side of a target."""

    shared: bool
    """Whether there are others at all."""

    def take(self, target: Target) -> None:
        """Raises SyncError when it is another's."""

    def still(self, target: Target) -> None:
        """Before an effect. Raises SyncError when it is over."""


class _Always:
    """Nobody else is there."""

    shared = False

    def take(self, target: Target) -> None: ...

    def still(self, target: Target) -> None: ...


@dataclass(frozen=True)
class World:
    """Everything outside the target itself; the wiring in `app` makes it, the tests make their own."""

    repository: Repository
    cache: Path
    """Where disposable things go: scratch checkouts, fetched objects, quarantines."""
    config: Config
    gates: tuple[Gate, ...]
    open_endpoint: Callable[[Context], Endpoint]
    environment_for: Callable[[Target], Mapping[str, str]] = field(repr=False)
    """The variables a target's programs may see. Raises CredentialError when a required one is not set."""
    tell: Tell
    run: str
    """The id of the run."""
    when: str
    """RFC 3339: what commits made by this run are dated."""
    lock_path: str
    """The lock file, relative to the repository root."""
    ledger_for: Callable[[Target], TargetLedger]
    """What was sent to the far side of a target, and will be in this run."""
    stop: Callable[[], bool] = lambda: False
    """Whether somebody asked us to stop; asked between steps, so that each step is finished or not begun."""
    turns: Turns = _Always()

    @property
    def today(self) -> str:
        return self.when[:10]


@dataclass(frozen=True, slots=True)
class Mode:
    """How far the run goes and what a person has allowed for this once."""

    dry_run: bool = False
    """Stop after the plan (and after verification, when asked for)."""
    verify: bool = False
    """Verify also when there is nothing to do, and in a dry run."""
    prove: bool = False
    """Run scripts a second time and compare."""
    expected: Mapping[str, str] = field(default_factory=dict)
    """Target name -> digest of the plan to be carried out; a differing plan is stale. {}: any plan."""
    allow_delete: int | None = None
    samples: int = 0
    """How many changed files' content goes into the record of a dry run."""
    locked: bool = False
    """Take exactly what the lock names; only of targets whose far side is looked at that way."""
    prune: bool = False
    """Remove what came from sources that the configuration no longer holds, and change nothing else."""
    accepted: Accepted = field(default_factory=dict)
    """The surprises of upstreams that a person has accepted for this once."""
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    """By key, what a person has decided about conflicts of the one target that runs."""
    resume: bool = False
    """Run also what is at rest since a run of it was undone, and let it rest no longer."""
    prefer: Prefer | None = None
    """What is to happen where both sides differ: for a first sync, or to settle conflicts at once."""


class Resting(Exception):
    """A run of the target was undone, and nobody has said that it may be done again."""

    def __init__(self, undone: str) -> None:
        super().__init__(undone)
        self.undone = undone


@dataclass
class Laps:
    """How long each step of one target has taken so far."""

    now: Callable[[], float]
    """A clock that never jumps, in seconds."""
    taken: dict[Step, float] = field(default_factory=dict)
    """Seconds by step, in the order in which the steps were first come to."""
    step: Step | None = None
    since: float = 0.0

    def begin(self, step: Step | None) -> None:
        """The step at hand has ended, and `step` begins; None: nothing does."""
        moment = self.now()
        if self.step is not None:
            self.taken[self.step] = self.taken.get(self.step, 0.0) + moment - self.since
        self.step, self.since = step, moment


@dataclass(frozen=True)
class Passage:
    """One target on its way through one run: what every step of it is given."""

    target: Target
    world: World
    mode: Mode
    environment: Mapping[str, str] = field(repr=False)
    """The variables that the target's programs may see."""
    store: ObjectStore
    """Reads everything, writes into the quarantine of this passage."""
    ledger: TargetLedger
    """What was and is sent to the far side."""
    laps: Laps

    def step(self, step: Step, *, finish: bool = False) -> None:
        """Says that the target has come to `step`. Raises InterruptedRun when somebody asked us to stop, but for a step
        that has to `finish` what was begun on the far side."""
        if self.world.stop() and not finish:
            raise InterruptedRun(
                "E-INTERRUPTED",
                f"stopped before {step} {self.target.name}",
                kept="nothing of this target is half written",
                hint=f"carry on with: dsync run {self.target.name}",
            )
        if step is Step.APPLYING:
            self.world.turns.still(self.target)
        self.laps.begin(step)
        self.world.tell(Event(EventType.PROGRESS, f"{step}", self.target.name, Level.DEBUG, {"step": str(step)}))
