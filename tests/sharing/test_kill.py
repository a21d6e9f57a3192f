"""Killed anywhere until it has delivered, the next run makes up for it, and no lease locks anybody out (F04, F74)."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.project import Project
from tests.sharing.conftest import Fleet, pulled
from tests.sharing.test_delivery import delivered

ROOT = Path(__file__).parents[2]
DRIVER = """
import sys
from pathlib import Path
from tests.project import Project

Project(Path(sys.argv[1])).run()
"""


def killed(project: Project, after_s: float) -> None:
    child = subprocess.Popen([sys.executable, "-c", DRIVER, project.root], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        child.wait(after_s)
    except subprocess.TimeoutExpired:
        child.kill()
    child.wait()


def pushed(colleague: Project) -> None:
    """As people push: what a killed run had already sent may arrive between looking and pushing."""
    for last in (False, False, True):
        colleague.git("pull", "-q", "--rebase")
        colleague.git("push", "-q", "origin", "HEAD:main", check=last)
        if colleague.git("rev-list", "--count", "@{u}..HEAD") == "0":
            return


def played(fleet: Fleet, seed: int, kills: int) -> None:
    rng, far = random.Random(seed), fleet.folder / "outside"
    far.mkdir()
    remote = f'{{type: files, url: "{far}"}}'
    rows = f"  rows: {{direction: push, remote: {remote}, inputs: [data/**]}}\n"
    fleet.found("deliver: {attempts: 20}\ntargets:\n" + pulled("a", fleet.source("a", a="0\n")) + rows)
    one, two = fleet.clone("one"), fleet.clone("two")
    tips = [fleet.refs()["refs/heads/main"]]
    for number in range(kills):
        fleet.source("a", a=f"{number}\n")
        two.write(f"data/{number}.txt", f"{number}\n")
        two.commit(f"Row {number}")
        pushed(two)
        killed(one, rng.uniform(0.2, 1.6))
        tips.append(fleet.refs()["refs/heads/main"])
    summary = one.run()
    assert all(record.success for record in summary.records), [record.message for record in summary.records]
    delivered(summary)
    tips.append(fleet.refs()["refs/heads/main"])
    for older, newer in itertools.pairwise(tips):
        fleet.git("merge-base", "--is-ancestor", older, newer)  # nothing that arrived was taken back
    assert fleet.git("show", "main:a/a.txt") == f"{kills - 1}"
    assert sorted(path.name for path in far.iterdir()) == sorted(f"{n}.txt" for n in range(kills))
    assert one.clean() and one.fsck() == "" and fleet.git("fsck", "--strict", "--no-dangling") == ""
    assert not any("/lease/" in ref for ref in fleet.refs())
    done = two.run()
    assert [str(record.outcome) for record in done.records] == ["in_sync", "in_sync"]


def test_f04_f74_killed_while_it_delivers(fleet: Fleet) -> None:
    played(fleet, seed=0, kills=6)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(1, 9))
def test_f04_f74_killed_often_while_it_delivers(fleet: Fleet, seed: int) -> None:
    played(fleet, seed, kills=20)
