"""The tutorial's commands, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from directional_sync.errors import Exit

PAGE = Path(__file__).parent.parent.parent / "docs" / "tutorial" / "first-run.md"
REFUSED = "echo 'mine' >> docs/report/words.txt\ndsync run"
"""The one place where a command has to fail."""


def commands() -> list[str]:
    """Each command of the console blocks after the demonstration, with its here-document."""
    text = PAGE.read_text(encoding="utf-8").partition("## 2.")[2]
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [command.rstrip("\n") for block in blocks for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def test_every_command_works_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "here" / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "here" / ".venv" / "bin" / "activate").write_text("")
    environment = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "GIT_PAGER": "cat",
        "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
    }  # fmt: skip
    folder, plan, before = tmp_path / "here", "", ""
    for command in commands():
        line = command.replace("--plan ID", f"--plan {plan}") + "\npwd >&3\n"
        note = tmp_path / "where"
        done = subprocess.run(
            ["bash", "-c", f"exec 3>{note}\n{line}"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        refused = f"{before}\n{command}" == REFUSED
        folder = Path(note.read_text().strip() or folder)
        said = f"$ {command}\n{done.stdout}{done.stderr}"
        status = re.search(r"exit (\d+)$", done.stdout, re.MULTILINE)
        assert "Traceback" not in said
        if refused:
            assert status is not None and int(status[1]) == Exit.REFUSED, said
        else:
            assert done.returncode == 0 and (status is None or status[1] == "0"), said
        found = re.search(r"dsync run --plan ([0-9a-f]+)", done.stdout)
        plan, before = found[1] if found else plan, command
    assert len(commands()) > 20


def test_the_readme_names_what_exists() -> None:
    root = PAGE.parent.parent.parent
    text = (root / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`?make ([a-z-]+)", text)) <= set(targets)
    assert [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not (root / link).exists()] == []
