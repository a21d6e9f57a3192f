"""The `notify` section: who is told when something stops, begins to wait, or works again.

Addresses and keys are never written into the file, and never read while it is: the section names the variable that
holds each of them, and only sending looks into it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from directional_sync.config.mistakes import near
from directional_sync.config.schema_parts import TARGET_NAME, TARGET_NAME_MAX, Duration, Line, Part, Shown, wrong
from directional_sync.config.schema_safety import date
from directional_sync.core.yaml12 import Document, Path
from directional_sync.errors import Problem
from directional_sync.model.notify import USUAL, Channel, Means, Notify, Ping, Silence, Topic

_REFERENCE = r"^\$([A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})$"
_USUAL = ", ".join(topic.value for topic in USUAL)


def _reference(value: str) -> str:
    """The name of the variable. What was written instead is not repeated: it is probably the secret itself."""
    if not re.fullmatch(_REFERENCE, value):
        raise wrong(
            "an address or key is a secret: name the variable that holds it, and nothing beside",
            'write it like "${SLACK_WEBHOOK}", and set SLACK_WEBHOOK in the environment or in .env',
            "E-NOTIFY-ADDRESS",
        )
    return value.strip("${}")


Reference = Annotated[str, AfterValidator(_reference), Shown({"type": "string", "pattern": _REFERENCE})]
Name = Annotated[str, Field(pattern=TARGET_NAME, max_length=TARGET_NAME_MAX)]
Globs = Annotated[list[str], Field(min_length=1)]


class ChannelPart(Part):
    """One place where people read: a channel of a chat, a service of your own, a mailbox."""

    type: Means = Field(
        description="`slack` and `mattermost`: an incoming webhook. `webhook`: signed JSON for a service of your own. "
        "`apprise`: mail and some hundred services more; needs `pip install 'directional-sync[notify]'`."
    )
    url: Reference = Field(
        description="The variable that holds the address, like `${SLACK_WEBHOOK}`. https only, but on this machine."
    )
    secret: Reference | None = Field(
        default=None, description="For `webhook`: the variable that holds the key to sign with (`whsec_...`, or text)."
    )
    events: Annotated[list[Topic], Field(min_length=1)] | None = Field(
        default=None,
        description=f"What is told. Default: {_USUAL}. `changed` tells of each run that changed something.",
    )
    targets: Globs | None = Field(
        default=None, description="Names or globs of the targets that it hears of. Default: all."
    )
    remind: Duration | None = Field(
        default=None,
        description="Say once more, after so long, that a target is still not well. Default: what has been said is not "
        "repeated.",
    )


class PingPart(Part):
    """A service outside (healthchecks.io and its like) that raises the alarm when this one is silent."""

    url: Reference = Field(description="The variable that holds the address, like `${HEALTHCHECK_URL}`.")
    targets: Globs | None = Field(
        default=None, description="Names or globs of the targets that it is about. Default: all."
    )
    phases: bool = Field(
        default=False,
        description="Also ask for `/start` before a run and for `/fail` after a failed one. Default: false.",
    )


class SilencePart(Part):
    """Nothing is told of some targets for a while; afterwards, what is still so then."""

    targets: Globs = Field(description="Names or globs of targets.")
    until: Annotated[str, AfterValidator(date)] = Field(description="The last day on which this holds, YYYY-MM-DD.")
    reason: Line = Field(description="Why.")


class NotifyPart(Part):
    """Who is told when something stops, begins to wait, or works again. No variable is replaced in this section."""

    channels: dict[Name, ChannelPart] | None = Field(default=None, description="Places where people read, by name.")
    pings: dict[Name, PingPart] | None = Field(
        default=None, description="Services that expect a sign of life after each successful run, by name."
    )
    silences: list[SilencePart] | None = Field(default=None, description="What is not told for a while.")


def notify(part: NotifyPart) -> Notify:
    """The section as frozen values; `part` has passed every check."""
    return Notify(
        channels=tuple(
            Channel(
                name=name,
                means=channel.type,
                address=channel.url,
                secret=channel.secret or "",
                topics=tuple(dict.fromkeys(channel.events)) if channel.events else USUAL,
                targets=tuple(channel.targets or ()),
                remind_s=channel.remind or 0.0,
            )
            for name, channel in (part.channels or {}).items()
        ),
        pings=tuple(
            Ping(name, ping.url, tuple(ping.targets or ()), ping.phases) for name, ping in (part.pings or {}).items()
        ),
        silences=tuple(Silence(tuple(one.targets), one.until, one.reason) for one in part.silences or ()),
    )


def problems(part: NotifyPart, names: Sequence[str], document: Document) -> Iterator[Problem]:
    """What no single value can be blamed for; `names` are those of all targets."""
    for name, channel in (part.channels or {}).items():
        base: Path = ("notify", "channels", name)
        signs = channel.type is Means.WEBHOOK
        if signs and channel.secret is None:
            hint = 'secret: "${HOOK_SECRET}"'
            yield document.problem("a webhook is signed, and `secret` is missing", document.near(base, key=True), hint)
        elif not signs and channel.secret is not None:
            span = document.near((*base, "secret"), key=True)
            yield document.problem(f"`secret` is for a webhook; a {channel.type} channel is not signed", span)
        yield from _globs(channel.targets, names, (*base, "targets"), document)
    for name, ping in (part.pings or {}).items():
        yield from _globs(ping.targets, names, ("notify", "pings", name, "targets"), document)
    for index, silence in enumerate(part.silences or ()):
        yield from _globs(silence.targets, names, ("notify", "silences", index, "targets"), document)


def _globs(globs: Sequence[str] | None, names: Sequence[str], base: Path, document: Document) -> Iterator[Problem]:
    for at, glob in enumerate(globs or ()):
        if not any(fnmatch.fnmatchcase(name, glob) for name in names):
            meant = near(glob, names)
            hint = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(names)}"
            yield document.problem(f"`{glob}` matches no target", document.near((*base, at)), hint)
