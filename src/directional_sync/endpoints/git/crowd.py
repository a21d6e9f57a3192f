"""The same deed for many upstreams at once: what failed is noted by name, and the others go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.git.upstream import Upstream
from directional_sync.errors import InterruptedRun, SyncError
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.system.threads import each
from directional_sync.upstream.remotes import Remotes

T = TypeVar("T")


@dataclass
class Crowd:
    """The threads of one look. Not for use from two threads."""

    context: Context
    remotes: Remotes
    failed: dict[str, SyncError] = field(default_factory=dict)
    """Name -> why it cannot be had."""

    def __post_init__(self) -> None:
        self._guard = threading.Lock()

    def each(
        self,
        phase: str,
        wanted: Sequence[Upstream],
        deed: Callable[[Upstream], T],
        at_once: int,
        *,
        quiet: bool = False,
    ) -> dict[str, T]:
        """Name -> what `deed` answered, of those for which it did. Raises InterruptedRun when somebody asks us to
        stop, and what `deed` raises but for SyncError."""
        done: dict[str, T] = {}
        if not wanted:
            return done

        def one(upstream: Upstream) -> None:
            try:
                answer = deed(upstream)
                with self._guard:
                    done[upstream.name] = answer
            except SyncError as error:
                with self._guard:
                    self.failed[upstream.name] = error
            with self._guard:
                data = {"done": len(done), "of": len(wanted), "failed": len(self.failed), "phase": phase}
            if not quiet:
                self._tell(f"{phase} {upstream.name}", {**data, "name": upstream.name})

        def keep_on() -> None:
            if self.context.stop():
                raise InterruptedRun("E-INTERRUPTED", f"stopped while {phase} upstreams", kept="nothing was changed")

        # Closing what runs ends the threads too.
        each(one, wanted, at_once, keep_on=keep_on, give_up=self.remotes.close, name="upstream")
        return done

    def _tell(self, message: str, data: dict[str, object]) -> None:
        self.context.tell(Event(EventType.PROGRESS, message, target=self.context.target.name, data=data))
