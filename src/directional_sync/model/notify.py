"""Who is told what: channels, pings and silences, as the file says. No address is here: a channel knows the name of
the variable that holds its own, so that no copy of this can give one away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Means(StrEnum):
    """How a channel is told; a closed set."""

    SLACK = "slack"
    MATTERMOST = "mattermost"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


class Topic(StrEnum):
    """What can be told of a target; a closed set."""

    FAILED = "failed"
    REFUSED = "refused"
    CONFLICT = "conflict"
    APPROVAL = "approval"
    OVERDUE = "overdue"
    DRIFTED = "drifted"
    """A target that only looks (`dry_run: true`) has found a difference."""
    RECOVERED = "recovered"
    CHANGED = "changed"
    """Something was synced. No trouble, and told only where it is asked for."""


USUAL = tuple(topic for topic in Topic if topic is not Topic.CHANGED)


@dataclass(frozen=True, slots=True)
class Channel:
    """One place where people read."""

    name: str
    means: Means
    address: str
    """Name of the variable that holds the address."""
    secret: str = ""
    """Name of the variable that holds the key to sign with; for a webhook, "" for others."""
    topics: tuple[Topic, ...] = USUAL
    targets: tuple[str, ...] = ()
    """Globs of the targets that it hears of; (): all."""
    remind_s: float = 0.0
    """How long after a message another one says that nothing has changed; 0: never."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A service outside that expects a sign of life after each successful run, and raises the alarm without one."""

    name: str
    address: str
    """Name of the variable that holds the address."""
    targets: tuple[str, ...] = ()
    """Globs of the targets that it is about; (): all."""
    phases: bool = False
    """Whether it also wants to hear of the start (`/start`) and of a failure (`/fail`)."""


@dataclass(frozen=True, slots=True)
class Silence:
    """For some targets nothing is told for a while."""

    targets: tuple[str, ...]
    until: str
    """ISO date, the last day on which it holds."""
    reason: str


@dataclass(frozen=True, slots=True)
class Notify:
    """The section `notify` of the file."""

    channels: tuple[Channel, ...] = ()
    pings: tuple[Ping, ...] = ()
    silences: tuple[Silence, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables that hold an address or a key, each once. What they hold is secret."""
        names = [name for channel in self.channels for name in (channel.address, channel.secret)]
        return tuple(dict.fromkeys(name for name in (*names, *(ping.address for ping in self.pings)) if name))
