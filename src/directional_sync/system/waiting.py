"""A process that sleeps, starts children and is woken by signals: what a daemon needs of the machine."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

_LOOK_S = 0.2
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Waiter:
    """Sleeps until a time has passed or a signal asks to stop, and hands that on to the child that is running. A child
    is in a session of its own, so that what is typed at the terminal reaches it once: through here."""

    def __init__(self) -> None:
        self.stopping = False
        self._child: subprocess.Popen[bytes] | None = None
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)

    def sleep(self, seconds: float) -> None:
        """At most so long; not at all once somebody asked to stop."""
        if not self.stopping:
            select.select([self._woken], [], [], max(0.0, seconds))

    def run(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
        """Runs a program to its end, with this process's streams; answers its exit status, negative for a signal."""
        if self.stopping:
            return 0
        child = subprocess.Popen(argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, start_new_session=True)
        self._child = child
        try:
            if self.stopping:  # asked between the two lines above
                child.send_signal(signal.SIGTERM)
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return child.wait(timeout=_LOOK_S)
        finally:
            self._child = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """While this is open, SIGTERM, SIGINT and SIGHUP ask to stop. For the main thread."""

        def asked(number: int, frame: FrameType | None) -> None:
            again, self.stopping = self.stopping, True
            with contextlib.suppress(OSError):
                os.write(self._wake, b".")
            if self._child is not None and (not again or number == signal.SIGINT):
                self._child.send_signal(number)

        before = {number: signal.signal(number, asked) for number in _STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for end in (self._woken, self._wake):
                os.close(end)
