"""A project with one target that pulls a JSON list, and a service on loopback that delivers one."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.project import Project

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.rest.endpoint import RestEndpoint
from directional_sync.endpoints.rest.options import RestOptions
from directional_sync.model.lifecycle import Event
from directional_sync.model.record import TargetRecord
from directional_sync.model.snapshot import EMPTY
from directional_sync.model.target import Direction, Place, Policy, Target
from directional_sync.testing.memory import MemoryObjects
from directional_sync.testing.service import Asked, LoopbackService, Told

TOKEN = "canary-Zq81-never-shown"
DOCUMENT = "docs/things.json"


class Paged(LoopbackService):
    """Delivers the pages that it is told to: the one that `at` in the query names, else one after the other."""

    def __init__(self, *answers: Told) -> None:
        super().__init__()
        self.answers = list(answers)
        """After the last one the first comes again."""

    def answer(self, asked: Asked) -> Told:
        page = int(asked.query.get("at", len(self.heard) - 1))
        return self.answers[page % len(self.answers)]


def told(value: Any, **headers: str) -> Told:
    return Told.json(value, **headers)


@dataclass
class Listed:
    """One endpoint of its own, without a repository."""

    service: LoopbackService
    cache: Path
    options: dict[str, Any] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    environment: dict[str, str] = field(default_factory=dict)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    events: list[Event] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    retries: int = 0

    def open(self) -> RestEndpoint:
        said = {"url": f"{self.service.url}/things", "into": DOCUMENT, **self.options}
        target = Target(
            name="things",
            direction=Direction.PULL,
            endpoint="rest",
            options=RestOptions.model_validate_json(json.dumps(said)),
            outputs=("docs/**",),
            policy=self.policy,
            timeout_s=20.0,
            retries=self.retries,
            place=Place("sync.yaml", 7, 3),
        )
        context = Context(
            target=target,
            objects=self.objects,
            git_dir=self.cache,
            cache=self.cache,
            head="",
            tell=self.events.append,
            environment=self.environment,
        )
        return RestEndpoint(context)

    def files(self, **options: Any) -> dict[str, bytes]:
        """Path -> content of all that a snapshot holds."""
        self.options |= options
        with closing(self.open()) as endpoint:
            found = endpoint.snapshot(EMPTY)
        self.notes = found.notes
        return {key: self.objects.read(entry.digest) for key, entry in found.entries.items()}

    def document(self, **options: Any) -> Any:
        [content] = self.files(**options).values()
        return json.loads(content)


@dataclass
class Flow:
    """A repository whose file has one target, driven as the commands drive it."""

    project: Project
    url: str
    remote: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)

    def configure(self, **remote: Any) -> None:
        """Writes and commits the file; None takes a key out."""
        self.remote |= remote
        said = {"type": "rest", "url": self.url, "into": DOCUMENT, **self.remote}
        said = {key: value for key, value in said.items() if value is not None}
        target = {"direction": "pull", "remote": said, "outputs": ["docs/**"], "retries": 0, **self.target}
        self.project.configure(yaml.safe_dump({"targets": {"things": target}}, sort_keys=False))

    def sync(self, **options: Any) -> TargetRecord:
        record = self.project.one(**options)
        assert record.success, (record.message, record.failure)
        return record

    def document(self) -> Any:
        return json.loads(self.project.git("show", f"HEAD:{DOCUMENT}"))

    def files(self) -> dict[str, str]:
        return self.project.files(under="docs/")


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it, on one line."""
        return " ".join((self.out + self.err).split())
