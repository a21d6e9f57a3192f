"""The action of this repository: inputs checked first, nothing of them in a script, all pinned (R6, T13, T37, T38)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.config.test_workflow import linted

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "action.yml").read_text(encoding="utf-8")
DATA: dict[str, Any] = yaml.safe_load(TEXT)
STEPS: list[dict[str, Any]] = DATA["runs"]["steps"]
USUAL = {name.upper().replace("-", "_"): given.get("default", "") for name, given in DATA["inputs"].items()}


def checked(**inputs: str) -> tuple[int, str]:
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **USUAL, **inputs}
    done = subprocess.run(["bash", "-e", "-c", STEPS[0]["run"]], env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_r6_t13_no_expression_in_any_script() -> None:
    for step in STEPS:
        assert "${{" not in step.get("run", "")
        assert "eval" not in step.get("run", "").split()


def test_t37_what_it_uses_is_pinned() -> None:
    for action, version in re.findall(r"uses: (\S+)(.*)", TEXT):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", version)


def test_t38_the_token_is_with_no_step_that_runs_targets() -> None:
    [sync] = [step for step in STEPS if step.get("id") == "sync"]
    assert not [name for name in sync["env"] if "TOKEN" in name]


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"TARGET": "oca_*", "DIRECTION": "pull", "VERIFY": "true"},
        {"TARGET": "[a-c]?", "CONFIG": ".insightpulse/sync.yaml"},
        {"COMMAND": "check", "DUE": "true", "DELIVER": "false"},
    ],
)
def test_inputs_that_make_sense(inputs: dict[str, str]) -> None:
    assert checked(**inputs) == (0, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMMAND", "rollback"),
        ("COMMAND", ""),
        ("CONFIG", "--config=x"),
        ("CONFIG", "a b"),
        ("TARGET", "$(id)"),
        ("TARGET", "a\nb"),
        ("DIRECTION", "both"),
        ("DUE", "* * * * *; id"),
        ("VERIFY", "yes"),
        ("DELIVER", ""),
    ],
)
def test_inputs_that_make_none_are_named(name: str, value: str) -> None:
    status, said = checked(**{name: value})
    assert status == 2
    assert f"the input `{name.lower()}` must be" in said


@given(text=st.text(alphabet=st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_t13_what_passes_is_harmless(text: str) -> None:
    """Whatever is given for a target: it is refused, or it is made of the characters of names and globs."""
    status, _ = checked(TARGET=text)
    assert (status == 0) is bool(re.fullmatch(r"[\]A-Za-z0-9_.*?\[-]*", text))


@pytest.mark.parametrize("tool", ["zizmor", "check-jsonschema"])
def test_g21_linters_find_nothing(tool: str) -> None:
    linted(tool, ROOT / "action.yml", schema="vendor.github-actions")
