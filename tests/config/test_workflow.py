"""The workflow: right triggers, right targets, nothing of the form in a script, nothing lost (R5, R6, R8, R9, T15)."""

from __future__ import annotations

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
from directional_sync.render.workflow import expected, workflow

STARTER = loaded(starters.contents("insightpulse")[starters.CONFIG].decode(), {"HOME": "/h"})
TEXT = workflow(STARTER)
DATA: dict[str, Any] = yaml.safe_load(TEXT)
STEPS: list[dict[str, Any]] = DATA["jobs"]["sync"]["steps"]
CHECK: list[dict[str, Any]] = DATA["jobs"]["check"]["steps"]
ROOT = Path(__file__).parents[2]


def step(name: str) -> dict[str, Any]:
    [found] = [item for item in STEPS if item.get("name") == name]
    return found


def test_r5_every_schedule_is_a_trigger_and_every_trigger_a_schedule() -> None:
    triggers = [item["cron"] for item in DATA["on"]["schedule"]]
    assert len(triggers) == len(set(triggers))
    assert set(triggers) == {target.schedule.cron for target in STARTER.targets if target.schedule}


def test_r5_f40_a_schedule_means_what_is_due_however_late_it_starts() -> None:
    """No clock takes part in the script, and what one run takes does not hang on which schedule fired."""
    assert step("Sync")["env"]["SCHEDULE"] == "${{ github.event.schedule }}"
    assert step("Sync")["run"].count("$SCHEDULE") == 1
    assert "date" not in step("Sync")["run"]


def test_r6_t13_no_expression_in_any_script() -> None:
    for item in (*STEPS, *CHECK):
        assert "${{" not in item.get("run", "")
        assert "eval" not in item.get("run", "").split()
    assert set(DATA["on"]["workflow_dispatch"]["inputs"]) == {"direction", "target", "dry_run", "verify"}


def test_r8_the_report_that_is_kept_is_the_one_that_is_written() -> None:
    assert '--summary-json "$RUNNER_TEMP/sync_summary.json"' in step("Sync")["run"]
    assert step("Keep the report")["with"]["path"] == "${{ runner.temp }}/sync_summary.json"


def test_t15_permissions_and_pins() -> None:
    assert DATA["permissions"] == {}
    assert DATA["jobs"]["sync"]["permissions"] == {"contents": "write"}
    assert DATA["jobs"]["check"]["permissions"] == {"contents": "read"}
    assert set(DATA["on"]) == {"schedule", "pull_request", "workflow_dispatch"}
    uses = re.findall(r"uses: (\S+)(.*)", TEXT)
    assert len(uses) == 5
    for action, version in uses:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", version)
    assert STEPS[0]["with"]["persist-credentials"] is False
    assert DATA["concurrency"]["cancel-in-progress"] is False
    assert 0 < DATA["jobs"]["sync"]["timeout-minutes"] <= 360
    assert not [name for name in step("Sync")["env"] if name.endswith("GITHUB_TOKEN")]
    assert step("Deliver")["env"]["GITHUB_TOKEN"] == "${{ github.token }}"


def test_t15_what_is_proposed_is_checked_without_secrets_and_without_running_it() -> None:
    assert "pull_request_target" not in TEXT
    assert DATA["jobs"]["sync"]["if"] == "${{ github.event_name != 'pull_request' }}"
    assert not any("env" in item for item in CHECK)
    said = "\n".join(item.get("run", "") for item in CHECK)
    assert [line.split()[:2] for line in said.splitlines() if line.startswith("dsync")] == [
        ["dsync", "validate"],
        ["dsync", "workflow"],
    ]


def test_t15_no_variant_hands_a_pull_request_anything(tmp_path: Path) -> None:
    for text in VARIANTS:
        data = yaml.safe_load(text)
        assert "pull_request_target" not in text and set(data["jobs"]) == {"sync", "check"}
        check = data["jobs"]["check"]
        assert check["permissions"] == {"contents": "read"} and "environment" not in check and "env" not in check
        assert "secrets." not in yaml.safe_dump(check) and "github.token" not in yaml.safe_dump(check)
        assert check["steps"][0]["with"]["persist-credentials"] is False
        assert data["jobs"]["sync"]["if"] == "${{ github.event_name != 'pull_request' }}"


def test_t15_what_is_proposed_runs_nothing_when_it_is_checked(project: Project) -> None:
    """The very commands of the job, on a file whose every command leaves a mark."""
    mark = project.root.parent / "ran"
    project.write("evil.sh", f"#!/bin/sh\ntouch {mark}\n", mode=0o755)
    project.configure(
        f"""
        targets:
          evil:
            direction: push
            entrypoint: evil.sh
            inputs: ["**"]
            verification: {{command: "touch {mark}"}}
        safety:
          run_hooks: true
          pre_sync_checks: [{{name: evil, command: "touch {mark}"}}]
          post_sync_checks: [{{name: evil, command: "touch {mark}"}}]
          drift_gates: [{{name: evil, command: "touch {mark}"}}]
        """
    )
    project.write(".git/hooks/pre-commit", f"#!/bin/sh\ntouch {mark}\n", mode=0o755)
    said = "\n".join(item.get("run", "") for item in CHECK)
    for line in (line for line in said.splitlines() if line.startswith("dsync")):
        program = Path(sysconfig.get_path("scripts")) / "dsync"
        subprocess.run(
            [program, *line.split()[1:]], cwd=project.root, env=project.environ, capture_output=True, timeout=60
        )
    assert not mark.exists()


def test_pull_requests_may_be_written_only_where_they_are_made() -> None:
    for deliver, granted in (("{}", False), ("{mode: pull_request}", True), ("{mode: branch}", False)):
        text = workflow(loaded(f"{HEAD}deliver: {deliver}\n" + flows("priority: 1").removeprefix(HEAD)))
        assert ("pull-requests" in yaml.safe_load(text)["jobs"]["sync"]["permissions"]) is granted


def test_the_token_that_the_file_names_is_handed_to_the_steps_that_push() -> None:
    text = workflow(loaded(f"{HEAD}deliver: {{token: BOT_TOKEN}}\n" + flows("priority: 1").removeprefix(HEAD)))
    steps = {item.get("name"): item.get("env", {}) for item in yaml.safe_load(text)["jobs"]["sync"]["steps"]}
    assert steps["Deliver"]["BOT_TOKEN"] == steps["Fetch what was agreed"]["BOT_TOKEN"] == "${{ secrets.BOT_TOKEN }}"
    assert "BOT_TOKEN" not in steps["Sync"]


def test_this_repository_keeps_its_workflow_fitting() -> None:
    """A gate of this repository's own CI."""
    done = subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "dsync", "workflow", "check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
    assert set(yaml.safe_load(workflow(loaded(flows("priority: 1"))))["on"]) == {"pull_request", "workflow_dispatch"}


@pytest.mark.parametrize(
    ("schedules", "message"),
    [
        (["schedule: '*/4 * * * *'"], "it fires every 4 minutes"),
        (["schedule: '0 2 * * *'", "schedule: '* * * * *'"], "it fires every 1 minutes"),
    ],
)
def test_what_github_cannot_run_is_told(schedules: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as found:
        workflow(loaded(flows(*schedules)))
    assert found.value.code == "E-WORKFLOW"
    assert message in found.value.problems[0].message
    assert found.value.problems[0].line == 2 + len(schedules)


def linted(tool: str, file: Path, *, schema: str) -> None:
    """Skips where the tool is not installed."""
    program = Path(sysconfig.get_path("scripts")) / tool
    if not program.exists():
        pytest.skip(f"{tool} is not installed")
    options = {
        "zizmor": ["--offline", "--persona=auditor", "--quiet"],
        "check-jsonschema": ["--builtin-schema", schema],
    }.get(tool, [])
    found = subprocess.run([program, *options, file], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr


VARIANTS = [
    TEXT,
    workflow(loaded(flows("schedule: '6 2 * * *', timezone: Europe/Brussels"))),
    workflow(loaded(f"{HEAD}deliver: {{mode: pull_request, token: BOT}}\n" + flows("priority: 1").removeprefix(HEAD))),
    workflow(loaded(flows("priority: 1", "schedule: '6 2 * * *'")), matrix=True),
    workflow(loaded(flows("schedule: '6 2 * * *'") + "notify: {channels: {t: {type: slack, url: $HOOK}}}\n")),
]


# G21, T37, T38
@pytest.mark.parametrize("tool", ["actionlint", "zizmor", "check-jsonschema"])
@pytest.mark.parametrize("text", VARIANTS, ids=["starter", "zones", "pull requests", "matrix", "notices"])
def test_g21_linters_find_nothing(tool: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "sync.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    linted(tool, file, schema="vendor.github-workflows")


# What the script really does, with a stand-in for the program that writes its arguments down.
STAND_IN = """#!/bin/bash
printf '%s\\n' "$@" >> "$LOG"
exit "${STATUS:-0}"
"""


def run(tmp_path: Path, script_text: str = "", **environment: str) -> tuple[int, list[str]]:
    """The script of the step that syncs, as GitHub runs it: (exit status, what the stand-in wrote down)."""
    programs, log = tmp_path / "bin", tmp_path / "log"
    programs.mkdir(exist_ok=True)
    (programs / "dsync").write_text(STAND_IN)
    (programs / "dsync").chmod(0o755)
    blank = dict.fromkeys(("SCHEDULE", "DIRECTION", "TARGET", "DRY_RUN", "VERIFY"), "")
    env = {**os.environ, **blank, "LOG": str(log), "RUNNER_TEMP": "/r"}
    env |= {"PATH": f"{programs}:{os.environ['PATH']}", **environment}
    script = tmp_path / "step.sh"
    script.write_text(script_text or step("Sync")["run"])
    done = subprocess.run(["bash", "-e", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, log.read_text().splitlines()


SUMMARY = ["run", "--ci", "--no-deliver", "--summary-json", "/r/sync_summary.json"]


@pytest.mark.parametrize(
    ("environment", "arguments"),
    [
        ({}, []),
        ({"SCHEDULE": "0 */6 * * *"}, ["--due"]),
        ({"TARGET": "oca_*", "DIRECTION": "pull"}, ["--direction=pull", "--target=oca_*"]),
        ({"DRY_RUN": "true", "VERIFY": "true"}, ["--dry-run", "--verify"]),
        ({"DRY_RUN": "false", "VERIFY": "false"}, []),
        (
            {"TARGET": "$(touch hacked); `touch hacked` ' \" --prove"},
            ["--target=$(touch hacked); `touch hacked` ' \" --prove"],
        ),
    ],
)
def test_the_form_reaches_the_runner(tmp_path: Path, environment: dict[str, str], arguments: list[str]) -> None:
    status, log = run(tmp_path, **environment)
    assert status == 0
    assert log == [*SUMMARY, *arguments]
    assert not (tmp_path / "hacked").exists()


@given(text=st.text(alphabet=st.characters(blacklist_characters="\0\r\n", blacklist_categories=["Cs"]), min_size=1))
def test_t13_whatever_is_typed_is_one_argument(text: str) -> None:
    script = step("Sync")["run"].replace("dsync run", "printf '%s\\0'")
    blank = dict.fromkeys(("SCHEDULE", "DIRECTION", "DRY_RUN", "VERIFY"), "")
    env = {"PATH": os.environ["PATH"], "RUNNER_TEMP": "/r", "LC_ALL": "C.UTF-8", **blank, "TARGET": text}
    done = subprocess.run(["bash", "-e", "-c", script], env=env, capture_output=True, timeout=60)
    assert done.stdout.decode().split("\0") == [*SUMMARY[1:], f"--target={text}", ""]


def test_a_failed_run_fails_the_job(tmp_path: Path) -> None:
    assert run(tmp_path, STATUS="6")[0] == 6


MATRIX: dict[str, Any] = yaml.safe_load(VARIANTS[3])


def test_a_matrix_has_a_job_for_each_target() -> None:
    job = MATRIX["jobs"]["sync"]
    assert job["strategy"] == {"fail-fast": False, "max-parallel": 4, "matrix": {"target": ["t0", "t1"]}}
    assert (
        job["timeout-minutes"]
        == 45
        < yaml.safe_load(workflow(loaded(flows("priority: 1", "priority: 1"))))["jobs"]["sync"]["timeout-minutes"]
    )
    assert expected(loaded(flows("priority: 1", "schedule: '6 2 * * *'")), VARIANTS[3]) == VARIANTS[3]


@pytest.mark.parametrize(
    ("environment", "status", "arguments"),
    [
        ({}, 0, ["--target=t0", "--ci"]),
        ({"SCHEDULE": "6 2 * * *"}, 0, ["--target=t0", "--ci", "--due"]),
        ({"TARGET": "t*"}, 0, ["--target=t0", "--ci"]),
        ({"TARGET": "other_*"}, 0, []),
        ({"DIRECTION": "pull", "STATUS": "3"}, 0, ["--target=t0", "--ci", "--direction=pull"]),
        ({"STATUS": "6"}, 6, ["--target=t0", "--ci"]),
    ],
)
def test_a_job_of_the_matrix_runs_its_target_where_it_is_meant(
    tmp_path: Path, environment: dict[str, str], status: int, arguments: list[str]
) -> None:
    [script] = [item["run"] for item in MATRIX["jobs"]["sync"]["steps"] if item.get("name") == "Sync"]
    (tmp_path / "log").touch()
    found, log = run(tmp_path, script, NAME="t0", **environment)
    fixed = {"run", "--no-deliver", "--summary-json", "/r/sync_summary.json"}
    assert (found, [said for said in log if said not in fixed]) == (status, arguments)


def test_targets_that_need_each_other_do_not_run_side_by_side() -> None:
    with pytest.raises(ConfigError) as found:
        workflow(loaded(flows("priority: 1", "needs: [t0]")), matrix=True)
    assert "t1: needs t0" in found.value.problems[0].message
