"""A repository with a claude.md of 24 sections, and the settings of the person who works in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.project import Project, make_project

from directional_sync import app, approving
from directional_sync.app import open_workspace

TITLES = (
    "Overview",
    "Goals",
    "Stack",
    "Layout",
    "Style",
    "Tests",
    "Database",
    "Odoo",
    "Modules",
    "Branches",
    "Commits",
    "Review",
)
SPELLINGS = ("## {}) {}", "## {} {}", "## Section {}: {}")

SERVERS = """\
Servers that everybody uses.

- **github**: issues and pull requests
  - command: `npx`
  - args: `-y`, `@modelcontextprotocol/server-github`
  - env: `GITHUB_TOKEN`
- **files**
  - command: `uvx`
"""
AGENTS = """\
### reviewer

Looks closely.

- **Model**: `opus`
- **Tools**: `Read`, `Grep`
"""
SKILLS = """\
| Skill | Description |
| ----- | ----------- |
| pdf | Fills in forms |
"""
SETTINGS = {
    "mcpServers": {
        "github": {
            "command": "npx",
            "args": ["-y", "@modelcontextprotocol/server-github"],
            "env": {"GITHUB_TOKEN": "a-token-of-a-person"},
            "autoApprove": ["list_issues"],
        },
        "files": {"command": "uvx", "disabled": True},
    },
    "zoom": 1.5,
}
AGENT = "name: reviewer\ndescription: Looks closely.\nmodel: opus\ntools: [Read, Grep]\nprompt: |\n  Be kind.\n"
SKILL = "---\nname: pdf\ndescription: Fills in forms\n---\n# How\n\nRead the form.\n"


def claude_md(spelling: int = 0, **bodies: str) -> str:
    """Sections 0 to 23, each heading in another spelling, beginning with the given one."""
    said = {17: SERVERS, 18: AGENTS, 19: SKILLS} | {int(name[1:]): body for name, body in bodies.items()}
    parts = ["# claude.md\n"]
    for number in range(24):
        title = {17: "MCP servers", 18: "Agents", 19: "Skills"}.get(number, (TITLES * 2)[number])
        heading = SPELLINGS[(number + spelling) % 3].format(number, title)
        parts.append(f"{heading}\n\n{said.get(number, f'What is said about {title}.' + chr(10))}")
    return "\n".join(parts)


@dataclass
class Config:
    """The target, its repository and the person's home."""

    project: Project
    home: Path

    @property
    def settings(self) -> Path:
        return self.home / "settings/mcp.json"

    @property
    def agents(self) -> Path:
        return self.home / "agents"

    def allow(self) -> None:
        self.project.git("config", "--local", "directional-sync.externalRoots", f"{self.home}/settings:{self.agents}")

    def document(self) -> str:
        return (self.project.root / "claude.md").read_text()

    def report(self) -> str:
        return self.project.git("show", "HEAD:docs/drift.md")

    def edit(self, before: str, after: str) -> None:
        text = self.document()
        assert before in text
        self.project.write("claude.md", text.replace(before, after, 1).encode())
        self.project.commit("Edit")

    def far_edit(self, before: str, after: str) -> None:
        text = self.settings.read_text()
        assert before in text
        self.settings.write_text(text.replace(before, after, 1))

    def approve(self) -> None:
        workspace = open_workspace(None, self.project.root, self.project.environ)
        options = app.RunOptions(dry_run=True)
        record, waiting = approving.waiting(workspace, "claude_config", options, lambda event: None)
        assert waiting
        approving.approve(workspace, record.target, waiting)
        self.project.commit("Approve")


@pytest.fixture(autouse=True)
def no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for secrets takes seconds to start, and is not what these tests are about."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


YAML = """\
targets:
  claude_config:
    direction: bidirectional
    remote:
      type: sections
      document: claude.md
      sections: "0-23"
      parts:
        - {section: 17, mcp_servers: "$HOME/settings/mcp.json"}
        - {section: 18, agents: "$HOME/agents"}
        - {section: 19, skills: docs/skills}
      report: docs/drift.md
    inputs: [claude.md, "docs/skills/**"]
    outputs: [docs/drift.md]
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    project = make_project(tmp_path / "repository")
    home = tmp_path / "home"
    project.environ = {k: v for k, v in project.environ.items() if k not in ("CI", "GITHUB_ACTIONS")}
    project.environ["HOME"] = str(home)
    made = Config(project, home)
    made.agents.mkdir(parents=True)
    made.settings.parent.mkdir()
    made.settings.write_text(json.dumps(SETTINGS, indent=2) + "\n")
    (made.agents / "reviewer.yaml").write_text(AGENT)
    project.write("claude.md", claude_md().encode())
    project.write("docs/skills/pdf/SKILL.md", SKILL.encode())
    project.configure(YAML)
    made.allow()
    return made


@pytest.fixture
def synced(config: Config) -> Config:
    """After a first sync of two sides that say the same."""
    record = config.project.one()
    assert record.success, record
    return config
