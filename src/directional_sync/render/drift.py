"""What differs now, target by target, whose doing it is, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from directional_sync.core.movement import Movement
from directional_sync.render.ink import Column, Ink, Style, filled, one_line, table
from directional_sync.render.listing import Last
from directional_sync.render.when import ago

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Drift:
    target: str
    in_sync: bool | None
    repo: int = 0
    remote: int = 0
    conflicts: int = 0
    held: int = 0
    message: str = ""
    last: Last | None = None
    why: Movement = Movement()
    """Whose doing it is."""
    left_alone: bool = False
    """Nobody looked, since the file or a person has said that it is to be left alone."""


def drift(
    rows: Sequence[Drift], score: int, interrupted: str, ink: Ink, now: str, *, departed: Sequence[str] = ()
) -> str:
    columns = (Column("TARGET"), Column("IN SYNC"), Column("DRIFT", shrinks=True, sentences=True), Column("LAST OK"))
    lines = [ink.paint(f"! {one_line(interrupted)}", Style.BAD), ""] if interrupted else []
    shown = table(columns, [_drift(row, now) for row in rows], ink)
    lines += [*shown, *_in_full(rows, shown, ink)]
    lines += _left_over(rows, departed, ink)
    differing = [row for row in rows if row.in_sync is False]
    alone = sum(row.left_alone for row in rows)
    unknown = sum(row.in_sync is None for row in rows) - alone
    same = len(rows) - len(differing) - unknown - alone
    told = f"drift score {score}: {same} in sync, {len(differing)} differ, {unknown} unknown"
    lines += ["", told + (f", {alone} left alone" if alone else "")]
    if interrupted:
        lines.append(f"  {ink.paint('dsync recover', Style.COMMAND)}   finish it now; else the next run does")
    elif differing:
        lines.append(f"  {ink.paint(f'dsync diff {one_line(differing[0].target)}', Style.COMMAND)}   see what differs")
    return "\n".join(lines)


def _drift(row: Drift, now: str) -> list[tuple[str, Style]]:
    unseen = "left alone" if row.left_alone else "unknown"
    word, style = {True: ("yes", Style.GOOD), False: ("no", Style.CHANGED), None: (unseen, Style.QUIET)}[row.in_sync]
    last = row.last
    ok = ago(last.good, now) if last is not None and last.good else "-"
    return [(one_line(row.target), Style.NONE), (word, style), (_drift_words(row), Style.NONE), (ok, Style.NONE)]


def _in_full(rows: Sequence[Drift], shown: Sequence[str], ink: Ink) -> list[str]:
    """What there was no room for in the table."""
    told = [f"{one_line(row.target)}: {_drift_words(row)}" for row in rows]
    lines = [
        line
        for row, text in zip(rows, told, strict=True)
        if not any(_drift_words(row) in line for line in shown)
        for line in filled(text, ink, rest="  ")
    ]
    return ["", *lines] if lines else []


def _drift_words(row: Drift) -> str:
    if row.in_sync is None:
        return one_line(row.message)
    why = row.why
    parts = [
        text
        for number, text in (
            (len(why.moved), f"remote moved: {_some(why.moved)}"),
            (len(why.configured), f"config changed: {_some(why.configured)}"),
            (len(why.edited), f"edited here: {len(why.edited)}"),
            (row.repo, f"{row.repo} to be written here"),
            (row.remote, f"{row.remote} to be written there"),
            (row.conflicts, f"x {row.conflicts} in conflict"),
            (row.held, f"! {row.held} held here"),
        )
        if number
    ]
    return ", ".join(parts) or "none"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name) for name in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _left_over(rows: Sequence[Drift], departed: Sequence[str], ink: Ink) -> list[str]:
    """What the file no longer holds although what it brought is still here, and the command that removes it."""
    lines = []
    for row in rows:
        if row.why.orphans:
            names = ", ".join(one_line(name) for name in row.why.orphans)
            lines += filled(f"{one_line(row.target)}: no longer in the file: {names}", ink, first="! ", rest="  ")
            lines.append(
                f"  {ink.paint(f'dsync prune {one_line(row.target)}', Style.COMMAND)}   remove what they brought"
            )
    for name in departed:
        lines.append(f"! {one_line(name)}: this target is no longer in the file")
        lines.append(f"  {ink.paint(f'dsync prune {one_line(name)}', Style.COMMAND)}   remove what it brought")
    return ["", *lines] if lines else []


def drift_json(row: Drift) -> dict[str, Any]:
    return {
        "target": row.target,
        "in_sync": row.in_sync,
        "repo": row.repo,
        "remote": row.remote,
        "conflicts": row.conflicts,
        "held": row.held,
        "remote_moved": list(row.why.moved),
        "edited_here": list(row.why.edited),
        "config_changed": list(row.why.configured),
        "orphans": list(row.why.orphans),
        "message": row.message,
        "last_run": None if row.last is None else {"started": row.last.started, "outcome": row.last.outcome},
        "last_ok": (row.last.good or None) if row.last is not None else None,
    }
