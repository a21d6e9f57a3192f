"""The starter: what `init` writes works as it is, and this repository has exactly that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync import starters
from directional_sync.config.load import read
from directional_sync.errors import ConfigError, HostError
from directional_sync.model.target import Check, Config, Direction

ROOT = Path(__file__).parents[2]
CONTENTS = starters.contents("insightpulse")


@pytest.fixture(scope="module")
def config() -> Config:
    return read(CONTENTS[starters.CONFIG], starters.CONFIG, {})


@pytest.mark.parametrize("path", [starters.CONFIG, starters.SCHEMA, starters.SCRIPT, starters.WORKFLOW])
def test_this_repository_has_the_same_files(path: str) -> None:
    assert (ROOT / path).read_bytes() == CONTENTS[path]


def test_the_eight_targets(config: Config) -> None:
    flows = {
        target.name: (target.direction.value, target.schedule and target.schedule.cron) for target in config.targets
    }
    assert flows == {
        "oca_repos": ("pull", "0 2 * * *"),
        "claude_config": ("bidirectional", "0 4 * * *"),
        "apps_truth": ("pull", "0 */6 * * *"),
        "live_to_docs": ("pull", "0 */12 * * *"),
        "skillsmith_catalog": ("pull", "0 5 * * 0"),
        "notion_field_docs": ("push", "0 3 * * *"),
        "notion_monthend": ("push", "0 1 1 * *"),
        "notion_bir": ("push", "0 2 1 * *"),
    }
    assert all(target.description for target in config.targets)
    oca = config.target("oca_repos")
    assert len(oca.options.names) >= 30
    assert oca.options.ref == "18.0"
    assert oca.verification is not None and oca.verification.expected_min == 100


def test_addresses_have_public_defaults_and_can_be_moved() -> None:
    moved = read(CONTENTS[starters.CONFIG], starters.CONFIG, {"OCA_BASE_URL": "http://127.0.0.1:9/OCA", "HOME": "/h"})
    assert moved.target("oca_repos").options.url == "http://127.0.0.1:9/OCA/{name}.git"
    fresh = read(CONTENTS[starters.CONFIG], starters.CONFIG, {"HOME": "/h"})
    assert [target.missing for target in fresh.targets] == [()] * 8


def test_it_can_be_written_once_and_again(project: Project) -> None:
    written = starters.prepare(project.root, "insightpulse", force=False)
    assert written == [starters.CONFIG, starters.SCHEMA, starters.SCRIPT, starters.WORKFLOW]
    assert os.access(project.root / starters.SCRIPT, os.X_OK)
    assert starters.prepare(project.root, "insightpulse", force=False) == []
    (project.root / starters.CONFIG).write_text("mine\n")
    (project.root / starters.SCHEMA).unlink()
    with pytest.raises(HostError) as refused:
        starters.prepare(project.root, "insightpulse", force=False)
    assert refused.value.code == "E-INIT-EXISTS"
    assert (project.root / starters.CONFIG).read_text() == "mine\n"
    assert not (project.root / starters.SCHEMA).exists()
    assert starters.prepare(project.root, "insightpulse", force=True) == [starters.CONFIG, starters.SCHEMA]


@pytest.mark.parametrize("name", ["nope", "../insightpulse", "", "INSIGHTPULSE"])
def test_an_unknown_starter(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as found:
        starters.prepare(tmp_path, name, force=False)
    assert found.value.code == "E-STARTER"
    assert "insightpulse" in found.value.problems[0].hint


def bash(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command], cwd=cwd, capture_output=True, text=True, timeout=60)


def checks(config: Config) -> list[Check]:
    return [*config.safety.pre_sync_checks, *config.safety.post_sync_checks]


def test_r1_every_check_passes_in_a_fresh_repository(project: Project, config: Config) -> None:
    starters.prepare(project.root, "insightpulse", force=False)
    project.commit()
    for check in checks(config):
        assert bash(check.command, project.root).returncode == check.expected_exit_code, check.name
    assert project.git("status", "--porcelain") == ""


def test_the_gates_know_their_targets(project: Project, config: Config) -> None:
    drift, count = config.safety.drift_gates
    assert (drift.targets, count.targets) == (("claude_config",), ("oca_repos",))
    assert bash(drift.command, project.root).stdout.strip() == ""
    project.write("docs/claude-config-drift.md", "# Drift\n\n- server x differs\n- skill y differs\n")
    assert bash(drift.command, project.root).stdout.strip() == "2"
    project.write("insightpulse_odoo/addons/oca/web/web_a/__manifest__.py", "{}\n")
    assert bash(count.command, project.root).stdout.strip() == "1"


@pytest.mark.parametrize(
    ("path", "content", "name"),
    [
        ("src/settings.py", 'API_KEY = "abcdefghijklmnop1234"\n', "No secrets in repo"),
        ("deploy.yaml", "  password: 'correct-horse-battery'\n", "No secrets in repo"),
        ("docs/runtime/apps_truth.json", '{"apps": [', "Valid JSON/YAML outputs"),
        ("docs/runtime/deep/er.json", "<html>", "Valid JSON/YAML outputs"),
        ("scripts/broken.py", "def f(:\n", "Python compileall"),
    ],
)
def test_a_check_stops_what_it_is_for(project: Project, config: Config, path: str, content: str, name: str) -> None:
    project.write(path, content)
    project.write("docs/runtime/fine.json", "{}")
    project.write("scripts/fine.py", "pass\n")
    project.commit()
    [check] = [check for check in checks(config) if check.name == name]
    assert bash(check.command, project.root).returncode != check.expected_exit_code


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("insightpulse_odoo/addons/oca/auth/models.py", "password = fields.Char(string='Password of the user')\n"),
        ("insightpulse_odoo/addons/oca/auth/tests.py", "password = 'a-made-up-password'\n"),
        ("app.py", "token = os.environ['NOTION_API_TOKEN']\npassword = input()\n"),
        ("env.example", "API_KEY='replace-me-with-yours'\n"),
        ("docs/setup.md", "token: 'ghp_0000000000000000'\n"),
    ],
)
def test_the_secret_check_lets_ordinary_files_be(project: Project, config: Config, path: str, content: str) -> None:
    project.write(path, content)
    project.commit()
    [check] = [check for check in config.safety.pre_sync_checks if check.name == "No secrets in repo"]
    assert bash(check.command, project.root).returncode == check.expected_exit_code


def test_the_runner_script_runs_and_says_when_the_package_is_missing(project: Project, tmp_path: Path) -> None:
    starters.prepare(project.root, "insightpulse", force=False)
    script = [sys.executable, starters.SCRIPT, "--list"]
    found = subprocess.run(script, cwd=project.root, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0
    assert re.search(r"^oca_repos +pull", found.stdout, re.MULTILINE)
    alone = [sys.executable, "-S", "-I", starters.SCRIPT, "--list"]
    missing = subprocess.run(alone, cwd=project.root, capture_output=True, text=True, timeout=60)
    assert missing.returncode == 1
    assert "directional-sync is not installed for this Python" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_directions_are_covered(config: Config) -> None:
    assert {target.direction for target in config.targets} == set(Direction)
