"""What became of a run's commits beyond this clone, for people and as JSON."""

from __future__ import annotations

from typing import Any

from directional_sync.errors import Exit
from directional_sync.model.record import Delivered, Summary
from directional_sync.render.failure import error
from directional_sync.render.ink import Ink, Style, amount, filled, one_line


def delivery_lines(found: Delivered, ink: Ink) -> list[str]:
    """One line for each place that commits went to, then what a person should read."""
    lines = []
    where = one_line(f"{found.remote}/{found.branch}")
    if found.pushed:
        tries = f" (attempt {found.attempts})" if found.attempts > 1 else ""
        lines.append(f"delivered {amount(found.pushed, 'commit')} to {where} at {found.commit[:7]}{tries}")
    elif found.agreed:
        lines.append(f"told {one_line(found.remote)} what {amount(len(found.agreed), 'target')} agreed on")
    for one in found.branches:
        address = f"  {one_line(one.url)}" if one.url else ""
        lines.append(f"delivered {one_line(one.target)} to {one_line(one.branch)} at {one.commit[:7]}{address}")
        if one.note:
            lines += filled(f"{one_line(one.target)}: {one_line(one.note)}", ink, first="! ", rest="  ")
    for note in found.notes:
        lines += [ink.paint(line, Style.CHANGED) for line in filled(one_line(note), ink, first="! ", rest="  ")]
    return lines + _problem(found, ink)


def _problem(found: Delivered, ink: Ink) -> list[str]:
    failure = found.failure
    if failure is None:
        return []
    lines = filled(f"{one_line(failure.message)} ({failure.code})", ink, first="x not delivered: ", rest="  ")
    lines = [ink.paint(line, Style.BAD) for line in lines]
    lines += [f"  {one_line(line)}" for line in failure.detail]
    lines += [f"  {name}: {one_line(text)}" for name, text in (("kept", failure.kept), ("hint", failure.hint)) if text]
    return lines


def delivery_text(summary: Summary, ink: Ink, status: Exit) -> str:
    """Of `dsync deliver`."""
    found = summary.delivered
    lines = delivery_lines(found, ink) if found is not None else []
    for record in summary.records:
        lines.append(f"{one_line(record.target)}: {one_line(record.message)}")
    return "\n".join([*(lines or ["nothing to deliver"]), *([f"exit {int(status)}"] if status else [])])


def delivered(found: Delivered) -> dict[str, Any]:
    """For the report."""
    names = ("target", "branch", "commit", "url", "note")
    return {
        "remote": found.remote,
        "branch": found.branch,
        "commit": found.commit or None,
        "pushed": found.pushed,
        "attempts": found.attempts,
        "agreed": list(found.agreed),
        "branches": [{name: getattr(one, name) for name in names} for one in found.branches],
        "notes": list(found.notes),
        "error": error(found.failure) if found.failure is not None else None,
    }
