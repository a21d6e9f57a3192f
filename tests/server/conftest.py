"""A repository with a target that documents a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.project import Project
from tests.server.flow import Flow
from tests.server.machine import Machine, machine


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
