"""G14: how much memory a list of a hundred thousand items takes, as one document and as one file per item."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_memory import LIMIT_MB, MEASURED
from tests.project import Project, make_project
from tests.rest.listed import Flow

from directional_sync.testing.service import Asked, LoopbackService, Told

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process"),
]
ITEMS, PER_PAGE = 100_000, 1_000


class Crowded(LoopbackService):
    """A hundred thousand items of half a kilobyte, a thousand at a time."""

    changed = ""

    def item(self, number: int) -> dict[str, Any]:
        about = {
            "name": f"thing {number}",
            "labels": [f"label-{number % 7}"] * 5,
            "ratio": number / 7,
            "text": "x" * 250,
        }
        return {"id": f"{number:06d}", "spec": about, "state": self.changed if number % 1_000 == 0 else ""}

    def answer(self, asked: Asked) -> Told:
        at = (int(asked.query["page"]) - 1) * PER_PAGE
        found = [self.item(number) for number in range(at, min(ITEMS, at + PER_PAGE))]
        return Told.json({"things": found, "meta": {"total": ITEMS}})


@pytest.fixture
def service() -> Iterator[Crowded]:
    with Crowded() as found:
        yield found


def peak_mb(project: Project) -> int:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "run"], cwd=project.root, env=project.environ, capture_output=True, text=True,
        timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"^peak (\d+) MB$", done.stdout, re.MULTILINE)
    assert found, done.stdout
    print(f"\n{found[1]} MB")
    return int(found[1])


@pytest.mark.parametrize("into", ["docs/things.json", "docs/things/{key}.json"])
def test_G14_a_hundred_thousand_items(tmp_path: Path, service: Crowded, into: str) -> None:
    project = make_project(tmp_path / "project")
    flow = Flow(project, f"{service.url}/things", target={"timeout": "10m"})
    flow.configure(into=into, pagination={"style": "page", "per_page": PER_PAGE})
    for changed, commits in (("", 1), ("", 0), ("other", 1)):
        service.changed = changed
        before = project.commits()
        assert peak_mb(project) < LIMIT_MB
        assert project.commits() == before + commits
    if "{key}" in into:
        assert json.loads(project.git("show", "HEAD:docs/things/099999.json"))["spec"]["name"] == "thing 99999"
    else:
        assert len(json.loads(project.git("show", "HEAD:docs/things.json"))["things"]) == ITEMS
