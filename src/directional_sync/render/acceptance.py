"""The acceptance criteria as people and machines read them: what was looked at, the figure, and how each stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from directional_sync.errors import EXIT_PRECEDENCE, Exit
from directional_sync.render.ink import Ink, Style, filled, one_line


class Standing(StrEnum):
    """How a criterion stands; a closed set."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"
    """It needs a run that has not happened."""
    NONE = "not applicable"
    """The file asks for nothing of the kind."""


_STYLES = {
    Standing.PASSED: Style.GOOD,
    Standing.FAILED: Style.BAD,
    Standing.OPEN: Style.CHANGED,
    Standing.NONE: Style.QUIET,
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the ten."""

    number: int
    name: str
    standing: Standing
    figure: str
    """One sentence with the numbers, or the reason why there are none."""
    evidence: tuple[str, ...] = ()
    """What was looked at, one thing each."""
    fix: str = ""
    exit: Exit = Exit.OK
    """The status that follows where it is not passed."""


def exit_of(criteria: Sequence[Criterion]) -> Exit:
    """0 when every criterion is passed or not applicable; else the first that applies by EXIT_PRECEDENCE."""
    seen = {c.exit for c in criteria if c.standing in (Standing.FAILED, Standing.OPEN)}
    if Exit.USAGE in seen:
        return Exit.USAGE
    return next((status for status in EXIT_PRECEDENCE if status in seen), Exit.FAILED if seen else Exit.OK)


def text(criteria: Sequence[Criterion], ink: Ink) -> str:
    lines: list[str] = []
    for one in criteria:
        word = ink.paint(f"{one.standing:<14}", _STYLES[one.standing])
        lines.append(f"{one.number:>2}  {word}  {one.name}")
        lines += filled(one_line(one.figure), ink, first=" " * 20, rest=" " * 20)
        if ink.verbose > 0 or one.standing in (Standing.FAILED, Standing.OPEN):
            for line in one.evidence:
                lines += filled(one_line(line), ink, first=" " * 20 + "- ", rest=" " * 22)
            if one.fix:
                lines.append(" " * 20 + "fix  " + ink.paint(one_line(one.fix), Style.COMMAND))
    counts = [f"{n} {s}" for s in Standing if (n := sum(c.standing is s for c in criteria))]
    return "\n".join([*lines, "", f"{len(criteria)} criteria: {', '.join(counts)}   exit {int(exit_of(criteria))}"])


def data(criteria: Sequence[Criterion]) -> dict[str, Any]:
    counts = {str(s): sum(c.standing is s for c in criteria) for s in Standing}
    return {
        "criteria": [
            {
                "number": c.number,
                "name": c.name,
                "standing": str(c.standing),
                "figure": c.figure,
                "evidence": list(c.evidence),
                "fix": c.fix,
            }
            for c in criteria
        ],
        "counts": counts,
        "exit_status": int(exit_of(criteria)),
    }
