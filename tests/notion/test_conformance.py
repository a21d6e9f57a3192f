"""The contract of endpoints, over Notion and its stand-in."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from directional_sync.core.strict_json import dump
from directional_sync.endpoints.base import Context, Endpoint
from directional_sync.endpoints.notion import endpoint as notion
from directional_sync.endpoints.notion.keys import decode
from directional_sync.endpoints.notion.options import NotionOptions
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Direction, Target
from directional_sync.testing.conformance import CANARY, EndpointConformance
from directional_sync.testing.memory import MemoryObjects
from directional_sync.testing.notion import NotionBoard, NotionService


class NotionHarness:
    cannot: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        self.objects = MemoryObjects()
        self.folder = folder
        self.board = NotionBoard(token=CANARY)
        columns = {"Name": "title", "External ID": "rich_text", "Content": "rich_text", "With": "relation"}
        self.database = self.board.database("Things", columns)
        self.service = NotionService(self.board)

    def content(self, raw: bytes) -> bytes:
        return dump({"Content": base64.b64encode(raw).decode() or None, "With": None})

    def open(self) -> Endpoint:
        options = NotionOptions(
            url=self.service.url, token="TOKEN", database="DB", rate=100, settle=0,
            properties={"Content": "{content}", "With": "{with?}"},
        )  # fmt: skip
        return notion.open(
            Context(
                target=Target("things", Direction.PUSH, "notion", options=options, records=True),
                objects=self.objects,
                git_dir=self.folder,
                cache=self.folder / "cache",
                head="",
                tell=lambda event: None,
                environment={"TOKEN": CANARY, "DB": self.database},
            )
        )

    def put(self, key: str, content: bytes) -> None:
        values: dict[str, Any] = {"Content": {"rich_text": [_run(base64.b64encode(content).decode())]}}
        pages = self.board.rows(self.database).get(key)
        if pages:
            self.board.edit(pages[0].id, values)
        else:
            self.board.add(self.database, {"External ID": {"rich_text": [_run(key)]}, **values})

    def remove(self, key: str) -> None:
        self.board.trash(self.board.row(self.database, key).id)

    def spoil(self, key: str) -> None:
        """More relations than a page shows."""
        others = [{"id": f"{number:08x}-0000-0000-0000-000000000000"} for number in range(30)]
        self.board.edit(self.board.row(self.database, key).id, {"With": {"relation": others}})

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        return {decode(key): entry for key, entry in snapshot.entries.items()}


def _run(content: str) -> dict[str, Any]:
    return {"type": "text", "text": {"content": content}}


class TestNotion(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[NotionHarness]:
        harness = NotionHarness(tmp_path)
        with harness.service:
            yield harness
