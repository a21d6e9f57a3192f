"""Whole runs: claude.md and what it is kept equal with, both ways."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.project import Project
from tests.sections.conftest import AGENT, SKILL, YAML, Config, claude_md

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome


def test_two_sides_that_say_the_same_agree_at_once(config: Config) -> None:
    before = (config.document(), config.settings.read_bytes())
    record = config.project.one()
    assert record.outcome is Outcome.SYNCED, record
    assert (config.document(), config.settings.read_bytes()) == before
    assert "No differences" in config.report()
    assert config.project.clean()
    assert config.project.one().outcome is Outcome.IN_SYNC
    assert "a-token-of-a-person" not in config.project.git("log", "-p", "--all")


def test_what_is_new_on_one_side_comes_to_the_other(synced: Config) -> None:
    synced.edit("- **files**\n", "- **new**\n  - command: `npx`\n- **files**\n")
    (synced.agents / "writer.yaml").write_text("name: writer\ndescription: Writes\n# mine\n")
    synced.project.write("docs/skills/docx/SKILL.md", b"---\nname: docx\ndescription: Writes\n---\nHow.\n")
    synced.project.commit("A skill")
    waiting = synced.project.one()
    assert waiting.outcome is Outcome.REFUSED and waiting.failure and waiting.failure.code == "E-APPROVAL"
    synced.approve()
    record = synced.project.one()
    assert record.outcome is Outcome.SYNCED, record
    servers = json.loads(synced.settings.read_text())["mcpServers"]
    assert list(servers) == ["github", "files", "new"] and servers["new"] == {"command": "npx"}
    assert servers["github"]["env"] == {"GITHUB_TOKEN": "a-token-of-a-person"}
    assert "### writer\n\nWrites\n" in synced.document()
    assert "| docx | Writes |\n" in synced.document()
    assert synced.project.one().outcome is Outcome.IN_SYNC


@pytest.mark.parametrize(
    ("before", "after"),
    [("Looks closely.", "Looks twice."), ("`opus`", "`haiku`"), ("`Read`, `Grep`", "`Read`")],
)
def test_an_edit_in_the_document_changes_one_field_there(synced: Config, before: str, after: str) -> None:
    synced.edit(before, after)
    record = synced.project.one()
    assert record.outcome is Outcome.SYNCED, record
    now = (synced.agents / "reviewer.yaml").read_text()
    assert now != AGENT and now.endswith("prompt: |\n  Be kind.\n")
    assert after.strip("`.").split("`")[0] in now
    assert synced.project.one().outcome is Outcome.IN_SYNC


def test_an_edit_there_changes_its_lines_in_the_document(synced: Config) -> None:
    before = synced.document()
    synced.far_edit('"uvx"', '"pipx"')
    record = synced.project.one()
    assert record.outcome is Outcome.SYNCED, record
    assert synced.document() == before.replace("`uvx`", "`pipx`")
    assert record.counts.changed == 1
    assert synced.project.clean()


def test_different_entries_of_one_section_both_arrive(synced: Config) -> None:  # B49
    synced.edit("issues and pull requests", "issues")  # the document's own
    synced.edit("  - command: `npx`", "  - command: `bunx`")
    synced.far_edit('"uvx"', '"pipx"')
    synced.approve()
    record = synced.project.one()
    assert record.outcome is Outcome.SYNCED, record
    servers = json.loads(synced.settings.read_text())["mcpServers"]
    assert (servers["github"]["command"], servers["files"]["command"]) == ("bunx", "pipx")
    assert "`pipx`" in synced.document() and "- **github**: issues\n" in synced.document()


def test_the_same_entry_on_both_sides_is_a_conflict_and_nothing_of_it_is_touched(synced: Config) -> None:  # F101
    synced.edit("  - command: `uvx`", "  - command: `npx`")
    synced.far_edit('"uvx"', '"pipx"')
    document, settings = synced.document(), synced.settings.read_bytes()
    record = synced.project.one()
    assert record.exit is Exit.CONFLICTS, record
    assert (synced.document(), synced.settings.read_bytes()) == (document, settings)
    assert synced.report().count("\n- ") == 1
    assert "- `mcp_servers/files`: it was changed on both sides" in synced.report()
    commits = synced.project.commits()
    assert synced.project.one().exit is Exit.CONFLICTS
    assert synced.project.commits() == commits
    assert synced.project.one(prefer=_remote()).outcome is Outcome.SYNCED
    assert "`pipx`" in synced.document() and "No differences" in synced.report()


def _remote() -> object:
    from directional_sync.model.plan import Side

    return Side.REMOTE


def test_what_is_removed_on_one_side_goes_on_the_other(synced: Config) -> None:
    synced.edit("- **files**\n  - command: `uvx`\n", "")
    record = synced.project.one()
    assert record.outcome is Outcome.SYNCED, record
    assert list(json.loads(synced.settings.read_text())["mcpServers"]) == ["github"]
    (synced.agents / "reviewer.yaml").unlink()
    (synced.agents / "other.yaml").write_text("name: other\ndescription: Other\n")
    record = synced.project.one()
    assert record.outcome is Outcome.SYNCED, record
    assert "reviewer" not in synced.document() and "### other\n" in synced.document()


def test_a_file_with_more_than_the_document_knows_is_not_removed(synced: Config) -> None:
    synced.edit("### reviewer\n\nLooks closely.\n\n- **Model**: `opus`\n- **Tools**: `Read`, `Grep`\n", "")
    synced.edit("| pdf | Fills in forms |\n", "")
    record = synced.project.one(allow_delete=5)
    assert record.exit is Exit.REFUSED and "holds more" in record.message, record
    assert (synced.agents / "reviewer.yaml").read_text() == AGENT
    assert synced.project.git("show", "HEAD:docs/skills/pdf/SKILL.md") == SKILL.strip()
    assert synced.report().count("\n- ") == 2


def test_skills_of_the_repository_are_written_with_the_commit(synced: Config) -> None:
    synced.edit("| pdf | Fills in forms |\n", "| pdf | Fills in any form |\n| docx | Writes |\n")
    record = synced.project.one()
    assert record.outcome is Outcome.SYNCED, record
    files = synced.project.files()
    assert files["docs/skills/pdf/SKILL.md"] == SKILL.replace("Fills in forms", "Fills in any form").strip()
    assert files["docs/skills/docx/SKILL.md"] == "---\nname: docx\ndescription: Writes\n---"
    assert synced.project.clean() and synced.project.one().outcome is Outcome.IN_SYNC


def test_a_first_sync_brings_together_what_either_side_has_and_overwrites_nothing(config: Config) -> None:
    config.far_edit('"uvx"', '"pipx"')
    config.far_edit('"files"', '"more": {"command": "x"},\n    "files"')
    record = config.project.one()
    assert record.exit is Exit.CONFLICTS, record
    assert "- **more**\n  - command: `x`\n" in config.document() and "`uvx`" in config.document()
    assert '"pipx"' in config.settings.read_text()
    assert "mcp_servers/files" in config.report()


def test_a_settings_file_that_is_not_there_stops_its_part_and_removes_nothing(synced: Config) -> None:  # F97
    content = synced.settings.read_bytes()
    synced.settings.unlink()
    synced.edit("Looks closely.", "Looks twice.")
    document = synced.document()
    record = synced.project.one()
    assert record.exit is Exit.FAILED and record.failure and record.failure.code == "E-SECTIONS-FAR"
    assert "is not there" in record.message
    assert synced.document() == document and not synced.settings.exists()
    assert "Looks twice." in (synced.agents / "reviewer.yaml").read_text()
    assert "- `mcp_servers`: it could not be read" in synced.report()
    assert str(synced.home) not in synced.report()
    synced.settings.write_bytes(content)
    assert synced.project.one().outcome is Outcome.SYNCED and "No differences" in synced.report()


def test_a_machine_without_the_settings_is_left_out_where_the_file_says_so(synced: Config) -> None:  # F97
    synced.project.configure(YAML.replace("report:", "if_missing: skip\n      report:"))
    assert synced.project.one().success
    away = synced.home.rename(synced.home.with_name("away"))
    synced.edit("Looks closely.", "Looks twice.")
    before = (synced.project.head, synced.project.git("for-each-ref"))
    record = synced.project.one()
    assert record.outcome is Outcome.SKIPPED and record.exit is Exit.OK, record
    assert "not on this machine" in record.message and "agents" in record.message
    summary = synced.project.run()
    assert (summary.successful, summary.failed) == (0, 0)
    assert (synced.project.head, synced.project.git("for-each-ref")) == before
    shutil.copytree(away / "settings", synced.settings.parent)  # this machine has some of it, so the rest is missing
    record = synced.project.one()
    assert record.exit is Exit.FAILED and record.failure and record.failure.code == "E-SECTIONS-FAR", record
    assert "reviewer" in synced.document()
    shutil.rmtree(synced.home)
    away.rename(synced.home)
    assert synced.project.one().outcome is Outcome.SYNCED
    assert "Looks twice." in (synced.agents / "reviewer.yaml").read_text()


GATE = """\
safety:
  drift_gates:
    - {name: drift, command: "grep -c '^- ' docs/drift.md || true", max_drift_score: 0}
"""


def test_a_refusal_for_drift_leaves_the_report_of_it(synced: Config) -> None:
    synced.project.configure(YAML + GATE)
    assert synced.project.one().success
    synced.edit("  - command: `uvx`", "  - command: `npx`")
    synced.far_edit('"uvx"', '"pipx"')
    (synced.agents / "writer.yaml").write_text("name: writer\ndescription: Writes\n")
    document, settings = synced.document(), synced.settings.read_bytes()
    [planned] = synced.project.plan(verify=True).records
    assert planned.exit is Exit.REFUSED and "No differences" in synced.report()
    record = synced.project.one()
    assert record.exit is Exit.REFUSED and record.failure is not None and record.failure.code == "E-GATE-DRIFT"
    assert record.commit and "docs/drift.md was written" in record.failure.kept
    assert (synced.document(), synced.settings.read_bytes()) == (document, settings)
    assert "- `mcp_servers/files`: it was changed on both sides" in synced.report()
    assert "- `agents/writer`: the run was refused" in synced.report()
    assert synced.project.git("show", "--stat", "--format=", "HEAD").splitlines()[0].split()[0] == "docs/drift.md"
    assert synced.project.git("show", "refs/directional-sync/conflicts/claude_config:conflicts.json")
    before = (synced.project.head, synced.project.git("for-each-ref"))
    assert synced.project.one().exit is Exit.REFUSED
    assert (synced.project.head, synced.project.git("for-each-ref")) == before
    record = synced.project.one(prefer=_remote())
    assert record.outcome is Outcome.SYNCED, record
    assert "No differences" in synced.report() and "### writer" in synced.document()


def test_an_agent_that_moves_to_another_file_is_the_same_agent(synced: Config) -> None:  # B13
    (synced.agents / "reviewer.yaml").rename(synced.agents / "reviewer.yml")
    before = (synced.project.head, synced.project.git("for-each-ref"), synced.document())
    for _ in range(2):
        record = synced.project.one()
        assert record.outcome is Outcome.IN_SYNC and not record.effects, record
        assert (synced.project.head, synced.project.git("for-each-ref"), synced.document()) == before
    synced.edit("Looks closely.", "Looks twice.")
    assert synced.project.one().success
    assert "Looks twice." in (synced.agents / "reviewer.yml").read_text()
    assert not (synced.agents / "reviewer.yaml").exists()


def test_two_files_of_one_agent_stop_it_and_both_are_named(synced: Config) -> None:  # B97
    (synced.agents / "reviewer.md").write_text("---\ndescription: Another\n---\n")
    document = synced.document()
    record = synced.project.one()
    assert record.exit is Exit.FAILED, record
    assert "reviewer.md" in record.message and "reviewer.yaml" in record.message
    assert synced.document() == document and (synced.agents / "reviewer.yaml").read_text() == AGENT


def test_broken_json_is_named_with_its_line(synced: Config) -> None:
    synced.settings.write_text('{\n  "mcpServers": {,\n}\n')
    record = synced.project.one()
    assert record.exit is Exit.FAILED and f"{synced.settings}:2" in record.message, record
    assert synced.settings.read_text() == '{\n  "mcpServers": {,\n}\n'


@pytest.mark.parametrize("spelling", [0, 1, 2])
def test_every_section_has_to_be_there(config: Config, spelling: int) -> None:
    config.project.write("claude.md", claude_md(spelling).encode())
    config.project.commit()
    assert config.project.plan().records[0].success
    text = claude_md(spelling)
    lines = text.splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if line.startswith("##") and " 7" in line.replace("Section", ""))
    config.project.write("claude.md", "".join(lines[:start] + lines[start + 1 :]).encode())
    config.project.commit()
    record = config.project.one()
    assert record.failure and record.failure.code == "E-SECTIONS-INPUT"
    assert "section 7 is missing" in record.message, record.message


def test_nothing_outside_is_written_that_this_machine_has_not_allowed(synced: Config) -> None:  # T21
    synced.project.git("config", "--local", "--unset", "directional-sync.externalRoots")
    synced.edit("`opus`", "`haiku`")
    [planned] = synced.project.plan().records
    assert planned.plan is not None and [c.key for c in planned.plan.remote] == ["agents/reviewer"]
    assert planned.exit is Exit.REFUSED and "externalRoots" in planned.plan.foreseen[0].detail  # I5
    record = synced.project.one()
    assert record.exit is Exit.REFUSED and "externalRoots" in record.message, record
    assert (synced.agents / "reviewer.yaml").read_text() == AGENT
    assert "- `agents/reviewer`: this machine does not let its file be written" in synced.report()
    synced.allow()
    synced.project.environ["CI"] = "true"
    assert synced.project.one().exit is Exit.REFUSED
    del synced.project.environ["CI"]
    assert synced.project.one().outcome is Outcome.SYNCED
    assert "haiku" in (synced.agents / "reviewer.yaml").read_text() and "No differences" in synced.report()


def test_a_link_does_not_lead_out_of_what_is_allowed(synced: Config) -> None:  # T21
    elsewhere = synced.home / "elsewhere.json"
    synced.settings.rename(elsewhere)
    synced.settings.symlink_to(elsewhere)
    synced.edit("- **files**\n  - command: `uvx`\n", "")
    record = synced.project.one()
    assert record.exit is Exit.REFUSED, record
    assert "files" in elsewhere.read_text()


def test_a_command_needs_approval_by_its_content_each_time(synced: Config) -> None:  # T19
    synced.edit("  - command: `uvx`", "  - command: `uvx`\n  - args: `one`")
    assert synced.project.one().outcome is Outcome.REFUSED
    synced.approve()
    synced.edit("  - args: `one`", "  - args: `two`")
    record = synced.project.one()
    assert record.outcome is Outcome.REFUSED and record.failure and record.failure.code == "E-APPROVAL", record
    assert "mcp_servers/files#command" in "".join(record.failure.detail)
    assert "args" not in json.loads(synced.settings.read_text())["mcpServers"]["files"]
    synced.approve()
    assert synced.project.one().outcome is Outcome.SYNCED
    assert json.loads(synced.settings.read_text())["mcpServers"]["files"]["args"] == ["two"]


def test_a_secret_of_the_settings_does_not_come_into_the_document(synced: Config) -> None:
    token = "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    synced.far_edit('"uvx"', f'"uvx", "args": ["--token={token}"]')
    record = synced.project.one()
    assert record.outcome is Outcome.REFUSED and record.failure and record.failure.code == "E-SECRET", record
    assert token not in synced.document() and token not in repr(record.message)
    assert token not in synced.project.git("cat-file", "--batch-all-objects", "--batch-check")


def test_a_new_clone_knows_what_was_agreed(synced: Config, tmp_path: Path) -> None:
    synced.edit("Looks closely.", "Looks twice.")
    synced.project.git("clone", "-q", str(synced.project.root), str(tmp_path / "clone"))
    clone = Config(Project(tmp_path / "clone", synced.project.environ), synced.home)
    clone.project.git("config", "user.name", "Ada")
    clone.project.git("config", "user.email", "ada@example.org")
    clone.allow()
    (clone.agents / "writer.yaml").write_text("name: writer\ndescription: Writes\n")
    settings = json.loads(clone.settings.read_text())
    del settings["mcpServers"]["files"]
    clone.settings.write_text(json.dumps(settings))
    record = clone.project.one()
    assert record.outcome is Outcome.SYNCED, record
    assert "Looks twice." in (clone.agents / "reviewer.yaml").read_text()
    assert "### writer" in clone.document() and "**files**" not in clone.document()


def test_a_heading_that_says_no_field_is_no_entry_and_an_agent_without_any_is_named(synced: Config) -> None:
    synced.edit("- **files**\n", "### Notes\n\nOn **care**.\n\n- **files**\n")
    assert synced.project.one().outcome is Outcome.IN_SYNC
    (synced.agents / "bare.yaml").write_text("name: bare\n")
    record = synced.project.one()
    assert record.exit is Exit.FAILED and "`description`" in record.message, record
    assert "bare" not in synced.document()


def test_both_sides_changed_alike_is_agreement(synced: Config) -> None:
    """Also what a run leaves that was killed between the far side and the commit."""
    synced.edit("  - command: `uvx`", "  - command: `pipx`")
    synced.far_edit('"uvx"', '"pipx"')
    record = synced.project.one()
    assert record.outcome is Outcome.SYNCED and not record.effects, record
    assert synced.project.one().outcome is Outcome.IN_SYNC


def test_skills_of_another_target_are_only_read(synced: Config) -> None:
    synced.project.configure(YAML.replace(', "docs/skills/**"', ""))
    synced.project.write("docs/skills/docx/SKILL.md", b"---\nname: docx\ndescription: Writes\n---\nHow.\n")
    synced.project.commit("A skill")
    assert synced.project.one().outcome is Outcome.SYNCED
    assert "| docx | Writes |\n" in synced.document()
    synced.edit("| docx | Writes |", "| docx | Counts |")
    record = synced.project.one()
    assert record.exit is Exit.REFUSED and "only read" in record.message, record
    assert "Writes" in synced.project.files()["docs/skills/docx/SKILL.md"]
    assert "it can only be changed on the other side" in synced.report()


def test_any_settings_file_of_the_repository(config: Config) -> None:
    config.project.write("SERVICES.md", b"# Ours\n\n## 1. Ports\n\n- **web**: Shop\n  - host: `a.example`\n")
    config.project.write("services.json", b'{"v": 1, "services": {"db": {"labels": ["x"], "size": 2.50}}}\n')
    config.project.configure(GENERIC)
    record = config.project.one()
    assert record.outcome is Outcome.SYNCED, record
    files = config.project.files()
    assert files["services.json"] == (
        '{"v": 1, "services": {"db": {"labels": ["x"], "size": 2.50}, "web": {"title": "Shop", "host": "a.example"}}}'
    )
    assert files["SERVICES.md"].endswith("  - host: `a.example`\n- **db**\n  - tags: `x`")
    assert config.project.one().outcome is Outcome.IN_SYNC


GENERIC = """\
targets:
  ports:
    direction: bidirectional
    remote:
      type: sections
      document: SERVICES.md
      parts:
        - section: 1
          settings: services.json
          at: services
          text: title
          fields:
            host: {key: host, kind: code}
            tags: {key: labels, kind: list}
    inputs: [SERVICES.md, services.json]
"""


def test_without_a_document_there_is_nothing_to_do(config: Config) -> None:
    config.project.git("rm", "-q", "claude.md")
    config.project.commit("Without")
    [record] = config.project.plan().records
    assert record.success and any("there is no claude.md" in note for note in record.notes), record
    settings = config.settings.read_bytes()
    assert config.project.one().success and config.settings.read_bytes() == settings


def test_a_document_that_is_gone_is_no_order_to_remove_everything(synced: Config) -> None:
    synced.project.git("rm", "-q", "claude.md")
    synced.project.commit("Gone")
    record = synced.project.one()
    assert record.failure and record.failure.code == "E-SECTIONS-GONE", record
    assert "github" in synced.settings.read_text()
