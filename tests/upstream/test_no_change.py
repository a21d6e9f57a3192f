"""What a run costs when no upstream has moved, in requests and processes: those do not wobble as times do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.upstream.vendoring import git

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import build

PROCESSES = 3
"""git says its version, where the repository is, and then reads objects."""
CONNECTIONS = 16
HEAVY = {"pydantic", "yaml", "rich", "logging", "re2", "wcmatch", "tempfile", "encodings.idna"}


def run(repository: Path, path: Path) -> str:
    """One run of all targets, as a program of its own; answers the modules that it loaded."""
    code = (
        "import sys; from directional_sync.cli import main; s = main(['run', '-q']); print(*sys.modules); sys.exit(s)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository,
        env={"PATH": f"{path}:{os.environ['PATH']}", "HOME": str(path)},
        capture_output=True,
        text=True,
    )
    assert "exit 0" in done.stdout, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("count", [2, 20])
def test_one_request_for_each_upstream_and_as_many_processes_for_any_number(
    count: int, tmp_path: Path, repository: Path
) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    log = tmp_path / "processes"
    (path / "git").write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {shutil.which("git")} "$@"\n')
    (path / "git").chmod(0o755)
    names = list(build(tmp_path / "served", repositories=count, modules=count))
    with GitServer(tmp_path / "served") as server:
        (repository / "sync.yaml").write_text(
            f"""version: "1.0"
targets:
  oca:
    direction: pull
    remote: {{type: git, url: "{server.url("{name}")}", ref: "18.0", names: [{", ".join(names)}]}}
    outputs: ["addons/**"]
"""
        )
        git(repository, "add", "sync.yaml")
        git(repository, "commit", "-q", "-m", "second")
        run(repository, path)
        run(repository, path)  # the first one found no folder in which the checked file could be kept
        before = git(repository, "rev-parse", "HEAD")
        log.unlink()
        server.reset()
        loaded = run(repository, path)
        assert git(repository, "rev-parse", "HEAD") == before
        assert sorted(asked.repository for asked in server.asked) == sorted(names)
        assert {asked.command for asked in server.asked} == {"ls-refs"}
        assert server.connections <= CONNECTIONS
        assert len(log.read_text().splitlines()) == PROCESSES
        assert set(loaded.split()) & HEAVY == set()
