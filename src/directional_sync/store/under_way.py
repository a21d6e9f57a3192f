"""What runs by schedule are under way: noted before they begin and taken back when their record is kept.

What is still noted afterwards was cut off, by a kill or a loss of power; without a note it would be due at every call.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from directional_sync.core.due import CUT
from directional_sync.system import host

_FILE = "under-way.json"
_KEPT = 12
"""Of each target; a streak this long waits for the longest time already."""


def read(state: Path) -> dict[str, list[dict[str, Any]]]:
    """Target -> entries like those of reports, the newest first; {} when there are none, or they cannot be read."""
    try:
        found = json.loads((state / _FILE).read_bytes())
        return {str(name): [dict(entry) for entry in entries] for name, entries in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def begin(state: Path, firings: Mapping[str, str]) -> None:
    """Notes that the targets run now, each for its firing. Under the lock of the repository. Raises HostError."""
    known, now = read(state), host.utc_now()
    for name, firing in firings.items():
        entry = {"outcome": CUT, "started": now, "took": 0, "scheduled": firing}
        known[name] = [entry, *known.get(name, [])][:_KEPT]
    _write(state, known)


def end(state: Path, names: Collection[str]) -> None:
    """Takes back what is noted of these targets: the history knows how they ended. Raises HostError."""
    _write(state, {name: entries for name, entries in read(state).items() if name not in names})


def _write(state: Path, known: Mapping[str, Any]) -> None:
    if known:
        host.atomic_write(state / _FILE, json.dumps(known, sort_keys=True).encode())
    else:
        with host.host_errors(state / _FILE):
            (state / _FILE).unlink(missing_ok=True)
