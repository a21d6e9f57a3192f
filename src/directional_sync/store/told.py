"""What was told: the incidents that are open, what each channel knows, and how the last deliveries ended.

One file of the state folder. Where it is missing or cannot be read, nothing counts as told, so that what is open is
told once more: a message too many, never one too few.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from directional_sync.core.notices import Delivery, Incident, Memory, Told
from directional_sync.model.notify import Topic
from directional_sync.system import host

FILE = "told.json"
_FORM = 1
_DELIVERIES_KEPT = 50


@dataclass(frozen=True)
class State:
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    """By target."""
    memories: Mapping[str, Memory] = field(default_factory=dict)
    """By channel."""
    deliveries: tuple[Delivery, ...] = ()
    """The oldest first."""

    def with_delivery(self, one: Delivery) -> State:
        return replace(self, deliveries=(*self.deliveries, one)[-_DELIVERIES_KEPT:])


def load(folder: Path) -> State:
    """Never raises."""
    try:
        found = json.loads((folder / FILE).read_bytes())
        if found["form"] != _FORM:
            return State()
        return State(
            {name: _incident(one) for name, one in found["incidents"].items()},
            {name: _memory(one) for name, one in found["memories"].items()},
            tuple(Delivery(**{**one, "targets": tuple(one["targets"])}) for one in found["deliveries"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def save(folder: Path, state: State) -> None:
    """Raises HostError; what was kept before is then still there."""
    content = {
        "form": _FORM,
        "incidents": {name: _plain(one) for name, one in state.incidents.items()},
        "memories": {
            name: {
                "told": {target: _plain(told) for target, told in memory.told.items()},
                "spoken": {target: list(times) for target, times in memory.spoken.items()},
            }
            for name, memory in state.memories.items()
        },
        "deliveries": [asdict(one) for one in state.deliveries],
    }
    host.atomic_write(folder / FILE, json.dumps(content, indent=1, sort_keys=True).encode())


def _plain(value: Any) -> dict[str, Any]:
    return {**asdict(value), "items": sorted(value.items)}


def _incident(found: Mapping[str, Any]) -> Incident:
    return Incident(**{**found, "topic": Topic(found["topic"]), "items": frozenset(found["items"])})


def _memory(found: Mapping[str, Any]) -> Memory:
    told = {name: Told(**{**one, "items": frozenset(one["items"])}) for name, one in found["told"].items()}
    return Memory(told, {name: tuple(times) for name, times in found["spoken"].items()})
