"""Programs that talk over the network and start helpers of their own: many at once, each ended as a whole.

`system.process.capture` ends the one child it started. A git that fetches has a helper that waits for the network,
and that one would wait on, so here the whole process group goes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence

from directional_sync.errors import HostError
from directional_sync.system.host import monotonic
from directional_sync.system.process import Finished

_GRACE_S = 2.0


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
        child = self._start(argv, env)
        try:
            stdout, stderr = child.communicate(stdin, timeout=max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            raise TimedOut from None
        finally:
            _end(child)
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
            _signal(child, signal.SIGTERM)

    def _start(self, argv: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self._guard:
            if self._closed:
                raise _stopped(argv)
            try:
                child = subprocess.Popen(
                    list(argv),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=dict(env),
                    start_new_session=True,
                )
            except OSError as error:
                raise HostError(
                    "E-PROGRAM-MISSING",
                    f"the program {argv[0]} cannot be started: {error.strerror}",
                    hint="install it, or put its folder on PATH",
                ) from error
            self._running.add(child)
            return child


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends what is left of the group: politely first, so that lock and temporary files are removed."""
    if child.poll() is None:
        _signal(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_S)
        _signal(child, signal.SIGKILL)
        child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _stopped(argv: Sequence[str]) -> HostError:
    return HostError("E-PROGRAM-ENDED", f"{argv[0]} was ended because the run is ending")
