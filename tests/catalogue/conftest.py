"""A repository that installs skills from a catalogue on loopback, driven as the commands drive it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.project import Project

from directional_sync.cli import main
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import TargetRecord
from directional_sync.testing.catalogue_server import CatalogueService

INTO = "docs/skills"


@pytest.fixture(autouse=True)
def no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for secrets takes seconds to start, and is not what these tests are about."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[CatalogueService]:
    """Three skills: `alpha` and `beta` of text alone, `gamma` with a reference."""
    with CatalogueService(tmp_path / "catalogue") as running:
        for name in ("alpha", "beta", "gamma"):
            running.skill(name)
        running.put("gamma/references/more.md", "More about it.\n")
        yield running


@dataclass
class Skills:
    project: Project
    service: CatalogueService
    remote: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)

    def configure(self, *, target: dict[str, Any] | None = None, **remote: Any) -> None:
        """Writes and commits the file; `remote` adds to what is said there. None takes a key out."""
        self.remote |= remote
        self.target |= target or {}
        said = {"type": "catalogue", "url": self.service.url, **self.remote}
        said = {key: value for key, value in said.items() if value is not None}
        given = {"direction": "pull", "remote": said, "outputs": [f"{INTO}/**"], "retries": 0, **self.target}
        self.project.configure(yaml.safe_dump({"targets": {"skills": given}}, sort_keys=False))

    def sync(self, **options: Any) -> TargetRecord:
        """A run that must succeed."""
        record = self.project.one(**options)
        assert record.success, (record.message, record.failure)
        return record

    def try_(self, **options: Any) -> TargetRecord:
        return self.project.one(**options)

    def rest(self) -> None:
        """One more run has nothing to do: one request, no download, no commit."""
        before = self.project.head
        self.service.forget()
        record = self.sync()
        assert record.outcome is Outcome.IN_SYNC, record.message
        assert self.project.head == before
        assert len(self.service.heard) == 1

    def files(self) -> dict[str, str]:
        """Path below the folder of skills -> content, as committed."""
        found = self.project.files(under=f"{INTO}/")
        return {path.removeprefix(f"{INTO}/"): text for path, text in found.items()}


@pytest.fixture
def skills(project: Project, service: CatalogueService) -> Skills:
    """Configured and committed, not synced yet."""
    found = Skills(project, service)
    project.git("config", "core.quotePath", "false")
    project.write("mine.txt", "mine\n")
    found.configure()
    return found


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it, on one line."""
        return " ".join((self.out + self.err).split())


Dsync = Callable[..., Said]


@pytest.fixture
def dsync(project: Project, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Dsync:
    """Runs a command line in the project."""

    def run(*arguments: str) -> Said:
        monkeypatch.chdir(project.root)
        monkeypatch.setenv("COLUMNS", "200")
        capfd.readouterr()
        status = main(list(arguments))
        return Said(status, *capfd.readouterr())

    return run
