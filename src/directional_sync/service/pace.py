"""How often a service may be asked: an even spacing, over all threads, that a service can stretch."""

from __future__ import annotations

import threading

from directional_sync.system.host import monotonic


class Pace:
    """Hands out turns, `per_second` of them at most on average, a few at once at the start. Safe to use from many
    threads."""

    def __init__(self, per_second: float, *, burst: int = 1) -> None:
        """`per_second` > 0, or 0 for no limit; `burst` >= 1 turns may be taken without a pause after a rest."""
        self._spacing = 1.0 / per_second if per_second else 0.0
        self._burst = burst
        self._guard = threading.Lock()
        self._next = 0.0
        self._closed_until = 0.0

    def turn(self) -> float:
        """Takes the next turn. Answers for how many seconds whoever has taken it has to wait first."""
        with self._guard:
            now = monotonic()
            self._next = max(self._next, now - (self._burst - 1) * self._spacing)
            at = max(self._next, self._closed_until)
            self._next += self._spacing
            return max(0.0, at - now)

    def rest(self, seconds: float) -> None:
        """Nobody's turn comes earlier than `seconds` from now."""
        with self._guard:
            self._closed_until = max(self._closed_until, monotonic() + seconds)
