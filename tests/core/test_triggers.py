"""Triggers of hosts that know no delay: every firing of a target has one right after its own delay (F40, F43)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_firing import EXPRESSIONS, at, rhythm

from directional_sync.core.firing import Rhythm
from directional_sync.core.schedule import parse
from directional_sync.core.triggers import put_off


@pytest.mark.parametrize(
    ("expression", "minutes", "found"),
    [
        ("0 2 * * *", 0, ["0 2 * * *"]),
        ("0 2 * * MON-FRI", 10, ["10 2 * * MON-FRI"]),
        ("50 2 * * *", 15, ["5 3 * * *"]),
        ("*/30 * * * *", 5, ["5,35 * * * *"]),
        ("*/30 * * * *", 45, ["45 * * * *", "15 * * * *"]),
        ("0 */6 * * *", 200, ["20 3,9,15,21 * * *"]),
        ("0 */6 * * *", 420, ["0 1,7,13,19 * * *"]),
        ("55 23 * * *", 10, ["5 0 * * *"]),
        ("55 11,23 * * SAT", 10, ["5 12 * * SAT", "5 0 * * 0"]),
        ("55 23 31 * *", 10, ["5 0 * * *"]),
        ("55 23 13 * FRI", 10, ["5 0 * * *"]),
    ],
)
def test_put_off(expression: str, minutes: int, found: list[str]) -> None:
    assert list(put_off(expression, minutes)) == found


HOURS = st.lists(st.integers(0, 23), min_size=1, max_size=4, unique=True).map(lambda v: ",".join(map(str, sorted(v))))
MINUTES = st.lists(st.integers(0, 59), min_size=1, max_size=4, unique=True).map(lambda v: ",".join(map(str, sorted(v))))
FIELDS = st.tuples(
    MINUTES,
    st.one_of(HOURS, st.sampled_from(["*", "*/6"])),
    st.sampled_from(["*", "*/2", "1", "28,31"]),
    st.sampled_from(["*", "2-7"]),
    st.sampled_from(["*", "MON-FRI", "SAT"]),
)


@given(st.one_of(FIELDS.map(" ".join), st.sampled_from(EXPRESSIONS)), st.integers(0, 1439), st.integers(0, 3000))
def test_no_firing_is_without_its_trigger(expression: str, minutes: int, day: int) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day)
    end = start + timedelta(days=40)
    later = {one + timedelta(minutes=minutes) for one in rhythm(expression, "UTC").between(start, end)}
    found = set[datetime]()
    for trigger in put_off(expression, minutes):
        found.update(Rhythm(parse(trigger), UTC).between(start, end + timedelta(days=2)))
    assert later <= found
    _, _, days, months, _ = expression.split()
    if (days, months) == ("*", "*") or minutes == 0:  # nothing is started for nothing where the days can be said
        last = max(later, default=start)
        assert {one for one in found if start + timedelta(minutes=minutes) < one <= last} == later


def test_put_off_in_another_time_zone_it_is_the_wall_that_counts() -> None:
    [trigger] = put_off("50 23 * * *", 20)
    first = rhythm(trigger, "Europe/Brussels").after(at("2026-07-01T12:00"))
    assert first - rhythm("50 23 * * *", "Europe/Brussels").after(at("2026-07-01T12:00")) == timedelta(minutes=20)
