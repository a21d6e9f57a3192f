"""The question before an undoing, at a terminal: what is shown is what is done."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from tests.undo.conftest import Flows, dsync


def at_terminal(flows: Flows, answer: str) -> tuple[int, str]:
    """Runs `dsync undo` with a terminal for input, and answers its question; its status and what it said."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "directional_sync", "undo"],
        cwd=flows.project.root,
        env={**flows.project.environ, "COLUMNS": "100", "LC_ALL": "C.UTF-8"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    said = process.communicate(timeout=60)[0].decode()
    os.close(ours)
    return process.returncode, said


@pytest.fixture
def pulled(flows: Flows) -> Flows:
    flows.put("in", {"a": "1\n"})
    flows.run("in")
    flows.put("in", {"a": "2\n"})
    flows.run("in")
    return flows


def test_no_means_no(pulled: Flows) -> None:
    status, said = at_terminal(pulled, "n")
    assert status == 6 and "~ in/a" in said and "undo exactly this?" in said and "nothing was undone" in said
    assert pulled.here("in") == {"a": "2\n"}


def test_yes_does_it(pulled: Flows) -> None:
    status, said = at_terminal(pulled, "y")
    assert status == 0, said
    assert "Undid run" in said and pulled.here("in") == {"a": "1\n"}


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["rollback", "nonsense"], 3, "E-RUN-UNKNOWN"),
        (["rollback", "{run}", "out"], 3, "E-SELECT"),
        (["rollback", "{idle}"], 3, "E-UNDO-NOTHING"),
        (["rollback", "{run}"], 6, "E-UNDO-UNATTENDED"),
        (["undo", "nonsense"], 3, "E-SELECT"),
        (["undo", "out"], 3, "E-UNDO-NOTHING"),
        (["redo"], 3, "E-UNDO-NOTHING"),
    ],
)
def test_who_asks_for_what_there_is_not_is_told_that_and_not_to_say_yes(
    pulled: Flows, arguments: list[str], status: int, code: str
) -> None:
    run, idle = pulled.log()[0]["run"], pulled.run("in").run
    done = dsync(pulled.project, *(one.format(run=run, idle=idle) for one in arguments))
    assert done.returncode == status and f"[{code}]" in done.stderr, done.stderr
    assert ("--yes" in done.stderr) is (code == "E-UNDO-UNATTENDED")
    assert pulled.here("in") == {"a": "2\n"}


def test_a_target_at_rest_after_an_undoing_is_no_drift(pulled: Flows) -> None:
    pulled.undo()
    alone = dsync(pulled.project, "status", "in", "--check")
    assert alone.returncode == 0, alone.stdout
    assert "left alone" in alone.stdout and "at rest since run" in alone.stdout
    assert "0 in sync, 0 differ, 0 unknown, 1 left alone" in alone.stdout
    pulled.edit({"out/new": "new\n"})
    assert dsync(pulled.project, "status", "--check").returncode == 5, "the drift of another one still counts"
    pulled.redo()
    pulled.run("out")
    assert dsync(pulled.project, "status", "--check").returncode == 0


def test_a_paused_target_is_no_drift_and_one_that_cannot_be_looked_at_is(pulled: Flows) -> None:
    text = (pulled.project.root / "sync.yaml").read_text()
    (pulled.project.root / "sync.yaml").write_text(text.replace("direction: pull", "direction: pull\n    paused: true"))
    pulled.project.commit()
    assert dsync(pulled.project, "status", "in", "--check").returncode == 0
    (pulled.project.root / "sync.yaml").write_text(text)
    pulled.project.commit()
    (pulled.far / "in").rename(pulled.far / "away")
    assert dsync(pulled.project, "status", "in", "--check").returncode == 1
