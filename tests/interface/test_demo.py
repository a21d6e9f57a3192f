"""The demonstration plays to its end, every step as it has to be, and leaves a repository and no process."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from directional_sync.errors import Exit


def test_it_plays_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "directional_sync", "demo", str(folder)], capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"serving them at http://127\.0\.0\.1:\d+/", done.stdout)
    steps = re.findall(r"^\$ dsync (\w+)", done.stdout, re.MULTILINE)
    apps = ["run", "run", "run"] if shutil.which("jq") else []
    vendoring = ["init", "list", "plan", "run", "run", "plan", "run", "status", "run"]
    live, skills, rows = ["run"], ["run", "run"], ["run", "run", "plan", "run"]
    assert steps == [*vendoring, *apps, *live, *skills, *rows, "run", "doctor", "log"]
    assert "All steps ended as they should." in done.stdout
    repo = folder / "repo"
    subjects = subprocess.run(
        ["git", "log", "--format=%s"], cwd=repo, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    # The configuration, two runs, one edit by hand, the server, the skills, a moved date, claude.md and its run; the
    # refused runs and the pushes left none.
    assert len(subjects) == 9 + bool(apps)
    assert subprocess.run(["git", "status", "--porcelain"], cwd=repo, capture_output=True, check=True).stdout == b""
    assert _processes_in(folder) == []


def test_it_spares_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "directional_sync", "demo", str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == Exit.FAILED
    assert "E-DEMO" in done.stderr and [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def _processes_in(folder: Path) -> list[str]:
    """The processes whose working folder lies in `folder`, where the system tells."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "cwd").readlink()).startswith(str(folder)):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found
