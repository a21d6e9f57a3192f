"""A repository with a target whose far side is a program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.command import endpoint as command
from directional_sync.endpoints.command.endpoint import CommandEndpoint
from directional_sync.endpoints.command.options import CommandOptions
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.lifecycle import Event
from directional_sync.model.snapshot import EMPTY, Snapshot
from directional_sync.model.target import Direction, Place, Target

_runs = count()


@dataclass
class Flow:
    """One target with an entrypoint, in a repository of its own."""

    root: Path
    script: str = "scripts/sync.sh"
    events: list[Event] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    target: dict[str, Any] = field(default_factory=lambda: {"outputs": ("out/**",), "timeout_s": 30.0})
    options: dict[str, Any] = field(default_factory=dict)
    dry_run: bool = False

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        argv = ["git", *identity, *arguments]
        done = subprocess.run(argv, cwd=cwd or self.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
        file.chmod(mode)
        return file

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "Work")
        return self.git("rev-parse", "HEAD")

    def program(self, text: str) -> None:
        """Commits the entrypoint."""
        self.write(self.script, dedent(text), 0o755)
        self.commit()

    @property
    def cache(self) -> Path:
        return Repository.open(self.root).cache / "endpoints/flow"

    @property
    def scratch(self) -> Path:
        return self.cache / "scratch"

    @contextmanager
    def opened(self, direction: Direction = Direction.PULL) -> Iterator[tuple[CommandEndpoint, ObjectStore]]:
        repository = Repository.open(self.root)
        options = CommandOptions(entrypoint=self.script, **self.options)
        target = Target("flow", direction, "command", options, place=Place("sync.yaml", 4, 3), **self.target)
        quarantine = repository.cache / "quarantine" / str(next(_runs))
        with closing(ObjectStore(repository, quarantine)) as store:
            context = Context(
                target=target,
                objects=store,
                git_dir=repository.common_dir,
                cache=self.cache,
                head=repository.head,
                tell=self.events.append,
                environment=self.environment,
                dry_run=self.dry_run,
            )
            endpoint = command.open(context)
            assert isinstance(endpoint, CommandEndpoint)
            with closing(endpoint):
                yield endpoint, store

    def snapshot(self) -> Snapshot:
        """What a pull finds, flat."""
        with self.opened() as (endpoint, store):
            return trees.flatten(store, endpoint.snapshot(EMPTY))

    def pull(self) -> dict[str, bytes]:
        """Path -> content of what a pull finds."""
        with self.opened() as (endpoint, store):
            return contents(store, endpoint.snapshot(EMPTY))

    def accept(self, files: Mapping[str, bytes], gone: Sequence[str] = ()) -> None:
        """Commits what a pull found, as a run would."""
        for path, content in files.items():
            self.write(path, content)
        for path in gone:
            (self.root / path).unlink()
        self.commit()

    def state(self) -> dict[str, object]:
        """All that a person can see of the user's repository: refs, index, files. When objects were last asked
        for is no business of anybody's."""
        files = {
            str(path.relative_to(self.root)): (
                path.lstat().st_ino,
                path.lstat().st_mtime_ns * ("objects" not in path.parts),
            )
            for path in sorted(self.root.rglob("*"))
            if "directional-sync" not in path.parts and path.is_file()
        }
        return {"refs": self.git("for-each-ref"), "files": files}

    def said(self) -> list[str]:
        return [event.message for event in self.events]


def contents(store: ObjectStore, snapshot: Snapshot) -> dict[str, bytes]:
    return {key: store.read(entry.digest) for key, entry in trees.flatten(store, snapshot).entries.items()}


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    root = tmp_path / "project"
    root.mkdir()
    flow = Flow(root)
    flow.git("init", "-q", "-b", "main")
    flow.write("README.md", "hello\n")
    flow.write(".gitignore", "*.log\ncache/\n")
    flow.commit()
    return flow
