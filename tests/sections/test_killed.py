"""A run that is killed before any of its calls that change something: the next one finishes, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.faults.killing import counting, dying_at, fork, wait
from tests.sections.conftest import AGENT, SETTINGS, SKILL, Config, claude_md

from directional_sync.model.lifecycle import Outcome

STEPS = 10
"""In the quick test this many of all steps are tried; in the slow one each."""


def _edited(config: Config) -> None:
    """What travels both ways, in every kind of part; each writes other files."""
    config.edit("  - command: `npx`", "  - command: `bunx`")
    config.edit("Looks closely.", "Looks twice.")
    config.edit("| pdf | Fills in forms |\n", "| pdf | Fills in any form |\n| docx | Writes |\n")
    config.far_edit('"uvx"', '"pipx"')
    (config.agents / "writer.yaml").write_text("name: writer\ndescription: Writes\n")
    config.approve()


FOLDERS = ("repository", "home")


def _put(source: Path, to: Path) -> None:
    """Repository and home as they are elsewhere."""
    for name in FOLDERS:
        shutil.rmtree(to / name, ignore_errors=True)
        shutil.copytree(source / name, to / name, symlinks=True)


def _silent() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)


def _whole(config: Config) -> None:
    """Every file is as before or as after."""
    settings = json.loads(config.settings.read_text())
    assert settings["zoom"] == 1.5 and settings["mcpServers"]["github"]["env"] == {
        "GITHUB_TOKEN": "a-token-of-a-person"
    }
    assert settings["mcpServers"]["github"]["command"] in ("npx", "bunx")
    agent = (config.agents / "reviewer.yaml").read_text()
    assert agent in (AGENT, AGENT.replace("Looks closely.", "Looks twice."))
    skill = (config.project.root / "docs/skills/pdf/SKILL.md").read_text()
    assert skill in (SKILL, SKILL.replace("Fills in forms", "Fills in any form"))
    assert config.document().count("## ") >= 24


def _finished(config: Config) -> None:
    record = config.project.one()
    assert record.success, record
    servers = json.loads(config.settings.read_text())["mcpServers"]
    assert (servers["github"]["command"], servers["files"]["command"]) == ("bunx", "pipx")
    assert "`pipx`" in config.document() and "### writer\n\nWrites\n" in config.document()
    assert "Looks twice." in (config.agents / "reviewer.yaml").read_text()
    assert "Fills in any form" in config.project.git("show", "HEAD:docs/skills/pdf/SKILL.md")
    assert config.project.git("show", "HEAD:docs/skills/docx/SKILL.md").startswith("---\nname: docx")
    assert config.project.one().outcome is Outcome.IN_SYNC
    assert config.project.clean()
    left = [path.name for folder in (config.home / "settings", config.agents) for path in folder.iterdir()]
    assert sorted(left) == ["mcp.json", "reviewer.yaml", "writer.yaml"]


def _play(config: Config, original: Path, share: int) -> None:
    """Killed at each step, or at so many of all of them; 0: all."""
    where = config.home.parent
    _put(where, original)
    assert wait(fork(counting(original / "steps", config.project.one))) == 0
    steps = int((original / "steps").read_text())
    assert steps > STEPS
    for step in range(1, steps + 1, steps // share if share else 1):
        _put(original, where)
        run = dying_at(step, config.project.one)
        wait(fork(lambda run=run: (_silent(), run())))
        _whole(config)
        _finished(config)


@pytest.fixture
def edited(synced: Config) -> Config:
    assert json.loads(synced.settings.read_text()) == SETTINGS and claude_md() == synced.document()
    _edited(synced)
    return synced


def test_killed_at_some_steps(edited: Config, tmp_path_factory: pytest.TempPathFactory) -> None:  # I10, B92
    _play(edited, tmp_path_factory.mktemp("original"), STEPS)


@pytest.mark.faults
def test_killed_at_each_step(edited: Config, tmp_path_factory: pytest.TempPathFactory) -> None:  # I10, B92
    _play(edited, tmp_path_factory.mktemp("original"), 0)
