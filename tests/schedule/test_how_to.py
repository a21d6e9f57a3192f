"""The how-to on schedules: its file is taken, its commands run, its lines for cron and CI do what they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync.config.load import read
from directional_sync.model.target import Catchup

PAGE = (Path(__file__).parents[2] / "docs/how-to/run-on-a-schedule.md").read_text(encoding="utf-8")
BLOCKS = {kind: re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("yaml", "console", "crontab", "sh")}
COMMANDS = [line.removeprefix("$ ") for block in BLOCKS["console"] for line in block.splitlines()]


@pytest.fixture
def example(project: Project, tmp_path: Path) -> Project:
    """The repository of the page, with `dsync` on PATH."""
    for name in ("prices", "closing"):
        script = f"#!/bin/bash\nmkdir -p data/{name}\necho 1 >data/{name}/all.csv\n"
        project.write(f"scripts/{name}.sh", script, mode=0o755)
    project.write("sync.yaml", BLOCKS["yaml"][0].replace("2027-01-31", "2999-01-31"))
    project.commit()
    tool = tmp_path / "bin/dsync"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m directional_sync "$@"\n')
    tool.chmod(0o755)
    project.environ = {**os.environ, "PATH": f"{tool.parent}:{os.environ['PATH']}"}
    return project


def shell(project: Project, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-ec", line], cwd=project.root, env=project.environ, capture_output=True, text=True, timeout=120
    )


def test_the_file_is_taken() -> None:
    text, more = BLOCKS["yaml"]
    file = read(f"{text}\n{more}".encode(), "sync.yaml", {})
    assert (file.concurrency.targets, file.concurrency.per_host) == (8, 2)
    prices, closing = file.targets
    assert prices.schedule is not None and prices.schedule.timezone == "Europe/Brussels"
    assert prices.punctuality.jitter_s == 600
    assert (closing.punctuality.catchup, closing.punctuality.catchup_max) == (Catchup.ALL, 3)
    assert closing.paused is not None and closing.paused.until == "2027-01-31"


def test_the_commands_run(example: Project) -> None:
    assert len(COMMANDS) == 6
    for line in COMMANDS:
        done = shell(example, line)
        assert done.returncode == 0, (line, done.stderr)
    assert example.files()["data/prices/all.csv"] == "1"


def test_the_line_for_cron(example: Project) -> None:
    [line] = BLOCKS["crontab"]
    fields = line.strip().split(" ", 5)
    assert fields[:5] == ["*/5", "*", "*", "*", "*"]
    done = shell(example, fields[5].replace("/srv/repository", shlex.quote(str(example.root))))
    assert done.returncode == 0, done.stderr
    assert example.files()["data/prices/all.csv"] == "1"


def test_the_lines_for_ci_let_a_new_clone_know(example: Project, tmp_path: Path) -> None:
    hub = tmp_path / "hub.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(example.root), str(hub)], check=True)
    [lines] = BLOCKS["sh"]
    ran = []
    for name in ("first", "second"):
        clone = Project(tmp_path / name, environ=example.environ)
        subprocess.run(["git", "clone", "-q", str(hub), str(clone.root)], check=True)
        done = shell(clone, lines)
        assert done.returncode == 0, done.stderr
        ran.append(done.stdout)
    assert "1 successful" in ran[0] and "0 targets" in ran[1]
