"""What went wrong, as JSON."""

from __future__ import annotations

from typing import Any

from directional_sync.model.record import Failure


def error(failure: Failure) -> dict[str, Any]:
    """As every document has it."""
    return {
        "code": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "place": failure.place,
        "kept": failure.kept,
        "detail": list(failure.detail),
        "exit_status": int(failure.exit),
    }
