"""From how a target ended in a run to what can be told of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from directional_sync.core.notices import Finding
from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.notify import Topic
from directional_sync.model.record import TargetRecord
from directional_sync.model.target import Target

_APPROVAL = "E-APPROVAL"
_SAID_MAX = 1000
_ADDRESS = re.compile(r"(?<![\w.-])(?:[\w.+-]+@)?([\w.-]+\.[\w-]+):(?!//)")
"""As ssh and git write it: `git@example.org:path`."""


def finding(record: TargetRecord, target: Target) -> Finding | None:
    """None where the run says nothing about the target: it was skipped, or stopped by somebody."""
    if record.outcome in (Outcome.SKIPPED, Outcome.CANCELLED):
        return None
    if record.success:
        return _well(record)
    failure = record.failure
    text = failure.message if failure is not None else record.message
    detail = failure.detail if failure is not None else ()
    topic = _topic(record)
    return Finding(
        record.target,
        topic,
        failure.code if failure is not None else "",
        host(target.options, "\n".join((text, *detail))) if topic is Topic.FAILED else "",
        text[:_SAID_MAX],
        failure.hint if failure is not None else "",
        frozenset(_items(record, topic)),
    )


def _well(record: TargetRecord) -> Finding:
    plan = record.plan
    if record.outcome is Outcome.PLANNED and plan is not None and not plan.empty and not plan.opaque:
        hint = f"dsync diff {record.target}"
        return Finding(record.target, Topic.DRIFTED, message=record.message[:_SAID_MAX], hint=hint)
    changed = record.outcome is Outcome.SYNCED and bool(record.counts.total or record.commit)
    return Finding(record.target, None, message=record.message[:_SAID_MAX], changed=changed)


def _topic(record: TargetRecord) -> Topic:
    """By what is worst, also where the rest of the target was synced."""
    failure = record.failure
    if failure is not None and failure.code == _APPROVAL:
        return Topic.APPROVAL
    status = failure.exit if failure is not None else record.exit
    if status is Exit.CONFLICTS:
        return Topic.CONFLICT
    return Topic.REFUSED if status is Exit.REFUSED else Topic.FAILED


def _items(record: TargetRecord, topic: Topic) -> Iterator[str]:
    if topic is Topic.CONFLICT and record.plan is not None:
        yield from (conflict.key for conflict in record.plan.conflicts)
    if topic is Topic.APPROVAL:
        yield from (f"{ask.sha256} {ask.key}" for verdict in record.verdicts for ask in verdict.asks)


def host(options: Any, text: str) -> str:
    """The host of those options that `text` names first; "" when it names none."""
    places = {name: at for name in _hosts(options) if (at := _named(name, text)) >= 0}
    return min(places, key=lambda name: (places[name], -len(name), name), default="")


def _named(name: str, text: str) -> int:
    found = re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", text)
    return found.start() if found else -1


def _hosts(value: Any, key: str = "") -> set[str]:
    if isinstance(value, str):
        if "://" in value:
            name = value.partition("://")[2].partition("/")[0].rpartition("@")[2]
            return {name, name.partition(":")[0]} - {""}
        return {value} if key == "host" and value else set(_ADDRESS.findall(value))
    if isinstance(value, Mapping):
        return _all(value.items())
    if isinstance(value, list | tuple):
        return _all((key, item) for item in value)
    if hasattr(value, "__iter__"):  # a model: pairs of names and values
        return _all(value)
    return set()


def _all(pairs: Iterable[tuple[str, Any]]) -> set[str]:
    return {name for key, value in pairs for name in _hosts(value, str(key))}
