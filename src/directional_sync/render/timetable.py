"""What was expected of each schedule, what happened, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from directional_sync.core.due import Ending, Standing, State
from directional_sync.model.target import Catchup, Target
from directional_sync.render.ink import Column, Ink, Style, amount, filled, one_line, table
from directional_sync.render.when import ago, ahead, schedule, span

OVERDUE = "E-OVERDUE"

_STYLES = {
    State.OVERDUE: Style.BAD,
    State.AGAIN: Style.CHANGED,
    State.DUE: Style.CHANGED,
    State.WAITING: Style.GOOD,
    State.PAUSED: Style.QUIET,
    State.BY_HAND: Style.QUIET,
    State.NEVER: Style.QUIET,
}
_WORDS = {State.WAITING: "ok"}


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One target and its schedule at one moment."""

    target: Target
    standing: Standing
    coming: tuple[datetime, ...] = ()
    """When it is due next, in UTC."""
    delay_s: int = 0
    """Its own delay after each firing."""
    period_s: float | None = None
    """The shortest time between two firings; None without a schedule."""
    held: str = ""
    """Why it waits although it is due."""

    @property
    def overdue(self) -> bool:
        return self.standing.state is State.OVERDUE

    @property
    def took_s(self) -> float:
        last = self.standing.last
        return 0.0 if last is None else (last.ended - last.started).total_seconds()

    @property
    def too_long(self) -> bool:
        """Whether its last run took longer than the time between two firings."""
        return self.period_s is not None and self.took_s > self.period_s


def timetable(rows: Sequence[Scheduled], ink: Ink, now: str, *, in_full: bool = False) -> str:
    """`in_full`: every coming time, on a line of its own."""
    columns = (
        Column("TARGET", shrinks=True),
        Column("SCHEDULE (UTC)"),
        Column("STATE"),
        Column("EXPECTED"),
        Column("LAST RUN"),
        Column("NEXT"),
    )
    lines = table(columns, [_row(row, now) for row in rows], ink)
    if in_full:
        for row in rows:
            lines += _in_full(row)
    told = [line for row in rows for line in _told(row, ink, now)]
    overdue = [row for row in rows if row.overdue]
    words = [_word(row) for row in rows]
    counted = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    lines += [*(["", *told] if told else []), "", f"{amount(len(rows), 'target')}: {', '.join(counted)}"]
    if any(row.standing.due and not row.held for row in rows):
        lines.append(f"  {ink.paint('dsync run --due', Style.COMMAND)}   run what is due now")
    if overdue:
        lines.append(f"  {ink.paint(f'dsync explain {OVERDUE}', Style.COMMAND)}   why, and what to look at")
    return "\n".join(lines)


def _word(row: Scheduled) -> str:
    return _WORDS.get(row.standing.state, str(row.standing.state))


def _row(row: Scheduled, now: str) -> list[tuple[str, Style]]:
    found, last = row.standing, row.standing.last
    style = _STYLES[found.state]
    following = _text(row.coming[0]) if row.coming else ""
    return [
        (one_line(row.target.name), Style.NONE),
        (one_line(schedule(row.target.schedule)), Style.NONE),
        (_word(row), style),
        (ago(_text(found.expected), now) if found.expected is not None else "-", Style.NONE),
        (ago(_text(last.started), now) if last is not None else "never", Style.NONE),
        (ahead(following, now), Style.NONE),
    ]


def _in_full(row: Scheduled) -> list[str]:
    lines = ["", f"{one_line(row.target.name)}, next in UTC:"]
    lines += [f"  {moment:%Y-%m-%d %H:%M:%S}" for moment in row.coming] or ["  -"]
    if row.delay_s:
        lines.append(f"  each {span(row.delay_s)} after its schedule (jitter)")
    return lines


def _told(row: Scheduled, ink: Ink, now: str) -> list[str]:
    """What a person should know of it."""
    name, found = one_line(row.target.name), row.standing
    told = []
    if row.overdue and found.since is not None:
        what = f"overdue[{OVERDUE}] {name}: expected at {_text(found.since)}, {ago(_text(found.since), now)}"
        told.append((f"{what}, and not run since", Style.BAD))
    if row.held:
        told.append((f"{name}: {one_line(row.held)}", Style.CHANGED))
    if found.state is State.AGAIN and found.last is not None and row.coming:
        how = _ENDED[found.last.ending]
        told.append((f"{name}: its last run {how}; again at {_text(row.coming[0])}", Style.CHANGED))
    if found.state is State.PAUSED and row.target.paused is not None:
        told.append((f"{name}: {one_line(str(row.target.paused))}", Style.QUIET))
    elif found.state is State.PAUSED:
        told.append((f"{name}: endpoint not available in this version: {row.target.endpoint}", Style.QUIET))
    if row.too_long and row.period_s is not None:
        what = f"{name}: its last run took {span(row.took_s)}, longer than the {span(row.period_s)} between two"
        told.append((f"{what}; those that meet are put together", Style.CHANGED))
    return [ink.paint(line, style) for text, style in told for line in filled(text, ink, first="! ", rest="  ")]


_ENDED = {
    Ending.WELL: "ended well",
    Ending.STOPPED: "was stopped",
    Ending.PASSING: "failed by what may be over soon",
    Ending.BROKEN: "failed",
    Ending.CUT: "is under way, or was killed",
    Ending.PERSON: "waits for a person",
}


def overdue_lines(rows: Sequence[Scheduled], ink: Ink, now: str) -> list[str]:
    """The alarms alone."""
    return [line for row in rows if row.overdue for line in _told(row, ink, now)]


def row_json(row: Scheduled) -> dict[str, Any]:
    found, last, target = row.standing, row.standing.last, row.target
    catchup = target.punctuality.catchup
    return {
        "target": target.name,
        "schedule": target.schedule.cron if target.schedule else None,
        "timezone": target.schedule.timezone if target.schedule else None,
        "catchup": f"all({target.punctuality.catchup_max})" if catchup is Catchup.ALL else str(catchup),
        "delay": row.delay_s,
        "state": str(found.state),
        "code": OVERDUE if row.overdue else None,
        "due": found.due,
        "held": row.held or None,
        "expected": _or_none(found.expected),
        "unanswered_since": _or_none(found.since),
        "last_run": None
        if last is None
        else {
            "started": _text(last.started),
            "ended": _text(last.ended),
            "ending": str(last.ending),
            "answers": _or_none(last.answers),
        },
        "longer_than_its_period": row.too_long,
        "next": [_text(moment) for moment in row.coming],
    }


def _or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _text(moment)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
