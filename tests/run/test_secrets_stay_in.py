"""P10: a value that is known to be secret is in nothing that is said, kept or committed, wherever a source puts it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.project import Project

SECRET = "hunter2XsecretQ9vLm77"
WAYS = {
    "content": 'printf "x = $API_TOKEN\\n" > out/conf.txt',
    "name of a file": 'echo x > "out/$API_TOKEN.txt"',
    "name of a folder": 'mkdir "out/$API_TOKEN"; echo x > "out/$API_TOKEN/file"',
    "link": 'ln -s "$API_TOKEN" out/link',
}
CONFIG = """
    targets:
      flow: {direction: pull, entrypoint: "flow.sh", outputs: ["out/**"], env: [API_TOKEN]}
    """


def dsync(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "directional_sync", *arguments]
    return subprocess.run(command, cwd=project.root, env=project.environ, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_a_script_was_given_goes_nowhere(project: Project, way: str) -> None:
    project.environ["API_TOKEN"] = SECRET
    project.write("flow.sh", f"#!/bin/sh\nmkdir -p out\n{WAYS[way]}\n", mode=0o755)
    project.configure(CONFIG)
    head = project.head
    commands = (
        ["plan"],
        ["plan", "--json"],
        ["plan", "--show", "all"],
        ["diff", "flow"],
        ["run", "-vv"],
        ["run", "--ci"],
    )
    for arguments in (*commands, ["run", "--output", "ndjson"], ["log", "--json"]):
        done = dsync(project, *arguments)
        assert SECRET not in done.stdout + done.stderr, arguments
        if "run" in arguments:
            assert done.returncode == 6, done.stdout
    assert project.head == head
    kept = project.root / ".git" / "directional-sync" / "history"
    assert all(SECRET.encode() not in path.read_bytes() for path in kept.rglob("*") if path.is_file())
