"""A repository to vendor into, upstreams to vendor from, and a host that serves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.upstream.vendoring import Vendoring, git

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return root


@pytest.fixture
def upstreams(tmp_path: Path) -> dict[str, Upstream]:
    """Three upstreams with six modules."""
    return build(tmp_path / "upstreams", repositories=3, modules=6)


@pytest.fixture
def server(tmp_path: Path, upstreams: dict[str, Upstream]) -> Iterator[GitServer]:
    with GitServer(tmp_path / "upstreams") as running:
        yield running


@pytest.fixture
def vendoring(tmp_path: Path, repository: Path, upstreams: dict[str, Upstream], server: GitServer) -> Vendoring:
    home = tmp_path / "home"
    home.mkdir()
    options = {
        "url": server.url("{name}"),
        "ref": "18.0",
        "names": list(upstreams),
        "into": "vendor/{name}",
    }
    return Vendoring(repository, home, options)
