"""The steps of the generated workflow, run as GitHub runs them, by the real program in a new clone each time (R9)."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.project import Project
from tests.sharing.conftest import Fleet

SCRIPTS = sysconfig.get_path("scripts")
BLANK = dict.fromkeys(("SCHEDULE", "DIRECTION", "TARGET", "DRY_RUN", "VERIFY"), "")


def dsync(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(SCRIPTS) / "dsync", *arguments], cwd=project.root, env=project.environ, capture_output=True, text=True
    )


def steps(project: Project) -> dict[str, dict[str, Any]]:
    said = dsync(project, "workflow", "generate")
    assert said.returncode == 0, said.stderr
    return {step.get("name", ""): step for step in yaml.safe_load(said.stdout)["jobs"]["sync"]["steps"]}


def job(project: Project, temp: Path, *names: str, **form: str) -> list[int]:
    """The exit status of each of the steps."""
    temp.mkdir(exist_ok=True)
    found = steps(project)
    statuses = []
    for name in names or ("Fetch what was agreed", "Sync", "Deliver"):
        env = {**project.environ, **BLANK, **form, "RUNNER_TEMP": str(temp), "GITHUB_ACTIONS": "true", "CI": "true"}
        env |= {"GITHUB_STEP_SUMMARY": str(temp / "summary.md"), "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-e", "-c", found[name]["run"]], cwd=project.root, env=env, capture_output=True, text=True
        )
        (temp / f"{name}.log").write_text(done.stdout + done.stderr)
        statuses.append(done.returncode)
    return statuses


def test_what_ci_syncs_is_delivered(fleet: Fleet, tmp_path: Path) -> None:
    fleet.found(fleet.sources("a", "b"))
    assert job(fleet.clone("one"), tmp_path / "1") == [0, 0, 0]
    assert fleet.git("show", "main:a/a.txt") == "a 1"
    assert (tmp_path / "1" / "sync_summary.json").exists()
    assert "delivered 2 commits" in (tmp_path / "1" / "summary.md").read_text()
    before = fleet.refs()
    assert job(fleet.clone("two"), tmp_path / "2") == [0, 0, 0]
    assert fleet.refs() == before


def test_r9_what_others_push_meanwhile_stays(fleet: Fleet, tmp_path: Path) -> None:
    first = fleet.found(fleet.sources("a", "b"))
    ci = fleet.clone("one")
    first.write("theirs.txt", "1\n")
    first.commit("Theirs")
    first.git("push", "-q", "origin", "main")
    assert job(ci, tmp_path / "1", "Fetch what was agreed", "Sync") == [0, 0]
    first.write("theirs.txt", "2\n")
    first.commit("Theirs again")
    first.git("push", "-q", "origin", "main")
    assert job(ci, tmp_path / "2", "Deliver") == [0]
    assert fleet.git("log", "--format=%s", "main").splitlines()[2:4] == ["Theirs again", "Theirs"]
    assert fleet.git("show", "main:a/a.txt") == "a 1"
    assert ci.clean()


def test_a_dry_run_delivers_nothing_and_one_target_is_one(fleet: Fleet, tmp_path: Path) -> None:
    fleet.found(fleet.sources("a", "b"))
    before = fleet.refs()
    assert job(fleet.clone("one"), tmp_path / "1", "Fetch what was agreed", "Sync", DRY_RUN="true") == [0, 0]
    assert fleet.refs() == before
    assert job(fleet.clone("two"), tmp_path / "2", TARGET="b") == [0, 0, 0]
    assert "a" not in fleet.git("ls-tree", "--name-only", "main").split()


def test_base_fetch_and_push_by_hand(fleet: Fleet, tmp_path: Path) -> None:
    far = tmp_path / "outside"
    far.mkdir()
    remote = f'{{type: files, url: "{far}"}}'
    fleet.found(f"targets:\n  rows: {{direction: push, remote: {remote}, inputs: [data/**]}}\n")
    one, two = fleet.clone("one"), fleet.clone("two")
    for clone in (one, two):
        clone.git("config", "directional-sync.externalRoots", str(tmp_path))
    one.write("data/1.txt", "1\n")
    one.commit()
    one.git("push", "-q", "origin", "HEAD:main")
    assert dsync(one, "run").returncode == 0
    pushed = dsync(one, "base", "push")
    assert "1 target agreed on went to origin: rows" in pushed.stdout, pushed.stderr
    behind = dsync(two, "base", "fetch")
    assert behind.returncode == 1 and "E-DELIVER-BEHIND" in behind.stderr
    two.git("pull", "-q", "--rebase")
    assert "went from origin: rows" in dsync(two, "base", "fetch").stdout
    base = "refs/directional-sync/base/rows"
    assert two.git("rev-parse", base) == one.git("rev-parse", base) == fleet.refs()[base]
    assert "0 targets" in dsync(two, "base", "fetch").stdout


@pytest.mark.parametrize("change", ["schedule: '5 2 * * *', ", ""])
def test_workflow_check_shows_what_has_drifted(fleet: Fleet, change: str) -> None:
    project = fleet.found(fleet.sources("a"))
    file = project.root / ".github" / "workflows" / "directional-sync.yml"
    missing = dsync(project, "workflow", "check")
    assert missing.returncode == 5 and "is not there" in missing.stdout
    file.parent.mkdir(parents=True)
    file.write_text(dsync(project, "workflow", "generate").stdout)
    assert dsync(project, "workflow", "check").returncode == 0
    text = (project.root / "sync.yaml").read_text()
    (project.root / "sync.yaml").write_text(text.replace("direction: pull", f"{change}direction: pull"))
    done = dsync(project, "workflow", "check")
    assert done.returncode == (5 if change else 0)
    assert ('+    - cron: "5 2 * * *" # a' in done.stdout) is bool(change)


def ran(project: Project, note: str) -> str:
    """Notes that the target `a` has run, as `run --due` does."""
    file = project.write("../note.json", note)
    blob = project.git("hash-object", "-w", str(file))
    project.git("update-ref", "refs/directional-sync/ran/a", blob)
    return blob


def test_f40_what_has_run_is_known_to_the_next_new_clone(fleet: Fleet, tmp_path: Path) -> None:
    fleet.found(fleet.sources("a"))
    one = fleet.clone("one")
    assert job(one, tmp_path / "1", "Fetch what was agreed", "Sync") == [0, 0]
    first = ran(one, "[1]")
    assert job(one, tmp_path / "2", "Deliver") == [0]
    assert fleet.refs()["refs/directional-sync/ran/a"] == first
    two = fleet.clone("two")
    assert job(two, tmp_path / "3", "Fetch what was agreed", "Sync") == [0, 0]
    assert two.git("rev-parse", "refs/directional-sync/ran/a") == first
    second = ran(two, "[2]")
    assert job(two, tmp_path / "4", "Deliver") == [0]
    third = ran(one, "[3]")  # at the same time: both know something new
    assert job(one, tmp_path / "5") == [0, 0, 0]
    assert fleet.refs()["refs/directional-sync/ran/a"] == third != second
    assert job(two, tmp_path / "6") == [0, 0, 0]
    assert two.git("rev-parse", "refs/directional-sync/ran/a") == third


@pytest.mark.parametrize(
    ("deliver", "ok", "message"),
    [
        ("{}", True, "commit to origin/main, with git's own credentials"),
        ("{mode: branch}", True, "branch to origin/main"),
        ("{branch: other}", None, "`deliver.branch` is other"),
        ("{remote: elsewhere}", False, "no remote called elsewhere (E-DELIVER-REMOTE)"),
        ("{token: NOT_SET}", False, "NOT_SET, which is not set"),
    ],
)
def test_doctor_says_whether_a_run_would_be_delivered(
    fleet: Fleet, deliver: str, ok: bool | None, message: str
) -> None:
    fleet.found(f"deliver: {deliver}\n" + fleet.sources("a"))
    checks = json.loads(dsync(fleet.clone("one"), "doctor", "--json").stdout)["checks"]
    [check] = [check for check in checks if check["group"] == "delivery"]
    assert check["ok"] is ok
    assert message in check["message"]
