"""The names of the targets, fast: for completion only, where parsing the file would make the shell wait."""

from __future__ import annotations

import os
import re
from pathlib import Path

_PLACES = (".insightpulse/sync.yaml", "sync.yaml")


def target_names(config: str | None, start: Path) -> list[str]:
    """The keys right under `targets:`, in file order; [] when there is no file or it is written otherwise."""
    for path in _candidates(config, start):
        try:
            return _names(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return []


def _candidates(config: str | None, start: Path) -> list[Path]:
    named = config or os.environ.get("DIRECTIONAL_SYNC_CONFIG")
    if named:
        return [start / named]
    return [folder / place for folder in (start, *start.parents) for place in _PLACES]


def _names(text: str) -> list[str]:
    found: list[str] = []
    indent = None
    inside = False
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        depth = len(line) - len(line.lstrip(" "))
        if depth == 0:
            inside = bool(re.match(r"targets\s*:", line))
        elif inside:
            indent = depth if indent is None else indent
            if depth == indent and (key := re.match(r"""\s*["']?([\w.-]+)["']?\s*:""", line)):
                found.append(key[1])
    return found
