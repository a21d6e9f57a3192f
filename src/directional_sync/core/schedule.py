"""Five-field cron expressions, in the strict form that crontab, GitHub Actions and people read alike.

Allowed are `*`, numbers, names of months and days, lists, ranges that do not wrap around, and steps. Not allowed is
what only some programs know (`@daily`, `L`, `W`, `#`, `?`, a sixth field, 7 for Sunday), and steps that do not do
what they seem to say (`*/90` minutes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class BadSchedule(ValueError):
    """The expression is not accepted; `hint` says what to write instead, when that is clear."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.first
        if not re.fullmatch(r"[0-9]{1,2}", text):
            raise BadSchedule(f"{text!r} is no {self.name}")
        value = int(text)
        if self.names == _DAYS and value == 7:
            raise BadSchedule("7 is no day of the week", "Sunday is 0")
        if not self.first <= value <= self.last:
            raise BadSchedule(f"{value} is no {self.name}: {self.first} to {self.last}")
        return value

    def parse(self, text: str) -> frozenset[int]:
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, part: str) -> range:
        if not part:
            raise BadSchedule(f"the {self.name} is empty")
        span, slash, step = part.partition("/")
        start, dash, end = span.partition("-")
        if span == "*":
            first, last = self.first, self.last
        elif dash:
            first, last = self.number(start), self.number(end)
            if first > last:
                raise BadSchedule(
                    f"the range {span} of the {self.name} runs backwards", f"{start}-{self.last},{self.first}-{end}"
                )
        else:
            first = self.number(start)
            last = self.last if slash else first
        return range(first, last + 1, self._step(step, last - first) if slash else 1)

    def _step(self, text: str, span: int) -> int:
        if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) == 0:
            raise BadSchedule(f"{text!r} is no step for the {self.name}")
        if int(text) > span:
            raise BadSchedule(f"a step of {text} is longer than the {self.name} itself, so it would never be taken")
        return int(text)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 6, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Times:
    """What an expression names, field by field."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    together: bool = True
    """Whether a day must be named as a day of the month and as a day of the week; else one of them is enough. As in
    cron: together when either field begins with a star."""

    @property
    def every_hour(self) -> bool:
        return len(self.hours) == 24

    def names(self, day: date) -> bool:
        """Whether it fires on that day at all."""
        if day.month not in self.months:
            return False
        by_number, by_name = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_number and by_name) if self.together else (by_number or by_name)

    @property
    def gap_min(self) -> int:
        """The shortest time between two firings within a day, in minutes; 1440 when there is only one a day."""
        day = sorted(hour * 60 + minute for hour in self.hours for minute in self.minutes)
        return min((b - a for a, b in zip(day, [*day[1:], day[0] + 1440], strict=True)), default=1440)


def parse(expression: str) -> Times:
    """Raises BadSchedule when it is not five fields of the accepted form, or names a day that never comes."""
    text = expression.strip()
    if text.startswith("@"):
        hint = _NICKNAMES.get(text.lower(), "")
        raise BadSchedule(f"{text!r} is not accepted, write five fields", f'"{hint}"' if hint else "")
    parts = text.split()
    if len(parts) != len(_FIELDS):
        hint = "minute hour day-of-month month day-of-week"
        raise BadSchedule(f"a schedule has five fields, this has {len(parts)}", hint)
    minutes, hours, days, months, weekdays = (field.parse(part) for field, part in zip(_FIELDS, parts, strict=True))
    together = parts[2].startswith("*") or parts[4].startswith("*")
    times = Times(minutes, hours, days, months, weekdays, together)
    longest = max(_DAYS_IN_MONTH[month - 1] for month in times.months)
    if parts[4].startswith("*") and min(times.days) > longest:
        raise BadSchedule(f"day {min(times.days)} does not come in the months it names")
    return times
