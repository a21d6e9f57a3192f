"""What the shell is offered; the quick answers are the same as the parser's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from directional_sync.cli.complete import answered
from directional_sync.cli.group import root

YAML = """\
version: "1.0"
targets:
  # all of them
  oca_repos:
    direction: pull
  "apps_truth":
    outputs: [x]
safety:
  other: 1
"""
LINES = [
    "dsync ", "dsync pl", "dsync zzz", "dsync run ", "dsync run oca_repos ap", "dsync plan --target ",
    "dsync plan -t o",
    "dsync diff o", "dsync apply ", "dsync status x", "dsync log ",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sync.yaml").write_text(YAML)
    monkeypatch.chdir(tmp_path)


def asked(shell: str, line: str) -> dict[str, str]:
    words = line.split(" ")
    at = words[-1] if shell == "fish" else str(len(words) - 1)
    return {"_DSYNC_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": at}


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_quick_answer_is_the_parsers(
    shell: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in asked(shell, line).items():
        monkeypatch.setenv(name, value)
    assert answered(os.environ)
    quick = capsys.readouterr().out
    found = get_completion_class(shell)
    assert found is not None
    slow = found(root, {}, "dsync", "_DSYNC_COMPLETE").complete()
    if shell == "bash":
        assert quick.splitlines() == slow.splitlines()
    else:  # the parser shortens help texts
        assert [line.partition("\t")[0] for line in quick.splitlines() if "." not in line] == [
            line.partition("\t")[0] for line in slow.splitlines() if "." not in line
        ]


@pytest.mark.parametrize(
    "line", ["dsync --d", "dsync run --", "dsync run --color ", "dsync run --config x -t ", "dsync init "]
)
def test_the_rest_is_left_to_the_parser(line: str) -> None:
    assert not answered(asked("bash", line))


def test_through_the_program(tmp_path: Path) -> None:
    def complete(line: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "directional_sync"],
            env={**os.environ, **asked("bash", line)}, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        return done.stdout.split()

    assert complete("dsync run --target ") == ["plain,oca_repos", "plain,apps_truth"]  # U7
    assert "plain,--dry-run" in complete("dsync run --dry")
    assert complete("dsync run --color ") == ["plain,auto", "plain,always", "plain,never"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    from directional_sync.cli import main

    assert main(["completion", shell]) == 0
    assert "_DSYNC_COMPLETE" in capsys.readouterr().out
