"""What tests of lists share: commands in this process, and no detector but where it is what a test is about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.project import Project
from tests.rest.listed import Said

from directional_sync.cli import main

Dsync = Callable[..., Said]


@pytest.fixture(autouse=True)
def no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for secrets takes seconds to start; the built-in rules and patterns judge all the same."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


@pytest.fixture
def dsync(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Dsync:
    """Runs a command line in a project, with its environment; keywords are further variables."""

    def run(project: Project, *arguments: str, **environ: str) -> Said:
        with monkeypatch.context() as here:
            here.chdir(project.root)
            for name, value in {**project.environ, "COLUMNS": "200", **environ}.items():
                here.setenv(name, value)
            capfd.readouterr()
            status = main(list(arguments))
            return Said(status, *capfd.readouterr())

    return run
