"""A project with one target that pushes rows, and the stand-in that takes them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.project import Project

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import TargetRecord
from directional_sync.testing.notion import NotionBoard, NotionService, Page
from directional_sync.testing.service import Asked

TOKEN = "ntn_canaryZq81neverShown"
COLUMNS: Mapping[str, Any] = {
    "Name": "title",
    "External ID": "rich_text",
    "Status": ("select", ("Todo", "Done")),
    "Due": "date",
    "Tags": "multi_select",
    "Notes": "rich_text",
    "Stage": ("status", ("Not started", "In progress", "Done")),
    "Hours": "number",
    "Link": "url",
    "Urgent": "checkbox",
    "Total": "formula",
}
PROPERTIES: Mapping[str, Any] = {"Name": "{title}", "Status": "{status?}", "Due": "{due?}", "Tags": "{tags?}"}
DATA_SOURCES = "/v1/data_sources/"


def reads(asked: Asked) -> bool:
    return asked.method == "GET" or asked.path.endswith("/query")


def creates(asked: Asked) -> bool:
    return asked.method == "POST" and asked.path == "/v1/pages"


def updates(asked: Asked) -> bool:
    return asked.method == "PATCH"


@dataclass
class Noted:
    project: Project
    service: NotionService
    database: str
    remote: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)

    @property
    def board(self) -> NotionBoard:
        return self.service.board

    def configure(self, **remote: Any) -> None:
        """Writes and commits the file. None takes a key out."""
        self.remote |= remote
        said = {
            "type": "notion",
            "url": self.service.url,
            "token": "NOTION_API_TOKEN",
            "database": "TASKS_DB_ID",
            "key": "{id}",
            "properties": dict(PROPERTIES),
            "rate": 100,
            "settle": 0,
            **self.remote,
        }
        target = {
            "direction": "push",
            "env": ["NOTION_API_TOKEN", "TASKS_DB_ID"],
            "remote": {key: value for key, value in said.items() if value is not None},
            "inputs": ["tasks/**"],
            "timeout": 60,
            **self.target,
        }
        self.project.configure(yaml.safe_dump({"targets": {"tasks": target}}, sort_keys=False))

    def say(self, *rows: Mapping[str, Any], path: str = "tasks/all.json") -> None:
        """What the repository says from now on."""
        self.project.write(path, json.dumps(list(rows), indent=1))
        self.project.commit()

    def have(self, *rows: Mapping[str, Any]) -> None:
        """The far side has just these rows already, and so has the base."""
        for row in rows:
            values = {
                "Name": {"title": [{"text": {"content": row["title"]}}]},
                "External ID": {"rich_text": [{"text": {"content": row["id"]}}]},
                "Status": {"select": {"name": row["status"]}},
                "Due": {"date": {"start": row["due"]}},
            }
            self.board.add(self.database, values)
        self.say(*rows)
        self.sync()
        assert not self.board.writes
        self.heard()

    def run(self, **options: Any) -> TargetRecord:
        return self.project.one(**options)

    def sync(self, **options: Any) -> TargetRecord:
        """A run that must succeed."""
        record = self.run(**options)
        assert record.success, (record.message, record.failure)
        return record

    def heard(self) -> list[str]:
        """What was asked since last time: `query`, `create`, `update`, `GET /v1/...`."""
        found = [_named(asked) for asked in self.service.heard]
        self.service.forget()
        return found

    def rest(self) -> None:
        """One more run asks once for each hundred rows and writes nothing."""
        self.heard()
        record = self.sync()
        assert record.outcome is Outcome.IN_SYNC, record.message
        number = len(self.board.rows(self.database))
        assert self.heard() == ["query"] * max(1, -(-number // 100))

    def row(self, key: str) -> Page:
        return self.board.row(self.database, key)

    def ids(self) -> list[str]:
        """External ids of all rows, one as often as it is there."""
        return sorted(key for key, pages in self.board.rows(self.database).items() for _ in pages)

    def value(self, key: str, name: str) -> Any:
        """A property as the service holds it."""
        [value] = self.row(key).now.properties[name].values()
        return value

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "directional_sync", *arguments],
            cwd=self.project.root,
            env={**self.project.environ, "COLUMNS": "100", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )


def _named(asked: Asked) -> str:
    if asked.path.endswith("/query"):
        return "query"
    if creates(asked):
        return "create"
    return "update" if updates(asked) else f"{asked.method} {asked.path}"


def task(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"t{number:03}", "title": f"Task {number}", "status": "Todo", "due": "2026-01-31", **more}


def tasks(number: int, **more: Any) -> list[dict[str, Any]]:
    return [task(at, **more) for at in range(number)]


def state(project: Project) -> Path:
    return project.root / ".git/directional-sync"
