"""The same file and the same upstreams make the same trees and the same lock, on whatever machine; and the same commit
where run, date and person are the same."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.project import Project, make_project
from tests.upstream.vendoring import git
from tests.vendoring.vendored import Vendored

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream

PATCH = """\
diff --git a/README.md b/README.md
--- a/README.md
+++ b/README.md
@@ -1,3 +1,4 @@
 # {name}
\x20
 Odoo modules.
+Ours.
"""
RUN = """\
import os, sys, types
os.umask(int(sys.argv[1], 8))
from directional_sync import wiring
fixed = {"new_id": lambda: "0123456789ab", "utc_now": lambda: "2026-03-01T12:00:00+00:00"}
if sys.argv[2] == "fixed":
    wiring.host = types.SimpleNamespace(**{**vars(wiring.host), **fixed})
from directional_sync.cli import main
from directional_sync.gates import secrets
secrets.installed = lambda: False
sys.exit(main(["run"]))
"""


@dataclass(frozen=True)
class Machine:
    """What two machines do not have in common."""

    variables: Mapping[str, str]
    umask: str
    concurrency: int
    backwards: bool
    """Whether the file names everything in the opposite order."""


MACHINES = (
    Machine({"LC_ALL": "C", "TZ": "Asia/Kathmandu"}, "022", 1, False),
    Machine(
        {"LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "America/St_Johns", "PYTHONHASHSEED": "7"}, "077", 8, True
    ),
)


def configure(project: Project, server: GitServer, names: list[str], machine: Machine) -> None:
    ordered = names[::-1] if machine.backwards else names
    vendored = Vendored(project, server, {})
    merged = {name: {"merge": ["refs/pull/1/head", "refs/pull/2/head"]} for name in ordered}
    vendored.configure(names=ordered, concurrency=machine.concurrency, repositories=merged, exclude=["**/static/**"])


@pytest.fixture
def pulled(upstreams: dict[str, Upstream]) -> dict[str, Upstream]:
    """Each with two pull requests, of which one was squashed and one renames a file."""
    for upstream in upstreams.values():
        fork = upstream.head()
        readme = upstream.git("ls-tree", "-r", "--name-only", "18.0").splitlines()
        module = next(path for path in readme if path.endswith("/README.rst"))
        content = upstream.git("show", f"18.0:{module}").encode() + b"\n"
        for number, changes in enumerate(({"one.txt": b"one\n"}, {module: None, f"{module}.old": content}), start=1):
            commit = upstream.commit(changes, f"Propose {number}", branch=f"pr{number}", onto=fork)
            upstream.git("update-ref", f"refs/pull/{number}/head", commit)
        upstream.commit({"LICENSE": b"AGPL\n", "one.txt": b"one\n"}, "Move on (#1)")
    return upstreams


def make(folder: Path, machine: Machine, server: GitServer, names: list[str], like: Machine | None = None) -> Project:
    """A repository as it would be on this machine; `like`: its file as the other machine has it."""
    project = make_project(folder)
    home = folder.with_name(f"{folder.name}-home")
    home.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    project.environ = {**inherited, "HOME": str(home), **machine.variables}
    for name in names:
        project.write(f"patches/{name}/0001-ours.patch", PATCH.format(name=name))
    configure(project, server, names, like or machine)
    return project


def run(project: Project, machine: Machine, ids: str = "own") -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, machine.umask, ids],
        cwd=project.root, env=project.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def result(project: Project) -> tuple[str, str]:
    """The tree of all that is vendored, and the lock."""
    return git(project.root, "rev-parse", "HEAD:vendor"), git(project.root, "show", "HEAD:sync.lock")


def test_two_machines_make_the_same_trees_and_the_same_lock(
    pulled: dict[str, Upstream], server: GitServer, tmp_path: Path
) -> None:
    names = list(pulled)
    one, other = (make(tmp_path / f"machine-{n}", machine, server, names) for n, machine in enumerate(MACHINES))
    run(one, MACHINES[0])
    run(other, MACHINES[1])
    first = result(one)
    assert result(other) == first
    pulled[names[0]].commit({"LICENSE": b"AGPL 3\n", "more.txt": b"more\n"})
    run(one, MACHINES[0])  # with what it has fetched before
    configure(other, server, names, MACHINES[0])  # now in the first one's order
    shutil.rmtree(other.root / ".git/directional-sync")
    run(other, MACHINES[1])  # without
    assert result(one) == result(other) and result(one) != first


def test_the_same_commit_where_run_date_and_person_are_the_same(
    pulled: dict[str, Upstream], server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in ("AUTHOR", "COMMITTER"):  # of the commit that the runs build on
        monkeypatch.setenv(f"GIT_{who}_DATE", "2026-02-01T00:00:00Z")
    names = list(pulled)
    projects = [make(tmp_path / f"machine-{n}", m, server, names, like=MACHINES[0]) for n, m in enumerate(MACHINES)]
    for project, machine in zip(projects, MACHINES, strict=True):
        run(project, machine, "fixed")
    one, other = projects
    assert one.head == other.head
    assert re.search("2026-03-01", one.git("log", "-1", "--format=%cI"))
    refs = [project.git("for-each-ref", "refs/directional-sync") for project in projects]
    assert refs[0] == refs[1] != ""
