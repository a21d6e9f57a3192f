"""The end: everything that went wrong on purpose is put right, all targets run, and the ten criteria are looked at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from directional_sync.demo.stage import Stage
from directional_sync.testing.catalogue_server import CatalogueService
from directional_sync.testing.digitalocean import DigitalOcean

_SETTINGS = ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"
_AGENTS = ".claude/superclaude/agents"
_SAID = {
    17: "- **files**\n  - command: `uvx`\n",
    18: "### reviewer\n\nLooks closely.\n",
}


def all_of_it(stage: Stage, apps: DigitalOcean, catalogue: CatalogueService, home: Path) -> None:
    apps.total = None
    (catalogue.folder / "bank-import/fetch.sh").unlink()
    stage.say("\n--- the list is whole again, and the program is taken out of the catalogue")
    _person(stage, home)
    stage.git("add", "-A")
    stage.git("commit", "--quiet", "-m", "Write down how Claude is configured")
    left_out = () if shutil.which("jq", path=stage.environment["PATH"]) else ("--direction", "bidirectional")
    stage.step("all eight targets", "run", *left_out, shows=["0 failed"])
    stage.step("the ten acceptance criteria, each with its figure", "doctor", "--acceptance", shows=["10 passed"])


def _person(stage: Stage, home: Path) -> None:
    """A claude.md of 24 sections, and the settings and agents of a person."""
    sections = (f"## {number}) Section {number}\n\n{_SAID.get(number, '')}" for number in range(24))
    stage.write("claude.md", "\n".join(["# claude.md\n", *sections]))
    settings = home / _SETTINGS
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"mcpServers": {"files": {"command": "uvx"}}}, indent=2), encoding="utf-8")
    (home / _AGENTS).mkdir(parents=True)
    (home / _AGENTS / "reviewer.yaml").write_text("name: reviewer\ndescription: Looks closely.\n", encoding="utf-8")
