"""A target that vendors upstreams: looked at, agreed with, and looked at again."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.git import endpoint
from directional_sync.endpoints.git.options import GitOptions
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.snapshot import EMPTY, Snapshot
from directional_sync.model.target import Direction, Target


@dataclass
class Vendoring:
    """A target that vendors upstreams, and one way to look at them and to agree on what was seen."""

    root: Path
    home: Path
    options: dict[str, Any]
    retries: int = 0
    timeout_s: float = 60.0
    environment: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    prior: Snapshot = EMPTY
    looks: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    far: Any = None
    """The endpoint of the last look."""

    def look(self, *, agree: bool = True, check: Callable[[ObjectStore, Snapshot], None] | None = None) -> Snapshot:
        """One snapshot. `agree`: what was seen is published into the repository and is the base from then on."""
        self.looks += 1
        self.events.clear()
        repository = Repository.open(self.root)
        quarantine = repository.state / f"quarantine-{self.looks}"
        with (
            ObjectStore(repository, quarantine) as store,
            closing(endpoint.open(self._context(repository, store))) as far,
        ):
            self.far = far
            seen = far.snapshot(self.prior)
            if check is not None:
                check(store, seen)
            if agree:
                store.publish([source.tree for source in seen.sources], [])
                self._keep(seen)
        if agree:
            kept = [s for s in self.prior.sources if s.into in seen.unreadable]
            self.prior = Snapshot(seen.entries, sources=(*seen.sources, *kept))
        return seen

    def _keep(self, seen: Snapshot) -> None:
        for source in seen.sources:
            commit = git(self.root, "commit-tree", source.tree, "-m", "kept")
            git(self.root, "update-ref", f"refs/kept/{source.name}", commit)

    def _context(self, repository: Repository, store: ObjectStore) -> Context:
        target = Target(
            "oca",
            Direction.PULL,
            "git",
            GitOptions.model_validate(self.options),
            outputs=("vendor/**",),
            retries=self.retries,
            timeout_s=self.timeout_s,
        )
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment}
        return Context(
            target=target,
            objects=store,
            git_dir=repository.common_dir,
            cache=repository.state / "cache" / "endpoints" / "oca",
            head=repository.head,
            tell=self.events.append,
            environment=environment,
            stop=self.stop.is_set,
        )

    @property
    def cache(self) -> Path:
        return self.root / ".git" / "directional-sync" / "cache" / "endpoints" / "oca"

    def changes(self) -> list[str]:
        return [event.message for event in self.events if event.type is EventType.CHANGE]

    def text(self, seen: Snapshot | BaseException) -> str:
        """Everything that was said, for a search."""
        return "\n".join([repr(seen), str(seen), repr(getattr(seen, "__dict__", "")), *map(repr, self.events)])


def git(where: Path, *arguments: str, check: bool = True, env: Mapping[str, str] | None = None) -> str:
    clean = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    people = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
    }
    done = subprocess.run(
        ["git", "-C", str(where), *arguments],
        capture_output=True,
        text=True,
        env={**clean, **people, **(env or {})},
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"git {arguments}: {done.stderr}")
    return done.stdout.strip()
