"""Trusted programs that talk over the network: many at once, from many threads, and all ended together."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence

from directional_sync.errors import HostError
from directional_sync.system.host import monotonic
from directional_sync.system.process import Finished, ask_to_end, begin, end


class TimedOut(Exception):
    """The program did not end in time and was ended, its helpers with it."""


class Programs:
    """Runs programs from many threads; `close` ends those that are running and lets no other start."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], stdin: bytes = b"", timeout_s: float) -> Finished:
        """Runs a program to its end; whatever its exit status, that is an answer. Raises TimedOut, and HostError
        E-PROGRAM-MISSING (not on PATH) or E-PROGRAM-ENDED (closed meanwhile)."""
        started = monotonic()
        with self._guard:
            if self._closed:
                raise _stopped(argv)
            child = begin(argv, env)
            self._running.add(child)
        try:
            stdout, stderr = child.communicate(stdin, timeout=max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            raise TimedOut from None
        finally:
            end(child)
            with self._guard:
                self._running.discard(child)
        if self._closed:
            raise _stopped(argv)
        return Finished(child.returncode, stdout, stderr, monotonic() - started)

    def close(self) -> None:
        """Safe to call twice and from any thread."""
        with self._guard:
            self._closed = True
            running = list(self._running)
        for child in running:
            ask_to_end(child)


def _stopped(argv: Sequence[str]) -> HostError:
    return HostError("E-PROGRAM-ENDED", f"{argv[0]} was ended because the run is ending")
