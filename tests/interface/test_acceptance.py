"""The ten acceptance criteria of a small repository: passed when they are, each with a test that breaks it, and open
where only a run could tell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync import acceptance, past, starters
from directional_sync.errors import Exit
from directional_sync.render.acceptance import Criterion, Standing, exit_of
from directional_sync.workspace import open_workspace

CONFIG = """\
version: "1.0"
targets:
  pulled: {direction: pull, entrypoint: "pull.sh", outputs: ["out/**"], schedule: "0 2 * * *"}
  other: {direction: pull, entrypoint: "other.sh", outputs: ["other/**"], schedule: "0 */6 * * *"}
safety:
  pre_sync_checks:
    - {name: "Git clean", command: "git diff --quiet && git diff --staged --quiet"}
  post_sync_checks:
    - {name: "Python compileall", command: "python3 -m compileall -q scripts", skip_on_push: true}
  drift_gates:
    - {name: "Count", command: "ls out | wc -l", min_value: 2, targets: [pulled]}
"""
PULL = "#!/bin/sh\nmkdir -p out other\ntouch out/a out/b\ncp source other/file\n"


@pytest.fixture
def ready(project: Project) -> Project:
    """A repository in which everything has run once."""
    for name in ("pull.sh", "other.sh"):
        lines = (
            PULL.replace("cp source other/file\n", "") if name == "pull.sh" else PULL.replace("touch out/a out/b\n", "")
        )
        project.write(name, lines, mode=0o755)
    project.write("source", "1\n")
    for path, content in starters.complete(CONFIG.encode(), starters.CONFIG).items():
        project.write(path, content)
    project.commit()
    assert int(project.run().exit()) == 0
    return project


def look(project: Project) -> list[Criterion]:
    criteria = acceptance.examine(None, project.root, project.environ)
    assert [one.number for one in criteria] == list(range(1, 11))
    assert [one.name for one in criteria] == list(acceptance.NAMES)
    return criteria


def broken(project: Project) -> dict[int, Criterion]:
    return {one.number: one for one in look(project) if one.standing is not Standing.PASSED}


def test_all_ten_are_passed_with_their_figures_and_nothing_is_changed(ready: Project) -> None:
    before = (ready.head, ready.git("for-each-ref"), ready.git("status", "--porcelain"))
    criteria = look(ready)
    assert broken(ready) == {}
    assert exit_of(criteria) is Exit.OK
    figures = [one.figure for one in criteria]
    assert "2 targets, 3 gates" in figures[0] and "2 of 2 targets planned" in figures[2]
    assert "Count: 2" in figures[5] and "2 successful + 0 failed = 2 targets" in figures[7]
    assert "2 targets, 2 schedules" in figures[9]
    assert (ready.head, ready.git("for-each-ref"), ready.git("status", "--porcelain")) == before


def rewrite(project: Project, path: str, old: str, new: str) -> None:
    text = (project.root / path).read_text()
    assert old in text
    project.write(path, text.replace(old, new).encode(), mode=(project.root / path).stat().st_mode & 0o777)
    project.commit()


@pytest.mark.parametrize(
    ("path", "old", "new", "numbers", "says", "status"),
    [
        (starters.CONFIG, "direction: pull", "direction: pul", {*range(1, 11)}, "2 mistakes", Exit.USAGE),
        (starters.SCRIPT, "", "raise SystemExit(9)\n", {2}, "ended with 9", Exit.FAILED),
        ("other.sh", "cp source", "cp nothing", {3}, "not other", Exit.FAILED),
        ("scripts/x.py", "", "def f(:\n", {5}, "Python compileall", Exit.REFUSED),
        (starters.CONFIG, "min_value: 2", "min_value: 3", {3, 6}, "", Exit.REFUSED),
        (starters.WORKFLOW, "runs-on: ", "runs-on:\n      - [", {7, 10}, "no valid YAML", Exit.FAILED),
        (starters.WORKFLOW, "permissions: {}", "permisions: {}", {7}, "actionlint has findings", Exit.FAILED),
        (starters.WORKFLOW, 'cron: "0 2 * * *"', 'cron: "0 3 * * *"', {10}, "triggers", Exit.FAILED),
        (starters.CONFIG, 'schedule: "0 2 * * *"', 'schedule: "5 2 * * *"', {10}, "triggers", Exit.FAILED),
    ],
)  # fmt: skip
def test_each_is_broken_by_what_it_is_about(
    ready: Project, path: str, old: str, new: str, numbers: set[int], says: str, status: Exit
) -> None:
    if not (ready.root / path).exists():
        ready.write(path, "")
    rewrite(ready, path, old, new) if old else (ready.write(path, new), ready.commit())
    found = broken(ready)
    if path == starters.CONFIG and "min_value" in old:
        numbers = numbers & found.keys() | {6}
    assert found.keys() == numbers
    assert says in " ".join([found[min(numbers)].figure, *found[min(numbers)].evidence])
    assert exit_of(list(found.values())) is status
    assert all(one.fix or one.number > 1 for one in found.values())


def test_what_is_not_there(ready: Project) -> None:
    (ready.root / starters.SCRIPT).unlink()
    (ready.root / starters.WORKFLOW).unlink()
    ready.commit()
    found = broken(ready)
    assert {2, 7, 10} <= found.keys()
    assert "is not there" in found[2].figure and found[2].fix == "dsync init"


def test_a_dirty_tree_fails_the_fourth(ready: Project) -> None:
    ready.write("source", "2\n")
    found = broken(ready)
    assert "Git clean" in found[4].figure and found[4].exit is Exit.REFUSED


def test_a_history_that_is_lost_is_found_again_in_the_commits(ready: Project) -> None:
    for path in (ready.root / ".git/directional-sync/history").rglob("*"):
        path.unlink()
    assert broken(ready) == {}


def test_what_the_file_does_not_ask_for_is_not_applicable(project: Project) -> None:
    project.write("push.sh", "#!/bin/sh\necho\n", mode=0o755)
    text = 'version: "1.0"\ntargets:\n  pushed: {direction: push, entrypoint: "push.sh", inputs: ["push.sh"]}\n'
    for path, content in starters.complete(text.encode(), starters.CONFIG).items():
        project.write(path, content)
    project.commit()
    project.run()
    standings = {number: one.standing for number, one in broken(project).items()}
    assert standings == dict.fromkeys((4, 5, 6, 9, 10), Standing.NONE)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [('"successful": 2', '"successful": 1', "does not add up"), ('"duration"', '"took"', "lacks results[].duration")],
)
def test_a_report_that_does_not_keep_the_form_fails_the_eighth(ready: Project, old: str, new: str, says: str) -> None:
    kept = past.history(open_workspace(None, ready.root, ready.environ))
    for report in kept.newest(limit=9):
        kept.add(json.loads(json.dumps(report).replace(old, new)))
    assert says in broken(ready)[8].figure


def test_a_commit_on_record_that_is_gone_fails_the_ninth(ready: Project, tmp_path: Path) -> None:
    ready.git("reset", "-q", "--hard", "HEAD~2")
    for line in ("reflog expire --expire=now --all", "gc -q --prune=now"):
        ready.git(*line.split())
    for ref in ready.git("for-each-ref", "--format=%(refname)", "refs/directional-sync").splitlines():
        ready.git("update-ref", "-d", ref)
    ready.git("gc", "-q", "--prune=now")
    assert "cannot be found" in broken(ready)[9].figure


def test_the_command(ready: Project) -> None:
    command = [sys.executable, "-m", "directional_sync", "doctor", "--acceptance"]
    done = subprocess.run(command, cwd=ready.root, env=ready.environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "10 criteria: 10 passed   exit 0"
    ready.write("source", "2\n")
    done = subprocess.run([*command, "--json"], cwd=ready.root, env=ready.environ, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert done.returncode == found["exit_status"] == 6
    assert found["counts"] == {"passed": 9, "failed": 1, "open": 0, "not applicable": 0}
    assert found["criteria"][3]["standing"] == "failed" and found["criteria"][3]["fix"]
