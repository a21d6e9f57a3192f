"""What is due: decided from the schedule, what was tried before, and the time, and from nothing else.

A schedule is a level and no edge: whoever asks, whenever, hears of each firing that nobody has answered yet. Nothing
has to be awake at the very minute.

    answered     a firing is answered by the first try that begins at or after it, whoever began it and however it ended
    again        what ended badly is due again after a while, by what kept it (see `pause_after`), or at the next firing
    overdue      a firing that was not answered within the time that `Punctuality` allows; it is due and an alarm
    from ahead   tries that lie in the future were made by a clock that was wrong; up to two hours of that are believed,
                 so that a clock that is put back starts nothing twice
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from directional_sync.core.firing import Rhythm
from directional_sync.model.lifecycle import SUCCESSFUL, Outcome
from directional_sync.model.target import Catchup, Punctuality

CUT = "cut"
"""What stands for the outcome of a try that has left none."""
AHEAD_MAX = timedelta(hours=2)
_SECOND = timedelta(seconds=1)
_GRACE_LEAST, _GRACE_MOST = timedelta(minutes=10), timedelta(hours=6)
_PASSING_ENDS = ("-BUSY", "-CUT", "-DOWN", "-LIMITED", "-LOCKED", "-TIMEOUT", "-UNREACHABLE", "-UNSTEADY", "-LISTING")
_PASSING = frozenset(
    {
        "E-CATALOGUE-CHECKSUM",
        "E-IO",
        "E-LFS-CORRUPT",
        "E-LOCK",
        "E-PLAN-STALE",
        "E-PROGRAM-ENDED",
        "E-REF-MOVED",
        "E-REST-INCOMPLETE",
        "E-REST-SHIFTED",
        "E-SERVICE-CONFLICT",
        "E-STALE-BRANCH",
        "E-STALE-TREE",
        "E-SUPERVISOR",
        "E-UPSTREAM",
        "E-UPSTREAM-CORRUPT",
    }
)
_FOR_PEOPLE = frozenset({2, 4, 6, 7})
"""Exit statuses of what only a person can mend: configuration, credentials, refusals, conflicts."""


class Ending(StrEnum):
    """How a try ended, by what can be done about it."""

    WELL = "well"
    STOPPED = "stopped"
    """Somebody stopped it: it is due at once."""
    PASSING = "passing"
    """The network, a limit, a lock: it may be over soon."""
    BROKEN = "broken"
    """A program, a document, this machine: trying again seldom helps."""
    CUT = "cut off"
    """It has left no record: it is under way, or was killed."""
    PERSON = "person"
    """It waits for somebody: a credential, an approval, a conflict."""


_FIRST_PAUSE = {
    Ending.WELL: timedelta(0),
    Ending.STOPPED: timedelta(0),
    Ending.PASSING: timedelta(minutes=5),
    Ending.CUT: timedelta(minutes=5),
    Ending.BROKEN: timedelta(hours=1),
    Ending.PERSON: timedelta(days=1),
}
_LAST_PAUSE = {Ending.PASSING: timedelta(hours=6), Ending.CUT: timedelta(hours=6)}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tried:
    """One run of one target, as it is remembered. Times are in UTC."""

    started: datetime
    ended: datetime
    ending: Ending
    answers: datetime | None = None
    """The firing it was for; None when a person began it."""


class State(StrEnum):
    """Where a target stands with its schedule."""

    BY_HAND = "by hand"
    PAUSED = "paused"
    NEVER = "never"
    """It has not run yet, and is due."""
    DUE = "due"
    OVERDUE = "overdue"
    AGAIN = "again"
    """Its last run ended badly, and it is tried again later."""
    WAITING = "waiting"
    """All is answered; the next firing is waited for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one target stands at one moment."""

    state: State
    due: bool = False
    answers: datetime | None = None
    """The firing that a run now would be for."""
    expected: datetime | None = None
    """The last firing up to now."""
    last: Tried | None = None
    following: datetime | None = None
    """When it is due next if nobody runs it; now or earlier when it is due."""
    since: datetime | None = None
    """The oldest firing without an answer."""
    called: bool = False
    """A firing waits for an answer, though the target's own delay may not be over."""


def ending(outcome: str, code: str, status: int) -> Ending:
    """How a try ended, from its outcome, the code of its error ("" for none) and the exit status of that."""
    if outcome in SUCCESSFUL:
        return Ending.WELL
    if outcome == CUT:
        return Ending.CUT
    if outcome == Outcome.CANCELLED:
        return Ending.STOPPED
    if outcome in (Outcome.REFUSED, Outcome.CONFLICTED) or status in _FOR_PEOPLE:
        return Ending.PERSON
    passing = code in _PASSING or (code.endswith(_PASSING_ENDS) and "SCRIPT" not in code)
    return Ending.PASSING if passing else Ending.BROKEN


def pause_after(ending: Ending, times: int) -> timedelta:
    """How long to wait after `times` tries in a row, at least 1, the last of which ended so. It doubles each time: from
    5 minutes to 6 hours where it may be over soon, from an hour to a day where not; a day where it needs a person."""
    longest = _LAST_PAUSE.get(ending, _DAY)
    pause = _FIRST_PAUSE[ending]
    for _ in range(min(times - 1, 20)):
        pause = min(longest, pause * 2)
    return pause


def own_delay(name: str, rhythm: Rhythm, punctuality: Punctuality) -> timedelta:
    """The target's share of the jitter: the same for the same name, always and everywhere, in whole seconds."""
    most = min(punctuality.jitter_s, rhythm.times.gap_min * 30)
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return timedelta(seconds=int(share * most))


def standing(
    rhythm: Rhythm | None,
    punctuality: Punctuality,
    tries: Sequence[Tried],
    now: datetime,
    *,
    delay: timedelta = timedelta(0),
    paused: bool = False,
) -> Standing:
    """Where a target with this schedule stands. `tries`: the newest first, back to one that ended well where there is
    one; `delay`: its `own_delay`."""
    tries = [one for one in tries if one.started <= now + AHEAD_MAX]
    last = tries[0] if tries else None
    if rhythm is None:
        return Standing(State.PAUSED if paused else State.BY_HAND, last=last)
    expected = rhythm.until(now)
    if paused:
        return Standing(State.PAUSED, expected=expected, last=last)
    open_firings = _open(rhythm, punctuality, tries, now - delay)
    grace = _grace(rhythm, punctuality, expected)
    since = rhythm.after(_answered(punctuality, tries)) if tries else None
    late = since is not None and now > since + delay + grace
    again = _again(tries)
    answers = open_firings[0] if open_firings else None
    if answers is None and again is not None and again <= now and last is not None:
        answers = last.answers or rhythm.until(now)
    if answers is not None and punctuality.catchup is Catchup.SKIP and now > answers + delay + grace and again is None:
        answers = None
    called = answers is not None or (last is not None and expected > last.started and now <= expected + delay + grace)
    following = rhythm.after(max(now - delay, last.started) if last is not None else now - delay) + delay
    if again is not None and last is not None:
        following = min(following, max(again, now))
    if answers is not None:
        following = min(following, answers + delay)
    state = _state(last, due=answers is not None, late=late, again=again is not None)
    unanswered = since if since is not None and since + delay <= now else None
    return Standing(state, answers is not None, answers, expected, last, following, unanswered, called)


def _state(last: Tried | None, *, due: bool, late: bool, again: bool) -> State:
    if late:
        return State.OVERDUE
    if last is None:
        return State.NEVER
    return State.DUE if due else State.AGAIN if again else State.WAITING


def _answered(punctuality: Punctuality, tries: Sequence[Tried]) -> datetime:
    """Up to when all firings are answered. Where each gets a run of its own, by the last such run that ended well, or
    the first that is known."""
    if punctuality.catchup is not Catchup.ALL:
        return tries[0].started
    done = [one.answers for one in tries if one.ending is Ending.WELL and one.answers is not None]
    return max(done) if done else tries[-1].started


def _open(rhythm: Rhythm, punctuality: Punctuality, tries: Sequence[Tried], until: datetime) -> list[datetime]:
    """The firings up to `until` that a run is due for, the oldest first; only the newest when one run answers all."""
    newest = rhythm.until(until)
    if not tries:
        return [newest]
    if tries[0].ending is not Ending.WELL and newest <= tries[0].started:
        return []  # `_again` says when
    answered, found = _answered(punctuality, tries), list[datetime]()
    most = punctuality.catchup_max if punctuality.catchup is Catchup.ALL else 1
    while newest > answered and len(found) < most:
        found.append(newest)
        newest = rhythm.until(newest - _SECOND)
    return found[::-1]


def _again(tries: Sequence[Tried]) -> datetime | None:
    """When what ended badly is due again; None when the last try ended well, or there was none."""
    streak = 0
    for one in tries:
        if one.ending is Ending.WELL:
            break
        streak += 1
    return tries[0].ended + pause_after(tries[0].ending, streak) if streak else None


def _grace(rhythm: Rhythm, punctuality: Punctuality, expected: datetime) -> timedelta:
    if punctuality.overdue_after_s is not None:
        return timedelta(seconds=punctuality.overdue_after_s)
    return min(_GRACE_MOST, max(_GRACE_LEAST, (rhythm.after(expected) - expected) / 2))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a run at this moment takes, and why it leaves the rest."""

    firings: Mapping[str, datetime]
    """Target -> the firing that its run is for."""
    held: Mapping[str, str]
    """Targets that are due and wait for one that they need -> why."""


def choose(standings: Mapping[str, Standing], needs: Mapping[str, Sequence[str]]) -> Chosen:
    """What is due, with what it needs. A target that is needed comes along when a firing calls it and only its own
    delay is not over; one that needs what is paused, or what failed and is not tried now, waits for that."""
    firings = {name: one.answers for name, one in standings.items() if one.due and one.answers is not None}
    held: dict[str, str] = {}
    grown = True
    while grown:
        grown = False
        for name in list(firings):
            for need in needs.get(name, ()):
                other = standings.get(need)
                if need in firings or other is None:
                    continue
                if why := _obstacle(need, other, held):
                    held[name] = why
                    del firings[name]
                    grown = True
                    break
                if other.called and other.expected is not None:
                    firings[need] = other.expected
                    grown = True
    return Chosen(firings, held)


def _obstacle(need: str, other: Standing, held: Mapping[str, str]) -> str:
    if need in held:
        return f"needs {need}, which waits too"
    if other.state is State.PAUSED:
        return f"needs {need}, which is paused"
    if other.last is not None and other.last.ending is not Ending.WELL and not other.called:
        return f"needs {need}, whose last run did not succeed"
    return ""
