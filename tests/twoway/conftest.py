"""A repository and a folder outside of it, kept equal in both directions, and what people do to either."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.files.conftest import Pair, without_the_detector, writable
from tests.project import Project, make_project

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import TargetRecord

__all__ = ["Two", "two", "without_the_detector", "writable"]


@dataclass
class Two:
    """Side A is `data/` of the repository, side B is the folder `far`."""

    project: Project
    far: Path
    pair: Pair

    def a(self, files: Mapping[str, str | bytes | None]) -> None:
        """Somebody edits the repository and commits. None: deletes it."""
        for path, content in files.items():
            place = self.project.root / "data" / path
            if content is None:
                place.unlink() if place.is_file() or place.is_symlink() else shutil.rmtree(place)
        for path, content in files.items():
            if content is not None:
                self.project.write(f"data/{path}", content.encode() if isinstance(content, str) else content)
        self.project.commit("Edit")

    def b(self, files: Mapping[str, str | bytes | None]) -> None:
        """The same on the far side."""
        for path, content in files.items():
            place = self.far / path
            if content is None:
                place.unlink() if place.is_file() or place.is_symlink() else shutil.rmtree(place)
        for path, content in files.items():
            if content is not None:
                self.pair.put(path, content)

    @property
    def here(self) -> dict[str, str]:
        """As committed."""
        names = self.project.git("ls-tree", "-r", "--name-only", "-z", "HEAD", "data").split("\0")
        return {name[5:]: self._committed(name) for name in names if name}

    def _committed(self, name: str) -> str:
        import subprocess

        shown = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=self.project.root, capture_output=True, check=True)
        return shown.stdout.decode("utf-8", "replace")

    @property
    def there(self) -> dict[str, str]:
        return {path: content.decode("utf-8", "replace") for path, content in self.pair.files().items()}

    def agree(self, files: Mapping[str, str | bytes]) -> None:
        """Both sides hold these, and have agreed on them."""
        self.a(files)
        record = self.project.one()
        assert record.outcome in (Outcome.SYNCED, Outcome.IN_SYNC), record.failure
        assert self.here == self.there

    def run(self, **options: object) -> TargetRecord:
        return self.project.one(**options)

    def settled(self) -> None:
        """I1: a run right after changes nothing, anywhere."""
        before = (self.project.head, self.pair.state(), self.project.git("for-each-ref"))
        record = self.run()
        assert not record.counts.total
        assert (self.project.head, self.pair.state(), self.project.git("for-each-ref")) == before
        assert self.project.clean()


def configure(project: Project, far: Path, more: str = "", remote: str = "", globs: str = '["data/**"]') -> None:
    lines = "".join(f"                {line}\n" for line in more.splitlines())
    project.configure(
        f"""
            targets:
              share:
                direction: bidirectional
                remote: {{type: files, url: "{far}"{remote and ", "}{remote}}}
                outputs: {globs}
{lines}"""
    )


@pytest.fixture
def two(tmp_path: Path) -> Two:
    project = make_project(tmp_path / "project")
    far = tmp_path / "outside" / "share"
    far.mkdir(parents=True)
    pair = Pair(project, far)
    pair.allow()
    configure(project, far, "policy: {max_delete: 100%}")
    return Two(project, far, pair)
