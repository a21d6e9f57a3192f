"""The gate before which things that act by themselves wait until a person has approved exactly this content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from directional_sync.core import approvals
from directional_sync.core.escape import one_line
from directional_sync.core.executable import asks, record_asks
from directional_sync.gates.autorun import runs_unasked
from directional_sync.gates.base import Subject
from directional_sync.gates.incoming import contents, incoming
from directional_sync.gates.plan import counted, listed
from directional_sync.model.approval import Ask
from directional_sync.model.plan import Change
from directional_sync.model.record import Phase, Verdict


@dataclass(frozen=True)
class Approval:
    """Nothing that could act by itself is installed or changed without approval."""

    name: str = "approval"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        try:
            found = [
                (change.key, ask)
                for change, before, content in contents(subject, incoming(subject))
                for ask in self._asks(subject, change, before, content)
            ]
        except KeyError:
            problem = "content that would be installed could not be read"
            return [Verdict(self.name, self.phase, False, problem, "E-GATE-CONTENT")]
        if not found:
            return []
        broken = unreadable(subject, self.name)
        if broken is not None:
            return [broken]
        wait = waiting(subject, found)
        return [self._verdict(subject, wait)] if wait else [self._passed(len(found))]

    def _asks(self, subject: Subject, change: Change, before: bytes, content: bytes) -> Iterator[Ask]:
        if subject.plan is not None and subject.plan.records and change in subject.plan.remote:
            return record_asks(change.key, before, content)
        if subject.plan is not None and subject.plan.records:
            # A document of people's own, in which some entries change: what it says already was theirs to say.
            had = {(ask.key, ask.sha256) for ask in asks(change.key, change.before.mode, before)} if before else set()
            now = asks(change.key, change.after.mode, content, unasked=runs_unasked(change.key) and not before)
            return (ask for ask in now if (ask.key, ask.sha256) not in had)
        return asks(change.key, change.after.mode, content, unasked=runs_unasked(change.key))

    def _passed(self, number: int) -> Verdict:
        what = counted(number, "thing that acts by itself", "things that act by themselves")
        return Verdict(self.name, self.phase, True, f"{what}, approved as it is")

    def _verdict(self, subject: Subject, wait: Sequence[tuple[str, Ask]]) -> Verdict:
        kinds = Counter(ask.why for _, ask in wait).most_common()
        what = ", ".join(why if number == 1 else f"{why} ({number} times)" for why, number in kinds[:2])
        one = "thing that acts by itself waits" if len(wait) == 1 else "things that act by themselves wait"
        return Verdict(
            self.name,
            self.phase,
            False,
            f"{len(wait)} {one} for approval: {what}{', ...' if len(kinds) > 2 else ''}",
            "E-APPROVAL",
            listed([f"{one_line(ask.key, 200)}  {ask.why}, sha256 {ask.sha256[:12]}" for _, ask in wait]),
            f"look at it and approve it: dsync approve {subject.target.name}",
            keys=tuple(key for key, _ in wait),
            asks=tuple(ask for _, ask in wait),
        )


def waiting(subject: Subject, found: Sequence[tuple[str, Ask]]) -> list[tuple[str, Ask]]:
    """Those that nobody has approved for this target."""
    given = subject.approvals()
    return [(key, ask) for key, ask in found if not given.covers(subject.target.name, ask)]


def unreadable(subject: Subject, gate: str) -> Verdict | None:
    """The verdict of `gate` where nobody knows what is approved; None where that is known."""
    why = subject.approvals().broken
    if not why:
        return None
    message = f"{approvals.FILE} cannot be read, so nothing counts as approved: {one_line(why, 200)}"
    hint = f"mend it, or restore it from git: git checkout HEAD~1 -- {approvals.FILE}"
    return Verdict(gate, Phase.PLAN, False, message, "E-APPROVALS-FILE", (), hint)
