"""Runs that are taken back: one repository with flows in every direction, their far sides folders outside of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.files.conftest import Pair, without_the_detector
from tests.project import Project, make_project

from directional_sync import rewind
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.past import history
from directional_sync.rewind import Asked
from directional_sync.workspace import RunOptions, Workspace, open_workspace

__all__ = ["without_the_detector"]

CONFIG = """
    targets:
      in:
        direction: pull
        remote: {{type: files, url: "{far}/in"}}
        outputs: ["in/**"]
        policy: {{max_delete: 100%, allow_empty: true}}
      both:
        direction: bidirectional
        remote: {{type: files, url: "{far}/both"}}
        outputs: ["both/**"]
        policy: {{max_delete: 100%, allow_empty: true}}
      out:
        direction: push
        remote: {{type: files, url: "{far}/out"}}
        inputs: ["out/**"]
        policy: {{max_delete: 100%, allow_empty: true}}
    """
FLOWS = ("in", "both", "out")


@dataclass
class Flows:
    project: Project
    far: Path

    def there(self, flow: str) -> dict[str, str]:
        """What the far side of a flow holds."""
        folder = self.far / flow
        return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}

    def here(self, flow: str, revision: str = "HEAD") -> dict[str, str]:
        """What the branch holds of a flow."""
        names = self.project.git("ls-tree", "-r", "--name-only", revision, "--", flow).splitlines()
        return {name[len(flow) + 1 :]: self._content(revision, name) for name in names}

    def _content(self, revision: str, name: str) -> str:
        command = ["git", "show", f"{revision}:{name}"]
        return subprocess.run(command, cwd=self.project.root, capture_output=True, check=True).stdout.decode()

    def put(self, flow: str, files: Mapping[str, str | None]) -> None:
        """Somebody changes the far side. None: removes it."""
        for path, content in files.items():
            place = self.far / flow / path
            if content is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(content)

    def edit(self, files: Mapping[str, str | None], message: str = "Edit") -> str:
        """Somebody changes the repository and commits."""
        for path, content in files.items():
            if content is None:
                (self.project.root / path).unlink()
            else:
                self.project.write(path, content.encode())
        return self.project.commit(message)

    def run(self, *names: str, **options: Any) -> Summary:
        return self.project.run(*names, **options)

    @property
    def workspace(self) -> Workspace:
        return open_workspace(None, self.project.root, self.project.environ)

    def rollback(self, run: str, *names: str, keep_later: bool = False, **options: Any) -> Summary:
        asked = Asked(run, names, keep_later)
        return rewind.rollback(self.workspace, asked, RunOptions(**options), {}, self.project.events.append)

    def undo(self, target: str | None = None, **options: Any) -> Summary:
        return self.rollback(rewind.undoable(self.workspace, target), *([target] if target else []), **options)

    def redo(self, target: str | None = None, **options: Any) -> Summary:
        return self.rollback(rewind.redoable(self.workspace, target), *([target] if target else []), **options)

    def lock(self, revision: str = "HEAD") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.project.git("show", f"{revision}:sync.lock"))["targets"]
        return found

    def log(self) -> list[dict[str, Any]]:
        return history(self.workspace).newest(limit=1000)

    def sound(self) -> None:
        """Nothing of ours is left over, nothing of git's is broken, and the work tree is what the branch says."""
        assert self.project.clean() and self.project.fsck() == ""
        state = self.project.root / ".git/directional-sync"
        assert [path for name in ("journal", "cache/quarantine") for path in (state / name).glob("*")] == []


def of(summary: Summary, name: str = "") -> TargetRecord:
    records = [record for record in summary.records if not name or record.target == name]
    assert len(records) == 1
    return records[0]


def dsync(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "directional_sync", *arguments],
        cwd=project.root,
        env={**project.environ, "COLUMNS": "100", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def make_flows(root: Path) -> Flows:
    project = make_project(root / "project")
    far = root / "far"
    for name in FLOWS:
        (far / name).mkdir(parents=True)
    Pair(project, far).allow()
    project.write("mine.txt", "mine\n")
    project.configure(CONFIG.format(far=far))
    return Flows(project, far)


@pytest.fixture
def flows(tmp_path: Path) -> Flows:
    return make_flows(tmp_path)
