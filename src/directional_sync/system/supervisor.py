"""Programs that users wrote: nothing about them is trusted, neither that they end nor what they leave behind.

Each is started with its input closed, in a session of its own, under one deadline for all the processes it makes
(see `system.keeper`), and what it says is kept only up to a cap, so that memory stays constant.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directional_sync.errors import HostError, InterruptedRun
from directional_sync.system import keeper
from directional_sync.system.files import write_private
from directional_sync.system.process import widen
from directional_sync.system.spool import Lines, Spool

_READ_BYTES = 1 << 18
_DRAIN_S = 0.2
_OVERDUE_S = 5.0
_ORPHANS_S = 2.0
_MARK = "SYNC_ROOT"
"""The variable by which the processes of a killed run are recognised, whatever became of their parents."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended, and all its processes with it."""

    status: int
    """Exit status; 128 + the signal's number when it was ended by one."""
    output: bytes
    """What it wrote to standard output: all, or beginning and end with a line between that says what is missing."""
    errors: bytes
    """The same of standard error."""
    duration_s: float
    timed_out: bool
    truncated: bool
    signal: int
    """The signal that ended it, 0 for none."""
    swept: int
    """How many processes it left behind, beside itself, that had to be ended."""

    @property
    def out_of_memory(self) -> bool:
        """Whether it, or the program a shell ran last, was killed by somebody else: most often by the kernel."""
        return not self.timed_out and self.status == 128 + signal.SIGKILL


def supervise(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    keep_bytes: int = 50_000_000,
    grace_s: float = 5.0,
    on_line: Callable[[str], None] | None = None,
    watch: Path | None = None,
) -> Ended:
    """Runs a program to its end, or ends it and everything it started: TERM at the deadline, KILL `grace_s`
    seconds later.

    Arguments: `argv` with a path, or a name to be found on `env`'s PATH; `env` its whole environment; `keep_bytes`
    how much of both streams together is kept; `on_line` hears each line that can be shown, about 1,000 a second at
    most; `watch` a file in which the processes are noted while they run, for `end_orphans`.
    Raises OSError when it cannot be started, InterruptedRun after `interrupt_all`, HostError E-SUPERVISOR when the
    processes that watch over it were killed. The deadline counts from the start of the program."""
    call = _Call(argv[0], keep_bytes, on_line, watch, env.get(_MARK, ""), grace_s + _OVERDUE_S)
    with call.open(), call.among_running():
        call.ask((list(map(str, argv)), dict(env), str(cwd), float(timeout_s), float(grace_s)))
        return call.follow(timeout_s)


def interrupt_all() -> int:
    """Ends every program that is supervised now; each `supervise` then raises InterruptedRun. Answers how many.
    For any thread and for signal handlers."""
    calls = list(_running)
    for call in calls:
        call.interrupt()
    return len(calls)


def end_orphans(watch: Path) -> int:
    """Ends what a killed run noted in `watch` and left behind; answers how many processes that were. Never
    touches a process that only has the same number: start times are compared."""
    try:
        note = json.loads(watch.read_bytes())
        known = {int(pid): str(start) for pid, start in note["processes"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        known, note = {}, {}
    found = _end(known, str(note.get("mark", ""))) if known and note.get("boot") == _boot() else 0
    with contextlib.suppress(OSError):
        watch.unlink()
    return found


class _Call:
    """One supervised program, seen from this side."""

    def __init__(
        self,
        name: str,
        keep_bytes: int,
        on_line: Callable[[str], None] | None,
        watch: Path | None,
        mark: str,
        patience_s: float,
    ) -> None:
        """`patience_s` is how long after its deadline the end may be awaited."""
        self._name = name
        self._spools = (Spool(keep_bytes // 2), Spool(keep_bytes // 2))
        self._lines = tuple(Lines(on_line) for _ in self._spools) if on_line else ()
        self._watch = watch
        self._mark = mark
        self._patience_s = patience_s
        self._started = time.monotonic()
        self._processes: dict[int, str] = {}
        self._said = bytearray()
        self._interrupted = False
        self._control: socket.socket

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """The pipes and the line to the keeper; on the way out nothing stays open and nothing stays running."""
        with contextlib.ExitStack() as stack:
            ends = []
            for _ in self._spools:
                reads, writes = os.pipe()
                widen(reads)
                ends += [reads, writes]
                stack.callback(os.close, reads)
            self._reads = (ends[0], ends[2])
            self._control, theirs = socket.socketpair()
            stack.enter_context(self._control)
            try:
                _nursery.hand([ends[1], ends[3], theirs.fileno()])
            finally:
                theirs.close()
                os.close(ends[1])
                os.close(ends[3])
            yield

    @contextlib.contextmanager
    def among_running(self) -> Iterator[None]:
        _running.add(self)
        try:
            yield
        finally:
            _running.discard(self)

    def interrupt(self) -> None:
        self._interrupted = True
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def ask(self, request: tuple[Any, ...]) -> None:
        with contextlib.suppress(BrokenPipeError):  # what is wrong then shows in `follow`
            keeper.send(self._control.fileno(), request)

    def follow(self, timeout_s: float) -> Ended:
        """Reads until the keeper says that all is over."""
        try:
            words = self._read_until_ended(time.monotonic() + timeout_s + self._patience_s)
            self._drain()
        except BaseException:
            self._wait_quietly()
            raise
        finally:
            if self._watch is not None:
                self._watch.unlink(missing_ok=True)
        for lines in self._lines:
            lines.end()
        if self._interrupted:
            raise InterruptedRun(
                "E-INTERRUPTED", f"{self._name} was stopped", hint="run again; nothing is half written"
            )
        return self._ended(*words)

    def _read_until_ended(self, overdue: float) -> tuple[Any, ...]:
        events = select.poll()
        for descriptor in (*self._reads, self._control.fileno()):
            events.register(descriptor, select.POLLIN)
        while True:
            left_s = min(overdue - time.monotonic(), 3600.0)
            if left_s <= 0:
                raise self._abandoned()
            for descriptor, _ in events.poll(math.ceil(left_s * 1000)):
                if descriptor != self._control.fileno():
                    if not self._read(self._reads.index(descriptor)):
                        events.unregister(descriptor)
                elif words := self._heard():
                    return words

    def _read(self, number: int) -> bool:
        """Takes what one stream has now; False when it has ended."""
        chunk = os.read(self._reads[number], _READ_BYTES)
        self._spools[number].add(chunk)
        if self._lines:
            self._lines[number].add(chunk)
        return bool(chunk)

    def _heard(self) -> tuple[Any, ...] | None:
        """What the keeper says; its last words, or None."""
        try:
            chunk = self._control.recv(1 << 16)
        except ConnectionError:
            chunk = b""
        if not chunk:
            raise self._abandoned()
        self._said += chunk
        while (words := keeper.receive(self._said)) is not None:
            if words[0] == "failed":
                raise OSError(words[1], os.strerror(words[1]), words[2])
            if words[0] == "ended":
                return words[1:]
            self._processes = {pid: _start_time(pid) for pid in words[1:]}
            self._note()
        return None

    def _note(self) -> None:
        if self._watch is None:
            return
        note = {"boot": _boot(), "mark": self._mark, "processes": self._processes}
        new = self._watch.with_name(f"{self._watch.name}.new")
        write_private(new, json.dumps(note).encode())
        new.replace(self._watch)

    def _drain(self) -> None:
        """What the dead have left in the pipes. Whoever still holds one open is not waited for."""
        end = time.monotonic() + 1.0
        for number, descriptor in enumerate(self._reads):
            while time.monotonic() < end and select.select([descriptor], [], [], _DRAIN_S)[0]:
                if not self._read(number):
                    break

    def _wait_quietly(self) -> None:
        """Has everything ended, for when something went wrong on this side."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
            self._control.settimeout(self._patience_s)
            while self._control.recv(1 << 16):
                pass

    def _abandoned(self) -> HostError:
        swept = _end(self._processes, "")
        return HostError(
            "E-SUPERVISOR",
            f"the process that watched over {self._name} was killed",
            hint="look for what killed it (out of memory?), then run again",
            detail=(f"{swept} processes were ended",),
            retryable=True,
        )

    def _ended(self, status: int, why: str, swept: int, left: int) -> Ended:
        number = os.WTERMSIG(status) if status >= 0 and os.WIFSIGNALED(status) else 0
        if status < 0:
            number = signal.SIGKILL  # it would not die, which nobody but the kernel can mend
        return Ended(
            status=128 + number if number else os.WEXITSTATUS(status),
            output=self._spools[0].content(),
            errors=self._spools[1].content(),
            duration_s=time.monotonic() - self._started,
            timed_out=why == keeper.DEADLINE,
            truncated=any(spool.truncated for spool in self._spools),
            signal=int(number),
            swept=swept + left,
        )


class _Nursery:
    """The one process of this program that makes keepers; started when the first is wanted."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._door: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def hand(self, descriptors: Sequence[int]) -> None:
        """Has a keeper made that gets these. Raises HostError E-SUPERVISOR."""
        with self._guard:
            for _ in range(2):
                if self._door is None or self._owner != os.getpid():
                    self._open()
                assert self._door is not None
                try:
                    socket.send_fds(self._door, [b"k"], descriptors)
                    return
                except OSError:
                    self._shut()
        raise HostError("E-SUPERVISOR", "the process that starts programs does not answer", hint="run again")

    def _open(self) -> None:
        self._door, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", str(Path(keeper.__file__).resolve())],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        self._owner = os.getpid()

    def _shut(self) -> None:
        if self._door is not None:
            self._door.close()
        if self._process is not None and self._owner == os.getpid():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        self._door = self._process = None

    def close(self) -> None:
        if self._owner == os.getpid():
            self._shut()


_nursery = _Nursery()
_running: set[_Call] = set()
atexit.register(_nursery.close)


def _boot() -> str:
    """What tells this start of the machine from others, so far as that can be known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _start_time(pid: int) -> str:
    """When a process began, in words that only make sense here; "" when there is none."""
    if sys.platform == "linux":
        about = keeper.process(pid)
        return about[3] if about else ""
    said = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], stdin=subprocess.DEVNULL, capture_output=True)
    return said.stdout.decode("utf-8", "replace").strip()


def _end(known: Mapping[int, str], mark: str) -> int:
    """Ends these processes, their descendants, and whoever bears the mark; answers how many."""
    ended: set[int] = set()
    end = time.monotonic() + _ORPHANS_S
    while found := _orphans(known, mark):
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        ended |= set(found)
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    return len(ended)


def _orphans(known: Mapping[int, str], mark: str) -> list[int]:
    if sys.platform != "linux":
        return [pid for pid, start in known.items() if start and start == _start_time(pid)]
    seen = keeper.processes()
    alive = [pid for pid, start in known.items() if start and pid in seen and seen[pid][3] == start]
    found = {*alive, *keeper.descendants(alive, seen)}
    if mark:
        found |= {pid for pid in seen if pid not in found and _bears(pid, mark)}
    return [pid for pid in found if pid != os.getpid() and seen[pid][2] != "Z"]


def _bears(pid: int, mark: str) -> bool:
    try:
        return f"{_MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
