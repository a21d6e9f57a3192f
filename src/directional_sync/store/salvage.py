"""What can still be read of a history file that is broken."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from directional_sync.store.tables import unpacked

_ORDERS = ("SELECT id, report FROM runs ORDER BY id", "SELECT id, report FROM runs ORDER BY id DESC")
"""From either end, as far as the damage lets us."""


def salvaged(path: Path) -> list[dict[str, Any]]:
    """The reports that are whole, oldest first. Changes nothing at `path`."""
    found: dict[int, dict[str, Any]] = {}
    for order in _ORDERS:
        with (
            contextlib.suppress(sqlite3.Error, OSError, ValueError, OverflowError),
            contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database,
        ):
            for number, packed in database.execute(order):
                report = unpacked(packed) if isinstance(packed, bytes) else None
                if report is not None:
                    found[number] = report
    return [found[number] for number in sorted(found) if _whole(found[number])]


def _whole(report: dict[str, Any]) -> bool:
    return isinstance(report.get("run"), str) and isinstance(report.get("results"), list) and "timestamp" in report
