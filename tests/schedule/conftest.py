"""A real repository whose targets have schedules, and a clock that the test sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.project import Project, make_project

from directional_sync.system import host


class Clock:
    """What the program takes for the time."""

    def __init__(self, text: str) -> None:
        self.set(text)

    def set(self, text: str) -> None:
        self.moment = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def pass_by(self, **given: float) -> None:
        self.moment += timedelta(**given)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock("2026-11-28T01:00")
    monkeypatch.setattr(host, "now", lambda: found.moment)
    return found


CONFIG = """
    targets:
      daily:
        direction: pull
        schedule: "0 2 * * *"
        entrypoint: scripts/note.sh
        outputs: ["daily/**"]
      often:
        direction: pull
        schedule: "0 */6 * * *"
        entrypoint: scripts/note.sh
        outputs: ["often/**"]
      byhand:
        direction: pull
        entrypoint: scripts/note.sh
        outputs: ["byhand/**"]
"""
NOTE = """\
    #!/bin/bash
    mkdir -p "$SYNC_TARGET"
    echo "for ${SYNC_SCHEDULED:-nothing}" >"$SYNC_TARGET/note.txt"
    if [ -e "fail-$SYNC_TARGET" ]; then exit 3; fi
"""


@pytest.fixture
def scheduled(tmp_path: Path) -> Project:
    """Nothing in it has run yet."""
    project = make_project(tmp_path / "repository")
    project.write("scripts/note.sh", NOTE, mode=0o755)
    project.configure(CONFIG)
    return project
