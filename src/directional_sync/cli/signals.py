"""Being asked to stop: once means finish the step at hand, twice means now.

SIGTERM and SIGHUP (the terminal is gone) ask like the first Ctrl-C does; they never become the second one's
"now", because a process manager may send them several times.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

GRACE_S = 3.0
"""After the second Ctrl-C: what has not ended by itself in this time is ended."""


class Stop:
    """Whether somebody asked us to stop, and by which signal. Called, it answers `requested`."""

    def __init__(self) -> None:
        self.by = 0
        """The number of the first signal; 0 for none."""

    @property
    def requested(self) -> bool:
        return self.by != 0

    def __call__(self) -> bool:
        return self.requested

    @property
    def exit_status(self) -> int:
        """130 for Ctrl-C, 143 for being told to end."""
        return 130 if self.by in (0, signal.SIGINT) else 143


@contextmanager
def listening(stop: Stop, say: Callable[[str], None]) -> Iterator[Stop]:
    """While this is open, signals set `stop`. `say` gets a sentence for the person at the terminal."""

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.requested and number == signal.SIGINT:
            _now()
        if not stop.requested:
            stop.by = number
            again = " (press Ctrl-C again to stop now)" if number == signal.SIGINT else ""
            say(f"finishing the step at hand, then stopping{again}")

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, asked) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _now() -> None:
    """Unwinds at once, so that children are ended; and ends this process when even that takes too long."""
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
    signal.signal(signal.SIGALRM, lambda number, frame: os._exit(130))
    signal.setitimer(signal.ITIMER_REAL, GRACE_S)
    raise KeyboardInterrupt
