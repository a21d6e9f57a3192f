"""Who is told of what, as `dsync notify` shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from directional_sync.core.notices import Delivery, Incident, Memory
from directional_sync.model.notify import USUAL, Channel, Notify, Ping
from directional_sync.render.ink import Column, Ink, Style, amount, one_line, table
from directional_sync.render.when import ago

_DELIVERIES_SHOWN = 10


@dataclass(frozen=True)
class View:
    """All that is shown."""

    section: Notify
    incidents: Mapping[str, Incident]
    memories: Mapping[str, Memory]
    deliveries: Sequence[Delivery]
    unset: frozenset[str]
    """Variables that the section names and that are not set."""
    now: str

    def told(self, target: str) -> list[str]:
        """The channels that know of the target's trouble."""
        return [name for name, memory in self.memories.items() if target in memory.told]


def text(view: View, ink: Ink) -> str:
    section = view.section
    if not section.channels and not section.pings:
        return "nobody is told: the file has no `notify` (see docs/how-to/be-told.md)"
    columns = (
        Column("TOLD"),
        Column("BY"),
        Column("ADDRESS"),
        Column("OF", shrinks=True),
        Column("TARGETS", shrinks=True),
    )
    rows = [_channel(channel, view) for channel in section.channels] + [_ping(ping, view) for ping in section.pings]
    lines = table(columns, rows, ink)
    open_ones = {name: incident for name, incident in view.incidents.items() if not incident.over}
    lines += ["", f"open: {amount(len(open_ones), 'target')}" if open_ones else "open: none"]
    for name, incident in open_ones.items():
        told = ", ".join(view.told(name)) or "nobody yet"
        since = f"since {incident.since}, {amount(incident.runs, 'run')}"
        lines.append(f"  {one_line(name)}  {incident.topic} {one_line(incident.code)}  {since}; told: {one_line(told)}")
    for silence in section.silences:
        over = "  (over)" if view.now[:10] > silence.until else ""
        lines.append(f"silent: {', '.join(silence.targets)} until {silence.until}{over}: {one_line(silence.reason)}")
    for one in view.deliveries[-_DELIVERIES_SHOWN:]:
        how = f"not delivered: {one_line(one.failed)}" if one.failed else "delivered"
        lines.append(f"{ago(one.at, view.now)}: {one.channel} {one.topic} {', '.join(one.targets[:3])}  {how}")
    return "\n".join(lines)


def untold_lines(untold: Sequence[Delivery], now: str) -> list[str]:
    """Who is still to be told of something, and when that is tried."""
    return [
        f"! {one.channel} could not be told of {', '.join(map(one_line, one.targets[:3]))} ({one.topic}), "
        f"{ago(one.at, now)}: {one_line(one.failed)}; the next run tries again, or: dsync notify --send"
        for one in untold
    ]


def data(view: View) -> dict[str, Any]:
    """For machines. No address, only the names of the variables that hold them."""
    section = view.section
    return {
        "channels": [
            {
                "name": channel.name,
                "type": str(channel.means),
                "variable": channel.address,
                "set": channel.address not in view.unset and channel.secret not in view.unset,
                "events": [str(topic) for topic in channel.topics],
                "targets": list(channel.targets),
            }
            for channel in section.channels
        ],
        "pings": [
            {"name": p.name, "variable": p.address, "set": p.address not in view.unset, "targets": list(p.targets)}
            for p in section.pings
        ],
        "open": [
            {
                "target": name,
                "topic": str(incident.topic),
                "code": incident.code or None,
                "since": incident.since,
                "runs": incident.runs,
                "told": view.told(name),
            }
            for name, incident in view.incidents.items()
            if not incident.over
        ],
        "silences": [
            {"targets": list(s.targets), "until": s.until, "reason": s.reason, "over": view.now[:10] > s.until}
            for s in section.silences
        ],
        "deliveries": [delivery(one) for one in view.deliveries],
    }


def delivery(one: Delivery) -> dict[str, Any]:
    return {
        "at": one.at,
        "channel": one.channel,
        "topic": one.topic,
        "targets": list(one.targets),
        "failed": one.failed or None,
    }


def _channel(channel: Channel, view: View) -> list[tuple[str, Style]]:
    of = "all troubles" if channel.topics == USUAL else ", ".join(channel.topics)
    return [
        (channel.name, Style.NONE),
        (str(channel.means), Style.NONE),
        _address((channel.address, channel.secret), view),
        (of, Style.NONE),
        (", ".join(channel.targets) or "all", Style.NONE),
    ]


def _ping(ping: Ping, view: View) -> list[tuple[str, Style]]:
    of = "start, success, failure" if ping.phases else "success"
    return [
        (ping.name, Style.NONE),
        ("ping", Style.NONE),
        _address((ping.address,), view),
        (of, Style.NONE),
        (", ".join(ping.targets) or "all", Style.NONE),
    ]


def _address(names: Sequence[str], view: View) -> tuple[str, Style]:
    missing = [name for name in names if name in view.unset]
    if missing:
        return f"${missing[0]} not set", Style.BAD
    return f"${names[0]}", Style.NONE
