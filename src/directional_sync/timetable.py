"""Where the targets of one repository stand with their schedules, and which of them a run takes that is asked for what
is due. Reads the history and the clock; what is due is decided in `core.due`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from directional_sync import plugins
from directional_sync.config import cron
from directional_sync.core.due import Chosen, Standing, State, Tried, choose, own_delay, standing
from directional_sync.core.firing import Rhythm
from directional_sync.errors import HostError
from directional_sync.git import ran
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.record import TargetRecord
from directional_sync.model.target import Catchup, Target
from directional_sync.render.timetable import Scheduled
from directional_sync.store import under_way
from directional_sync.store.tries import Runs, of_entry, tries
from directional_sync.system import host
from directional_sync.workspace import Selection, Workspace, select

if TYPE_CHECKING:
    from directional_sync.git.repository import Repository

FIRING = "SYNC_SCHEDULED"
"""The variable that tells a target's programs for which firing they run."""


@dataclass(frozen=True)
class Entry:
    """One target and its schedule."""

    target: Target
    standing: Standing
    rhythm: Rhythm | None = None
    delay: timedelta = timedelta(0)

    @property
    def overdue(self) -> bool:
        return self.standing.state is State.OVERDUE

    @property
    def following(self) -> str:
        """When it is due next, RFC 3339; "" when it is not by itself."""
        return _text(self.standing.following) if self.standing.following is not None else ""

    def coming(self, count: int) -> list[datetime]:
        """The next `count` times at which it will be due, the first one past when it is due now."""
        if self.rhythm is None or self.standing.following is None:
            return []
        found = [self.standing.following]
        after = max(host.now(), self.standing.following)
        while len(found) < count:
            found.append(self.rhythm.after(max(after, found[-1]) - self.delay) + self.delay)
        return found


def timetable(workspace: Workspace) -> tuple[Entry, ...]:
    """Every target of the file, in its order. Raises HostError E-TIMEZONES when this machine has lost a time zone."""
    now = host.now()
    known = _tries(workspace, now)
    return tuple(_entry(target, known.get(target.name, []), now) for target in workspace.config.targets)


def scheduled(workspace: Workspace, selection: Selection, count: int = 1) -> tuple[Scheduled, ...]:
    """The selected targets for showing, each with its next `count` times. Raises SelectionError, and as `timetable`."""
    entries = {entry.target.name: entry for entry in timetable(workspace)}
    standings = {name: entry.standing for name, entry in entries.items()}
    held = choose(standings, {name: entry.target.needs for name, entry in entries.items()}).held
    rows = []
    for entry in (entries[target.name] for target in select(workspace, selection)):
        rhythm, coming = entry.rhythm, tuple(entry.coming(count))
        period_s = rhythm.times.gap_min * 60.0 if rhythm is not None else None
        delay_s, why = int(entry.delay.total_seconds()), held.get(entry.target.name, "")
        rows.append(
            Scheduled(entry.target, entry.standing, coming, delay_s, period_s, f"due, but {why}" if why else "")
        )
    return tuple(rows)


def _entry(target: Target, known: Sequence[Tried], now: datetime) -> Entry:
    rhythm = _rhythm(target)
    delay = own_delay(target.name, rhythm, target.punctuality) if rhythm is not None else timedelta(0)
    paused = target.pause(now.date().isoformat()) is not None
    away = paused or not plugins.available(target.endpoint)
    found = standing(rhythm, target.punctuality, known, now, delay=delay, paused=away)
    return Entry(target, found, rhythm, delay)


def _rhythm(target: Target) -> Rhythm | None:
    if target.schedule is None:
        return None
    try:
        return cron.rhythm(target.schedule)
    except ValueError as error:
        raise HostError(
            "E-TIMEZONES",
            f"{target.name}: {error} on this machine",
            hint="install the time zone database (the package tzdata), then run again",
            place=str(target.place),
            kept="nothing was run; a schedule is never read in another time zone",
        ) from error


def _tries(workspace: Workspace, now: datetime) -> dict[str, list[Tried]]:
    """From the history of this clone, and from notes that came with the repository."""
    from directional_sync.past import history

    every = {t.name for t in workspace.config.targets if t.punctuality.catchup is Catchup.ALL}
    runs: Runs = history(workspace)
    found = tries(runs, now, every)
    notes = [under_way.read(workspace.state)]
    notes += [ran.read(_repository(workspace))] if ran.any_here(workspace.state.parent) else []
    for note in notes:
        for name, entries in note.items():
            noted = [of_entry(entry, str(entry.get("started")), float(entry.get("took", 0))) for entry in entries]
            merged: dict[datetime, Tried] = {}
            for one in (*found.get(name, []), *filter(None, noted)):
                merged.setdefault(one.started, one)
            found[name] = [merged[started] for started in sorted(merged, reverse=True)]
    return found


@dataclass(frozen=True)
class Picked:
    """What of the selected targets is due at this moment."""

    chosen: Chosen
    skipped: tuple[TargetRecord, ...] = ()
    """A record for each that is not."""

    def environment(self, given: Callable[[Target], Mapping[str, str]]) -> Callable[[Target], Mapping[str, str]]:
        """`given` with the firing that the target's run is for; a target that is made again, because its commits could
        not be delivered as they were, has none."""
        firings = {name: {FIRING: _text(firing)} for name, firing in self.chosen.firings.items()}
        return lambda target: {**given(target), **firings.get(target.name, {})}

    @contextmanager
    def held_off(self, workspace: Workspace) -> Iterator[None]:
        """Where this ends in an error, what is due counts as tried, so that it is not due at every call."""
        try:
            yield
        except BaseException:
            under_way.begin(workspace.state, {name: _text(firing) for name, firing in self.chosen.firings.items()})
            raise

    @contextmanager
    def under_way(self, workspace: Workspace, *, noted: bool) -> Iterator[None]:
        """While this is open the runs are `noted` as under way; they stay so when it is not left in order."""
        if noted:
            under_way.begin(workspace.state, {name: _text(firing) for name, firing in self.chosen.firings.items()})
        yield
        if noted:
            under_way.end(workspace.state, self.chosen.firings)

    def account(self, records: Sequence[TargetRecord]) -> tuple[TargetRecord, ...]:
        """The records of what ran, each with its firing, and of what did not."""
        firings = {name: _text(firing) for name, firing in self.chosen.firings.items()}
        ran = [replace(one, scheduled=firings.get(one.target, "")) for one in records]
        names = {one.target for one in ran}
        return (*ran, *(one for one in self.skipped if one.target not in names))


def pick(workspace: Workspace, targets: Sequence[Target]) -> Picked:
    """Which of these are due now. Raises as `timetable`."""
    entries = {entry.target.name: entry for entry in timetable(workspace)}
    standings = {name: entry.standing for name, entry in entries.items()}
    chosen = choose(standings, {name: entry.target.needs for name, entry in entries.items()})
    firings = {t.name: chosen.firings[t.name] for t in targets if t.name in chosen.firings}
    left = [target for target in targets if target.name not in firings]
    return Picked(Chosen(firings, chosen.held), tuple(_left(target, standings[target.name], chosen) for target in left))


def _left(target: Target, where: Standing, chosen: Chosen) -> TargetRecord:
    if target.name in chosen.held:
        why, message = Skip.NOT_DUE, f"due, but {chosen.held[target.name]}"
    elif not plugins.available(target.endpoint):
        why, message = Skip.UNAVAILABLE, f"endpoint not available in this version: {target.endpoint}"
    elif where.state is State.PAUSED:
        why, message = Skip.PAUSED, str(target.paused)
    elif where.following is None:
        why, message = Skip.NOT_DUE, "has no schedule; it is run by hand"
    else:
        why, message = Skip.NOT_DUE, f"not due before {_text(where.following)}"
    return TargetRecord(target.name, target.direction, Outcome.SKIPPED, message, skip=why)


def _repository(workspace: Workspace) -> Repository:
    from directional_sync.git.repository import Repository

    return Repository.open(workspace.root)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
