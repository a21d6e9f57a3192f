"""Waiting that can be seen and interrupted."""

from __future__ import annotations

from collections.abc import Callable

from directional_sync.endpoints.notion.complaints import KEPT
from directional_sync.errors import InterruptedRun
from directional_sync.system.host import monotonic, pause

_LOOK_S = 0.2


class Patience:
    def __init__(self, tell: Callable[[str], None], stop: Callable[[], bool]) -> None:
        self._tell = tell
        self._stop = stop

    def wait(self, seconds: float, why: str) -> None:
        """Raises InterruptedRun as soon as somebody asks us to stop."""
        self._tell(f"waiting {seconds:.0f} s: {why}")
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            if self._stop():
                raise InterruptedRun("E-INTERRUPTED", f"stopped while waiting: {why}", kept=KEPT)
            pause(min(_LOOK_S, left))
