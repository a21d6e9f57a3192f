"""The founding document's own acceptance criteria, one test each, on a repository that `dsync init` has prepared.

A repository without claude.md has nothing to keep equal; with one, criterion 6 (drift of claude.md, OCA modules) holds
as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.notion.starter import DOCUMENTS
from tests.notion.starter import service as notion_service
from tests.project import Project, make_project
from tests.sections.conftest import AGENT, SETTINGS, SKILL, claude_md
from tests.server.machine import SECRETS, machine

from directional_sync.testing.catalogue_server import CatalogueService
from directional_sync.testing.digitalocean import DigitalOcean
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build

EIGHT = {
    "oca_repos": "pull",
    "claude_config": "bidirectional",
    "apps_truth": "pull",
    "live_to_docs": "pull",
    "skillsmith_catalog": "pull",
    "notion_field_docs": "push",
    "notion_monthend": "push",
    "notion_bir": "push",
}
NOT_IN_THIS_VERSION: set[str] = set()
MCP_SETTINGS = ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"
HERE = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GitServer, dict[str, Upstream]]]:
    starter = yaml.safe_load((HERE / ".insightpulse/sync.yaml").read_text())
    names = starter["targets"]["oca_repos"]["remote"]["names"]
    assert len(names) >= 30
    folder = tmp_path_factory.mktemp("upstreams")
    made = build(folder, names=names, modules=4 * len(names))
    with GitServer(folder) as server:
        yield server, made


@pytest.fixture(scope="module")
def apps() -> Iterator[DigitalOcean]:
    with DigitalOcean("a-token-of-the-tests", apps=3) as service:
        yield service


@pytest.fixture(scope="module")
def skillsmith(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogueService]:
    with CatalogueService(tmp_path_factory.mktemp("skillsmith")) as service:
        for name in ("odoo-upgrade", "bank-import"):
            service.skill(name)
        yield service


@pytest.fixture
def repository(
    tmp_path: Path, upstreams: tuple[GitServer, dict[str, Upstream]], apps: DigitalOcean, skillsmith: CatalogueService
) -> Iterator[Project]:
    server, _ = upstreams
    project = make_project(tmp_path / "odoo")
    project.environ["OCA_BASE_URL"] = server.url("x").rpartition("/")[0]
    project.environ |= {"DIGITALOCEAN_API_URL": apps.url, "DIGITALOCEAN_TOKEN": "a-token-of-the-tests"}
    machine(tmp_path / "live").ssh(tmp_path / "bin")
    project.environ["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    project.environ["SKILLSMITH_URL"] = skillsmith.url.rpartition("/")[0]
    for path, content in DOCUMENTS.items():
        project.write(path, content)
    done = subprocess.run(
        [sys.executable, "-m", "directional_sync", "init", "--starter", "insightpulse"],
        cwd=project.root,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    project.commit("Prepare")
    notion, variables = notion_service()
    project.environ |= variables
    with notion:
        yield project


def runner(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The seed's own command line."""
    return subprocess.run(
        [sys.executable, "scripts/sync_directional.py", *arguments],
        cwd=project.root,
        env={**os.environ, **project.environ},
        capture_output=True,
        text=True,
        timeout=120,
    )


def configure_claude(project: Project, home: Path) -> Path:
    """Gives a person settings and agents, and the repository a claude.md and a skill; answers the agents' folder."""
    project.environ["HOME"] = str(home)
    settings = home / MCP_SETTINGS
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(SETTINGS, indent=2))
    agents = home / ".claude/superclaude/agents"
    agents.mkdir(parents=True)
    (agents / "reviewer.yaml").write_text(AGENT)
    project.write("claude.md", claude_md().encode())
    project.write("docs/claude-code-skills/pdf/SKILL.md", SKILL.encode())
    project.commit("Configure Claude")
    return agents


def test_1_config_valid(repository: Project) -> None:
    """`.insightpulse/sync.yaml` validates against the schema, ours and the published one."""
    from directional_sync.config.schema import json_schema

    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    content = yaml.safe_load((repository.root / ".insightpulse/sync.yaml").read_text())
    Draft202012Validator(schema).validate(content)
    assert {name: target["direction"] for name, target in content["targets"].items()} == EIGHT


def test_1_this_repository_holds_the_starter(repository: Project) -> None:
    for path in (".insightpulse/sync.yaml", "scripts/sync_directional.py", ".github/workflows/directional-sync.yml"):
        assert (repository.root / path).read_bytes() == (HERE / path).read_bytes(), path


def test_2_runner_executable(repository: Project) -> None:
    done = runner(repository, "--list")
    assert done.returncode == 0, done.stderr
    for name in EIGHT:
        assert name in done.stdout


def test_3_dry_run_works(repository: Project) -> None:
    """R1: every target completes in dry-run mode."""
    done = runner(repository, "--dry-run", "--summary-json", str(repository.root / ".git/summary.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((repository.root / ".git/summary.json").read_text())
    assert report["failed"] == 0
    assert {result["target"] for result in report["skipped"]} == NOT_IN_THIS_VERSION
    assert repository.clean()


def test_4_pre_sync_gates(repository: Project) -> None:
    """Git clean and no secrets in the repository pass; each refuses when it should."""
    assert runner(repository, "--target", "oca_repos", "--dry-run").returncode == 0
    repository.write("README.md", "uncommitted\n")
    repository.git("add", "README.md")
    done = runner(repository, "--target", "oca_repos")
    assert done.returncode == 6
    assert "Git clean" in done.stdout + done.stderr
    repository.write("scripts/env.sh", "GITHUB_TOKEN='" + "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX" + "'\n")
    repository.commit("Leak")
    done = runner(repository, "--target", "oca_repos")
    assert done.returncode == 6
    assert "No secrets in repo" in done.stdout + done.stderr


def test_5_and_8_and_9_a_pull_is_gated_committed_and_reported(repository: Project) -> None:
    head = repository.head
    summary = repository.root / ".git" / "summary.json"
    done = runner(repository, "--target", "oca_repos", "--verify", "--summary-json", str(summary))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(summary.read_text())
    assert report["total_targets"] == report["successful"] + report["failed"] == 1
    [result] = report["results"]
    assert result["success"] is True
    assert result["verification_passed"] is True
    assert result["direction"] == "pull"
    assert "insightpulse_odoo/addons/oca/sale-workflow" in result["outputs_created"]
    assert repository.git("rev-parse", "HEAD^") == head
    assert repository.clean()
    modules = [p for p in repository.git("ls-files").splitlines() if p.endswith("__manifest__.py")]
    assert len(modules) >= 100
    schema = resources.files("directional_sync").joinpath("schemas/report.schema.json").read_text()
    Draft202012Validator(json.loads(schema)).validate(report)


def test_5_and_9_the_apps_are_written_down(repository: Project) -> None:
    """The verification of the founding document itself: `jq -e '.apps | length > 0'`."""
    done = runner(repository, "--target", "apps_truth", "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    truth = json.loads(repository.git("show", "HEAD:docs/runtime/apps_truth.json"))
    assert [app["spec"]["name"] for app in truth["apps"]] == ["app-00000", "app-00001", "app-00002"]
    assert repository.clean()


def test_the_live_configuration_is_documented_without_its_secrets(repository: Project) -> None:
    done = runner(repository, "--target", "live_to_docs", "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    files = repository.files(under="docs/runtime")
    assert sorted(files) == [f"docs/runtime/{name}.prod.txt" for name in ("ADDONS_PATH", "DB_CONFIG", "ENV_VARS")]
    assert "db_password = <secret:db_password>" in files["docs/runtime/DB_CONFIG.prod.txt"]
    assert not any(secret in text for secret in SECRETS for text in files.values())
    assert repository.clean()
    assert runner(repository, "--target", "live_to_docs", "--fail-on-diff").returncode == 0


def test_target_5_installs_what_skillsmith_has_and_verifies_it(repository: Project) -> None:
    done = runner(repository, "--target", "skillsmith_catalog", "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repository.root / "docs/claude-code-skills/odoo-upgrade/SKILL.md").is_file()
    assert repository.clean()
    done = runner(repository, "--target", "skillsmith_catalog")
    assert done.returncode == 0 and "unchanged" in done.stdout


def test_6_claude_config_is_kept_equal_and_its_drift_is_gated(repository: Project, tmp_path: Path) -> None:
    """Target 2: 24 sections, the settings, agents and skills of a person; differences that wait are refused."""
    agents = configure_claude(repository, tmp_path / "home")
    done = runner(repository, "--target", "claude_config", "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    report = repository.git("show", "HEAD:docs/claude-config-drift.md")
    assert "No differences" in report and str(tmp_path) not in report
    (agents / "writer.yaml").write_text("name: writer\ndescription: Writes\n")
    assert runner(repository, "--target", "claude_config").returncode == 0
    assert "### writer" in repository.git("show", "HEAD:claude.md")
    head = repository.head
    (agents / "writer.yaml").write_text("name: writer\ndescription: Writes well\n")
    repository.write("claude.md", (repository.root / "claude.md").read_text().replace("Writes", "Writes ill").encode())
    repository.commit("Edit")
    done = runner(repository, "--target", "claude_config")
    assert done.returncode in (6, 7), done.stdout + done.stderr
    # The report of the differences is committed, and nothing else of what was refused.
    assert repository.git("rev-parse", "HEAD~2") == head and repository.clean()
    assert repository.git("diff", "--name-only", "HEAD^", "HEAD") == "docs/claude-config-drift.md"


def test_6_drift_gate_on_the_module_count(
    repository: Project, upstreams: tuple[GitServer, dict[str, Upstream]]
) -> None:
    """R3, P41: fewer than 100 modules is refused, nothing is committed, and the status is not 0."""
    config = (repository.root / ".insightpulse/sync.yaml").read_text()
    assert "expected_min: 100" in config
    repository.write(".insightpulse/sync.yaml", config.replace("expected_min: 100", "expected_min: 100000"))
    repository.commit("Expect too much")
    head = repository.head
    done = runner(repository, "--target", "oca_repos")
    assert done.returncode == 6, done.stdout + done.stderr
    assert "100000" in done.stdout + done.stderr
    assert repository.head == head
    assert repository.clean()


def test_7_and_10_the_workflow_triggers_on_every_schedule_and_no_other(repository: Project) -> None:
    workflow = yaml.load((repository.root / ".github/workflows/directional-sync.yml").read_text(), yaml.BaseLoader)
    content = yaml.safe_load((repository.root / ".insightpulse/sync.yaml").read_text())
    triggers = {item["cron"] for item in workflow["on"]["schedule"]}
    assert triggers == {target["schedule"] for target in content["targets"].values()}
    assert set(workflow["on"]["workflow_dispatch"]["inputs"]) >= {"direction", "target", "dry_run", "verify"}


def test_all_ten_as_one_command(repository: Project, tmp_path: Path) -> None:
    """`dsync doctor --acceptance`: what needs a run is open before it and passed after it, with its figure."""
    configure_claude(repository, tmp_path / "home")
    command = [sys.executable, "-m", "directional_sync", "doctor", "--acceptance", "--json"]

    def looked() -> tuple[int, dict[int, str], list[str]]:
        done = subprocess.run(command, cwd=repository.root, env=repository.environ, capture_output=True, timeout=120)
        criteria = json.loads(done.stdout)["criteria"]
        return done.returncode, {c["number"]: c["standing"] for c in criteria}, [c["figure"] for c in criteria]

    status, standings, _ = looked()
    assert status == 1 and {number for number, how in standings.items() if how == "open"} == {6, 8, 9}
    assert set(standings.values()) == {"passed", "open"}
    done = runner(repository)
    assert done.returncode == 0, done.stdout + done.stderr
    status, standings, figures = looked()
    assert status == 0 and set(standings.values()) == {"passed"}, figures
    assert "OCA module count: 156" in figures[5] and "Claude config drift: 0" in figures[5]
    assert repository.clean()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("--list", 0),
        ("--dry-run", 0),
        ("--target oca_repos --dry-run", 0),
        ("--target oca_repos", 0),
        ("--target oca_repos --verify", 0),
        ("--direction pull", 0),
        ("--direction push --dry-run", 0),
        ("--target oca_*", 0),
        ("--target notion_* --direction push", 0),
        ("--ci", 0),
        ("--target oca_repos --verify --dry-run", 0),
        ("--direction pull --dry-run", 0),
    ],
)
def test_every_line_of_the_usage_section(repository: Project, arguments: str, status: int) -> None:
    done = runner(repository, *arguments.split())
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_r2_a_pattern_that_matches_nothing_is_no_success(repository: Project) -> None:
    done = runner(repository, "--target", "oca_repo")
    assert done.returncode == 3
    assert "oca_repos" in done.stderr
