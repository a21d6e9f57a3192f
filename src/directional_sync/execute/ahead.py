"""Looking at the targets that come next while the one whose turn it is is carried out. See `core.ahead`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType

from directional_sync import plugins
from directional_sync.core.ahead import ANYWHERE, Stop, may_begin
from directional_sync.model.lifecycle import Event, Tell
from directional_sync.model.target import Direction, Target
from directional_sync.run.glance import Glance, glance, outdated, renewed, same_branch
from directional_sync.run.world import Laps, Mode, World

_PATIENCE_S = 5.0
"""How long an unfinished look is waited for when nobody wants it any more."""


class _Relay:
    """Keeps what is told of a target until its turn has come, so that the story of a run has one order."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._kept: list[Event] | None = []
        self._turn = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._turn:
            if self._kept is not None:
                self._kept.append(event)
                return
        self._tell(event)

    def open(self) -> None:
        """From now on all is told at once, what was kept first."""
        with self._turn:
            for event in self._kept or ():
                self._tell(event)
            self._kept = None

    def forget(self) -> None:
        with self._turn:
            self._kept = []


@dataclass
class _Early:
    """One look that has begun."""

    relay: _Relay
    thread: threading.Thread | None = None
    found: Glance | None = None
    error: Exception | None = None
    head: str = ""
    """The commit that the branch was at."""
    dropped: bool = False
    """Nobody wants it any more."""


@dataclass
class Ahead:
    """The looks of one run. Use as a context manager: what nobody has taken is closed at its end."""

    targets: Sequence[Target]
    """In the order of the run."""
    world: World
    mode_of: Callable[[Target], Mode]
    runs: Callable[[Target], bool]
    """Whether a target will be looked at at all, as far as is known before its turn."""
    _done: set[str] = field(default_factory=set)
    _early: dict[str, _Early] = field(default_factory=dict)
    _looking: set[str] = field(default_factory=set)
    _at_hand: str = ""
    _over: bool = False
    _turn: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._by_name = {target.name: target for target in self.targets}
        self._way = [self._stop(target) for target in self.targets]

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._turn:
            self._over = True
            left = list(self._early.values())
        for early in left:
            self._drop(early)

    def turn(self, target: Target) -> None:
        """The turn of `target` has come: others may be looked at meanwhile."""
        with self._turn:
            self._at_hand = target.name
            self._looking.add(target.name)
            self._begin()

    def ended(self, target: Target, *, success: bool) -> None:
        """The turn of `target` is over."""
        with self._turn:
            self._looking.discard(target.name)
            self._at_hand = ""
            early = self._early.pop(target.name, None)
            if success:
                self._done.add(target.name)
            else:
                self._way = [stop for stop in self._way if stop.name != target.name]
        if early is not None:
            self._drop(early)

    def take(self, target: Target, laps: Laps) -> Glance | None:
        """What was seen of `target`, once it is seen; None where it has to be looked at now. Raises what looking at it
        has raised."""
        with self._turn:
            early = self._early.get(target.name)
        if early is None:
            return None
        early.relay.open()
        assert early.thread is not None
        early.thread.join()
        if early.error is not None:
            if outdated(target, self.world, early.head, plugins.beside(target)):
                return None
            raise early.error
        found, early.found = early.found, None
        if found is None:
            return None
        try:
            now = renewed(found, self.world, laps, plugins.beside(target))
        except BaseException:
            found.stack.close()
            raise
        if now is None:
            found.stack.close()
        return now

    def _begin(self) -> None:
        if self._over or self.world.stop():
            return
        begun = {*self._early, self._at_hand}
        for name in may_begin(self._way, self._done, begun, self._looking, self.world.config.concurrency):
            early = _Early(_Relay(self.world.tell))
            early.thread = threading.Thread(target=self._look, args=(self._by_name[name], early), name=f"ahead-{name}")
            early.thread.daemon = True
            self._early[name] = early
            self._looking.add(name)
            early.thread.start()

    def _look(self, target: Target, early: _Early) -> None:
        world = replace(self.world, tell=early.relay, stop=lambda: self._over or self.world.stop())
        try:
            early.head = same_branch(world).head
            early.found = glance(target, world, self.mode_of(target))
        except Exception as error:  # raised where the target is carried out, which knows what to do with each kind
            early.error = error
        with self._turn:
            if early.dropped and early.found is not None:
                early.found.stack.close()  # nobody waited for it any longer
            if target.name != self._at_hand:
                self._looking.discard(target.name)
            self._begin()

    def _drop(self, early: _Early) -> None:
        early.relay.forget()
        if early.thread is not None:
            early.thread.join(_PATIENCE_S)
        with self._turn:
            early.dropped = True
            if early.found is not None:
                early.found.stack.close()

    def _stop(self, target: Target) -> Stop:
        mode = self.mode_of(target)
        host = plugins.far_host(target) if self.runs(target) else ""
        # Two clones that take each other's turns early would wait for each other.
        if target.direction is not Direction.PULL and not mode.dry_run and self.world.turns.shared:
            host = ""
        return Stop(target.name, host, _written(target, mode), target.needs)


def _written(target: Target, mode: Mode) -> str:
    if mode.dry_run or target.direction is Direction.PULL:
        return ""
    known = plugins.built_in(target.endpoint) and target.endpoint != plugins.COMMAND
    return plugins.far_host(target) if known else ANYWHERE
