"""A few lines of somebody's file, fit for a message: escaped, and neither too many nor too long."""

from __future__ import annotations

from collections.abc import Sequence

from directional_sync.core.escape import visible
from directional_sync.upstream.addresses import shown

_LINES_MAX = 12
_WIDTH_MAX = 120


def excerpt(lines: Sequence[bytes], mark: str = "") -> list[str]:
    """At most a dozen of `lines`, each after `mark`; the middle is left out where there are more."""
    if len(lines) > _LINES_MAX:
        half = _LINES_MAX // 2
        left_out = f"{mark}... {len(lines) - 2 * half} more lines"
        return [*(mark + fit(line) for line in lines[:half]), left_out, *(mark + fit(line) for line in lines[-half:])]
    return [mark + fit(line) for line in lines]


def fit(line: bytes | str) -> str:
    """One line of a file, or its name, as it may be shown. Its indentation stays."""
    text = line.decode("utf-8", "surrogateescape") if isinstance(line, bytes) else line
    text = text[: 4 * _WIDTH_MAX].rstrip("\r\n").expandtabs(4)
    inner = text.lstrip(" ")
    told = " " * min(len(text) - len(inner), _WIDTH_MAX // 2) + shown(visible(inner))
    return told if len(told) <= _WIDTH_MAX else told[: _WIDTH_MAX - 1] + "…"
