"""The question before an undoing, at a terminal: what is shown is what is done."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from tests.undo.conftest import Flows


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
