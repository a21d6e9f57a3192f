"""F29: a hundred thousand files are vendored in bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import empty

pytestmark = pytest.mark.faults
MEGABYTES_MAX = 400
FILES = 100_000
RUN = """
import atexit, resource, sys
from directional_sync.cli import main
atexit.register(lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr))
sys.argv = ["dsync", "run", "-q"]
sys.exit(main())
"""
CONFIG = """
version: "1.0"
targets:
  big:
    direction: pull
    remote: {{type: git, url: "{url}", ref: "18.0", names: [big], into: "addons/{{name}}"}}
    outputs: ["addons/**"]
    verification: {{command: "ls addons/big | wc -l", expected_min: 2500}}
"""


def test_a_hundred_thousand_files(tmp_path: Path) -> None:
    upstream = empty(tmp_path / "upstreams" / "big.git")
    upstream.commit({f"m{n % 2500}/f{n}.py": b"# line %d\n" % n * (1 + n % 60) for n in range(FILES)}, "Many")
    root, home = tmp_path / "work", tmp_path / "home"
    root.mkdir(), home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=root, env=environment, capture_output=True, check=True, text=True
        )
        return done.stdout

    git("init", "-q", "-b", "main")
    git("config", "user.name", "A")
    git("config", "user.email", "a@example.com")
    with GitServer(tmp_path / "upstreams") as server:
        (root / "sync.yaml").write_text(CONFIG.format(url=server.url("{name}")))
        git("add", "-A")
        git("commit", "-qm", "Begin")
        done = subprocess.run([sys.executable, "-c", RUN], cwd=root, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    peak = int(done.stderr.split()[-1])
    print(f"\n{FILES:,} files: {peak} MB")
    assert peak < MEGABYTES_MAX
    assert git("status", "--porcelain") == ""
    assert git("rev-parse", "HEAD:addons/big").strip() == upstream.git("rev-parse", "18.0^{tree}").strip()
