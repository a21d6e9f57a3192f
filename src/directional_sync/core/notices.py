"""When somebody is told something: from how targets are, and what a channel was told last, to what it is told now.

    finding    how one target is now, as a run or the clock says
    incident   a target that is not well: since when, and in which way
    memory     what one channel was told last of each target
    notice     one message to one channel

A channel is told when what it was told last is no longer so, and then once. What could not be delivered changes no
memory and is therefore told the next time, if it is still so. Targets that stop for one cause are one notice, and so
are those that it lets go again. Pure: the time comes in as text.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from directional_sync.model.notify import Channel, Silence, Topic

MESSAGES_MAX = 4
"""How often one target is spoken of in one channel within a day."""
_DAY = timedelta(days=1)
_NETWORK = re.compile(r"-(?:UNREACHABLE|TIMEOUT|DOWN|CUT|LIMITED)$")
_TOGETHER = (Topic.CONFLICT, Topic.APPROVAL, Topic.OVERDUE, Topic.DRIFTED)
"""Topics whose targets wait for the same person or the same clock: one message for all."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to tell."""

    at: str
    channel: str
    topic: str
    targets: tuple[str, ...]
    failed: str = ""
    """Why nobody was told; "" when it was delivered."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one target is now."""

    target: str
    topic: Topic | None
    """What is wrong; None: all is well."""
    code: str = ""
    host: str = ""
    """The host that it is about, where it is about one."""
    message: str = ""
    hint: str = ""
    items: frozenset[str] = frozenset()
    """What waits for a person, by key."""
    changed: bool = False
    """It is well, and something was synced."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A target that is not well, or, with `over`, has been so until then."""

    topic: Topic
    code: str
    host: str
    message: str
    hint: str
    items: frozenset[str]
    since: str
    """When the trouble began, in whatever way."""
    run: str
    """The first run in which it was in this way."""
    runs: int = 1
    """How many runs have found it not well."""
    over: str = ""
    """When it was well again."""
    after: str = ""
    """What the run said that found it well."""

    @property
    def kind(self) -> str:
        """What makes it the same trouble as before. A host that is down answers now so and now so."""
        if self.topic is Topic.FAILED and self.host and _NETWORK.search(self.code):
            return f"network {self.host}"
        return f"{self.topic} {self.code}"


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel was told last of a target that was not well."""

    kind: str
    items: frozenset[str]
    at: str


@dataclass(frozen=True)
class Memory:
    """What one channel was told."""

    told: Mapping[str, Told] = field(default_factory=dict)
    spoken: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """When each target was spoken of, within the last day."""


@dataclass(frozen=True, slots=True)
class Line:
    """One target in a notice."""

    target: str
    message: str
    code: str = ""
    hint: str = ""
    since: str = ""
    until: str = ""
    runs: int = 0
    last: bool = False
    """This target is not spoken of again before a day is over."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one channel."""

    topic: Topic
    lines: tuple[Line, ...]
    id: str
    """The same for the same news, however often it is sent."""
    host: str = ""
    reminder: bool = False
    test: bool = False
    """Nothing has happened: somebody wants to see whether it arrives."""
    told: Mapping[str, Told | None] = field(default_factory=dict, repr=False)
    """What the channel knows once this is delivered; None: nothing any more."""


def follow(
    known: Mapping[str, Incident], findings: Iterable[Finding], *, run: str, now: str, targets: Iterable[str]
) -> dict[str, Incident]:
    """The incidents after what was found now. Of a target without a finding nothing new is known; those that are not
    among `targets` have left the file."""
    names = set(targets)
    after = {name: incident for name, incident in known.items() if name in names}
    for found in findings:
        if found.target not in names:
            continue
        before = after.get(found.target)
        open_before = before if before is not None and not before.over else None
        if found.topic is None:
            if open_before is not None:
                after[found.target] = replace(open_before, over=now, after=found.message)
            continue
        incident = Incident(
            found.topic, found.code, found.host, found.message, found.hint, found.items, since=now, run=run
        )
        if open_before is not None:
            same = incident.kind == open_before.kind
            incident = replace(
                incident,
                since=open_before.since,
                runs=open_before.runs + 1,
                run=open_before.run if same else run,
            )
        after[found.target] = incident
    return after


def notices(
    channel: Channel,
    memory: Memory,
    incidents: Mapping[str, Incident],
    findings: Sequence[Finding],
    silences: Sequence[Silence],
    *,
    now: str,
    run: str,
) -> tuple[Memory, list[Notice]]:
    """What this channel is told now, and its memory with what it need not be told. Each notice says what is to be
    remembered once it is delivered: `remembered`."""
    memory = _forget(memory, incidents, now)
    told = dict(memory.told)
    news: dict[tuple[str, ...], list[str]] = {}
    for name, incident in incidents.items():
        if not heard(channel.targets, name):
            continue
        before = told.get(name)
        if incident.over:
            if before is not None and Topic.RECOVERED not in channel.topics:
                del told[name]
            elif before is not None and not _still_down(incident, name, incidents):
                news.setdefault(("", Topic.RECOVERED, *_cause(name, incident)), []).append(name)
            continue
        if incident.topic not in channel.topics:
            continue
        if before is not None and before.kind == incident.kind and incident.items <= before.items:
            told[name] = replace(before, items=incident.items)
            if channel.remind_s and _later(before.at, timedelta(seconds=channel.remind_s)) <= now:
                news.setdefault(("again", incident.topic, *_cause(name, incident)), []).append(name)
        elif incident.kind.startswith("network ") and any(
            other.kind == incident.kind for other in memory.told.values()
        ):
            told[name] = Told(incident.kind, incident.items, now)  # that this host is down has been said
        else:
            news.setdefault(("", incident.topic, *_cause(name, incident)), []).append(name)
    made = []
    for (again, topic, *_), names in news.items():
        speakable = _speakable(names, memory, silences, now)
        if speakable:
            made.append(_notice(Topic(topic), bool(again), speakable, memory, incidents, now))
    if Topic.CHANGED in channel.topics:
        made += _changes(channel, memory, findings, silences, now, run)
    return replace(memory, told=told), made


def remembered(memory: Memory, notice: Notice, now: str) -> Memory:
    """The memory once `notice` is delivered."""
    told = dict(memory.told)
    spoken = dict(memory.spoken)
    for name, after in notice.told.items():
        if after is None:
            told.pop(name, None)
        else:
            told[name] = after
    for line in notice.lines if notice.told else ():
        spoken[line.target] = (*spoken.get(line.target, ()), now)
    return Memory(told, spoken)


def settled(incidents: Mapping[str, Incident], memories: Iterable[Memory]) -> dict[str, Incident]:
    """Without those that are over and of which every channel knows so."""
    wanted = {name for memory in memories for name in memory.told}
    return {name: incident for name, incident in incidents.items() if not incident.over or name in wanted}


def heard(globs: Sequence[str], name: str) -> bool:
    """Whether the target `name` is meant; () means all."""
    return not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def silenced(silences: Sequence[Silence], name: str, now: str) -> bool:
    """Whether nothing is told of the target at `now`."""
    return any(now[:10] <= silence.until and heard(silence.targets, name) for silence in silences)


def _forget(memory: Memory, incidents: Mapping[str, Incident], now: str) -> Memory:
    """Without what is older than a day, and without targets of which nothing is known any more."""
    spoken = {name: tuple(at for at in times if _later(at, _DAY) > now) for name, times in memory.spoken.items()}
    return Memory(
        {name: told for name, told in memory.told.items() if name in incidents},
        {name: times for name, times in spoken.items() if times},
    )


def _later(at: str, span: timedelta) -> str:
    moment = datetime.fromisoformat(at.replace("Z", "+00:00")) + span
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _still_down(incident: Incident, name: str, incidents: Mapping[str, Incident]) -> bool:
    """Whether the host that kept this target from working keeps another from it still."""
    return incident.kind.startswith("network ") and any(
        other.kind == incident.kind and not other.over for key, other in incidents.items() if key != name
    )


def _cause(name: str, incident: Incident) -> tuple[str, ...]:
    """The same for those that are told together."""
    if incident.topic in _TOGETHER:
        return ("", incident.topic)
    if incident.kind.startswith("network "):
        return (incident.host, incident.kind)
    own = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    said = re.sub(rf"{own}|\d[\d,.]*|\b[0-9a-f]{{7,}}\b", "#", incident.message)
    return (incident.host, incident.kind, said)


def _speakable(names: Sequence[str], memory: Memory, silences: Sequence[Silence], now: str) -> list[str]:
    """Without those that are silenced or were spoken of often enough for a day."""
    return [
        name for name in names if not silenced(silences, name, now) and len(memory.spoken.get(name, ())) < MESSAGES_MAX
    ]


def _notice(
    topic: Topic, again: bool, names: Sequence[str], memory: Memory, incidents: Mapping[str, Incident], now: str
) -> Notice:
    lines = tuple(_line(name, incidents[name], memory) for name in names)
    first = incidents[names[0]]
    recovered = topic is Topic.RECOVERED
    news = sorted((name, incidents[name].kind, incidents[name].run, *sorted(incidents[name].items)) for name in names)
    when = now if again else ""
    return Notice(
        topic,
        lines,
        _identity(topic, when, *(part for one in news for part in one)),
        first.host if first.kind.startswith("network ") else "",
        again,
        told={name: None if recovered else Told(incidents[name].kind, incidents[name].items, now) for name in names},
    )


def _line(name: str, incident: Incident, memory: Memory) -> Line:
    return Line(
        name,
        incident.after if incident.over else incident.message,
        "" if incident.over else incident.code,
        "" if incident.over else incident.hint,
        incident.since,
        incident.over,
        incident.runs,
        last=len(memory.spoken.get(name, ())) == MESSAGES_MAX - 1,
    )


def _changes(
    channel: Channel, memory: Memory, findings: Sequence[Finding], silences: Sequence[Silence], now: str, run: str
) -> list[Notice]:
    """What was synced in this run, as one notice. It is no trouble, and is not counted among what is said of one."""
    lines = tuple(
        Line(found.target, found.message)
        for found in findings
        if found.changed and heard(channel.targets, found.target) and not silenced(silences, found.target, now)
    )
    names = [line.target for line in lines]
    return [Notice(Topic.CHANGED, lines, _identity(Topic.CHANGED, run, *names))] if lines else []


def _identity(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
