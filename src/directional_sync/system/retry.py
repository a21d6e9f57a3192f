"""Trying again: with growing, jittered pauses, within a number of tries and a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from directional_sync.errors import SyncError

T = TypeVar("T")
_WAIT_MAX_S = 20.0


def persist(
    deed: Callable[[], T],
    *,
    retries: int,
    timeout_s: float,
    wait_for: Callable[[SyncError], float] = lambda error: 0.0,
    told: Callable[[SyncError], None] = lambda error: None,
) -> T:
    """What `deed` answers. A SyncError that is retryable is answered by another try, up to `retries` more and for
    `timeout_s` seconds in all. `wait_for` may ask for a longer pause (a server's Retry-After, 0 for none), `told` hears
    of each error that is followed by another try. Raises the last error."""
    try:
        return deed()
    except SyncError as error:
        if not error.retryable or retries < 1 or timeout_s <= 0:
            raise
        first: list[SyncError] = [error]  # replayed below, so that the usual case needs no library

    import stamina

    stamina.instrumentation.set_on_retry_hooks(())  # it would log arguments; what is worth telling, we tell

    def again(error: Exception) -> bool | float:
        if not isinstance(error, SyncError) or not error.retryable:
            return False
        told(error)
        return min(_WAIT_MAX_S, wait_for(error)) or True

    for attempt in stamina.retry_context(
        on=again, attempts=retries + 1, timeout=timeout_s, wait_initial=0.2, wait_max=10.0, wait_jitter=0.3
    ):
        with attempt:
            if first:
                raise first.pop()
            return deed()
    raise AssertionError("unreachable: the last attempt raises")
