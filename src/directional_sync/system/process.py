"""Short, trusted programs (git): run one to its end, or hold a conversation with one over pipes.

Programs that users wrote are started by `system.supervisor` instead, which trusts nothing about them.
A child gets a session of its own, so that a Ctrl-C in the terminal reaches this program only and this program
decides what happens to the child.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from directional_sync.errors import HostError

_GRACE_S = 2.0
_TURN_S = 0.25
_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended."""

    status: int
    """Exit status; negative: ended by that signal."""
    stdout: bytes
    stderr: bytes
    duration_s: float


def inherited(without_prefix: str = "") -> dict[str, str]:
    """A copy of this process's environment, less the variables that begin with `without_prefix`."""
    if not without_prefix:
        return dict(os.environ)
    return {name: value for name, value in os.environ.items() if not name.startswith(without_prefix)}


def capture(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: bytes = b"",
    timeout_s: float = 600,
) -> Finished:
    """Runs a program to its end and keeps what it said. Whatever its exit status, that is an answer.
    Raises HostError: E-PROGRAM-MISSING when it is not on PATH, E-PROGRAM-TIMEOUT after `timeout_s` seconds."""
    started = time.monotonic()
    child = begin(argv, env, cwd, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL)
    try:
        stdout, stderr = child.communicate(stdin or None, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        end(child)
        raise HostError(
            "E-PROGRAM-TIMEOUT",
            f"{_name(argv)} did not end within {timeout_s:g} seconds and was stopped",
            hint="look whether a disk or network file system hangs, then run again",
            retryable=True,
        ) from None
    except BaseException:
        end(child)
        raise
    return Finished(child.returncode, stdout, stderr, time.monotonic() - started)


def pour(
    argv: Sequence[str | Path], source: Path, sink: Path, *, env: Mapping[str, str], check: Callable[[], None]
) -> Finished:
    """Runs a program from one file into another, so that neither has to fit into memory; `stdout` is empty. `check` is
    called now and then, and may raise to end it. Raises HostError E-PROGRAM-MISSING."""
    started = time.monotonic()
    with source.open("rb") as given, sink.open("wb") as taken, _nameless() as complaints:
        child = begin(argv, env, stdin=given, stdout=taken, stderr=complaints)
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_TURN_S)
                    break
                check()
        finally:
            end(child)
        complaints.seek(0)
        return Finished(child.returncode, b"", complaints.read(_READ_BYTES), time.monotonic() - started)


class Dialogue:
    """A child that answers requests on pipes, one after the other. Use as a context manager, or `close` it.

    Requests may be sent far ahead of reading their answers: sending never blocks, reading sends what is
    still waiting, so the two sides cannot wait for each other."""

    def __init__(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None, timeout_s: float = 600
    ) -> None:
        """`timeout_s` is how long the child may be silent while an answer is awaited."""
        self._argv = tuple(argv)
        self._timeout_s = timeout_s
        self._complaints = _nameless()
        try:
            self._child = begin(argv, env, cwd, stderr=self._complaints)
        except BaseException:
            self._complaints.close()
            raise
        assert self._child.stdin is not None and self._child.stdout is not None
        self._stdin, self._stdout = self._child.stdin.fileno(), self._child.stdout.fileno()
        os.set_blocking(self._stdin, False)
        os.set_blocking(self._stdout, False)
        widen(self._stdin)
        widen(self._stdout)
        self._unsent = memoryview(b"")
        self._buffer = bytearray()
        self._at = 0
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._writing = False

    def send(self, request: bytes) -> None:
        """Queues `request`. Raises HostError E-PROGRAM-ENDED when the child is gone."""
        self._unsent = memoryview(bytes(self._unsent) + request) if self._unsent else memoryview(request)
        self._push()

    def read_line(self) -> bytes:
        """The next line of the answer, without its newline. Raises HostError (E-PROGRAM-ENDED, -TIMEOUT)."""
        searched = self._at
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[self._at : end])
                self._at = end + 1
                return line
            searched = len(self._buffer)
            searched -= self._pull()

    def read_exactly(self, size: int) -> bytes:
        """The next `size` bytes of the answer. Raises HostError (E-PROGRAM-ENDED, -TIMEOUT)."""
        while len(self._buffer) - self._at < size:
            self._pull()
        found = bytes(memoryview(self._buffer)[self._at : self._at + size])
        self._at += size
        return found

    def read_parts(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes of the answer as they come in. Raises HostError (E-PROGRAM-ENDED, -TIMEOUT)."""
        while size:
            if self._at == len(self._buffer):
                self._pull()
            part = bytes(memoryview(self._buffer)[self._at : self._at + size])
            self._at += len(part)
            size -= len(part)
            yield part

    def close(self) -> None:
        """Ends the child. Safe to call twice."""
        if self._complaints.closed:
            return
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        end(self._child)
        self._complaints.close()

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _push(self) -> None:
        """Writes as much as the pipe takes now, and asks to be told when it takes more."""
        while self._unsent:
            try:
                self._unsent = self._unsent[os.write(self._stdin, self._unsent) :]
            except BlockingIOError:
                break
            except BrokenPipeError:
                raise self._ended() from None
        if bool(self._unsent) != self._writing:
            self._writing = not self._writing
            if self._writing:
                self._poll.register(self._stdin, select.POLLOUT)
            else:
                self._poll.unregister(self._stdin)

    def _pull(self) -> int:
        """Waits for more of the answer, sending meanwhile. Answers how many consumed bytes were dropped from
        the front of the buffer."""
        dropped = 0
        if self._at > _READ_BYTES or self._at == len(self._buffer):
            dropped, self._at = self._at, 0
            del self._buffer[:dropped]
        while True:
            ready = self._poll.poll(self._timeout_s * 1000)
            if not ready:
                raise HostError(
                    "E-PROGRAM-TIMEOUT",
                    f"{_name(self._argv)} said nothing for {self._timeout_s:g} seconds",
                    hint="look whether a disk or network file system hangs, then run again",
                    retryable=True,
                )
            if any(descriptor == self._stdin for descriptor, _ in ready):
                self._push()
            if any(descriptor == self._stdout for descriptor, _ in ready):
                chunk = os.read(self._stdout, _READ_BYTES)
                if not chunk:
                    raise self._ended()
                self._buffer += chunk
                return dropped

    def _ended(self) -> HostError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_GRACE_S)
        self._complaints.seek(0)
        said = self._complaints.read(4000).decode("utf-8", "replace").splitlines()
        return HostError(
            "E-PROGRAM-ENDED",
            f"{_name(self._argv)} ended in the middle of its work (status {self._child.returncode})",
            hint="run again; if it stays so, `git fsck` says whether the repository is sound",
            detail=said,
            retryable=True,
        )


def _nameless() -> IO[bytes]:
    """A file without a name, empty, that is gone when it is closed."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("complaints"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


def begin(
    argv: Sequence[str | Path],
    env: Mapping[str, str],
    cwd: Path | None = None,
    *,
    stdin: int | IO[bytes] = subprocess.PIPE,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Starts a program in a session of its own. Raises HostError E-PROGRAM-MISSING when that cannot be done."""
    try:
        return subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
        )
    except OSError as error:
        if cwd is not None and not cwd.is_dir():
            raise HostError("E-IO", f"{cwd} is not a folder that can be entered") from error
        raise HostError(
            "E-PROGRAM-MISSING",
            f"the program {_name(argv)} cannot be started: {error.strerror}",
            hint="install it, or put its folder on PATH",
        ) from error


def end(child: subprocess.Popen[bytes]) -> None:
    """Ends a program that `begin` started and the helpers it started itself: politely first, so that lock and
    temporary files are removed."""
    if child.poll() is None:
        ask_to_end(child)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_S)
        _signal(child, signal.SIGKILL)
        child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def ask_to_end(child: subprocess.Popen[bytes]) -> None:
    """The polite part of `end`; does not wait."""
    _signal(child, signal.SIGTERM)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _name(argv: Sequence[str | Path]) -> str:
    return Path(argv[0]).name


def widen(descriptor: int) -> None:
    """Makes a pipe hold more, so that a big answer takes fewer turns, where the system can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # beyond the user's share of pipe memory
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
