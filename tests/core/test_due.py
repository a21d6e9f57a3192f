"""What is due, from the schedule, what was tried and the time (F34, F39, F42, F43, G15, G16)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_firing import ZONES, at, rhythm

from directional_sync.core.due import (
    Ending,
    Standing,
    State,
    Tried,
    choose,
    ending,
    own_delay,
    pause_after,
    standing,
)
from directional_sync.core.firing import Rhythm
from directional_sync.model.target import Catchup, Punctuality

DAILY = rhythm("0 2 * * *", "UTC")
ONCE, SKIP = Punctuality(), Punctuality(Catchup.SKIP)
HOUR = timedelta(hours=1)


def tried(when: str, how: Ending = Ending.WELL, answers: str = "") -> Tried:
    return Tried(at(when), at(when) + timedelta(minutes=1), how, at(answers) if answers else None)


@pytest.mark.parametrize(
    ("punctuality", "tries", "now", "state", "answers", "following"),
    [
        pytest.param(
            ONCE, ["11-27T02:00"], "11-28T01:59", State.WAITING, "", "11-28T02:00", id="all is answered"
        ),
        pytest.param(ONCE, ["11-27T02:00"], "11-28T02:00", State.DUE, "11-28T02:00", "11-28T02:00", id="on time"),
        pytest.param(ONCE, ["11-27T02:00"], "11-28T07:00", State.DUE, "11-28T02:00", "11-28T02:00", id="late"),
        pytest.param(
            ONCE, ["11-27T02:00"], "11-28T08:01", State.OVERDUE, "11-28T02:00", "11-28T02:00", id="too late"
        ),
        pytest.param(
            ONCE, ["11-20T02:00"], "11-28T09:00", State.OVERDUE, "11-28T02:00", "11-28T02:00", id="one for many, F39"
        ),
        pytest.param(ONCE, ["11-28T02:30"], "11-28T09:00", State.WAITING, "", "11-29T02:00", id="a person was quicker"),
        pytest.param(ONCE, [], "11-28T09:00", State.NEVER, "11-28T02:00", "11-28T02:00", id="the first time"),
        pytest.param(
            SKIP, ["11-20T02:00"], "11-28T07:00", State.OVERDUE, "11-28T02:00", "11-28T02:00", id="skip: in time"
        ),
        pytest.param(SKIP, ["11-20T02:00"], "11-28T09:00", State.OVERDUE, "", "11-29T02:00", id="skip: too late"),
        pytest.param(SKIP, [], "11-28T09:00", State.NEVER, "", "11-29T02:00", id="skip: the first time"),
        pytest.param(
            Punctuality(Catchup.ALL, 3), ["11-20T02:00"], "11-28T09:00", State.OVERDUE, "11-26T02:00", "11-26T02:00",
            id="all: the newest three, the oldest first",
        ),
        pytest.param(
            Punctuality(Catchup.ALL, 9), ["11-28T08:59=11-26T02:00"], "11-28T09:00", State.OVERDUE, "11-27T02:00",
            "11-27T02:00", id="all: goes on where it was",
        ),
        pytest.param(
            Punctuality(Catchup.ALL, 9), ["11-28T08:59=11-28T02:00"], "11-28T09:00", State.WAITING, "", "11-29T02:00",
            id="all: done",
        ),
        pytest.param(
            Punctuality(Catchup.ALL, 9), ["11-28T08:59=11-26T02:00!broken", "11-28T08:00=11-25T02:00"], "11-28T09:00",
            State.OVERDUE, "", "11-28T10:00", id="all: what failed waits before it is tried again",
        ),
        pytest.param(
            ONCE, ["11-28T02:00!passing"], "11-28T02:05", State.AGAIN, "", "11-28T02:06", id="failed: not at once"
        ),
        pytest.param(
            ONCE, ["11-28T02:00=11-28T02:00!passing"], "11-28T02:06", State.DUE, "11-28T02:00", "11-28T02:00",
            id="again",
        ),
        pytest.param(
            ONCE, ["11-28T02:06!passing", "11-28T02:00!passing", "11-27T02:00"], "11-28T02:16", State.AGAIN, "",
            "11-28T02:17", id="again: twice as long",
        ),
        pytest.param(
            ONCE, ["11-28T02:00!person"], "11-28T20:00", State.AGAIN, "", "11-29T02:00",
            id="the next firing comes first",
        ),
        pytest.param(
            ONCE, ["11-28T02:00!stopped"], "11-28T02:02", State.DUE, "11-28T02:00", "11-28T02:00", id="stopped"
        ),
        pytest.param(
            ONCE, ["11-28T02:00"], "11-28T01:00", State.WAITING, "", "11-29T02:00",
            id="the clock went back an hour, F34",
        ),
        pytest.param(
            ONCE, ["12-01T02:00", "11-27T02:00"], "11-28T02:30", State.DUE, "11-28T02:00", "11-28T02:00",
            id="a try from the day after tomorrow is not believed, F34",
        ),
        pytest.param(
            Punctuality(overdue_after_s=60), ["11-27T02:00"], "11-28T02:02", State.OVERDUE, "11-28T02:00",
            "11-28T02:00", id="an alarm of its own",
        ),
    ],
)  # fmt: skip
def test_standing(
    punctuality: Punctuality, tries: list[str], now: str, state: State, answers: str, following: str
) -> None:
    known = []
    for text in tries:
        text, _, how = text.partition("!")
        when, _, answered = text.partition("=")
        known.append(tried(f"2026-{when}", Ending(how or "well"), answered and f"2026-{answered}"))
    found = standing(DAILY, punctuality, known, at(f"2026-{now}"))
    assert (found.state, found.answers, found.following) == (
        state,
        at(f"2026-{answers}") if answers else None,
        at(f"2026-{following}"),
    )
    assert found.due is bool(answers)


def test_without_a_schedule_and_paused() -> None:
    assert standing(None, ONCE, [], at("2026-11-28T09:00")).state is State.BY_HAND
    paused = standing(DAILY, ONCE, [tried("2026-11-01T02:00")], at("2026-11-28T09:00"), paused=True)
    assert (paused.state, paused.due, paused.following) == (State.PAUSED, False, None)


def test_pauses_double_up_to_a_bound() -> None:
    minutes = [pause_after(Ending.PASSING, n).total_seconds() / 60 for n in range(1, 10)]
    assert minutes == [5, 10, 20, 40, 80, 160, 320, 360, 360]
    assert [pause_after(Ending.BROKEN, n) / HOUR for n in range(1, 8)] == [1, 2, 4, 8, 16, 24, 24]
    assert {pause_after(Ending.PERSON, n) / HOUR for n in range(1, 8)} == {24}
    assert pause_after(Ending.STOPPED, 9) == timedelta(0)


@pytest.mark.parametrize(
    ("outcome", "code", "status", "how"),
    [
        ("synced", "", 0, Ending.WELL),
        ("in_sync", "", 0, Ending.WELL),
        ("planned", "", 0, Ending.WELL),
        ("cancelled", "E-INTERRUPTED", 130, Ending.STOPPED),
        ("refused", "E-GUARD-DELETE", 6, Ending.PERSON),
        ("conflicted", "E-CONFLICT", 7, Ending.PERSON),
        ("failed", "E-ENV-MISSING", 4, Ending.PERSON),
        ("failed", "E-UPSTREAM-UNREACHABLE", 1, Ending.PASSING),
        ("failed", "E-SERVICE-LIMITED", 1, Ending.PASSING),
        ("failed", "E-SCRIPT-FAILED", 1, Ending.BROKEN),
        ("failed", "E-SCRIPT-TIMEOUT", 1, Ending.BROKEN),
        ("failed", "E-INTERNAL", 70, Ending.BROKEN),
        ("failed", "", 1, Ending.BROKEN),
    ],
)
def test_how_a_try_ended(outcome: str, code: str, status: int, how: Ending) -> None:
    assert ending(outcome, code, status) is how


def test_the_delay_is_the_targets_own_and_bounded() -> None:  # F43
    punctuality = Punctuality(jitter_s=600)
    delays = {f"t{number}": own_delay(f"t{number}", DAILY, punctuality) for number in range(60)}
    assert delays == {name: own_delay(name, DAILY, punctuality) for name in delays}
    assert all(timedelta(0) <= delay < timedelta(minutes=10) for delay in delays.values())
    assert len(set(delays.values())) > 50
    often = rhythm("*/5 * * * *", "UTC")
    assert all(own_delay(name, often, punctuality) < timedelta(seconds=150) for name in delays)
    assert own_delay("t1", DAILY, Punctuality()) == timedelta(0)


def live(found: Rhythm, start: datetime, end: datetime, delay: timedelta, late: list[timedelta]) -> list[datetime]:
    """Runs whatever is due whenever it is due, each time a little late; answers what was answered."""
    tries = [Tried(start, start, Ending.WELL)]
    answered: list[datetime] = []
    now = start
    while now < end:
        one = standing(found, ONCE, tries, now, delay=delay)
        if one.due:
            assert one.answers is not None
            answered.append(one.answers)
            tries = [Tried(now, now, Ending.WELL, one.answers)]
            assert not standing(found, ONCE, tries, now, delay=delay).due  # never twice
        else:
            assert one.following is not None and one.following > now
            now = one.following + late[len(answered) % len(late)]
    return answered


@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_without_a_missed_or_a_double_run(zone: str) -> None:  # G15
    found = rhythm("30 2 * * *", zone)
    start, end = at("2026-01-01T12:00"), at("2036-01-01T12:00")
    answered = live(found, start, end, timedelta(seconds=90), [timedelta(0), timedelta(minutes=50)])
    assert answered == list(found.between(start, end))[: len(answered)]
    assert len(answered) >= 3651


@pytest.mark.faults
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", ["0 */6 * * *", "15 * * * *", "0 0 * * *", "45 0 1 * FRI", "0 5 * * SUN"])
def test_ten_years_of_other_schedules(zone: str, expression: str) -> None:  # G15
    found = rhythm(expression, zone)
    start, end = at("2026-01-01T12:00"), at("2036-01-01T12:00")
    answered = live(found, start, end, timedelta(0), [timedelta(0), timedelta(seconds=59), timedelta(minutes=14)])
    assert answered == list(found.between(start, end))[: len(answered)]
    assert all(a < b for a, b in pairwise(answered))


@given(st.integers(0, 72 * 60), st.sampled_from(ZONES), st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1)))
def test_however_late_there_is_one_catch_up(minutes: int, zone: str, begun: datetime) -> None:  # F39, F40, G15
    found = rhythm("30 */6 * * *", zone)
    start = found.until(begun.replace(tzinfo=UTC))
    now = found.after(start) + timedelta(minutes=minutes)
    one = standing(found, ONCE, [Tried(start, start, Ending.WELL)], now)
    assert one.due and one.answers == found.until(now)
    assert not standing(found, ONCE, [Tried(now, now, Ending.WELL, one.answers)], now).due


@given(st.sampled_from(ZONES), st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1)), st.integers(1, 10_000))
def test_silence_is_an_alarm_within_a_period_and_its_grace(zone: str, begun: datetime, ago: int) -> None:  # G16
    found = rhythm("0 */6 * * *", zone)
    last = begun.replace(tzinfo=UTC)
    first = found.after(last)
    alarm = first + (found.after(first) - first) + timedelta(hours=3)
    assert (
        standing(found, ONCE, [Tried(last, last, Ending.WELL)], alarm + timedelta(minutes=ago)).state is State.OVERDUE
    )
    assert standing(found, ONCE, [Tried(last, last, Ending.WELL)], first).state is State.DUE


def test_a_run_longer_than_its_period_is_followed_by_one() -> None:  # F42
    often = rhythm("*/5 * * * *", "UTC")
    long = Tried(at("2026-11-28T02:00"), at("2026-11-28T02:17"), Ending.WELL)
    found = standing(often, ONCE, [long], at("2026-11-28T02:17"))
    assert found.answers == at("2026-11-28T02:15")


def stands(state: State, *, due: bool = False, called: bool = False, how: Ending = Ending.WELL) -> Standing:
    firing = at("2026-11-28T02:00")
    return Standing(state, due, firing if due else None, firing, tried("2026-11-27T02:00", how), called=called or due)


def test_who_needs_what_failed_waits_and_says_why() -> None:  # F96
    due, again = stands(State.DUE, due=True), stands(State.AGAIN, how=Ending.PASSING)
    needs = {"b": ("a",), "c": ("b",)}
    chosen = choose({"a": again, "b": due, "c": due}, needs)
    assert not chosen.firings
    assert chosen.held == {"b": "needs a, whose last run did not succeed", "c": "needs b, which waits too"}
    assert set(choose({"a": due, "b": due, "c": due}, needs).firings) == {"a", "b", "c"}
    assert set(choose({"a": stands(State.WAITING), "b": due}, needs).firings) == {"b"}
    assert choose({"a": stands(State.PAUSED), "b": due}, needs).held == {"b": "needs a, which is paused"}
    assert set(choose({"b": due}, {"b": ("gone",)}).firings) == {"b"}


def test_who_is_needed_comes_along_before_its_own_delay_is_over() -> None:
    chosen = choose({"a": stands(State.WAITING, called=True), "b": stands(State.DUE, due=True)}, {"b": ("a",)})
    assert set(chosen.firings) == {"a", "b"}
