"""Keeps process trees; a program of its own, run by `system.supervisor`, that imports nothing of this package.

One *nursery* process waits at a door (a socket) and forks a *keeper* for each tree. The keeper becomes the
process to which the kernel hands the tree's orphans (Linux: child sub-reaper), starts the tree's first process,
waits for its end, the deadline, or the silence of the one who asked, and then ends whatever is left. So nothing
can slip out of the tree (not by a new session, nor by a double fork, nor by an emptied environment), the program
that asked has no children it does not know, and when that program is killed, its trees end as well.

Words on the wire are a length (four bytes) and a marshalled tuple:
  asked:    (argv, environment, folder, timeout_s, grace_s)
  answered: ("started", keeper's pid, first process's pid), then ("ended", wait status or -1, why, swept, left);
            or ("failed", errno, what) alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import marshal
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

ENDED, DEADLINE, ASKED = "ended", "deadline", "asked"
"""Why a tree came to its end: by itself, by the clock, because the one who asked said so or is gone."""

_SETTLE_S = 0.3
"""How long those whose parent has ended may take to notice it (a `tee` at the end of a pipe)."""
_KILL_S = 2.0
_LOOK_S = 0.05
_PR_SET_CHILD_SUBREAPER = 36
_LENGTH_BYTES = 4
_RESTORED = ("SIGCHLD", "SIGHUP", "SIGINT", "SIGPIPE", "SIGTERM", "SIGXFSZ")


def send(descriptor: int, words: tuple[Any, ...]) -> None:
    """Raises OSError when nobody listens any more."""
    content = marshal.dumps(words)
    unsent = memoryview(len(content).to_bytes(_LENGTH_BYTES, "big") + content)
    while unsent:
        unsent = unsent[os.write(descriptor, unsent) :]


def receive(buffer: bytearray) -> tuple[Any, ...] | None:
    """Takes the first complete words off `buffer`; None when they have not all arrived."""
    size = int.from_bytes(buffer[:_LENGTH_BYTES], "big")
    if len(buffer) < _LENGTH_BYTES or len(buffer) < _LENGTH_BYTES + size:
        return None
    words = marshal.loads(buffer[_LENGTH_BYTES : _LENGTH_BYTES + size])
    del buffer[: _LENGTH_BYTES + size]
    return tuple(words)


def processes() -> dict[int, tuple[int, int, str, str]]:
    """Every process of this machine that can be seen: pid -> (parent, session, state, start time). Linux only,
    {} elsewhere. The start time is in clock ticks since the machine started."""
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 (names only, and fast)
            if name.isdigit() and (about := process(int(name))):
                found[int(name)] = about
    return found


def process(pid: int) -> tuple[int, int, str, str] | None:
    """(parent, session, state, start time) of one process; None when there is none."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(descriptor, 4096)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    fields = text[text.rfind(b")") + 2 :].split()
    return int(fields[1]), int(fields[3]), fields[0].decode(), fields[19].decode()


def descendants(of: Iterable[int], seen: dict[int, tuple[int, int, str, str]]) -> list[int]:
    """All below these processes, without themselves, as far as `seen` knows."""
    children: dict[int, list[int]] = {}
    for pid, about in seen.items():
        children.setdefault(about[0], []).append(pid)
    found: list[int] = []
    below = list(of)
    while below:
        new = children.get(below.pop(), [])
        found += new
        below += new
    return found


class Tree:
    """The processes below one keeper."""

    def __init__(self, root: int, control: int, wake: int) -> None:
        self.root = root
        self.status = -1
        """The first process's wait status, -1 while it lives."""
        self.swept: set[int] = set()
        """Those beside the first one that had to be ended."""
        self._told: set[int] = set()
        self._control = control
        self._wake = wake
        self._events = select.poll()
        self._events.register(control, select.POLLIN)
        self._events.register(wake, select.POLLIN)

    def wait(self, deadline: float, asked: Callable[[], bool]) -> str:
        """Until the first process has ended, `deadline` (monotonic) is reached, or somebody wants the end."""
        while True:
            self.reap()
            if self.status >= 0:
                return ENDED
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return DEADLINE
            if self._pause(min(left_s, 3600.0)) or asked():
                return ASKED

    def sweep(self, settle_s: float, grace_s: float) -> int:
        """Ends all that is left; answers how many could not be ended."""
        if not self._linger(settle_s, lambda: None):
            return 0
        self._told.clear()
        if not self._linger(grace_s, lambda: self._tell(signal.SIGTERM)):
            return 0
        if not self._linger(_KILL_S, self._kill):
            return 0
        return len([pid for pid, state in self._members() if state != "Z"])

    def reap(self) -> bool:
        """Takes note of who has ended; False when nobody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return sys.platform != "linux" and _group_lives(self.root)
            if pid == 0:
                return True
            if pid == self.root:
                self.status = status

    def _pause(self, seconds: float) -> bool:
        """Until something happens, at most `seconds`. Whether the one who asked is gone or wants the end."""
        ready = {descriptor for descriptor, _ in self._events.poll(seconds * 1000)}
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        if self._control not in ready:
            return False
        self._events.unregister(self._control)  # it stays ready for ever
        return True

    def _linger(self, seconds: float, act: Callable[[], None]) -> bool:
        """Repeats `act` until nobody is left or the time is over; whether anybody is left."""
        end = time.monotonic() + seconds
        while self.reap():
            left_s = end - time.monotonic()
            if left_s <= 0:
                return True
            act()
            self._pause(min(left_s, _LOOK_S))
        return False

    def _members(self) -> list[tuple[int, str]]:
        if sys.platform != "linux":
            return [(-self.root, "R")]  # best effort: the process group
        seen = processes()
        return [(pid, seen[pid][2]) for pid in descendants([os.getpid()], seen)]

    def _tell(self, number: int) -> None:
        """Sends the signal once to each one that lives."""
        for pid, state in self._members():
            if pid in self._told:
                continue
            self._told.add(pid)
            if state != "Z" and pid not in (self.root, -self.root):
                self.swept.add(pid)
            for sent in (number, signal.SIGCONT):
                with contextlib.suppress(OSError):
                    os.kill(pid, sent)

    def _kill(self) -> None:
        """Stops everybody before killing anybody, so that none can fork meanwhile."""
        frozen: set[int] = set()
        while new := [pid for pid, _ in self._members() if pid not in frozen]:
            for pid in new:
                frozen.add(pid)
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGSTOP)
        self.swept |= frozen - self._told - {self.root, -self.root}
        self._told |= frozen
        for pid in frozen:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def keep(out: int, err: int, control: int) -> None:
    """One tree from its first process to its last."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, wakes = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    told: list[int] = []
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, frame: told.append(number))
    request = _asked(control)
    if request is None:
        return
    argv, environment, folder, timeout_s, grace_s = request
    deadline = time.monotonic() + timeout_s
    try:
        root = _start(argv, environment, folder, out, err, control)
    except OSError as error:
        with contextlib.suppress(OSError):
            send(control, ("failed", error.errno or 0, error.filename or argv[0]))
        return
    os.close(out)
    os.close(err)
    tree = Tree(root, control, wake)
    why = tree.wait(deadline, lambda: bool(told))
    left = tree.sweep(_SETTLE_S if why == ENDED else 0.0, grace_s)
    with contextlib.suppress(OSError):
        send(control, ("ended", tree.status, why, len(tree.swept), left))


def _asked(control: int) -> tuple[Any, ...] | None:
    buffer = bytearray()
    while (words := receive(buffer)) is None:
        chunk = os.read(control, 1 << 16)
        if not chunk:
            return None
        buffer += chunk
    return words


def _start(argv: list[str], environment: dict[str, str], folder: str, out: int, err: int, control: int) -> int:
    """Starts the first process in a session of its own. Raises OSError when it cannot be started."""
    told, tells = os.pipe()  # closed by a successful exec
    go, goes = os.pipe()  # not before everybody knows of it
    pid = os.fork()
    if pid == 0:
        try:
            os.close(goes)
            if os.read(go, 1):
                _become(argv, environment, folder, out, err)
        except OSError as error:
            os.write(tells, marshal.dumps((error.errno or 0, error.filename)))
        finally:
            os._exit(127)
    os.close(tells)
    os.close(go)
    with contextlib.suppress(OSError):
        send(control, ("started", os.getpid(), pid))
    os.write(goes, b"g")
    os.close(goes)
    said = os.read(told, 1 << 16)
    os.close(told)
    if said:
        os.waitpid(pid, 0)
        number, name = marshal.loads(said)
        raise OSError(number, os.strerror(number), name)
    return pid


def _become(argv: list[str], environment: dict[str, str], folder: str, out: int, err: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for name in _RESTORED:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.chdir(folder)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, out, err)):
        os.dup2(descriptor, number)
    os.execvpe(argv[0], argv, environment)


def main() -> None:
    """The nursery: forks a keeper for everyone who knocks, until the door is shut."""
    door = socket.socket(fileno=0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        knock, descriptors, _, _ = socket.recv_fds(door, 1, 3)
        if not knock:
            return
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        try:
            pid = os.fork()
        except OSError as error:
            pid = -1
            with contextlib.suppress(OSError):
                send(descriptors[2], ("failed", error.errno or 0, "fork"))
        if pid == 0:
            try:
                door.close()
                keep(*descriptors)
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    main()
