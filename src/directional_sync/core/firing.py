"""When a schedule fires, as moments in UTC: forwards, backwards and in between, right at both changes of the clock.

An expression names times of the clock on the wall, and people expect of it two different things:

    some hours    `30 2 * * *`, `*/30 2 * * *`, `0 */6 * * *`: each time that is named fires once a day. One that the
                  clock skips fires at the moment at which it goes on, together with all others that are skipped;
                  one that comes twice fires the first time.
    every hour    `0 * * * *`, `*/15 * * * *`: a rhythm. Every hour that passes has its firings, the one that comes
                  twice twice, and one that is skipped has none, since no time passes in it.

Where the clock is moved by less than an hour (Lord Howe Island: by half of one) the rhythm goes by the first rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from directional_sync.core.schedule import Times

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_DAYS_KNOWN = 64
_DAYS_MAX = 41 * 366
"""29 February comes on a certain day of the week at least once in so many days."""


@dataclass(frozen=True)
class Rhythm:
    """The times of an expression in a time zone. All moments given and answered know their time zone; those answered
    are in UTC."""

    times: Times
    zone: tzinfo
    _known: dict[date, tuple[list[datetime], datetime]] = field(default_factory=dict, compare=False, repr=False)
    """Day -> its firings, and its first moment: the same few days are asked for again and again."""

    def after(self, moment: datetime) -> datetime:
        """The first firing later than `moment`."""
        return next(self.between(moment, None))

    def until(self, moment: datetime) -> datetime:
        """The last firing at or before `moment`."""
        day = moment.astimezone(self.zone).date() + _DAY
        for _ in range(_DAYS_MAX):
            if any(firing <= moment for firing in self._of(day)[0]):
                return max(firing for near in (day, day - _DAY) for firing in self._of(near)[0] if firing <= moment)
            day -= _DAY
        raise ValueError("it never fires")

    def between(self, start: datetime, end: datetime | None) -> Iterator[datetime]:
        """All firings in (start, end], in order; without an `end` they never end."""
        day = moment_day = start.astimezone(self.zone).date() - _DAY
        waiting: set[datetime] = set()
        while end is None or day <= end.astimezone(self.zone).date() + _DAY:
            waiting.update(self._of(day)[0])
            # Those of the next day are never earlier than its first moment; some of this day may be later, where the
            # clock goes back over midnight.
            edge = self._of(day + _DAY)[1]
            for firing in sorted(firing for firing in waiting if firing < edge):
                moment_day = day
                if end is not None and firing > end:
                    return
                if firing > start:
                    yield firing
            waiting = {firing for firing in waiting if firing >= edge}
            day = self._following(day) if not waiting else day + _DAY
            if (day - moment_day).days > _DAYS_MAX:
                raise ValueError("it never fires")

    def _following(self, day: date) -> date:
        """The next day in a month that is named, or a day before."""
        day += _DAY
        if day.month in self.times.months or (day + _DAY).month in self.times.months:
            return day
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - _DAY

    def _of(self, day: date) -> tuple[list[datetime], datetime]:
        """The firings of one day on the wall, and its first moment."""
        if day not in self._known:
            if len(self._known) >= _DAYS_KNOWN:
                self._known.clear()
            self._known[day] = (self._firings(day), self._once(datetime.combine(day, time())))
        return self._known[day]

    def _firings(self, day: date) -> list[datetime]:
        """In order, each once."""
        if not self.times.names(day):
            return []
        midnight = datetime.combine(day, time())
        steps = [timedelta(hours=h, minutes=m) for h in sorted(self.times.hours) for m in sorted(self.times.minutes)]
        offset = self._offset_all_day(midnight)
        if offset is not None:
            start = (midnight - offset).replace(tzinfo=UTC)
            return [start + step for step in steps]
        return sorted({firing for step in steps for firing in self._at(midnight + step)})

    def _offset_all_day(self, midnight: datetime) -> timedelta | None:
        """How far the wall is ahead of UTC, when it is the same all that day; else None."""
        edges = [each.replace(tzinfo=self.zone, fold=fold) for each in (midnight, midnight + _DAY) for fold in (0, 1)]
        first, *others = {edge.utcoffset() for edge in edges}
        return None if others else first

    def _at(self, wall: datetime) -> tuple[datetime, ...]:
        """When a time on the wall fires: once, twice or never."""
        early, late = (wall.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        moved = (late.utcoffset() or timedelta()) - (early.utcoffset() or timedelta())
        if not moved or not self.times.every_hour or moved % _HOUR:
            return (self._once(wall),)
        return () if moved > timedelta() else (early.astimezone(UTC), late.astimezone(UTC))

    def _once(self, wall: datetime) -> datetime:
        """The moment of a time on the wall: the first of two; and for one that is skipped, when the clock goes on."""
        early, late = (wall.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        before, after = early.utcoffset() or timedelta(), late.utcoffset() or timedelta()
        first = (wall - before).replace(tzinfo=UTC)
        if before >= after:
            return first
        low, high = (wall - after).replace(tzinfo=UTC), first  # the change comes after `low`, at `high` at the latest
        while high - low > _SECOND:
            middle = low + (high - low) // 2
            middle = middle.replace(microsecond=0)
            changed = middle.astimezone(self.zone).utcoffset() == after
            low, high = (low, middle) if changed else (middle, high)
        return high
