"""Small real repositories, made quickly."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository

IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@dataclass(frozen=True)
class Folder:
    """A repository as a user has it: worked on with plain git."""

    root: Path

    def git(self, *arguments: str, stdin: bytes = b"", check: bool = True) -> bytes:
        command = ["git", *IDENTITY, *arguments]
        done = subprocess.run(command, cwd=self.root, input=stdin, capture_output=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout

    def text(self, *arguments: str) -> str:
        return self.git(*arguments).decode("utf-8", "surrogateescape").strip()

    def write(self, path: str | bytes, content: bytes = b"text\n") -> Path:
        file = Path(os.fsdecode(os.path.join(os.fsencode(self.root), os.fsencode(path))))  # noqa: PTH118
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def commit(self, **files: bytes) -> str:
        for path, content in files.items():
            self.write(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "Work")
        return self.text("rev-parse", "HEAD")

    def open(self) -> Repository:
        return Repository.open(self.root)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Folder]:
    """Makes a repository with one commit; its object format is sha1 unless named."""

    def build(name: str = "repo", hash_name: str = "sha1", commit: bool = True) -> Folder:
        root = tmp_path / name
        root.mkdir()
        folder = Folder(root)
        folder.git("init", "-q", "--initial-branch=main", f"--object-format={hash_name}", "--template=")
        if commit:
            folder.git("commit", "-q", "--allow-empty", "-m", "Begin")
        return folder

    return build


@pytest.fixture
def folder(make: Callable[..., Folder]) -> Folder:
    return make()


@pytest.fixture(params=["sha1", "sha256"])
def either(request: pytest.FixtureRequest, make: Callable[..., Folder]) -> Folder:
    """A repository of each object format."""
    return make(hash_name=request.param)


@pytest.fixture
def store(either: Folder) -> Iterator[ObjectStore]:
    repository = either.open()
    with ObjectStore(repository, repository.cache / "quarantine") as found:
        yield found
