"""When a schedule of the file fires, by the time zones of this machine; and the schedule in English."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from directional_sync.core.firing import Rhythm
from directional_sync.core.schedule import parse
from directional_sync.model.target import Schedule


def next_run(schedule: Schedule, after: str) -> str:
    """The first time later than `after` (both RFC 3339, the answer in UTC and whole seconds), as `core.firing` has it.
    Raises ValueError for an expression or a time zone that is not accepted."""
    moment = datetime.fromisoformat(after.replace("Z", "+00:00"))
    return rhythm(schedule).after(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def rhythm(schedule: Schedule) -> Rhythm:
    """Raises ValueError as `next_run` does."""
    return Rhythm(parse(schedule.cron), zone(schedule.timezone))


def explain(schedule: Schedule) -> str:
    """The schedule in English: "At 02:00 every day". Raises ValueError as `next_run` does."""
    parse(schedule.cron)
    from cronsim import CronSim

    words = CronSim(schedule.cron, datetime(2000, 1, 1, tzinfo=UTC)).explain().rstrip(".")
    return words if schedule.timezone == "UTC" else f"{words} ({schedule.timezone})"


def zone(name: str) -> tzinfo:
    """Raises ValueError when the IANA time zone is not known here."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"the time zone {name!r} is not known") from error


def zone_names() -> list[str]:
    """Every time zone that this machine knows; slow."""
    from zoneinfo import available_timezones

    return sorted(available_timezones())
