"""A repository that vendors three upstreams over smart HTTP, driven as the commands drive it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.project import Project
from tests.vendoring.vendored import Vendored

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build


@pytest.fixture
def upstreams(tmp_path: Path) -> dict[str, Upstream]:
    """Three upstreams with six modules."""
    return build(tmp_path / "upstreams", repositories=3, modules=6)


@pytest.fixture
def server(tmp_path: Path, upstreams: dict[str, Upstream]) -> Iterator[GitServer]:
    with GitServer(tmp_path / "upstreams") as running:
        yield running


@pytest.fixture
def vendored(project: Project, upstreams: dict[str, Upstream], server: GitServer) -> Vendored:
    """Configured and committed, not synced yet."""
    vendored = Vendored(project, server, upstreams)
    project.write("mine.txt", "mine\n")
    vendored.configure()
    return vendored
