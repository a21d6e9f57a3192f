"""A real repository with a configuration, driven as the commands drive it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from directional_sync.app import RunOptions, Selection, open_workspace, run
from directional_sync.model.lifecycle import Event
from directional_sync.model.record import Summary, TargetRecord


@dataclass
class Project:
    """A real repository with a configuration, driven through the use cases as the commands are."""

    root: Path
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    events: list[Event] = field(default_factory=list)

    def git(self, *arguments: str, check: bool = True) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        done = subprocess.run(["git", *identity, *arguments], cwd=self.root, capture_output=True, text=True)
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
        file.chmod(mode)
        return file

    def commit(self, message: str = "Work") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head

    def configure(self, text: str) -> None:
        """Writes and commits the configuration."""
        self.write("sync.yaml", 'version: "1.0"\n' + dedent(text))
        self.commit("Configure")

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def commits(self) -> int:
        return int(self.git("rev-list", "--count", "HEAD"))

    def files(self, revision: str = "HEAD", under: str = ".") -> dict[str, str]:
        """Path -> content, as committed."""
        names = self.git("ls-tree", "-r", "--name-only", revision, under).splitlines()
        return {name: self.git("show", f"{revision}:{name}") for name in names}

    def run(self, *patterns: str, **options: object) -> Summary:
        workspace = open_workspace(None, self.root, self.environ)
        self.events = []
        return run(workspace, Selection(patterns), RunOptions(**options), self.events.append)  # type: ignore[arg-type]

    def plan(self, *patterns: str, **options: object) -> Summary:
        return self.run(*patterns, dry_run=True, **options)

    def one(self, *patterns: str, **options: object) -> TargetRecord:
        """The record of the only target that ran."""
        [record] = self.run(*patterns, **options).records
        return record

    def clean(self) -> bool:
        return self.git("status", "--porcelain") == ""

    def fsck(self) -> str:
        return self.git("fsck", "--strict", "--no-dangling", check=False)


def make_project(root: Path, environ: Mapping[str, str] | None = None) -> Project:
    root.mkdir(parents=True, exist_ok=True)
    project = Project(root)
    if environ is not None:
        project.environ = dict(environ)
    project.git("init", "-q", "-b", "main")
    project.git("config", "user.name", "Ada")
    project.git("config", "user.email", "ada@example.org")
    return project
