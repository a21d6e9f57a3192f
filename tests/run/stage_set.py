"""A real repository and a far side in memory: what the tests of one target's passage stand on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.project import Project

from directional_sync.core.redact import Redactor
from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.gates.base import Gate
from directional_sync.git.repository import Repository
from directional_sync.model.lifecycle import Event
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect, TargetRecord
from directional_sync.model.snapshot import FILE, Entry, Snapshot, Source
from directional_sync.model.target import Config, Direction, Safety, Target
from directional_sync.run.sync import sync
from directional_sync.run.world import Mode, World
from directional_sync.store.ledger import TargetLedger


@dataclass
class Far:
    """The far side of a pull: files by path, parts that cannot be read, and where it says it comes from."""

    files: dict[str, bytes] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    advice: dict[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    looks: int = 0
    on_look: Callable[[], None] = lambda: None

    def open(self, context: Context) -> Endpoint:
        return _Far(self, context)


@dataclass
class _Far:
    far: Far
    context: Context
    capabilities = Capabilities(writes=False)

    def snapshot(self, prior: Snapshot) -> Snapshot:
        self.far.looks += 1
        self.far.on_look()
        entries = {path: Entry(self.context.objects.write_blob(text), FILE) for path, text in self.far.files.items()}
        return Snapshot(entries, self.far.unreadable, self.far.sources, advice=self.far.advice)

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        return iter(())

    def close(self) -> None:
        pass


SECRET = "canary-Zq81-never-shown"
TARGET = Target("flow", Direction.PULL, "memory", outputs=("out/**",))


@dataclass
class Stage:
    project: Project
    far: Far = field(default_factory=Far)
    target: Target = TARGET
    gates: tuple[Gate, ...] = ()
    events: list[Event] = field(default_factory=list)
    runs: int = 0

    def world(self, **changes: object) -> World:
        self.runs += 1
        repository = Repository.open(self.project.root)
        world = World(
            repository=repository,
            cache=repository.cache,
            config=Config((self.target,), Safety(), "sync.yaml", "digest"),
            gates=self.gates,
            open_endpoint=self.far.open,
            environment_for=lambda target: dict(os.environ),
            tell=self.events.append,
            run=f"run{self.runs:03}",
            when="2026-01-01T00:00:00Z",
            lock_path="sync.lock",
            ledger_for=self.ledger,
        )
        return replace(world, **changes)  # type: ignore[arg-type]

    def ledger(self, target: Target) -> TargetLedger:
        state = self.project.root / ".git/directional-sync"
        return TargetLedger(state / "effects", target.name, f"run{self.runs:03}", Redactor((SECRET,)))

    def sync(self, mode: Mode | None = None, **changes: object) -> TargetRecord:
        return sync(self.target, self.world(**changes), mode or Mode())

    def out(self, name: str) -> Path:
        return self.project.root / "out" / name
