"""When a schedule fires: the strict five fields, handed to a cron library that gets summer time right."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from directional_sync.core.schedule import parse
from directional_sync.model.target import Schedule


def next_run(schedule: Schedule, after: str) -> str:
    """The first time later than `after` (both RFC 3339, the answer in UTC and whole seconds). A time that summer
    time skips moves to the next that exists; one that comes twice fires once. Raises ValueError for an
    expression or a time zone that is not accepted."""
    moment = datetime.fromisoformat(after.replace("Z", "+00:00")).astimezone(zone(schedule.timezone))
    found: datetime = next(_simulation(schedule, moment))
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def explain(schedule: Schedule) -> str:
    """The schedule in English: "At 02:00 every day". Raises ValueError as `next_run` does."""
    words = str(_simulation(schedule, datetime(2000, 1, 1, tzinfo=UTC)).explain()).rstrip(".")
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


def _simulation(schedule: Schedule, moment: datetime) -> Any:
    parse(schedule.cron)
    from cronsim import CronSim, CronSimError

    try:
        return CronSim(schedule.cron, moment)
    except CronSimError as error:
        raise ValueError(str(error)) from error
