"""When schedules fire, held against a walk through every minute: no firing missed, none double (F35, F36, F37, G15)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.firing import Rhythm
from directional_sync.core.schedule import Times, parse

ZONES = (
    "UTC",
    "Europe/Brussels",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
EXPRESSIONS = (
    "30 2 * * *",
    "0 */6 * * *",
    "0 0 * * *",
    "*/30 0-3 * * *",
    "15 * * * *",
    "*/20 * * * *",
    "5 1,2,23 * * SUN",
    "45 0 1 * FRI",
)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def rhythm(expression: str, zone: str) -> Rhythm:
    return Rhythm(parse(expression), UTC if zone == "UTC" else ZoneInfo(zone))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes(zone: str, first: int, last: int) -> Iterator[datetime]:
    """Midnights in UTC of the days on which the clock is changed."""
    day, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last, 1, 1, tzinfo=UTC)
    known = ZoneInfo(zone)
    while day < end:
        if day.astimezone(known).utcoffset() != (day + DAY).astimezone(known).utcoffset():
            yield day
        day += DAY


@dataclass(frozen=True)
class Walk:
    """The clock on the wall in every minute around (start, end]."""

    start: datetime
    end: datetime
    seen: dict[datetime, list[datetime]]
    """What the wall said -> when."""
    jumps: list[tuple[datetime, datetime, timedelta]]
    """What the wall said after time was skipped, when, and how much was skipped."""
    walls: list[datetime]
    """Every minute from the first to the last on the wall, those that were skipped included."""


def walk(zone: str, start: datetime, end: datetime) -> Walk:
    known, seen, jumps = ZoneInfo(zone), dict[datetime, list[datetime]](), []
    minutes = [start - DAY + MINUTE * step for step in range(int((end - start + 2 * DAY) / MINUTE))]
    walls = [minute.astimezone(known).replace(tzinfo=None) for minute in minutes]
    for step, (minute, wall) in enumerate(zip(minutes, walls, strict=True)):
        seen.setdefault(wall, []).append(minute)
        if step and wall - walls[step - 1] > MINUTE:
            jumps.append((wall, minute, wall - walls[step - 1] - MINUTE))
    length = int((max(walls) - walls[0]) / MINUTE) + 1
    return Walk(start, end, seen, jumps, [walls[0] + MINUTE * step for step in range(length)])


def walked(times: Times, walk: Walk) -> list[datetime]:
    """The firings, by what the wall said in every minute."""
    firings = set[datetime]()
    for wall in walk.walls:
        if wall.minute not in times.minutes or wall.hour not in times.hours or not times.names(wall):
            continue
        moments = walk.seen.get(wall, [])
        if moments:
            firings.update(moments if times.every_hour and whole_hours(moments) else moments[:1])
        else:
            moment, length = next((moment, length) for to, moment, length in walk.jumps if to > wall)
            if not times.every_hour or length % timedelta(hours=1):
                firings.add(moment)
    return sorted(firing for firing in firings if walk.start < firing <= walk.end)


def whole_hours(moments: list[datetime]) -> bool:
    return all((later - moments[0]) % timedelta(hours=1) == timedelta() for later in moments)


@pytest.mark.parametrize("zone", ZONES[1:])
def test_every_change_of_the_clock_is_as_a_walk_through_its_minutes(zone: str) -> None:  # F35, F36, F37
    around = [*changes(zone, 2026, 2027)][:2] or [datetime(2011, 12, 30, tzinfo=UTC)]
    agree(zone, around)


@pytest.mark.faults
@pytest.mark.parametrize("zone", ZONES[1:])
def test_every_change_of_twenty_years_is_as_a_walk_through_its_minutes(zone: str) -> None:  # G15
    agree(zone, list(changes(zone, 2020, 2041)))


def agree(zone: str, around: list[datetime]) -> None:
    for midnight in around:
        start, end = midnight - DAY, midnight + 2 * DAY
        around_it = walk(zone, start, end)
        for expression in EXPRESSIONS:
            found = rhythm(expression, zone)
            expected = walked(found.times, around_it)
            assert list(found.between(start, end)) == expected, (expression, midnight)
            for firing, following in pairwise(expected):
                assert found.after(firing) == following
                assert found.until(following - MINUTE) == firing and found.until(firing) == firing


@pytest.mark.parametrize(
    ("expression", "zone", "after", "following"),
    [
        # 02:00 to 03:00 is skipped on 29 March 2026, and comes twice on 25 October
        ("30 2 * * *", "Europe/Brussels", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("15,45 2 * * *", "Europe/Brussels", "2026-03-29T01:00", "2026-03-30T00:15"),
        ("*/30 2 * * *", "Europe/Brussels", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("*/30 2 * * *", "Europe/Brussels", "2026-10-25T00:30", "2026-10-26T01:00"),
        ("0 */2 * * *", "Europe/Brussels", "2026-03-28T23:00", "2026-03-29T01:00"),
        # asked in the second of two hours, no answer lies before the question
        ("30 2 * * *", "Europe/Brussels", "2026-10-25T01:15", "2026-10-26T01:30"),
        ("0 * * * *", "Europe/Brussels", "2026-10-25T00:00", "2026-10-25T01:00"),
        ("0 * * * *", "Europe/Brussels", "2026-03-29T00:00", "2026-03-29T01:00"),
        # the day has no midnight
        ("30 0 * * *", "Africa/Cairo", "2026-04-23T12:00", "2026-04-23T22:00"),
        # the clock is moved by half an hour, so an hour's firing is neither lost nor doubled
        ("15 * * * *", "Australia/Lord_Howe", "2026-10-03T14:45", "2026-10-03T15:30"),
        ("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:45", "2026-04-04T16:15"),
        # a day that never was
        ("0 2 * * *", "Pacific/Apia", "2011-12-29T12:00", "2011-12-30T10:00"),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("0 0 29 2 */6", "UTC", "2020-03-01T00:00", "2032-02-29T00:00"),
        ("0 5 13 * FRI", "UTC", "2026-11-13T05:00", "2026-11-20T05:00"),
        ("0 5 */2 * FRI", "UTC", "2026-11-13T05:00", "2026-11-27T05:00"),
    ],
)
def test_moments_worth_knowing(expression: str, zone: str, after: str, following: str) -> None:  # F35, F36, F38
    found = rhythm(expression, zone)
    assert found.after(at(after)) == at(following)
    assert found.until(at(following)) == at(following)
    assert found.until(at(following) - timedelta(seconds=1)) <= at(after)


def test_every_hour_is_once_in_a_year() -> None:  # F37
    for zone in ZONES:
        firings = list(rhythm("0 * * * *", zone).between(at("2026-01-01T00:10"), at("2027-01-01T00:10")))
        if zone != "Australia/Lord_Howe":
            assert {b - a for a, b in pairwise(firings)} == {timedelta(hours=1)}
        assert abs(len(firings) - 8760) <= 1


_FIELD = st.sampled_from(["*", "1", "5", "0", "31", "12", "1-5", "*/2", "*/9", "1,3", "2/3", "SUN", "29"])


@given(
    st.tuples(_FIELD, _FIELD, _FIELD, _FIELD, _FIELD),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2015, 1, 1), datetime(2037, 1, 1)),
)
def test_forwards_and_backwards_are_the_same(fields: tuple[str, ...], zone: str, moment: datetime) -> None:
    try:
        found = rhythm(" ".join(fields), zone)
    except ValueError:
        return
    moment = moment.replace(tzinfo=UTC, microsecond=0)
    following = found.after(moment)
    assert following > moment
    assert found.until(following) == following
    before = found.until(following - timedelta(seconds=1))
    assert before <= moment
    assert found.after(before) == following
    assert list(found.between(before, following)) == [following]


def test_what_never_comes_is_said_and_not_looked_for_without_end() -> None:
    never = Rhythm(Times(frozenset({0}), frozenset({0}), frozenset({31}), frozenset({2}), frozenset(range(7))), UTC)
    with pytest.raises(ValueError, match="never fires"):
        never.after(at("2026-01-01T00:00"))
    with pytest.raises(ValueError, match="never fires"):
        never.until(at("2026-01-01T00:00"))


def test_a_day_is_a_day_on_the_wall() -> None:
    assert parse("0 0 1 * MON").names(date(2026, 6, 1)) and parse("0 0 1 * MON").names(date(2026, 6, 8))
    assert not parse("0 0 1 * *").names(date(2026, 6, 8))
