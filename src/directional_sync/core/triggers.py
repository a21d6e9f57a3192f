"""Schedules put off by some minutes, as cron expressions again: for hosts that start jobs by cron and know no delay.

Put off over midnight, the days move on as well. Where they cannot be said (the day after the 31st, or after every
Friday the 13th) every day is named: a job that finds nothing due costs a minute, and one that does not come a day.
"""

from __future__ import annotations

from collections.abc import Collection

from directional_sync.core.schedule import Times, parse

_DAY_MIN = 1440
_EVERY = 24


def put_off(expression: str, minutes: int) -> tuple[str, ...]:
    """Expressions that together name every time of `expression` plus so many minutes, 0 to a day, by the clock on the
    wall; `expression` itself for 0. Raises BadSchedule."""
    times = parse(expression)
    if minutes == 0:
        return (expression,)
    days, found = expression.split()[2:], dict[str, None]()
    for carried, minute in _grouped(times.minutes, minutes):
        hours = [hour + (minutes + carried) // 60 for hour in sorted(times.hours)]
        same, later = {hour for hour in hours if hour < _EVERY}, {hour - _EVERY for hour in hours if hour >= _EVERY}
        if later and _every_day(times):
            same, later = same | later, set()
        for group, fields in ((same, days), (later, _next_day(times))):
            if group:
                found[" ".join([_listed(minute, 60), _listed(group, _EVERY), *fields])] = None
    return tuple(found)


def _grouped(minutes: Collection[int], later: int) -> list[tuple[int, set[int]]]:
    """The minutes of the hour after the delay, by how they carry into the next hour: for each group, what its minutes
    add to the delay at least before whole hours are counted."""
    rest = later % 60
    stays = {minute + rest for minute in minutes if minute + rest < 60}
    goes = {minute + rest - 60 for minute in minutes if minute + rest >= 60}
    return [group for group in ((0, stays), (60, goes)) if group[1]]


def _every_day(times: Times) -> bool:
    return len(times.days) == 31 and len(times.months) == 12 and len(times.weekdays) == 7


def _next_day(times: Times) -> list[str]:
    """The day fields for the day after; every day where they cannot be said."""
    if times.together and len(times.days) == 31 and len(times.months) == 12:
        return ["*", "*", _listed({(day + 1) % 7 for day in times.weekdays}, 7)]
    return ["*", "*", "*"]


def _listed(values: Collection[int], all_of_them: int) -> str:
    return "*" if len(values) == all_of_them else ",".join(map(str, sorted(values)))
