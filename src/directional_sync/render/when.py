"""Times, durations and schedules in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from directional_sync.model.target import Schedule

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def parse(text: str) -> datetime | None:
    """An RFC 3339 time, or None when it is none."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ago(then: str, now: str) -> str:
    """`6h ago`; "never" for ""; a time in the future (a clock was moved) is `just now`."""
    seconds = _between(then, now)
    if seconds is None:
        return "never"
    return "just now" if seconds < 1 else f"{span(seconds)} ago"


def ahead(then: str, now: str) -> str:
    """`in 17h`; `now` when it is past; "-" for ""."""
    seconds = _between(now, then)
    if seconds is None:
        return "-"
    return "now" if seconds < 1 else f"in {span(seconds)}"


def span(seconds: float) -> str:
    """One unit: `40s`, `5m`, `6h`, `3d`."""
    if seconds < _MINUTE:
        return f"{int(seconds)}s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)}m"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)}h"
    return f"{int(seconds // _DAY)}d"


def took(seconds: float) -> str:
    """A measured duration: `0.04s`, `12.5s`, `3m 20s`."""
    if seconds < 1:
        return f"{seconds:.2f}s"
    if seconds < _MINUTE:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m {rest:02}s"


def _between(start: str, end: str) -> float | None:
    first, last = parse(start), parse(end)
    return (last - first).total_seconds() if first is not None and last is not None else None


def schedule(given: Schedule | None) -> str:
    """`daily 02:00`, `every 6h`, `Sun 05:00`, `monthly 1st 01:00`; else the expression itself. A time zone other
    than UTC is named."""
    if given is None:
        return "by hand"
    fields = given.cron.split()
    if len(fields) != 5:
        return given.cron
    words = _words(*fields)
    if words is None:
        words = given.cron
    return words if given.timezone == "UTC" else f"{words} {given.timezone}"


def _words(minute: str, hour: str, day: str, month: str, weekday: str) -> str | None:
    if month != "*":
        return None
    if (day, weekday) == ("*", "*"):
        if hour == "*" and (every := re.fullmatch(r"\*/(\d+)", minute)):
            return f"every {every[1]}m"
        if minute.isdigit() and hour == "*":
            return "every 1h" if minute == "0" else None
        if minute == "0" and (every := re.fullmatch(r"\*/(\d+)", hour)):
            return f"every {every[1]}h"
    if not (minute.isdigit() and hour.isdigit()):
        return None
    clock = f"{int(hour):02}:{int(minute):02}"
    if (day, weekday) == ("*", "*"):
        return f"daily {clock}"
    if day == "*" and weekday.isdigit() and int(weekday) < len(_DAYS):
        return f"{_DAYS[int(weekday)]} {clock}"
    if weekday == "*" and day.isdigit():
        return f"monthly {ordinal(int(day))} {clock}"
    return None


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
