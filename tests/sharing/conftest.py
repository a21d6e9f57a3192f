"""Clones of one repository that share it through a bare one, each on a folder of its own for a far side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.project import Project, make_project


def pulled(name: str, source: Path, more: str = "") -> str:
    """One target of the file, which pulls a folder."""
    remote = f'{{type: files, url: "{source}"}}'
    return f'  {name}: {{direction: pull, remote: {remote}, outputs: ["{name}/**"]{more}}}\n'


@dataclass
class Fleet:
    """A bare repository and its clones."""

    folder: Path

    @property
    def bare(self) -> Path:
        return self.folder / "shared.git"

    def found(self, config: str) -> Project:
        """The first clone, with this configuration, pushed."""
        first = make_project(self.folder / "first")
        (first.root / "sync.yaml").write_text(f'version: "1.0"\n{config}')
        first.commit("Begin")
        first.git("clone", "-q", "--bare", str(first.root), str(self.bare))
        first.git("remote", "add", "origin", str(self.bare))
        return first

    def clone(self, name: str) -> Project:
        folder = self.folder / name
        project = make_project(folder)
        project.git("config", "directional-sync.externalRoots", str(self.folder))
        project.git("remote", "add", "origin", str(self.bare))
        project.git("fetch", "-q", "origin")
        project.git("reset", "-q", "--hard", "origin/main")
        project.git("branch", "-q", "--set-upstream-to=origin/main")
        return project

    def git(self, *arguments: str) -> str:
        return Project(self.bare).git(*arguments)

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)  # type: ignore[misc]

    def hook(self, name: str, script: str) -> None:
        path = self.bare / "hooks" / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)

    def source(self, name: str, **files: str) -> Path:
        """A folder that a target pulls from."""
        path = self.folder / "sources" / name
        path.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (path / f"{file}.txt").write_text(content)
        return path

    def sources(self, *names: str) -> str:
        """The targets that pull from these folders."""
        return "targets:\n" + "".join(pulled(name, self.source(name, a=f"{name} 1\n")) for name in names)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)
