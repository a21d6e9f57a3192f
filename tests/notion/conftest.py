from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.notion.noted import COLUMNS, TOKEN, Noted
from tests.project import Project

from directional_sync.testing.notion import NotionBoard, NotionService


@pytest.fixture
def noted(project: Project) -> Iterator[Noted]:
    board = NotionBoard(token=TOKEN)
    database = board.database("Tasks", COLUMNS)
    project.environ |= {"NOTION_API_TOKEN": TOKEN, "TASKS_DB_ID": database.replace("-", "")}
    with NotionService(board) as service:
        noted = Noted(project, service, database)
        noted.configure()
        yield noted


@pytest.fixture(autouse=True)
def no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for secrets takes seconds to start; the built-in rules and patterns judge all the same."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
