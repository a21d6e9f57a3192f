"""When a channel is told something, and when not: by tables, and by properties over long histories."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.notices import (
    MESSAGES_MAX,
    Finding,
    Incident,
    Memory,
    Notice,
    follow,
    notices,
    remembered,
    settled,
)
from directional_sync.model.notify import USUAL, Channel, Means, Silence, Topic

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def well(target: str, *, changed: bool = False) -> Finding:
    return Finding(target, None, message="2 files changed", changed=changed)


def failed(target: str, code: str = "E-SCRIPT", host: str = "", message: str = "it failed") -> Finding:
    return Finding(target, Topic.FAILED, code, host, message)


def conflict(target: str, *keys: str) -> Finding:
    return Finding(target, Topic.CONFLICT, "E-CONFLICT", "", f"{len(keys)} wait", items=frozenset(keys))


@dataclass
class Room:
    """One channel over many runs. `up` says whether its receiver takes messages."""

    channel: Channel = field(default_factory=lambda: Channel("team", Means.SLACK, "HOOK"))
    targets: tuple[str, ...] = ("a", "b", "c")
    silences: tuple[Silence, ...] = ()
    up: bool = True
    incidents: dict[str, Incident] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    runs: int = 0
    hours: float = 0.0

    def run(self, *findings: Finding, after_h: float = 1.0) -> list[Notice]:
        """What is told of the next run."""
        self.runs += 1
        self.hours += after_h
        now = (START + timedelta(hours=self.hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        run = f"r{self.runs:04}"
        self.incidents = follow(self.incidents, findings, run=run, now=now, targets=self.targets)
        self.memory, news = notices(
            self.channel, self.memory, self.incidents, findings, self.silences, now=now, run=run
        )
        for notice in news if self.up else ():
            self.memory = remembered(self.memory, notice, now)
        self.incidents = settled(self.incidents, [self.memory])
        return news

    def said(self, *findings: Finding, after_h: float = 1.0) -> list[str]:
        """The same in short: `failed a+b`."""
        return [f"{one.topic} {'+'.join(x.target for x in one.lines)}" for one in self.run(*findings, after_h=after_h)]


def test_the_tenth_failure_in_the_same_way_says_nothing_new() -> None:
    room = Room()
    assert room.said(well("a")) == []
    assert room.said(failed("a")) == ["failed a"]
    for _ in range(9):
        assert room.said(failed("a")) == []
    [notice] = room.run(well("a"))
    assert (notice.topic, notice.lines[0].runs) == (Topic.RECOVERED, 10)
    assert notice.lines[0].since == "2026-03-01T14:00:00Z"
    assert room.said(well("a")) == []
    assert room.incidents == {}


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (failed("a"), failed("a", message="it failed otherwise, with 7 lines"), []),
        (failed("a"), failed("a", code="E-SCRIPT-TIMEOUT"), ["failed a"]),
        (failed("a"), Finding("a", Topic.REFUSED, "E-SECRET"), ["refused a"]),
        (Finding("a", Topic.REFUSED, "E-SECRET"), Finding("a", Topic.REFUSED, "E-VERIFY"), ["refused a"]),
        (failed("a"), Finding("a", Topic.OVERDUE), ["overdue a"]),
        (Finding("a", Topic.OVERDUE), well("a"), ["recovered a"]),
        (Finding("a", Topic.DRIFTED), Finding("a", Topic.DRIFTED, message="more"), []),
        (conflict("a", "x"), conflict("a", "x"), []),
        (conflict("a", "x"), conflict("a", "x", "y"), ["conflict a"]),
        (conflict("a", "x", "y"), conflict("a", "x"), []),
        (conflict("a", "x"), well("a"), ["recovered a"]),
        (failed("a", "E-SERVICE-TIMEOUT", "h"), failed("a", "E-SERVICE-UNREACHABLE", "h"), []),
        (failed("a", "E-SERVICE-TIMEOUT", "h"), failed("a", "E-SERVICE-TIMEOUT", "other"), ["failed a"]),
        (failed("a", "E-SERVICE-TIMEOUT", "h"), failed("a", "E-SERVICE-AUTH", "h"), ["failed a"]),
    ],
)
def test_what_has_changed_is_told_and_nothing_else(before: Finding, now: Finding, told: list[str]) -> None:
    room = Room()
    assert len(room.run(before)) == 1
    assert room.said(now) == told


def test_what_waits_again_after_it_was_settled_is_told_again() -> None:
    room = Room()
    room.run(conflict("a", "x", "y"))
    assert room.said(conflict("a", "x")) == []
    assert room.said(conflict("a", "x", "y")) == ["conflict a"]


def test_a_target_that_did_not_run_is_as_it_was() -> None:
    room = Room()
    room.run(failed("a"))
    assert room.said(well("b")) == []
    assert room.said() == []
    assert room.said(well("a"), well("b")) == ["recovered a"]


# U9
@pytest.mark.parametrize("code", ["E-SERVICE-UNREACHABLE", "E-UPSTREAM-TIMEOUT"])
def test_sixty_targets_of_a_host_that_is_down_are_one_message(code: str) -> None:
    names = tuple(f"t{number}" for number in range(60))
    room = Room(targets=names)
    other = "E-SERVICE-DOWN"
    down = [failed(name, code if number % 2 else other, "git.example.org") for number, name in enumerate(names)]
    [notice] = room.run(*down)
    assert notice.host == "git.example.org" and len(notice.lines) == 60
    assert room.run(*down) == []
    [back] = room.run(*map(well, names))
    assert back.topic is Topic.RECOVERED and len(back.lines) == 60


def test_a_host_that_is_down_is_one_message_over_many_runs_too() -> None:
    """Each target runs by itself, as schedules have it."""
    names = tuple(f"t{number}" for number in range(30))
    room = Room(targets=names)
    told = [room.said(failed(name, "E-SERVICE-TIMEOUT", "h"), after_h=0.1) for name in names]
    assert [one for one in told if one] == [["failed t0"]]
    back = [room.said(well(name), after_h=0.1) for name in names]
    assert [one for one in back if one] == [[f"recovered {'+'.join(names)}"]]


def test_one_cause_without_a_host_is_one_message() -> None:
    room = Room()
    git_clean = [Finding(n, Topic.REFUSED, "E-CHECK", "", f"Git clean: exit 1 in {n}, 0.3s") for n in "abc"]
    assert room.said(*git_clean) == ["refused a+b+c"]
    room = Room()
    assert room.said(failed("a", message="no such file x"), failed("b", message="syntax error")) == [
        "failed a",
        "failed b",
    ]
    room = Room()
    assert room.said(conflict("a", "x"), conflict("b", "y")) == ["conflict a+b"]


# F103
def test_what_could_not_be_told_is_told_the_next_time_if_it_is_still_so() -> None:
    room = Room(up=False)
    first = room.run(failed("a"))
    room.up = True
    again = room.run(failed("a"))
    assert [one.id for one in first] == [one.id for one in again]  # so that a receiver can tell that it is the same
    assert room.run(failed("a")) == []
    room.up = False
    assert room.said(well("a")) == ["recovered a"]
    room.up = True
    assert room.said() == ["recovered a"]
    assert room.said() == []


def test_what_is_over_before_anybody_could_be_told_is_not_told() -> None:
    room = Room(up=False)
    room.run(failed("a"))
    room.up = True
    assert room.said(well("a")) == []


def test_new_trouble_is_another_message_than_the_old() -> None:
    room = Room()
    [first] = room.run(failed("a"))
    room.run(well("a"))
    [second] = room.run(failed("a"))
    assert first.id != second.id


def test_a_silence_keeps_quiet_until_its_last_day_and_then_tells_what_is_so() -> None:
    room = Room(silences=(Silence(("a*",), "2026-03-02", "it moves"),))
    assert room.said(failed("a"), failed("b")) == ["failed b"]
    assert room.said(failed("a")) == []
    assert room.said(after_h=33) == []  # 23 o'clock on that day
    assert room.said(after_h=12) == ["failed a"]


def test_what_ended_within_a_silence_is_not_told() -> None:
    room = Room(silences=(Silence(("a",), "2026-03-02", "it moves"),))
    room.run(failed("a"))
    room.run(well("a"))
    assert room.said(after_h=72) == []


def test_topics_and_targets_of_a_channel() -> None:
    channel = Channel("ops", Means.SLACK, "H", topics=(Topic.REFUSED, Topic.CHANGED), targets=("b*", "c"))
    room = Room(channel)
    refused = [Finding(name, Topic.REFUSED, "E-SECRET") for name in "abc"]
    assert room.said(*refused) == ["refused b+c"]
    assert room.said(well("a", changed=True), well("b", changed=True)) == ["changed b"]
    assert room.said(failed("b")) == []
    assert room.memory.told.keys() == {"c"}


def test_a_reminder_comes_when_it_is_asked_for() -> None:
    room = Room(Channel("team", Means.SLACK, "H", remind_s=86400))
    room.run(failed("a"))
    assert room.said(failed("a"), after_h=23) == []
    [notice] = room.run(failed("a"), after_h=1)
    assert notice.reminder
    assert room.said(failed("a"), after_h=1) == []


def test_a_target_that_left_the_file_is_forgotten() -> None:
    room = Room()
    room.run(failed("a"))
    room.targets = ("b",)
    assert room.said() == [] and room.incidents == {} and room.memory.told == {}


# U8
@given(st.lists(st.sampled_from(["ok", "E-A", "E-B", "x", "skip"]), max_size=50), st.sampled_from([0.2, 0.5, 3.0]))
def test_one_target_is_spoken_of_at_most_four_times_a_day(outcomes: list[str], hours: float) -> None:
    room = Room()
    spoken: list[float] = []
    for outcome in outcomes:
        found = {"ok": well("a"), "x": conflict("a", "x"), "skip": well("b")}.get(outcome) or failed("a", outcome)
        spoken += [room.hours for notice in room.run(found, after_h=hours) if notice.lines[0].target == "a"]
    for first in spoken:
        assert sum(first <= other < first + 24 for other in spoken) <= MESSAGES_MAX


def test_going_back_and_forth_is_said_in_the_last_message_and_the_end_is_told() -> None:
    room = Room()
    told = [room.run(failed("a") if number % 2 == 0 else well("a"), after_h=0.4) for number in range(50)]
    lines = [notice.lines[0] for news in told for notice in news]
    assert [line.last for line in lines[:4]] == [False, False, False, True]
    room.run(failed("a"))
    told_last = [room.said(failed("a"), after_h=6) for _ in range(8)]
    assert [news for news in told_last if news] == [["failed a"]]


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(
                    st.sampled_from("abc"),
                    st.sampled_from(["ok", "E-A", "E-B", "E-N-TIMEOUT h", "E-N-DOWN h", "x", "xy"]),
                ),
                max_size=3,
                unique_by=lambda pair: pair[0],
            ),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_in_the_end_every_channel_knows_how_things_are(runs: list[tuple[list[tuple[str, str]], bool]]) -> None:
    """Whatever happened and whatever was lost: days later, with a receiver that works, it has been told of the targets
    that are not well, and there is nothing more to say."""
    room = Room()
    for findings, up in runs:
        room.up = up
        room.run(*(_found(target, what) for target, what in findings))
    room.up = True
    for _ in range(4):
        room.run(after_h=25)
    still = {name: incident.kind for name, incident in room.incidents.items() if not incident.over}
    told = {name: told.kind for name, told in room.memory.told.items()}
    assert still.items() <= told.items()
    for name in told.keys() - still.keys():  # let go by a host that keeps others down: told when all are well
        assert told[name].startswith("network ") and told[name] in still.values()
    assert room.run(after_h=25) == []
    assert set(USUAL) == set(Topic) - {Topic.CHANGED}


def _found(target: str, what: str) -> Finding:
    code, _, host = what.partition(" ")
    if what == "ok":
        return well(target)
    return failed(target, code, host) if what.startswith("E-") else conflict(target, *what)
