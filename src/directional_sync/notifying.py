"""Who is told of a run, and when: what was recorded, what the clock says, and what was told before, put together.

Nothing here ever fails a run, or keeps it longer than `Patience` says. What goes wrong comes back as a warning, and is
tried again when there is something to be told the next time: what a channel knows changes only when it was told.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from directional_sync.core.findings import finding
from directional_sync.core.notices import (
    Delivery,
    Finding,
    Incident,
    Line,
    Memory,
    Notice,
    follow,
    heard,
    notices,
    remembered,
    settled,
)
from directional_sync.errors import HostError, SelectionError
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.notify import Channel, Notify, Ping, Topic
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.model.target import Target
from directional_sync.notify.base import USUAL, Patience, Untold
from directional_sync.notify.sending import Sender
from directional_sync.render.notices import Origin
from directional_sync.store import told
from directional_sync.store.told import State
from directional_sync.system import host
from directional_sync.system.lock import Busy, locked
from directional_sync.workspace import Workspace, redactor


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one message or sign of life."""

    name: str
    """Of the channel or ping."""
    what: str
    """The topic of the message; `ping` for a sign of life."""
    failed: str = ""
    code: str = ""

    @property
    def warning(self) -> str:
        kind = "the ping" if self.what == "ping" else "the channel"
        return f"{kind} {self.name} could not be told ({self.code}): {self.failed}"


def begun(workspace: Workspace, targets: Sequence[Target]) -> threading.Thread | None:
    """Says to those who want to know that a run begins, without waiting for them; what `ended` waits for."""
    pings = [
        ping
        for ping in _section(workspace).pings
        if ping.phases and workspace.environ.get(ping.address) and _about(ping, targets)
    ]
    if not pings:
        return None
    thread = threading.Thread(target=_start, args=(workspace, pings, USUAL), daemon=True)
    with contextlib.suppress(RuntimeError):  # no room for another thread: then nobody hears of the beginning
        thread.start()
        return thread
    return None


def ended(workspace: Workspace, summary: Summary, beginning: threading.Thread | None = None) -> tuple[str, ...]:
    """Tells of a run that has ended and is on record; answers warnings, one for each who could not be told. Never
    raises: how the run ended stands already."""
    try:
        if beginning is not None:  # that a run began must not arrive after its end
            beginning.join(USUAL.each_s)
        return tuple(one.warning for one in _ended(workspace, summary, USUAL) if one.failed)
    except Exception as error:
        return (f"nobody could be told, by a fault of directional-sync (E-INTERNAL): {type(error).__name__}",)


def _ended(workspace: Workspace, summary: Summary, patience: Patience) -> list[Sent]:
    targets = {target.name: target for target in workspace.config.targets}
    found = [
        said
        for record in summary.records
        if record.target in targets and (said := finding(record, targets[record.target])) is not None
    ]
    sent = _tell(workspace, found, summary.run, _branch(summary), patience)
    return [*sent, *_pinged(workspace, summary.records, patience)]


def catch_up(workspace: Workspace, patience: Patience = USUAL) -> list[Sent]:
    """Tells of what is overdue, and what could not be told before, without a run. Raises HostError when what was told
    cannot be kept."""
    return _tell(workspace, [], "", "", patience, strict=True)


def test(workspace: Workspace, names: Sequence[str], patience: Patience = USUAL) -> list[Sent]:
    """Sends a message that says it is a test to these channels, or to all. Raises SelectionError."""
    channels = {channel.name: channel for channel in _section(workspace).channels}
    for name in names:
        if name not in channels:
            hint = f"there are: {', '.join(channels)}" if channels else "the file has no `notify.channels`"
            raise SelectionError("E-SELECT", f"there is no channel {name!r}", hint=hint, kept="nothing was sent")
    line = Line("test", "This is a test: whoever reads it is told when something stops.")
    notice = Notice(Topic.CHANGED, (line,), f"test{host.new_id()}", test=True)
    with Sender(workspace.environ, Origin(workspace.root.name, "", ""), patience) as sender:
        return [_sent(sender, channels[name], notice) for name in names or channels]


def state(workspace: Workspace) -> State:
    return told.load(workspace.state)


def untold(workspace: Workspace) -> tuple[Delivery, ...]:
    """The last attempt at each channel, where it failed and there is still something to tell: the next run tries."""
    known = state(workspace)
    last = {one.channel: one for one in known.deliveries}
    return tuple(
        one
        for channel in _section(workspace).channels
        if (one := last.get(channel.name)) is not None
        and one.failed
        and any(target in known.incidents for target in one.targets)
    )


def overdue(workspace: Workspace) -> Iterator[Finding]:
    """Targets of which a run by schedule is missing, as `dsync schedule` has them."""
    from directional_sync.timetable import timetable

    for entry in timetable(workspace):
        if entry.overdue:
            due = entry.standing.since.strftime("%Y-%m-%dT%H:%M:%SZ") if entry.standing.since else "its time"
            yield Finding(
                entry.target.name,
                Topic.OVERDUE,
                message=f"It was due at {due} and has not run",
                hint="see whether what starts the runs is alive: dsync schedule",
            )


def _section(workspace: Workspace) -> Notify:
    return workspace.config.notify or Notify()


def _branch(summary: Summary) -> str:
    return summary.base.rpartition("@")[0]


def _tell(
    workspace: Workspace, found: list[Finding], run: str, branch: str, patience: Patience, *, strict: bool = False
) -> list[Sent]:
    """One at a time: of two that tell at once, the second would not know what the first has told."""
    section = _section(workspace)
    if not section.channels:
        return []
    try:
        with locked(workspace.state / "told.lock", timeout_s=patience.each_s):
            return _told(workspace, section, found, run, branch, patience)
    except Busy:
        return [Sent(c.name, "", "another run is telling all the time", "E-NOTIFY-UNTOLD") for c in section.channels]
    except HostError as error:
        if strict:
            raise
        return [Sent(c.name, "", error.message, error.code) for c in section.channels]


def _told(
    workspace: Workspace, section: Notify, found: list[Finding], run: str, branch: str, patience: Patience
) -> list[Sent]:
    now = host.utc_now()
    mask = redactor(workspace)
    known = told.load(workspace.state)
    findings = [mask.value(one) for one in _with_overdue(workspace, found, known.incidents)]
    names = [target.name for target in workspace.config.targets]
    incidents = follow(known.incidents, findings, run=run or host.new_id(), now=now, targets=names)
    memories: dict[str, Memory] = {}
    sent: list[Sent] = []
    after = replace(known, incidents=incidents)
    with Sender(workspace.environ, Origin(workspace.root.name, branch, run), patience) as sender:
        for channel in section.channels:
            memory = known.memories.get(channel.name, Memory())
            memory, news = notices(channel, memory, incidents, findings, section.silences, now=now, run=run)
            for notice in news:
                one = _sent(sender, channel, mask.value(notice))
                sent.append(one)
                about = tuple(line.target for line in notice.lines)
                after = after.with_delivery(Delivery(now, channel.name, one.what, about, one.failed))
                memory = memory if one.failed else remembered(memory, notice, now)
            memories[channel.name] = memory
    after = replace(after, incidents=settled(incidents, memories.values()), memories=memories)
    if after != known:
        told.save(workspace.state, after)
    return sent


def _sent(sender: Sender, channel: Channel, notice: Notice) -> Sent:
    try:
        sender.tell(channel, notice)
    except Untold as error:
        return Sent(channel.name, str(notice.topic), error.reason, error.code)
    return Sent(channel.name, str(notice.topic))


def _with_overdue(workspace: Workspace, found: list[Finding], incidents: Mapping[str, Incident]) -> list[Finding]:
    """And what is overdue, and what no longer is, of the targets of which the run says nothing."""
    named = {one.target for one in found}
    late = [one for one in overdue(workspace) if one.target not in named]
    named |= {one.target for one in late}
    caught_up = [
        Finding(name, None, message="It is no longer overdue")
        for name, incident in incidents.items()
        if incident.topic is Topic.OVERDUE and not incident.over and name not in named
    ]
    return [*found, *late, *caught_up]


def _about(ping: Ping, targets: Sequence[Target]) -> bool:
    return any(heard(ping.targets, target.name) for target in targets)


def _start(workspace: Workspace, pings: Sequence[Ping], patience: Patience) -> None:
    """What could not be told here is no warning: the sign of life at the end is what counts."""
    with Sender(workspace.environ, Origin("", "", ""), patience) as sender:
        for ping in pings:
            _signed(sender, ping, "start")


def _pinged(workspace: Workspace, records: Sequence[TargetRecord], patience: Patience) -> list[Sent]:
    """Signs of life after a run in which all went well, of the targets that each ping is about. A run that somebody
    has stopped says nothing."""
    sent = []
    pings = _section(workspace).pings
    if not pings:
        return []
    pings = tuple(ping for ping in pings if workspace.environ.get(ping.address))  # one that is not set is not for here
    with Sender(workspace.environ, Origin("", "", ""), patience) as sender:
        for ping in pings:
            own = [r for r in records if heard(ping.targets, r.target) and r.outcome is not Outcome.SKIPPED]
            if not own or any(record.outcome is Outcome.CANCELLED for record in own):
                continue
            if all(record.success for record in own):
                sent.append(_signed(sender, ping, ""))
            elif ping.phases:
                sent.append(_signed(sender, ping, "fail"))
    return sent


def _signed(sender: Sender, ping: Ping, phase: str) -> Sent:
    try:
        sender.ping(ping, phase)
    except Untold as error:
        return Sent(ping.name, "ping", error.reason, error.code)
    return Sent(ping.name, "ping")
