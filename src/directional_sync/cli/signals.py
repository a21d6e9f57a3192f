"""Being asked to stop: once means finish the step at hand, twice means now.

SIGTERM and SIGHUP (the terminal is gone) ask like the first Ctrl-C does; they never become the second one's
"now", because a process manager may send them several times. A step that does not end in time is given up: what
it was about to write is then finished or undone by the next run, as after any kill.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STEP_GRACE_S = 6.0
"""How long the step at hand may take to end by itself."""
UNWIND_GRACE_S = 3.0
"""How long ending children and letting go of things may take, before this process just ends."""


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
    """While this is open, signals set `stop`; KeyboardInterrupt is raised when it has to be now. `say` gets a
    sentence for the person at the terminal. For the main thread."""

    def asked(number: int, frame: FrameType | None) -> None:
        if not stop.requested:
            stop.by = number
            signal.setitimer(signal.ITIMER_REAL, STEP_GRACE_S)
            again = " (press Ctrl-C again to stop now)" if number == signal.SIGINT else ""
            say(f"finishing the step at hand, then stopping{again}")
            _end_programs()
        elif number == signal.SIGINT:
            now(number, frame)

    def now(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGALRM):
            signal.signal(each, lambda number, frame: os._exit(stop.exit_status))
        signal.setitimer(signal.ITIMER_REAL, UNWIND_GRACE_S)
        raise KeyboardInterrupt

    handlers = {signal.SIGINT: asked, signal.SIGTERM: asked, signal.SIGHUP: asked, signal.SIGALRM: now}
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) != signal.SIG_IGN  # `nohup` means it
    }
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_programs() -> None:
    """Ends the programs of users that are running: such a step may take hours, and what a program leaves in its
    scratch counts for nothing until it has ended well. Loads nothing that is not loaded."""
    supervisor = sys.modules.get("directional_sync.system.supervisor")
    if supervisor is not None:
        supervisor.interrupt_all()
