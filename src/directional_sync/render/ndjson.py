"""Events as JSON, one object each: `v ts seq run type target level msg`, and `data` for programs.

Types are only ever added, and `msg` can always be shown, so that a reader may show a type it does not know.
"""

from __future__ import annotations

from typing import Any

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Event
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.render.report import clean, report, result

VERSION = 1


def line(event: Event, *, seq: int, ts: str, run: str, status: Exit | None = None) -> dict[str, Any]:
    """`seq` counts from 1 within a run; `ts` is RFC 3339 in UTC. The end of a target carries its `result`, the
    end of a run its `report`, as `--json` would print them. `status` is the exit status of the command."""
    found: dict[str, Any] = {
        "v": VERSION,
        "ts": ts,
        "seq": seq,
        "run": run,
        "type": str(event.type),
        "target": event.target,
        "level": str(event.level),
        "msg": event.message,
    }
    data = dict(event.data)
    if isinstance(event.subject, TargetRecord):
        data["result"] = result(event.subject)
    if isinstance(event.subject, Summary):
        data["report"] = report(event.subject, status=status)
    if data:
        found["data"] = data
    cleaned: dict[str, Any] = clean(found)
    return cleaned
