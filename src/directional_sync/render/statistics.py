"""How long and how well targets went, over all runs that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from directional_sync.model.lifecycle import SUCCESSFUL
from directional_sync.model.past import Statistics, Timing
from directional_sync.render.ink import Column, Ink, Style, one_line, table
from directional_sync.render.when import took

_GOOD = frozenset(str(outcome) for outcome in SUCCESSFUL)
_NOT_MEASURED = "-"


def text(found: Sequence[Statistics], ink: Ink, *, steps: bool) -> str:
    """One line for each target; with `steps`, one more for each of its steps."""
    if not found:
        return "no runs yet"
    columns = (
        Column("TARGET", shrinks=True),
        Column("RUNS"),
        Column("OK"),
        Column("P50"),
        Column("P95"),
        Column("P99"),
    )
    rows = []
    for one in found:
        rows.append(_row(one_line(one.target), one.runs, _rate(one), one.whole))
        if steps:
            rows += [_row(f"  {name}", timing.runs, ("", Style.NONE), timing) for name, timing in one.steps.items()]
    return "\n".join(table(columns, rows, ink))


def document(found: Sequence[Statistics]) -> list[dict[str, Any]]:
    """The same for machines; durations in seconds, null where none was measured."""
    return [
        {
            "target": one.target,
            "runs": one.runs,
            "successful": one.succeeded(_GOOD),
            "success_rate": round(one.succeeded(_GOOD) / one.runs, 6) if one.runs else None,
            "outcomes": dict(sorted(one.outcomes.items())),
            "duration": _timing(one.whole),
            "steps": {name: _timing(timing) for name, timing in one.steps.items()},
        }
        for one in found
    ]


def _row(name: str, runs: int, rate: tuple[str, Style], timing: Timing | None) -> list[tuple[str, Style]]:
    times = [_NOT_MEASURED] * 3 if timing is None else [took(s) for s in (timing.p50_s, timing.p95_s, timing.p99_s)]
    return [(name, Style.NONE), (f"{runs:,}", Style.NONE), rate, *((text, Style.NONE) for text in times)]


def _rate(one: Statistics) -> tuple[str, Style]:
    """Rounded down, so that 100 % says that none has failed."""
    if not one.runs:
        return _NOT_MEASURED, Style.NONE
    thousandths = one.succeeded(_GOOD) * 1000 // one.runs
    share = "100 %" if thousandths == 1000 else f"{thousandths / 10:.1f} %"
    return share, Style.NONE if thousandths == 1000 else Style.CHANGED


def _timing(timing: Timing | None) -> dict[str, Any] | None:
    if timing is None:
        return None
    times = {"p50": timing.p50_s, "p95": timing.p95_s, "p99": timing.p99_s}
    return {"runs": timing.runs, **{name: round(seconds, 6) for name, seconds in times.items()}}
