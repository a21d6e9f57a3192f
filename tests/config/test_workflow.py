"""The workflow: right triggers, right targets, nothing of the form in a script, nothing lost (R5, R6, R8, R9, T15)."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.config.conftest import HEAD, loaded
from tests.project import Project

from directional_sync import starters
from directional_sync.errors import ConfigError
from directional_sync.render.workflow import workflow
from directional_sync.workspace import Selection, Workspace, select

STARTER = loaded(starters.contents("insightpulse")[starters.CONFIG].decode(), {"HOME": "/h"})
TEXT = workflow(STARTER)
DATA: dict[str, Any] = yaml.safe_load(TEXT)
STEPS: list[dict[str, Any]] = DATA["jobs"]["sync"]["steps"]


def step(name: str) -> dict[str, Any]:
    [found] = [item for item in STEPS if item.get("name") == name]
    return found


def test_r5_every_schedule_is_a_trigger_and_every_trigger_a_schedule() -> None:
    triggers = [item["cron"] for item in DATA["on"]["schedule"]]
    assert len(triggers) == len(set(triggers))
    assert set(triggers) == {target.schedule.cron for target in STARTER.targets if target.schedule}


def test_r5_a_schedule_means_exactly_its_targets_however_late_it_starts() -> None:
    """No clock takes part: the event's own text selects."""
    for item in DATA["on"]["schedule"]:
        workspace = Workspace(Path(), STARTER, {})
        chosen = {target.name for target in select(workspace, Selection(schedule=item["cron"]))}
        assert chosen == {t.name for t in STARTER.targets if t.schedule and t.schedule.cron == item["cron"]}
    assert step("Sync")["env"]["SCHEDULE"] == "${{ github.event.schedule }}"
    assert "--schedule=$SCHEDULE" in step("Sync")["run"]
    assert "date" not in step("Sync")["run"]


def test_r6_t13_no_expression_in_any_script() -> None:
    for item in STEPS:
        assert "${{" not in item.get("run", "")
        assert "eval" not in item.get("run", "").split()
    assert set(DATA["on"]["workflow_dispatch"]["inputs"]) == {"direction", "target", "dry_run", "verify"}


def test_r8_the_report_that_is_kept_is_the_one_that_is_written() -> None:
    assert '--summary-json "$RUNNER_TEMP/sync_summary.json"' in step("Sync")["run"]
    assert step("Keep the report")["with"]["path"] == "${{ runner.temp }}/sync_summary.json"


def test_t15_permissions_and_pins() -> None:
    assert DATA["permissions"] == {}
    assert DATA["jobs"]["sync"]["permissions"] == {"contents": "write"}
    assert set(DATA["on"]) == {"schedule", "workflow_dispatch"}
    uses = re.findall(r"uses: (\S+)(.*)", TEXT)
    assert len(uses) == 3
    for action, version in uses:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", version)
    assert STEPS[0]["with"]["persist-credentials"] is False
    assert DATA["concurrency"]["cancel-in-progress"] is False
    assert 0 < DATA["jobs"]["sync"]["timeout-minutes"] <= 360
    assert "TOKEN" not in step("Sync")["env"]


def test_variables_are_handed_on_by_name() -> None:
    environment = step("Sync")["env"]
    assert environment["NOTION_API_TOKEN"] == "${{ secrets.NOTION_API_TOKEN }}"
    assert environment["NOTION_BIR_DB_ID"] == "${{ secrets.NOTION_BIR_DB_ID || vars.NOTION_BIR_DB_ID }}"
    assert environment["OCA_BASE_URL"] == "${{ vars.OCA_BASE_URL }}"
    assert "HOME" not in environment


def test_it_depends_on_the_file_alone() -> None:
    text = starters.contents("insightpulse")[starters.CONFIG].decode()
    assert workflow(loaded(text, {"OCA_BASE_URL": "http://elsewhere", "NOTION_API_TOKEN": "x" * 20})) == TEXT


def flows(*schedules: str) -> str:
    targets = [f"  t{n}: {{direction: push, entrypoint: a.sh, {text}}}\n" for n, text in enumerate(schedules)]
    return HEAD + "targets:\n" + "".join(targets)


def test_equal_schedules_are_one_trigger_and_zones_are_kept() -> None:
    text = workflow(
        loaded(
            flows("schedule: '5 2 * * *'", "schedule: '5 2 * * *'", "schedule: '6 2 * * *', timezone: Europe/Brussels")
        )
    )
    assert yaml.safe_load(text)["on"]["schedule"] == [
        {"cron": "5 2 * * *"},
        {"cron": "6 2 * * *", "timezone": "Europe/Brussels"},
    ]


def test_without_schedules_there_is_the_button_only() -> None:
    assert set(yaml.safe_load(workflow(loaded(flows("priority: 1"))))["on"]) == {"workflow_dispatch"}


@pytest.mark.parametrize(
    ("schedules", "message"),
    [
        (["schedule: '*/4 * * * *'"], "it fires every 4 minutes"),
        (["schedule: '0 2 * * *'", "schedule: '0 2 * * *', timezone: Europe/Brussels"], "used in two time zones"),
    ],
)
def test_what_github_cannot_run_is_told(schedules: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as found:
        workflow(loaded(flows(*schedules)))
    assert found.value.code == "E-WORKFLOW"
    assert message in found.value.problems[0].message
    assert found.value.problems[0].line == 2 + len(schedules)


@pytest.mark.parametrize("tool", ["actionlint", "zizmor"])
@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        workflow(loaded(flows("schedule: '6 2 * * *', timezone: Europe/Brussels"))),
        workflow(loaded(flows("schedule: '6 2 * * *'") + "notify: {channels: {t: {type: slack, url: $HOOK}}}\n")),
    ],
)
def test_g21_linters_find_nothing(tool: str, text: str, tmp_path: Path) -> None:
    program = Path(sysconfig.get_path("scripts")) / tool
    if not program.exists():
        assert importlib.util.find_spec(tool) is None
        pytest.skip(f"{tool} is not installed")
    file = tmp_path / ".github" / "workflows" / "sync.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    options = ["--offline", "--persona=auditor", "--quiet"] if tool == "zizmor" else []
    found = subprocess.run([program, *options, file], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr


# What the scripts really do, with a stand-in for the runner that writes its arguments down and commits.
STAND_IN = """#!/bin/bash
printf '%s\\n' "$@" >> "$LOG"; echo "token=${TOKEN-unset}" >> "$LOG"
git log -1 --format=%s >> "$LOG"
if [ -n "$RIVAL" ] && [ "$(grep -c token= "$LOG")" -le "$RIVAL" ]; then bash "$RIVAL_SCRIPT"; fi
echo "$RANDOM$RANDOM" > synced.txt; git add synced.txt; git -c user.name=B -c user.email=b@x.y commit -q -m "Sync"
exit "${STATUS:-0}"
"""


def run(name: str, project: Project, tmp_path: Path, **environment: str) -> tuple[int, list[str]]:
    """One step's script, as GitHub runs it: (exit status, what the stand-in wrote down)."""
    programs, log = tmp_path / "bin", tmp_path / "log"
    programs.mkdir(exist_ok=True)
    (programs / "python").write_text(STAND_IN)
    (programs / "python").chmod(0o755)
    blank = {"SCHEDULE": "", "DIRECTION": "", "TARGET": "", "DRY_RUN": "", "VERIFY": "", "RIVAL": ""}
    fixed = {"LOG": str(log), "RUNNER_TEMP": "/r", "BRANCH": "refs/heads/main", "GITHUB_SERVER_URL": "https://x.y"}
    env = {**os.environ, **blank, **fixed, "PATH": f"{programs}:{os.environ['PATH']}", **environment}
    script = tmp_path / "step.sh"
    script.write_text(step(name)["run"])
    done = subprocess.run(["bash", "-e", script], cwd=project.root, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def pushed(project: Project, tmp_path: Path) -> Project:
    """A clone whose remote lies beside it."""
    project.write("a.txt", "1\n")
    project.commit("First")
    project.git("clone", "-q", "--bare", str(project.root), str(tmp_path / "remote.git"))
    project.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    return project


SUMMARY = ["scripts/sync_directional.py", "--ci", "--summary-json", "/r/sync_summary.json"]


@pytest.mark.parametrize(
    ("environment", "arguments"),
    [
        ({}, []),
        ({"SCHEDULE": "0 */6 * * *"}, ["--schedule=0 */6 * * *"]),
        ({"TARGET": "oca_*", "DIRECTION": "pull"}, ["--direction=pull", "--target=oca_*"]),
        ({"DRY_RUN": "true", "VERIFY": "true"}, ["--dry-run", "--verify"]),
        ({"DRY_RUN": "false", "VERIFY": "false"}, []),
        (
            {"TARGET": "$(touch hacked); `touch hacked` ' \" --prove"},
            ["--target=$(touch hacked); `touch hacked` ' \" --prove"],
        ),
    ],
)
def test_the_form_reaches_the_runner(
    pushed: Project, tmp_path: Path, environment: dict[str, str], arguments: list[str]
) -> None:
    status, log = run("Sync", pushed, tmp_path, **environment)
    assert status == 0
    assert log[:-2] == [*SUMMARY, *arguments]
    assert not (pushed.root / "hacked").exists()


@given(text=st.text(alphabet=st.characters(blacklist_characters="\0\r\n", blacklist_categories=["Cs"]), min_size=1))
def test_t13_whatever_is_typed_is_one_argument(text: str) -> None:
    script = step("Sync")["run"].replace("python scripts/sync_directional.py", "printf '%s\\0'")
    blank = dict.fromkeys(("SCHEDULE", "DIRECTION", "DRY_RUN", "VERIFY"), "")
    env = {"PATH": os.environ["PATH"], "RUNNER_TEMP": "/r", "LC_ALL": "C.UTF-8", **blank, "TARGET": text}
    done = subprocess.run(["bash", "-e", "-c", script], env=env, capture_output=True, timeout=60)
    assert done.stdout.decode().split("\0") == [*SUMMARY[1:], f"--target={text}", ""]


def test_a_failed_run_fails_the_job(pushed: Project, tmp_path: Path) -> None:
    assert run("Sync", pushed, tmp_path, STATUS="6")[0] == 6


def test_what_was_committed_is_pushed(pushed: Project, tmp_path: Path) -> None:
    run("Sync", pushed, tmp_path)
    status, log = run("Push", pushed, tmp_path, TOKEN="t0ken")
    assert status == 0
    assert len([line for line in log if line.startswith("token=")]) == 1  # the sync alone
    assert pushed.git("ls-remote", "origin", "refs/heads/main").split()[0] == pushed.head


def test_what_was_agreed_travels_from_run_to_run(pushed: Project, tmp_path: Path) -> None:
    """A push knows what was agreed from a ref alone, and each run of GitHub begins with a fresh clone."""
    base, other = "refs/directional-sync/base/rows", "refs/directional-sync/base/other"
    pushed.git("push", "-q", "origin", f"HEAD:{other}")
    assert run("Fetch what was agreed", pushed, tmp_path, TOKEN="t0ken")[0] == 0
    assert pushed.git("rev-parse", other) == pushed.head
    pushed.git("update-ref", base, "HEAD")
    theirs = pushed.git("commit-tree", "-m", "newer", "HEAD^{tree}")
    pushed.git("push", "-q", "--force", "origin", f"{theirs}:{other}")
    run("Sync", pushed, tmp_path)
    assert run("Push", pushed, tmp_path, TOKEN="t0ken")[0] == 0
    there = dict(reversed(line.split()) for line in pushed.git("ls-remote", "origin").splitlines())
    assert there[base] == pushed.git("rev-parse", base)
    assert there[other] == theirs, "what this run has not changed is left as others have made it"

    clone = Project(tmp_path / "clone")
    pushed.git("clone", "-q", str(tmp_path / "remote.git"), str(clone.root))
    assert run("Fetch what was agreed", clone, tmp_path, TOKEN="t0ken")[0] == 0
    assert clone.git("rev-parse", base) == there[base]


def test_what_others_have_agreed_on_meanwhile_is_not_replaced(pushed: Project, tmp_path: Path) -> None:
    base = "refs/directional-sync/base/rows"
    run("Fetch what was agreed", pushed, tmp_path, TOKEN="t0ken")
    theirs = pushed.git("commit-tree", "-m", "theirs", "HEAD^{tree}")
    pushed.git("push", "-q", "origin", f"{theirs}:{base}")
    pushed.git("update-ref", base, "HEAD")
    run("Sync", pushed, tmp_path)
    assert run("Push", pushed, tmp_path, TOKEN="t0ken")[0] == 0  # fetched, run again, and pushed
    assert pushed.git("ls-remote", "origin", base).split()[0] == theirs
    assert pushed.git("ls-remote", "origin", "refs/heads/main").split()[0] == pushed.head


def rival(pushed: Project, tmp_path: Path) -> str:
    """A script that moves the remote's branch, as another run would."""
    script = tmp_path / "rival.sh"
    script.write_text(
        f"cd $(mktemp -d) && git clone -q {tmp_path}/remote.git . && echo $RANDOM$RANDOM > theirs.txt && git add . && "
        "git -c user.name=C -c user.email=c@x.y commit -q -m Theirs && git push -q origin HEAD:main\n"
    )
    return str(script)


def test_r9_where_the_branch_has_moved_the_run_is_made_again_on_its_tip(pushed: Project, tmp_path: Path) -> None:
    run("Sync", pushed, tmp_path, RIVAL="2", RIVAL_SCRIPT=rival(pushed, tmp_path))
    status, log = run("Push", pushed, tmp_path, TOKEN="t0ken", RIVAL="2", RIVAL_SCRIPT=rival(pushed, tmp_path))
    assert status == 0
    assert pushed.git("log", "--format=%s").splitlines() == ["Sync", "Theirs", "Theirs", "First"]
    assert pushed.git("ls-remote", "origin", "refs/heads/main").split()[0] == pushed.head
    assert [line for line in log if line in ("First", "Theirs")] == ["First", "Theirs", "Theirs"]
    assert {line for line in log if line.startswith("token=")} == {"token=unset"}


def test_r9_the_status_of_the_run_that_was_pushed_counts(pushed: Project, tmp_path: Path) -> None:
    run("Sync", pushed, tmp_path, RIVAL="1", RIVAL_SCRIPT=rival(pushed, tmp_path))
    assert run("Push", pushed, tmp_path, TOKEN="t", STATUS="1")[0] == 1


def test_r9_it_gives_up_after_five_and_says_so_by_its_status(pushed: Project, tmp_path: Path) -> None:
    run("Sync", pushed, tmp_path, RIVAL="99", RIVAL_SCRIPT=rival(pushed, tmp_path))
    status, log = run("Push", pushed, tmp_path, TOKEN="t", RIVAL="99", RIVAL_SCRIPT=rival(pushed, tmp_path))
    assert status == 1
    assert len([line for line in log if line.startswith("token=")]) == 1 + 4


def test_the_token_is_not_on_any_command_line(pushed: Project, tmp_path: Path) -> None:
    script = step("Push")["run"]
    assert "$TOKEN" in script
    assert json.dumps(script).count("$TOKEN") == 1  # inside printf, a builtin
