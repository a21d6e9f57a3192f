"""P35, F73: two runs at once, in one repository and from one host: they take turns, or one says who is at work."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.project import make_project
from tests.vendoring.vendored import Vendored

from directional_sync.testing.git_server import Fault
from directional_sync.testing.upstreams import Upstream

PROGRAM = """\
import sys
from directional_sync.cli import main
from directional_sync.gates import secrets
secrets.installed = lambda: False
sys.exit(main(sys.argv[1:]))
"""
LATE_S = 1.5


def start(where: Path, vendored: Vendored, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=where, env={**vendored.project.environ, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, " ".join(said.split())


def at_work(vendored: Vendored, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run that waits for an upstream, and holds the repository meanwhile."""
    for name in vendored.upstreams:
        vendored.server.fault(name, Fault(delay_s=LATE_S, times=1))
    vendored.server.reset()
    process = start(vendored.project.root, vendored, *arguments)
    deadline = time.monotonic() + 30
    while not vendored.server.asked and time.monotonic() < deadline:
        time.sleep(0.01)
    assert vendored.server.asked
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def first(vendored: Vendored) -> Iterator[subprocess.Popen[str]]:
    yield from at_work(vendored, "run")


def test_F73_the_second_says_who_is_at_work(vendored: Vendored, first: subprocess.Popen[str]) -> None:
    began = time.monotonic()
    status, said = ended(start(vendored.project.root, vendored, "run", "--lock-timeout", "0"))
    assert first.poll() is None, "the first was too quick for this to mean anything"
    assert status == 10 and "E-LOCK" in said
    assert f"pid {first.pid} " in said and "run`" in said, said
    assert time.monotonic() - began < 30
    assert ended(first)[0] == 0
    whole(vendored, vendored.project.root)


@pytest.mark.parametrize("linked", [False, True], ids=["the same work tree", "a linked work tree"])
def test_F73_the_second_waits_and_finds_it_done(vendored: Vendored, tmp_path: Path, linked: bool) -> None:
    where = vendored.project.root
    if linked:
        where = tmp_path / "linked"
        vendored.project.git("worktree", "add", "-q", "-b", "side", str(where))
    for first in at_work(vendored, "run"):
        second = start(where, vendored, "run", "--lock-timeout", "50")
        assert ended(first)[0] == 0
        status, said = ended(second)
        assert status == 0 and ("1 changed" if linked else "1 unchanged") in said, said
    whole(vendored, vendored.project.root)
    whole(vendored, where)
    assert vendored.project.commits() == 2


def test_P35_two_repositories_take_from_one_host_at_once(
    vendored: Vendored, upstreams: dict[str, Upstream], tmp_path: Path
) -> None:
    """Of different refs even, so that what one has fetched would be wrong for the other."""
    for upstream in upstreams.values():
        upstream.commit({"README.md": b"of 19.0\n"}, branch="19.0", onto=upstream.head())
    other = Vendored(make_project(tmp_path / "other"), vendored.server, upstreams)
    other.project.environ = vendored.project.environ
    other.configure(ref="19.0")
    for first in at_work(vendored, "run"):
        status, said = ended(start(other.project.root, other, "run"))
        assert status == 0, said
        assert ended(first)[0] == 0
    for name, upstream in upstreams.items():
        assert vendored.tree(name) == upstream.tree("18.0")
        assert other.tree(name) == upstream.tree("19.0") != upstream.tree("18.0")
    assert vendored.project.clean() and other.project.clean()
    assert vendored.project.fsck() == other.project.fsck() == ""


def whole(vendored: Vendored, where: Path) -> None:
    """All of it is committed there, once, and nothing else."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, check=True).stdout.strip()

    for name, upstream in vendored.upstreams.items():
        assert git("rev-parse", f"HEAD:vendor/{name}") == upstream.tree()
    assert git("status", "--porcelain") == ""
    assert len(git("log", "--format=%H", "--", "vendor").split()) == 1
    assert git("fsck", "--strict", "--no-dangling") == ""
