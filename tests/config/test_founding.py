"""The founding document's own YAML loads as it is written, block by block, in its context."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest
from tests.config.conftest import HEAD, loaded

from directional_sync.model.target import Check, Config, Direction, DriftGate, Safety, Schedule, Verification

DOCUMENT = (Path(__file__).parent / "data" / "founding.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
STRUCTURE, *PIECES = BLOCKS
MODULES = "find insightpulse_odoo/addons/oca -name '__manifest__.py' | wc -l"


def in_context(block: str) -> str:
    """A whole file around one block: a target, a verification, or checks and gates."""
    if block.startswith("- name:"):
        kind = "drift_gates" if re.search(r"max_drift_score|min_value", block) else "pre_sync_checks"
        target = "targets:\n  any: {direction: push, entrypoint: any.sh}\n"
        return f"{HEAD}{target}safety:\n  {kind}:\n{indent(block, '    ')}"
    if block.startswith("verification:"):
        block = "any:\n  direction: pull\n  entrypoint: any.sh\n  outputs: [docs/**]\n" + indent(block, "  ")
    return f"{HEAD}targets:\n{indent(block, '  ')}"


def test_the_structure_with_its_placeholders_filled_in() -> None:
    text = STRUCTURE.replace("<target_name>", "one").replace("[...]", "[]")
    text = text.replace("<pull|push|bidirectional>", "bidirectional").replace('"cron expression"', '"0 2 * * *"')
    [target] = loaded(text).targets
    assert target.direction is Direction.BIDIRECTIONAL
    assert target.description == "Human-readable description"
    assert target.inputs == target.outputs == ("glob/pattern/**",)
    assert target.config == {}
    assert target.verification == Verification("validation command", expected_min=100, expected_exit_code=0)
    assert loaded(text).safety == Safety()


def test_the_direction_comes_from_the_defaults() -> None:
    text = STRUCTURE.replace("<target_name>", "one").replace("[...]", "[]").replace('"cron expression"', '"0 2 * * *"')
    [target] = loaded(text.replace("    direction: <pull|push|bidirectional>\n", "")).targets
    assert target.direction is Direction.BIDIRECTIONAL
    assert (target.dry_run, target.fail_on_diff, target.idempotent, target.git_commit) == (False, False, True, True)


@pytest.mark.parametrize("block", PIECES, ids=[block.split("\n")[0] for block in PIECES])
def test_every_block_loads(block: str) -> None:
    config = loaded(in_context(block), {"HOME": "/home/ada"})
    assert len(config.targets) == 1
    assert not config.targets[0].missing


def all_targets() -> Config:
    return loaded(
        f"{HEAD}targets:\n" + "".join(indent(block, "  ") for block in PIECES if re.match(r"\w+:\n  direction", block)),
        {"HOME": "/home/ada"},
    )


def test_all_its_targets_together() -> None:
    config = all_targets()
    names = ("oca_repos", "claude_config", "apps_truth", "live_to_docs", "skillsmith_catalog", "my_new_target")
    assert tuple(target.name for target in config.targets) == names
    oca = config.target("oca_repos")
    assert oca.schedule == Schedule("0 2 * * *")
    assert oca.outputs == ("insightpulse_odoo/addons/oca/**",)
    assert oca.verification == Verification(MODULES, expected_min=100)
    assert oca.options.entrypoint == "scripts/sync-oca-repos.sh"
    claude = config.target("claude_config")
    assert claude.config["agent_dir"] == "/home/ada/.claude/superclaude/agents"
    assert claude.config["skills_dir"] == "docs/claude-code-skills"
    assert config.target("my_new_target").description == "My new sync target"


def test_its_checks_and_gates() -> None:
    checks = [loaded(in_context(b)).safety.pre_sync_checks for b in PIECES if "- name" in b and "skip_on" in b]
    assert (Check("Git clean", "git diff --quiet && git diff --staged --quiet"),) in checks
    [secrets] = [b for b in PIECES if "No secrets in repo" in b]
    [check] = loaded(in_context(secrets)).safety.pre_sync_checks
    assert check.expected_exit_code == 1
    assert check.command.startswith("git grep -i -E '(password|secret|token).*='")
    [valid] = [b for b in PIECES if "Valid JSON" in b]
    [check] = loaded(in_context(valid)).safety.pre_sync_checks
    assert check.command.endswith("-exec jq empty {} \\;")
    assert check.skip_on_push
    gates = [loaded(in_context(b)).safety.drift_gates for b in PIECES if "drift" in b.lower() or "min_value" in b]
    assert (DriftGate("Claude config drift", "scripts/sync-claude-configs.sh", max_drift_score=0),) in gates
    assert (DriftGate("OCA module count", MODULES, min_value=100),) in gates


def test_its_protected_patterns() -> None:
    patterns = re.findall(r"^- `(.+)`$", DOCUMENT.split("**Protected Patterns**")[1].split("---")[0], re.MULTILINE)
    assert len(patterns) == 6
    text = f"{HEAD}targets:\n  any: {{direction: push, entrypoint: any.sh}}\nsafety:\n  secret_patterns: {patterns!r}\n"
    assert loaded(text).safety.secret_patterns == tuple(patterns)
