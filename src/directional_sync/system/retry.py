"""Trying again: with growing, jittered pauses, within a number of tries and a time, and not past a stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from directional_sync.errors import SyncError
from directional_sync.system.host import monotonic

T = TypeVar("T")
_FIRST_WAIT_S = 0.2
_WAIT_MAX_S = 20.0


def persist(
    deed: Callable[[], T],
    *,
    retries: int,
    timeout_s: float,
    stop: threading.Event,
    wait_for: Callable[[SyncError], float] = lambda error: 0.0,
) -> T:
    """What `deed` answers. A SyncError that is retryable is answered by another try, up to `retries` more and for
    `timeout_s` seconds in all; a pause is never longer than 20 s and ends at once when `stop` is set, and then there
    is no other try. `wait_for` may ask for a longer pause (a server's Retry-After; 0 for none). Raises the last
    error."""
    deadline = monotonic() + timeout_s
    for attempt in range(retries + 1):
        try:
            return deed()
        except SyncError as error:
            import random

            pause = _FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1.5)
            pause = min(_WAIT_MAX_S, max(pause, wait_for(error)))
            if not error.retryable or attempt == retries or monotonic() + pause > deadline or stop.wait(pause):
                raise
    raise AssertionError("unreachable: the last try raises")
