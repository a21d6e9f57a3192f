"""Pushes against the stand-in without sockets, processes and real time: a history of thousands of runs in seconds.

Everything between `open` and the wire is the program's own; the wire, the clock and the moments of kills are drawn from
a seed. The base moves as `run` moves it: by what is agreed, and by effects that are done.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.notion.noted import COLUMNS, PROPERTIES, TOKEN

from directional_sync.core.reconcile import reconcile
from directional_sync.core.redact import Redactor
from directional_sync.endpoints.base import Context
from directional_sync.endpoints.notion import endpoint as notion
from directional_sync.endpoints.notion import patience, writing
from directional_sync.endpoints.notion.options import NotionOptions
from directional_sync.errors import SyncError
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import FILE, Entry, Snapshot
from directional_sync.model.target import Direction, Policy, Target
from directional_sync.run.scan import as_sent
from directional_sync.service import client, pace
from directional_sync.store import ledger
from directional_sync.system import host
from directional_sync.system.http import Answer, Fault, Unanswered
from directional_sync.testing.memory import MemoryObjects
from directional_sync.testing.notion import NotionBoard, text
from directional_sync.testing.service import Asked, Told

LAG_MAX_S = 30.0
BEGIN = 1_767_225_600.0


class Killed(BaseException):
    """The run is over, at once."""


@dataclass
class Clock:
    now: float = BEGIN

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Wire:
    """In the place of `system.http.Pool`."""

    board: NotionBoard
    clock: Clock
    draw: random.Random
    rate: float = 0.0
    """How likely something goes wrong with a request."""

    def ask(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, **terms: Any) -> Answer:
        self.clock.pass_(self.draw.uniform(0.05, 0.4))
        path, _, query = url.removeprefix("https://notion.example").partition("?")
        assert not query
        asked = Asked(method, path, {}, {name.lower(): value for name, value in headers.items()}, body)
        mishap = self._mishap()
        if mishap in ("busy", "down", "gateway"):
            status = {"busy": 429, "down": 503, "gateway": 502}[mishap]
            after = {"retry-after": str(self.draw.choice([1, 7, 90]))} if mishap == "busy" else {}
            return Answer(status, {"content-type": "application/json", **after}, b'{"message": "no"}')
        if mishap == "killed before":
            raise Killed
        if mishap in ("refused", "dropped before"):
            raise _unanswered(Fault.UNREACHABLE, sent=mishap == "dropped before")
        if mishap == "conflict" and method == "PATCH":
            return _answer(Told.json({"object": "error", "code": "conflict_error", "message": "collision"}, 409))
        told = self.board.answer(asked)
        if mishap == "killed after":
            raise Killed
        if mishap in ("dropped after", "cut"):
            raise _unanswered(Fault.CUT if mishap == "cut" else Fault.UNREACHABLE, sent=True)
        if mishap == "failed after":
            return Answer(500, {"content-type": "text/html"}, b"<html>")
        if mishap == "page":
            return Answer(200, {"content-type": "text/html"}, b"<html>maintenance</html>")
        return _answer(told)

    def _mishap(self) -> str:
        if self.draw.random() >= self.rate:
            return ""
        return self.draw.choice(
            ["busy", "down", "gateway", "killed before", "killed after", "refused", "dropped before", "conflict",
             "dropped after", "cut", "failed after", "page"]
        )  # fmt: skip

    def close(self) -> None:
        pass


def _unanswered(fault: Fault, *, sent: bool) -> Unanswered:
    error = Unanswered(fault, "the wire")
    error.sent = sent
    return error


def _answer(told: Told) -> Answer:
    return Answer(told.status, {name.lower(): value for name, value in told.headers.items()}, told.body)


TARGET = Target(
    "tasks",
    Direction.PUSH,
    "notion",
    options=NotionOptions(
        url="https://notion.example", token="TOKEN", database="DATABASE", properties=dict(PROPERTIES), settle=45.0
    ),
    inputs=("tasks/**",),
    records=True,
    policy=Policy(),
    timeout_s=600.0,
)


@dataclass
class World:
    """One database and one repository, and what the runs between them have left."""

    folder: Path
    draw: random.Random
    clock: Clock
    board: NotionBoard = field(init=False)
    database: str = field(init=False)
    wire: Wire = field(init=False)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    base: Snapshot = field(default_factory=Snapshot)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the repository says."""
    runs: int = 0

    def __post_init__(self) -> None:
        self.board = NotionBoard(token=TOKEN, clock=self.clock)
        self.board.lag = lambda: self.draw.choice([0.0, 0.0, self.draw.uniform(0, LAG_MAX_S)])
        self.database = self.board.database("Tasks", COLUMNS)
        self.wire = Wire(self.board, self.clock, self.draw)

    def edit(self) -> None:
        """Somebody works on the documents."""
        for _ in range(self.draw.randint(0, 4)):
            key = f"t{self.draw.randint(0, 7)}"
            if key in self.rows and self.draw.random() < 0.25:
                del self.rows[key]
            else:
                status = self.draw.choice(["Todo", "Done", "Later"])
                self.rows[key] = {"id": key, "title": f"{key} {self.draw.randint(0, 9)}", "status": status}

    def work_there(self) -> None:
        """Somebody works in Notion, on properties that nobody owns."""
        pages = [page.id for pages in self.board.rows(self.database).values() for page in pages]
        if pages and self.draw.random() < 0.5:
            self.board.edit(self.draw.choice(pages), {"Hours": {"number": self.draw.randint(0, 99)}})

    def run(self) -> str:
        """One run; answers how it ended: "", an error's code, or "killed"."""
        self.runs += 1
        book = ledger.TargetLedger(self.folder / "effects", "tasks", f"run{self.runs:06}", Redactor(()))
        try:
            return self._run(book)
        except Killed:
            if book._file is not None:
                os.close(book._file)
            return "killed"

    def _run(self, book: ledger.TargetLedger) -> str:
        context = Context(
            target=TARGET,
            objects=self.objects,
            git_dir=self.folder,
            cache=self.folder / "cache",
            head="",
            tell=lambda event: None,
            environment={"TOKEN": TOKEN, "DATABASE": self.database},
            ledger=book,
        )
        content = self.objects.write_blob(json.dumps(list(self.rows.values())).encode())
        endpoint = notion.open(context)
        done: dict[str, Entry] = {}
        said = ""
        try:
            repo = endpoint.translate(Snapshot({"tasks/all.json": Entry(content, FILE)}))
            remote = endpoint.snapshot(self.base)
            base = as_sent(self.base, repo, remote, book.attempts())
            plan = reconcile("tasks", base, repo, remote, Direction.PUSH, TARGET.policy)
        except SyncError as error:
            return error.code
        assert not plan.conflicts and not plan.held, (self.folder.name, plan.conflicts, plan.held)
        done |= {change.key: change.after for change in plan.agreed}
        try:
            for effect in endpoint.apply(plan.remote):
                self._perhaps_killed()
                book.ended(effect, None)
                self._perhaps_killed()
                done |= _done(effect)
                said = said or ("" if effect.done else str(effect.kind))
        except SyncError as error:
            said = error.code
        self._perhaps_killed()
        entries = {key: entry for key, entry in {**self.base.entries, **done}.items() if not entry.absent}
        self.base = replace(self.base, entries=entries)
        book.close()
        return said

    def _perhaps_killed(self) -> None:
        if self.draw.random() < self.wire.rate / 8:
            raise Killed

    def twice(self) -> list[str]:
        """External ids that more than one row has, and rows that nobody ever asked for."""
        return [key for key, pages in self.board.rows(self.database).items() if len(pages) != 1]

    def there(self) -> dict[str, tuple[str, str]]:
        """External id -> title and status, as Notion has them."""
        found = {}
        for key, pages in self.board.rows(self.database).items():
            properties = pages[0].now.properties
            found[key] = (text(properties["Name"]), properties["Status"]["select"]["name"])
        return found

    def wanted(self) -> dict[str, tuple[str, str]]:
        return {key: (row["title"], row["status"]) for key, row in self.rows.items()}


def _done(effect: Effect) -> dict[str, Entry]:
    return {effect.change.key: effect.change.after} if effect.done else {}


@contextmanager
def no_time(clock: Clock, wire_of: Callable[[], Wire]) -> Iterator[None]:
    """The program's clocks and its wire are those of the simulation."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (client, pace, patience, writing, host):
            patch.setattr(module, "monotonic", clock)
        for module in (client, patience, host):
            patch.setattr(module, "pause", clock.pass_)
        patch.setattr(host, "utc_now", lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock())))
        patch.setattr(ledger, "time", SimpleNamespace(time=clock))
        patch.setattr(client, "Pool", lambda environment: wire_of())
        patch.setattr(os, "fsync", lambda descriptor: None)
        notion._pace.cache_clear()
        yield
        notion._pace.cache_clear()


def history(folder: Path, seed: int) -> int:
    """One history of runs with faults, and one run without at its end. Answers how many runs it had."""
    draw = random.Random(seed)
    random.seed(seed)  # the pauses between tries are drawn, too
    clock = Clock()
    world = World(folder, draw, clock)
    with no_time(clock, lambda: world.wire):
        ended = []
        for _ in range(draw.randint(2, 9)):
            world.edit()
            world.work_there()
            world.wire.rate = draw.choice([0.02, 0.1, 0.3])
            ended.append(world.run())
            assert not world.twice(), (seed, ended, world.twice())
            clock.pass_(draw.choice([0.1, 5, 20, 50, 4000]))
        world.wire.rate = 0.0
        assert world.run() == "", (seed, ended)
        assert not world.twice(), (seed, ended)
        assert world.there() == world.wanted(), (seed, ended)
        writes = len(world.board.writes)
        assert world.run() == "" and len(world.board.writes) == writes, (seed, ended)  # I1
    return world.runs
