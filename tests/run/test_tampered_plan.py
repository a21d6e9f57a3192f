"""T41: a kept plan that somebody has changed, or carried elsewhere, is not carried out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.project import Project, make_project

from directional_sync.errors import StalePlanError
from directional_sync.model.lifecycle import Outcome

CONFIG = """
    targets:
      in:
        direction: pull
        remote: {{type: files, url: "{far}"}}
        outputs: ["out/**"]
"""
FILES = ("a.txt", "b.txt", "c.txt", "d.txt")


@pytest.fixture
def flow(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Synced once; then three of four files went from the source, more than a run may remove."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
    (tmp_path / "far").mkdir()
    for name in FILES:
        (tmp_path / "far" / name).write_text(f"{name}\n")
    project.configure(CONFIG.format(far=tmp_path / "far"))
    project.run()
    for name in FILES[1:]:
        (tmp_path / "far" / name).unlink()
    return project


def kept(project: Project, plan: str) -> Path:
    return project.root / f".git/directional-sync/cache/plans/{plan}.json"


def allow(note: dict[str, Any]) -> None:
    note["allowed"]["allow_delete"] = 100


def prefer(note: dict[str, Any]) -> None:
    note["allowed"]["prefer"] = "remote"


def other_digest(note: dict[str, Any]) -> None:
    note["digests"]["in"] = "0" * 64


def one_more(note: dict[str, Any]) -> None:
    note["digests"]["other"] = "0" * 64


def other_head(note: dict[str, Any]) -> None:
    note["head"] = "1" * 40


def no_words(note: dict[str, Any]) -> None:
    note["allowed"] = {}


def broken(note: dict[str, Any]) -> None:
    note["digests"] = ["in"]


@pytest.mark.parametrize("tamper", [allow, prefer, other_digest, one_more, other_head, no_words, broken])
def test_T41_a_plan_whose_file_was_changed_is_none(flow: Project, tamper: Callable[[dict[str, Any]], None]) -> None:
    planned = flow.plan()
    assert planned.records[0].outcome is Outcome.REFUSED and planned.plan_id
    note = json.loads(kept(flow, planned.plan_id).read_text())
    tamper(note)
    kept(flow, planned.plan_id).write_text(json.dumps(note))
    head = flow.head
    with pytest.raises(StalePlanError) as caught:
        flow.run(plan_id=planned.plan_id)
    assert caught.value.code == "E-PLAN-UNKNOWN" and flow.head == head and len(flow.files(under="out")) == len(FILES)


def test_T41_what_was_allowed_for_a_plan_is_allowed_when_it_is_carried_out(flow: Project) -> None:
    plan = flow.plan(allow_delete=3).plan_id
    assert flow.run(plan_id=plan).records[0].outcome is Outcome.SYNCED
    assert set(flow.files(under="out")) == {"out/a.txt"}


def test_T41_a_plan_of_another_repository_is_stale_here(flow: Project, tmp_path: Path) -> None:
    """With the same file, the same source and the same content."""
    (tmp_path / "far/e.txt").write_text("e\n")
    other = make_project(tmp_path / "other")
    other.configure(CONFIG.format(far=tmp_path / "far"))
    plan = other.plan().plan_id
    fresh = make_project(tmp_path / "fresh")
    fresh.write("mine.txt", "mine\n")
    fresh.configure(CONFIG.format(far=tmp_path / "far"))
    kept(fresh, plan).parent.mkdir(parents=True)
    shutil.copy(kept(other, plan), kept(fresh, plan))
    head = fresh.head
    with pytest.raises(StalePlanError) as caught:
        fresh.run(plan_id=plan)
    assert caught.value.code == "E-PLAN-STALE" and "another repository" in caught.value.message
    assert fresh.head == head and not (fresh.root / "out").exists()
    assert other.run(plan_id=plan).records[0].outcome is Outcome.SYNCED


def test_T41_a_plan_holds_on_top_of_later_commits_and_not_once_its_own_are_gone(flow: Project, tmp_path: Path) -> None:
    flow.write("mine.txt", "1\n")
    flow.commit()
    plan = flow.plan(allow_delete=3).plan_id
    flow.git("commit", "-q", "--amend", "-m", "Said otherwise")
    with pytest.raises(StalePlanError, match="E-PLAN-STALE"):
        flow.run(plan_id=plan)
    plan = flow.plan(allow_delete=3).plan_id
    flow.write("mine.txt", "2\n")
    flow.commit()
    assert flow.run(plan_id=plan).records[0].outcome is Outcome.SYNCED


def test_T41_another_configuration_or_source_makes_it_stale(flow: Project, tmp_path: Path) -> None:
    plan = flow.plan(allow_delete=3).plan_id
    flow.write("sync.yaml", (flow.root / "sync.yaml").read_text() + "# another\n")
    flow.commit()
    with pytest.raises(StalePlanError, match="E-PLAN-STALE"):
        flow.run(plan_id=plan)
    plan = flow.plan(allow_delete=3).plan_id
    (tmp_path / "far/a.txt").write_text("changed\n")
    with pytest.raises(StalePlanError, match="E-PLAN-STALE"):
        flow.run(plan_id=plan)
