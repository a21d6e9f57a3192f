"""Golden files of whole outputs, and the commands with the use cases replaced by hand-made values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from tests.interface.values import targets

from directional_sync import app
from directional_sync.cli import main
from directional_sync.cli.options import Face
from directional_sync.model.target import Config, Safety
from directional_sync.workspace import Workspace


class TextFile(SingleFileSnapshotExtension):
    """One readable file for each output."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextFile)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "CI", "COLUMNS", "DIRECTIONAL_SYNC_CONFIG", "DSYNC_ACCESSIBLE", "FORCE_COLOR", "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY", "NO_COLOR",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


Dsync = Callable[..., tuple[int, str, str]]


@pytest.fixture
def dsync(capfd: pytest.CaptureFixture[str]) -> Dsync:
    """Runs a command line in this process; answers (exit status, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main(list(arguments))
        said = capfd.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace that every command opens, without a file or a repository behind it."""
    config = Config(targets(), Safety(), ".insightpulse/sync.yaml", "c" * 64, secrets=("hunter2-the-secret",))
    found = Workspace(tmp_path, config, {})
    monkeypatch.setattr(Workspace, "state", property(lambda self: tmp_path / "state"))

    def open_it(self: Face, *, glance: bool = False, anew: bool = False) -> Workspace:
        self.workspace = found
        return found

    monkeypatch.setattr(Face, "open", open_it)
    return found


@pytest.fixture
def runs(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Makes `app.run` tell these events and answer this summary; answers the list of options it was called with."""

    def set_up(summary: Any, events: Any = ()) -> list[Any]:
        seen: list[Any] = []

        def run(workspace: Any, selection: Any, options: Any, tell: Any) -> Any:
            seen.append((selection, options))
            for event in events:
                tell(event)
            return summary

        monkeypatch.setattr(app, "run", run)
        return seen

    return set_up
