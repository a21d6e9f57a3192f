"""An endpoint by a third party, held at arm's length.

It runs in this process, with all rights of the user: this is no sandbox, and who allows a plugin trusts it. But its
faults are its own. Whatever it raises is told under its name; what it prints does not end up among results; each of its
calls ends at the deadline of the target, even if it does not; and threads that it leaves do not keep the program alive.
"""

from __future__ import annotations

import contextlib
import io
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from directional_sync.core.escape import one_line
from directional_sync.endpoints.base import Capabilities, Context, Endpoint, NotHere
from directional_sync.errors import HostError, InterruptedRun, SyncError
from directional_sync.model.lifecycle import Event, EventType, Level
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.system.host import monotonic

_OTHERS = ("tidy", "foresee", "translate", "write", "report_refused", "opaque", "perform")
"""What an endpoint may offer beside the rest."""
_LOOK_S = 0.2
_GRACE_S = 10.0
"""How long a call may still take after somebody asked us to stop."""
_LINES_TOLD = 20
_TRACE_LINES = 12
_END = object()
_left: list[threading.Thread] = []


def left_running() -> bool:
    """Whether a plugin has left threads that are still at work."""
    return any(thread.is_alive() for thread in _left)


def loaded(who: str, load: Callable[[], Any]) -> Any:
    """What loading its module answers; what it prints meanwhile goes nowhere. Raises HostError E-PLUGIN."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise failed(who, "could not be loaded", error, "nothing was run") from error


def failed(who: str, what: str, error: BaseException, kept: str = "") -> HostError:
    trace = "".join(traceback.format_exception(error)).splitlines()[-_TRACE_LINES:]
    said = one_line(f"{type(error).__name__}: {error}", 300)
    hint = "tell its makers, or upgrade the package; this is no fault of directional-sync"
    return HostError("E-PLUGIN", f"{who} {what}: {said}", hint=hint, kept=kept, detail=trace)


def opened(who: str, opening: Callable[[Context], Any], context: Context) -> Endpoint:
    """The endpoint that `opening` answers, with every call of it watched. `who`: "the plugin NAME (PACKAGE VERSION)".
    Raises HostError E-PLUGIN, E-PLUGIN-TIMEOUT, and the SyncErrors that it raises."""
    calls = _Calls(who, context, monotonic() + context.target.timeout_s)
    endpoint = calls.make("open", lambda: opening(replace(context, expect=lambda: None)))
    capabilities = calls.make("capabilities", lambda: getattr(endpoint, "capabilities", None))
    if not isinstance(capabilities, Capabilities) or not all(callable(getattr(endpoint, n, None)) for n in _NEEDED):
        raise failed(who, "is no endpoint", TypeError("it lacks capabilities, snapshot, apply or close"))
    methods = {name: _method(calls, endpoint, name) for name in _OTHERS if callable(getattr(endpoint, name, None))}
    made = type("Foreign", (_Foreign,), {name: staticmethod(method) for name, method in methods.items()})
    watched: Endpoint = made(calls, endpoint, capabilities)
    return watched


_NEEDED = ("snapshot", "apply", "close")


def _method(calls: _Calls, endpoint: Any, name: str) -> Callable[..., Any]:
    return lambda *given: calls.make(name, lambda: getattr(endpoint, name)(*given))


@dataclass
class _Foreign:
    calls: _Calls
    endpoint: Any
    capabilities: Capabilities
    closed: bool = False

    def snapshot(self, prior: Any) -> Any:
        return self.calls.make("snapshot", lambda: self.endpoint.snapshot(prior))

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        effects = self.calls.make("apply", lambda: iter(self.endpoint.apply(changes)))
        try:
            while (effect := self.calls.make("apply", lambda: next(effects, _END))) is not _END:
                yield effect
        finally:
            if hasattr(effects, "close") and not self.calls.hung:
                self.calls.make("apply", effects.close)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        try:
            if not self.calls.hung:
                self.calls.make("close", self.endpoint.close)
        except SyncError as error:  # how the target ended is settled
            self.calls.say(error.message, Level.WARNING)
        self.calls.end()


@dataclass
class _Calls:
    who: str
    context: Context
    until: float
    hung: bool = False
    begun: set[threading.Thread] = field(default_factory=set)
    """Threads that were begun during its calls."""

    def make(self, name: str, deed: Callable[[], Any]) -> Any:
        """One call, in a thread that nobody waits for any longer than the deadline."""
        answer: list[Any] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                answer.append(deed())
            except BaseException as error:
                errors.append(error)

        before, said = set(threading.enumerate()), io.StringIO()
        thread = threading.Thread(target=work, name=f"plugin-{name}", daemon=True)
        with contextlib.redirect_stdout(said):
            thread.start()
            try:
                self._wait(thread, name)
            finally:
                self.begun |= {one for one in threading.enumerate() if one not in before}
        self._tell(said.getvalue())
        if not errors:
            return answer[0]
        if isinstance(errors[0], (SyncError, NotHere)):
            raise errors[0]
        raise failed(self.who, f"failed in {name}", errors[0]) from errors[0]

    def _wait(self, thread: threading.Thread, name: str) -> None:
        stopped = 0.0
        while thread.is_alive():
            thread.join(_LOOK_S)
            now = monotonic()
            if self.context.stop():
                stopped = stopped or now
                if now - stopped > _GRACE_S:
                    self.hung = True
                    raise InterruptedRun("E-INTERRUPTED", f"stopped while {self.who} was in {name}")
            if now > self.until and thread.is_alive():
                self.hung = True
                raise HostError(
                    "E-PLUGIN-TIMEOUT",
                    f"{self.who} was not done with {name} after {self.context.target.timeout_s:g} s",
                    hint="raise `timeout` of the target if it needs that long; else tell its makers",
                    kept="what it had not said by then was not taken",
                )

    def end(self) -> None:
        """Says which threads it has left."""
        left = [thread for thread in self.begun if thread.is_alive() and thread is not threading.current_thread()]
        if left:
            _left.extend(left)
            names = ", ".join(sorted(one_line(thread.name, 60) for thread in left)[:5])
            number = f"{len(left)} thread{'' if len(left) == 1 else 's'}"
            self.say(f"{self.who} has left {number} running: {names}", Level.WARNING)

    def _tell(self, said: str) -> None:
        lines = [line for line in said.splitlines() if line.strip()]
        for line in lines[:_LINES_TOLD]:
            self.say(f"{self.who} printed: {one_line(line, 300)}")
        if len(lines) > _LINES_TOLD:
            self.say(f"{self.who} printed {len(lines) - _LINES_TOLD} more lines")

    def say(self, message: str, level: Level = Level.DEBUG) -> None:
        self.context.tell(Event(EventType.PROGRESS, message, self.context.target.name, level))
