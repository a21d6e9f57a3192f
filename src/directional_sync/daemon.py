"""Asks again and again what is due, and has it run by the same command that people use, in a child process.

It remembers nothing that matters: what is due is found in the history and by the clock, so that a sleep of the machine,
a jump of the clock or an end of this process loses nothing and repeats nothing. A file that is broken holds all of it,
since nobody knows what half a file means; a file that is changed is read at the next look.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from directional_sync.errors import Exit, LockHeldError, SyncError
from directional_sync.system import host
from directional_sync.system.lock import Busy, describe_holder, locked
from directional_sync.timetable import Picked, pick
from directional_sync.workspace import Workspace

LOOK_S = 20.0
"""How long nobody looks at the clock and the file at most."""
_PAUSE_S, _PAUSE_MAX_S = 15.0, 3600.0
_BUSY_MAX_S = 60.0


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """Holds the daemon's lock of the repository whose state is in `state`. Raises LockHeldError E-DAEMON, HostError."""
    folder = state / "daemon"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / "lock", timeout_s=0.0))
        except Busy:
            raise LockHeldError(
                "E-DAEMON",
                f"a daemon runs for this repository already: {describe_holder(folder)}",
                hint="one is enough; stop it to start another",
                kept="the other goes on undisturbed",
            ) from None
        who = {"pid": str(os.getpid()), "host": os.uname().nodename, "since": host.utc_now(), "command": "dsync daemon"}
        host.atomic_write(folder / "lock-holder.json", json.dumps(who, sort_keys=True).encode())
        yield


class Daemon:
    """One look after the other; `open` reads the file, `run` runs what is due and answers the exit status."""

    def __init__(
        self, open: Callable[[], Workspace], run: Callable[[], int], said: Callable[[SyncError], str],
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._open, self._run, self._said, self._say = open, run, said, say
        self._held = ""
        self._digest = ""
        self._unanswered = 0
        """How many runs in a row have left due what they were started for."""

    def look(self) -> float:
        """Runs what is due now; answers in how many seconds to look again. Never raises a SyncError."""
        try:
            workspace = self._open()
            due = pick(workspace, workspace.config.targets)
        except SyncError as error:
            return self._hold(error)
        self._follow(workspace)
        if not due.chosen.firings:
            self._unanswered = 0
            return _until_next(workspace)
        self._say(f"due: {', '.join(due.chosen.firings)}")
        status = self._run()
        try:
            left = pick(workspace, workspace.config.targets)
        except SyncError as error:
            return self._hold(error)
        return self._pace(due, left, status)

    def _hold(self, error: SyncError) -> float:
        told = self._said(error)
        if told != self._held:
            self._say(f"held, nothing is run until this is mended:\n{told}")
            self._held = told
        return LOOK_S

    def _follow(self, workspace: Workspace) -> None:
        digest, count = workspace.config.digest, len(workspace.config.targets)
        if self._held:
            self._say(f"going on: {workspace.config.path} can be read, {count} targets")
        elif not self._digest:
            self._say(f"looking after {count} targets of {workspace.config.path}")
        elif digest != self._digest:
            self._say(f"{workspace.config.path} has changed: {count} targets")
        self._held, self._digest = "", digest

    def _pace(self, before: Picked, after: Picked, status: int) -> float:
        """A run that was killed, or did not come to it, leaves no record, and the same is due as before; then it is
        asked for less and less often."""
        if not before.chosen.firings.items() & after.chosen.firings.items():
            self._unanswered = 0
            return 0.0
        longest = _BUSY_MAX_S if status == Exit.LOCKED else _PAUSE_MAX_S
        pause: float = min(longest, _PAUSE_S * 2 ** min(self._unanswered, 20))
        self._unanswered += 1
        self._say(f"the run ended with status {status} and left what was due; trying again in {pause:.0f} s")
        return pause


def _until_next(workspace: Workspace) -> float:
    from directional_sync.timetable import timetable

    now = host.now()
    coming = [entry.standing.following for entry in timetable(workspace) if entry.standing.following is not None]
    ahead = [(moment - now).total_seconds() for moment in coming if moment > now]
    return min([LOOK_S, *ahead])
