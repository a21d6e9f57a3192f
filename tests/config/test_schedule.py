"""Cron expressions: strict, and right through summer time (F35, F36, F38)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.config import cron
from directional_sync.config.load import read
from directional_sync.core.schedule import BadSchedule, parse
from directional_sync.errors import ConfigError
from directional_sync.model.target import Catchup, Pause, Punctuality, Schedule, Target


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("@daily", "write five fields", '"0 0 * * *"'),
        ("@reboot", "write five fields", ""),
        ("* * * *", "has five fields, this has 4", "minute hour"),
        ("0 0 0 * * *", "has five fields, this has 6", ""),
        ("", "has five fields, this has 0", ""),
        ("60 * * * *", "60 is no minute: 0 to 59", ""),
        ("* 24 * * *", "24 is no hour: 0 to 23", ""),
        ("* * 0 * *", "0 is no day of the month: 1 to 31", ""),
        ("* * * 13 *", "13 is no month: 1 to 12", ""),
        ("* * * * 7", "7 is no day of the week", "Sunday is 0"),
        ("* * L * *", "'L' is no day of the month", ""),
        ("* * * * MON#2", "'MON#2' is no day of the week", ""),
        ("* * ? * *", "'?' is no day of the month", ""),
        ("* * 15W * *", "'15W' is no day of the month", ""),
        ("0 0 * * FRI-MON", "the range FRI-MON of the day of the week runs backwards", ""),
        ("*/90 * * * *", "a step of 90 is longer than the minute itself", ""),
        ("*/0 * * * *", "'0' is no step", ""),
        ("+1 * * * *", "'+1' is no minute", ""),
        ("1, * * * *", "the minute is empty", ""),
        ("0 0 30 2 *", "day 30 does not come in the months it names", ""),
        ("0 0 31 4,6,9,11 *", "day 31 does not come in the months it names", ""),
        ("٣ * * * *", "is no minute", ""),
    ],
)
def test_f38_what_is_refused(expression: str, message: str, hint: str) -> None:
    with pytest.raises(BadSchedule) as found:
        parse(expression)
    assert message in str(found.value)
    assert hint in found.value.hint


@pytest.mark.parametrize(
    ("expression", "gap"),
    [
        ("0 2 * * *", 1440),
        ("0 */6 * * *", 360),
        ("*/5 * * * *", 5),
        ("* * * * *", 1),
        ("0,4 0 * * *", 4),
        ("58 23 * * *", 1440),
        ("0,59 0,23 * * *", 1),
        ("0 0 29 2 *", 1440),
        ("0 0 31 4 MON", 1440),
        ("20/15 8-18 * JAN-MAR mon-fri", 15),
    ],
)
def test_what_is_accepted_and_how_often_it_fires(expression: str, gap: int) -> None:
    assert parse(expression).gap_min == gap


_FIELD = st.sampled_from(
    ["*", "1", "5", "0", "7", "31", "12", "1-5", "5-1", "*/2", "*/9", "1,3", "2/3", "L", "SUN", "60"]
)


@given(st.tuples(_FIELD, _FIELD, _FIELD, _FIELD, _FIELD))
def test_whatever_is_accepted_the_library_runs_as_it_is_understood(fields: tuple[str, ...]) -> None:
    expression = " ".join(fields)
    try:
        times = parse(expression)
    except BadSchedule:
        return
    simulation = CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))
    assert simulation.minutes == times.minutes
    assert simulation.hours == times.hours
    assert simulation.days == times.days
    assert simulation.months == times.months
    assert simulation.weekdays == times.weekdays or fields[4] == "*"
    next(simulation)


@pytest.mark.parametrize(
    ("expression", "zone", "after", "following"),
    [
        ("0 2 * * *", "UTC", "2025-01-04T10:30:00Z", "2025-01-05T02:00:00Z"),
        ("0 2 * * *", "UTC", "2025-01-05T02:00:00Z", "2025-01-06T02:00:00Z"),
        ("0 2 * * *", "Europe/Brussels", "2026-01-04T10:30:00Z", "2026-01-05T01:00:00Z"),
        ("30 2 * * *", "Europe/Brussels", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),  # skipped: 03:00
        ("30 2 * * *", "Europe/Brussels", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),  # the first of two
        ("30 2 * * *", "Europe/Brussels", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),  # once only
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 5 * * 0", "UTC", "2026-11-23T00:00:00+02:00", "2026-11-29T05:00:00Z"),
    ],
)
def test_f35_f36_next_run(expression: str, zone: str, after: str, following: str) -> None:
    assert cron.next_run(Schedule(expression, zone), after) == following


def test_explain() -> None:
    assert cron.explain(Schedule("0 2 * * *")) == "At 02:00 every day"
    assert cron.explain(Schedule("0 2 * * *", "Europe/Brussels")) == "At 02:00 every day (Europe/Brussels)"


@pytest.mark.parametrize(
    "schedule", [Schedule("nonsense"), Schedule("0 2 * * *", "Mars/Olympus"), Schedule("0 2 * * *", "../x")]
)
def test_what_cannot_be_told_is_a_value_error(schedule: Schedule) -> None:
    with pytest.raises(ValueError):
        cron.next_run(schedule, "2026-01-01T00:00:00Z")


def read_target(text: str) -> Target:
    yaml = 'version: "1.0"\ntargets:\n  a:\n    direction: pull\n    entrypoint: a.sh\n    outputs: ["a/**"]\n'
    [found] = read((yaml + text).encode(), "sync.yaml", {}).targets
    return found


def test_what_the_file_says_about_lateness() -> None:
    found = read_target('    schedule: "0 2 * * *"\n    catchup: all(5)\n    jitter: 10m\n    overdue_after: 2h\n')
    assert found.punctuality == Punctuality(Catchup.ALL, 5, 600.0, 7200.0)
    assert read_target("    catchup: skip\n").punctuality == Punctuality(Catchup.SKIP)
    assert read_target("").punctuality == Punctuality()


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("false", None),
        ("true", Pause()),
        ('"the token is being renewed"', Pause("the token is being renewed")),
        ("{reason: month end, until: 2027-01-31}", Pause("month end", "2027-01-31")),
        ("{until: 2027-01-31}", Pause("", "2027-01-31")),
    ],
)
def test_a_pause_has_a_reason_and_an_end(text: str, pause: Pause | None) -> None:
    assert read_target(f"    paused: {text}\n").paused == pause


def test_a_pause_ends_after_its_last_day() -> None:
    found = read_target("    paused: {reason: month end, until: 2027-01-31}\n")
    assert found.pause("2027-01-31") is not None and found.pause("2027-02-01") is None
    assert str(found.paused) == "paused in the file until 2027-01-31: month end"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("catchup: always", "once, skip or all(n)"),
        ("catchup: all(0)", "once, skip or all(n)"),
        ("paused: 3", "a pause is true, false, its reason"),
        ("paused: {}", "a pause is true, false, its reason"),
        ("paused: {why: x}", "a pause is true, false, its reason"),
        ("paused: {until: 2027-02-31}", "is no date"),
        ("paused: {reason: 3}", "one line of text"),
        ("jitter: often", ""),
    ],
)
def test_what_is_no_lateness_and_no_pause(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as found:
        read_target(f"    {text}\n")
    assert len(found.value.problems) == 1 and message in found.value.problems[0].message


def test_f44_a_machine_without_time_zones_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron, "zone_names", lambda: [])
    with pytest.raises(ConfigError) as found:
        read_target("    timezone: Mars/Olympus\n")
    assert "no time zone database" in found.value.problems[0].message
    assert "tzdata" in found.value.problems[0].hint
