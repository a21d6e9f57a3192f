"""What is known of runs that are over: the newest of each target, and how long and how well they went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REWOUND = "rewound"
"""In the place of an outcome: the newest run took another one back, or gave it back. Whether both sides agree, the next
run will tell."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest real run of one target."""

    run: str
    started: str
    outcome: str
    message: str
    commit: str
    duration_s: float
    good: str = ""
    """When the newest one began that ended in sync, "" when none did."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took, over many runs. Percentiles are right to within 2 %."""

    runs: int
    """In how many runs it was measured, at least 1."""
    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """One target over all runs that are kept. Runs in which it was skipped are not counted."""

    target: str
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """Outcome -> in how many runs the target ended so."""
    whole: Timing | None = None
    """None when no run was measured: those that were found again in commits say nothing of it."""
    steps: Mapping[str, Timing] = field(default_factory=dict)
    """By step, in the order of the steps."""

    @property
    def runs(self) -> int:
        return sum(self.outcomes.values())

    def succeeded(self, successful: frozenset[str]) -> int:
        """In how many runs it ended with one of the `successful` outcomes."""
        return sum(number for outcome, number in self.outcomes.items() if outcome in successful)


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that changed something, as far as undoing is concerned."""

    run: str
    undoes: str = ""
    """The run that it took back; "" for an ordinary one."""
    targets: tuple[str, ...] = ()
    """Those that it changed."""
    far: bool = False
    """It has written to far sides."""
