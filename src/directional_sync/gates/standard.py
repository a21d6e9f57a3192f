"""The gates every run has, in the order in which they are asked: cheap and telling ones first.

Each is loaded when there is something for it to judge: most runs change nothing, and loading all the rules takes
longer than everything else that such a run does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from directional_sync.gates.base import Gate, Preparing, Subject
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.target import Approve, HiddenText


@dataclass(frozen=True)
class Late:
    """A gate that is made when it is first needed, and then remembers like any other."""

    phase: Phase
    module: str
    kind: str
    applies: Callable[[Subject], object]
    """Whether there is anything to judge; where there is not, every gate of this phase answers []."""
    given: tuple[Any, ...] = ()

    @cached_property
    def gate(self) -> Gate:
        module = import_module(f"directional_sync.gates.{self.module}")
        made: Gate = getattr(module, self.kind)(*self.given)
        return made

    @property
    def name(self) -> str:
        return self.gate.name

    def prepare(self, cache: Path) -> None:
        if isinstance(self.gate, Preparing):
            self.gate.prepare(cache)

    def judge(self, subject: Subject) -> list[Verdict]:
        return self.gate.judge(subject) if self.applies(subject) else []


def standard() -> tuple[Gate, ...]:
    """New gates for one run: they remember what they have compiled and what they have already said."""
    return (
        Late(Phase.PRE, "command", "Checks", lambda subject: subject.config.safety.pre_sync_checks, (Phase.PRE,)),
        Late(Phase.PLAN, "plan", "Closed", lambda subject: subject.target.policy.read_only),
        Late(Phase.PLAN, "plan", "Emptied", _differs),
        Late(Phase.PLAN, "plan", "Deletions", _differs),
        Late(Phase.PLAN, "names", "Names", _differs),
        Late(Phase.PLAN, "links", "Links", _differs),
        Late(Phase.PLAN, "plan", "Declared", _differs),
        Late(Phase.PLAN, "plan", "Protected", _differs),
        Late(Phase.PLAN, "size", "Size", _differs),
        Late(
            Phase.PLAN, "hidden_text", "Hidden", lambda s: s.target.hidden_text is not HiddenText.ALLOW and _differs(s)
        ),
        Late(Phase.PLAN, "approval", "Approval", lambda s: s.target.approve is not Approve.NOTHING and _differs(s)),
        Late(Phase.PLAN, "secrets", "Secrets", _differs),
        Late(Phase.POST, "command", "Checks", lambda subject: subject.config.safety.post_sync_checks, (Phase.POST,)),
        Late(Phase.POST, "command", "Verify", lambda subject: subject.target.verification),
        Late(Phase.POST, "command", "DriftGates", lambda subject: subject.config.safety.drift_gates),
        Late(Phase.POST, "hooks", "Hooks", lambda subject: subject.rehearsal),
    )


def _differs(subject: Subject) -> bool:
    """Whether any key differs on any two of base, repository and remote; a plan has changes only where one does."""
    plan = subject.plan
    planned = plan is not None and (plan.repo or plan.remote or plan.agreed or plan.conflicts or plan.held)
    return bool(planned or subject.base.entries or subject.repo.entries or subject.remote.entries)
