"""The event stream while it happens: for a terminal, for a log, for a program. Each is a `Tell`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from directional_sync.cli.console import Console, Form
from directional_sync.model.lifecycle import Event, EventType, Level, Tell
from directional_sync.model.record import TargetRecord
from directional_sync.render import ndjson
from directional_sync.render.ink import one_line, shorten
from directional_sync.render.tally import Word, word
from directional_sync.render.when import took
from directional_sync.system import host

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PLAIN_EVERY_S = 30.0
"""A log gets one progress line of a target in this time, and one for each tenth of the way."""


@contextmanager
def listeners(console: Console, *, ci: bool = False) -> Iterator[Tell]:
    """Hears every event of a command and shows it where it belongs. Never raises into the run."""
    tells: list[Tell] = []
    if console.looks.form is Form.NDJSON:
        tells.append(Lines(console))
    if console.live and not ci:
        with _live(console) as tell:
            yield _all([*tells, tell])
        return
    if console.looks.verbose >= 0:
        tells.append(Plain(console, ci=ci))
    yield _all(tells)


def _all(tells: list[Tell]) -> Tell:
    """One after the other; events come from several threads at once, lines do not."""
    one_at_a_time = threading.Lock()

    def tell(event: Event) -> None:
        with one_at_a_time:
            for each in tells:
                each(event)

    return tell


@dataclass
class Lines:
    """NDJSON on stdout."""

    console: Console
    run: str = ""
    seq: int = 0

    def __call__(self, event: Event) -> None:
        self.run = str(event.data.get("run", self.run))
        self.seq += 1
        self.console.line(ndjson.line(event, seq=self.seq, ts=host.utc_now(), run=self.run))


@dataclass
class Plain:
    """One line for each change of state, with the time, in the order in which things happened."""

    console: Console
    ci: bool = False
    _last: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Target -> when its last progress line was printed, and at which tenth of the way."""

    def __call__(self, event: Event) -> None:
        if not self._wanted(event):
            return
        parts = [host.utc_now()[11:19], one_line(event.target), _what(event), one_line(event.message), _counted(event)]
        self.console.say(" ".join(part for part in parts if part))

    def _wanted(self, event: Event) -> bool:
        loud = self.console.looks.verbose > 0 or self.ci
        if event.level is Level.DEBUG:
            return self.console.looks.verbose > 1
        if event.level in (Level.WARNING, Level.ERROR):
            told_by_result = event.type in (EventType.TARGET_END, EventType.GUARD, EventType.CHECK)
            return loud or not told_by_result
        if event.type is EventType.PROGRESS:
            return self._due(event) if event.target else True
        if event.type in (EventType.RUN_START, EventType.RUN_END):
            return False
        return loud

    def _due(self, event: Event) -> bool:
        now, tenth = host.monotonic(), _tenth(event.data)
        if event.target not in self._last:  # the first line comes when the target has taken some time
            self._last[event.target] = (now, tenth)
            return self.console.looks.verbose > 0
        then, before = self._last[event.target]
        if now - then < PLAIN_EVERY_S and not (self.ci and tenth != before):
            return False
        self._last[event.target] = (now, tenth)
        return True


def _way(data: Mapping[str, Any]) -> tuple[int, int] | None:
    """How far a target has come: (done, of), or None when it does not say."""
    done, of = data.get("done"), data.get("of")
    return (done, of) if isinstance(done, int) and isinstance(of, int) and of > 0 else None


def _tenth(data: Mapping[str, Any]) -> int:
    way = _way(data)
    return -1 if way is None else 10 * way[0] // way[1]


def _counted(event: Event) -> str:
    way = _way(event.data)
    if way is None or event.type is not EventType.PROGRESS:
        return ""
    return f"{way[0]}/{way[1]} failed={event.data.get('failed', 0)}"


def _what(event: Event) -> str:
    if event.type is EventType.TARGET_START:
        return "start"
    if isinstance(event.subject, TargetRecord):
        return f"{word(event.subject)} ({took(event.subject.duration_s)})"
    if event.type in (EventType.PROGRESS, EventType.CHANGE):
        return ""
    return str(event.type)


@contextmanager
def _live(console: Console) -> Iterator[Tell]:
    """A few lines at the foot of the terminal, redrawn in place and gone at the end."""
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.text import Text

    class Elapsed(ProgressColumn):
        """How long the target has been at work, also after its upstreams are all there."""

        def render(self, task: Task) -> Text:
            return Text(took(task.elapsed or 0.0))

    ink = console.err_ink
    terminal = Terminal(file=console.err, no_color=not ink.color, highlight=False, markup=False, emoji=False)
    progress = Progress(
        SpinnerColumn("line"),
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[note]}", markup=False),
        Elapsed(),
        console=terminal,
        transient=True,
        refresh_per_second=8,
    )
    with progress:
        yield _Live(progress, ink.width)


@dataclass
class _Live:
    progress: Progress
    width: int
    tasks: dict[str, TaskID] = field(default_factory=dict)
    words: dict[Word, int] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        if event.type is EventType.TARGET_START:
            name = shorten(one_line(event.target), 24)
            self.tasks[event.target] = self.progress.add_task("", name=name, note="", total=None)
        elif event.type is EventType.TARGET_END:
            self._ended(event)
        elif event.type in (EventType.PROGRESS, EventType.CHANGE, EventType.CHECK):
            self._moved(event)

    def _moved(self, event: Event) -> None:
        way = _way(event.data)
        count = "" if way is None else f"{way[0]} of {way[1]}  {event.data.get('failed', 0)} failed  "
        note = count + shorten(one_line(event.message), max(10, self.width - 58 - len(count)))
        task = self.tasks.get(event.target)
        if task is None:
            self.progress.console.print(one_line(event.message))
            return
        counted: dict[str, Any] = {} if way is None else {"completed": way[0], "total": way[1]}
        self.progress.update(task, note=note, **counted)

    def _ended(self, event: Event) -> None:
        task = self.tasks.pop(event.target, None)
        if task is not None:
            self.progress.remove_task(task)
