"""A repository with a target that documents a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.project import Project
from tests.server.flow import Flow
from tests.server.machine import Machine, machine

from directional_sync.cli import main


@pytest.fixture(autouse=True)
def no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for secrets takes seconds to start, and is not what these tests are about."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


@pytest.fixture
def server(tmp_path: Path) -> Machine:
    return machine(tmp_path / "server")


@pytest.fixture
def flow(project: Project, server: Machine) -> Flow:
    """Configured for a local root and committed, not synced yet."""
    flow = Flow(project, {"path": str(server.root)})
    flow.configure()
    return flow


@pytest.fixture
def dsync(project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command in the repository; answers all that it said."""

    def run(*arguments: str) -> str:
        monkeypatch.chdir(project.root)
        monkeypatch.setenv("COLUMNS", "200")
        capfd.readouterr()
        main(list(arguments))
        return "".join(capfd.readouterr())

    return run
