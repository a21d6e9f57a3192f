"""A claude.md of 24 sections, all of its headings spelled one way: whole runs against settings, agents and skills."""

from __future__ import annotations

import json

import pytest
from tests.sections import conftest
from tests.sections.conftest import AGENT, SPELLINGS, Config, claude_md

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome

HEADINGS = {"bracket": "## 17) MCP servers", "bare": "## 17 MCP servers", "word": "## Section 17: MCP servers"}


@pytest.fixture(params=zip(HEADINGS, SPELLINGS, strict=True), ids=HEADINGS)
def spelled(request: pytest.FixtureRequest, config: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """After a first sync; every heading has the same spelling."""
    name, spelling = request.param
    monkeypatch.setattr(conftest, "SPELLINGS", (spelling,) * 3)
    config.project.write("claude.md", claude_md().encode())
    config.project.commit("Spell")
    assert f"\n{HEADINGS[name]}\n" in config.document()
    assert config.document().count("\n## ") == 24
    record = config.project.one()
    assert record.outcome is Outcome.SYNCED, record
    return config


def _headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("## ")]


def _done(config: Config, headings: list[str]) -> None:
    """Both sides agree, no heading was touched, and a second run changes nothing anywhere."""
    assert _headings(config.document()) == headings
    assert config.project.clean() and "No differences" in config.report()
    before = (config.project.head, config.settings.read_bytes(), config.document())
    assert config.project.one().outcome is Outcome.IN_SYNC
    assert (config.project.head, config.settings.read_bytes(), config.document()) == before
    assert "a-token-of-a-person" not in config.project.git("log", "-p", "--all")


def test_what_is_edited_there_comes_into_its_section(spelled: Config) -> None:
    before, headings = spelled.document(), _headings(spelled.document())
    spelled.far_edit('"uvx"', '"pipx"')
    agent = spelled.agents / "reviewer.yaml"
    agent.write_text(AGENT.replace("Looks closely.", "Looks twice."))
    (spelled.agents / "writer.yaml").write_text("name: writer\ndescription: Writes\n")
    record = spelled.project.one()
    assert record.outcome is Outcome.SYNCED, record
    edited = before.replace("`uvx`", "`pipx`").replace("Looks closely.", "Looks twice.")
    assert spelled.document() != edited and "### writer\n\nWrites\n" in spelled.document()
    assert spelled.document().replace("### writer\n\nWrites\n\n", "").split() == edited.split()
    assert agent.read_text() == AGENT.replace("Looks closely.", "Looks twice.")
    _done(spelled, headings)


def test_what_is_edited_here_goes_to_its_entry(spelled: Config) -> None:
    headings, settings = _headings(spelled.document()), json.loads(spelled.settings.read_text())
    spelled.edit("  - command: `uvx`", "  - command: `pipx`")
    spelled.edit("`opus`", "`haiku`")
    spelled.edit("| pdf | Fills in forms |\n", "| pdf | Fills in any form |\n")
    waiting = spelled.project.one()  # another command on a person's machine waits for that person
    assert waiting.failure is not None and waiting.failure.code == "E-APPROVAL"
    spelled.approve()
    record = spelled.project.one()
    assert record.outcome is Outcome.SYNCED, record
    settings["mcpServers"]["files"]["command"] = "pipx"
    assert json.loads(spelled.settings.read_text()) == settings
    assert (spelled.agents / "reviewer.yaml").read_text() == AGENT.replace("opus", "haiku")
    assert "description: Fills in any form\n" in spelled.project.files()["docs/skills/pdf/SKILL.md"]
    _done(spelled, headings)


def test_different_entries_that_are_edited_on_both_sides_all_arrive(spelled: Config) -> None:
    headings = _headings(spelled.document())
    spelled.edit("  - command: `npx`", "  - command: `bunx`")
    spelled.far_edit('"uvx"', '"pipx"')
    spelled.edit("Looks closely.", "Looks twice.")
    (spelled.agents / "writer.yaml").write_text("name: writer\ndescription: Writes\n")
    spelled.project.write("docs/skills/docx/SKILL.md", b"---\nname: docx\ndescription: Writes\n---\nHow.\n")
    spelled.project.commit("A skill")
    spelled.approve()
    record = spelled.project.one()
    assert record.outcome is Outcome.SYNCED, record
    servers = json.loads(spelled.settings.read_text())["mcpServers"]
    assert (servers["github"]["command"], servers["files"]["command"]) == ("bunx", "pipx")
    assert "`bunx`" in spelled.document() and "`pipx`" in spelled.document()
    assert "### writer\n\nWrites\n" in spelled.document() and "| docx | Writes |\n" in spelled.document()
    assert "Looks twice." in (spelled.agents / "reviewer.yaml").read_text()
    _done(spelled, headings)


def test_the_same_entry_on_both_sides_waits_and_the_rest_goes_on(spelled: Config) -> None:
    headings = _headings(spelled.document())
    spelled.edit("  - command: `uvx`", "  - command: `npx`")
    spelled.far_edit('"uvx"', '"pipx"')
    spelled.edit("Looks closely.", "Looks twice.")
    record = spelled.project.one()
    assert record.exit is Exit.CONFLICTS, record
    assert '"pipx"' in spelled.settings.read_text() and "  - command: `npx`\n" in spelled.document()
    assert "Looks twice." in (spelled.agents / "reviewer.yaml").read_text()
    assert _headings(spelled.document()) == headings
