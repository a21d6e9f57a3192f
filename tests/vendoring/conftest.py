"""Repositories that vendor upstreams over smart HTTP, driven as the commands drive them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.project import Project
from tests.vendoring.api import Api
from tests.vendoring.vendored import Dsync, Said, Vendored

from directional_sync.cli import main
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.lfs_server import LfsStore
from directional_sync.testing.upstreams import Content, Upstream, build

FILES: dict[str, Content] = {
    "README.md": b"# Modules\n",
    "LICENSE": b"AGPL-3\n",
    "doc/guide.md": b"one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n",
    "sale_a/__init__.py": b"a = 1\n",
    "sale_a/run.sh": ("100755", b"#!/bin/sh\nexit 0\n"),
    "sale_b/__init__.py": b"b = 1\n",
}
"""What each upstream of `small` begins with."""


@pytest.fixture(autouse=True)
def no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for secrets takes seconds to start, and is not what these tests are about."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


@pytest.fixture
def upstreams(tmp_path: Path) -> dict[str, Upstream]:
    """Three upstreams with six modules."""
    return build(tmp_path / "upstreams", repositories=3, modules=6)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """Serves every repository in the folder `upstreams`, and LFS content beside them."""
    with GitServer(tmp_path / "upstreams", lfs=LfsStore(tmp_path / "lfs")) as running:
        yield running


@pytest.fixture
def vendored(project: Project, upstreams: dict[str, Upstream], server: GitServer) -> Vendored:
    """Configured and committed, not synced yet."""
    vendored = Vendored(project, server, upstreams)
    project.write("mine.txt", "mine\n")
    vendored.configure()
    return vendored


@pytest.fixture
def small(tmp_path: Path, project: Project, server: GitServer) -> Vendored:
    """The same with two upstreams of six files, `crm` and `web`."""
    small = Vendored(project, server, {})
    for name in ("crm", "web"):
        small.add(name, {**FILES, "NAME": name.encode()})
    project.write("mine.txt", "mine\n")
    small.configure()
    return small


@pytest.fixture
def web(small: Vendored) -> Upstream:
    """The second of them, to which things happen."""
    return small.upstreams["web"]


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


@pytest.fixture
def api() -> Iterator[Api]:
    with closing(Api()) as running:
        yield running
