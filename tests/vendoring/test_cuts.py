"""F64, G11: whatever byte an upstream's answer ends at, nothing of the user's has moved, and the next run succeeds.

Cuts of one fetch are tested beside the fetching; here they are whole runs, over everything that a run fetches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.project import make_project
from tests.vendoring.cutting import KINDS, Cutting
from tests.vendoring.vendored import Vendored

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.lfs_server import LfsStore

FEW = {"cold": (60, 700), "further": (250, 1501), "merged": (330, 2_000), "tied": (301, 900), "large": (150, 1_001)}
"""Kind -> the bytes after which it is cut: before the refs, among them, in the content."""
TIMES = 100
SEED = 20260501


@pytest.fixture
def cutting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cutting]:
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
    lfs = LfsStore(tmp_path / "content")
    (tmp_path / "host").mkdir()
    with GitServer(tmp_path / "host", lfs=lfs) as server:
        project = make_project(tmp_path / "project")
        yield Cutting.begin(Vendored(project, server, {}), lfs, tmp_path / "host", SEED)


def test_F64_runs_cut_at_ten_places(cutting: Cutting) -> None:
    for kind in KINDS:
        cutting.configure(kind)
        for after in FEW[kind]:
            cutting.cut(kind, after)
    assert cutting.failed == 10, "a cut came too late"


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_F64_runs_cut_at_a_hundred_places(cutting: Cutting, kind: str) -> None:
    cutting.configure(kind)
    for number in range(TIMES // len(KINDS)):
        after = cutting.chance.randrange(0, 4_500)
        try:
            cutting.cut(kind, after)
        except BaseException:
            print(f"seed {SEED}, {kind} number {number}, cut after {after} bytes")
            raise
    assert cutting.failed >= TIMES // len(KINDS) // 3
