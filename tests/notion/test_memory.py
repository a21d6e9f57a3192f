"""G14: what 100,000 rows take of memory and requests, of the program itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.notion.noted import TOKEN, Noted

from directional_sync.endpoints.notion.api import RESULTS_MAX
from directional_sync.testing.notion import NotionBoard, NotionService
from directional_sync.testing.service import Asked, Told

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process"),
]
ROWS = 100_000
LIMIT_MB = 400
MEASURED = """\
import re, sys
from pathlib import Path
from directional_sync.cli import main
status = main(sys.argv[1:])
print("peak", int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024, "MB")
sys.exit(status)
"""


class Many(NotionService):
    """Has so many rows without keeping them."""

    def __init__(self, board: NotionBoard, source: str) -> None:
        self.source = source
        super().__init__(board)

    def answer(self, asked: Asked) -> Told:
        if not asked.path.endswith("/query") or b"last_edited_time" in asked.body:
            return self.board.answer(asked)
        since = re.search(rb'"created_time":."on_or_after":"2026-01-(\d\d)', asked.body)
        first = 5000 * (int(since[1]) - 1) if since else 0
        last = min(ROWS, first + RESULTS_MAX)
        start = int(asked.json.get("start_cursor", first))
        end = start + asked.json["page_size"]
        more = end < last
        pages = [self.page(number) for number in range(start, min(end, last))]
        return Told.json({"results": pages, "has_more": more, "next_cursor": str(end) if more else None})

    def page(self, number: int) -> dict[str, Any]:
        columns = self.board._table(self.source).properties
        values: dict[str, Any] = dict.fromkeys(columns)
        values |= {"Name": _texts(f"Task {number}"), "External ID": _texts(f"t{number}"), "Notes": _texts("n" * 300)}
        values |= {"Status": {"name": "Todo"}, "Tags": [{"name": "a"}], "Due": {"start": "2026-01-31"}}
        made = f"2026-01-{1 + number // 5000:02}T00:00:00.000Z"
        kinds = {name: about["type"] for name, about in columns.items()}
        properties = {name: {"id": name, "type": kinds[name], kinds[name]: value} for name, value in values.items()}
        return {
            "object": "page",
            "created_time": made,
            "id": f"{number:032x}",
            "url": f"https://n/{number}",
            "properties": properties,
        }


def _texts(content: str) -> list[dict[str, Any]]:
    return [{"type": "text", "plain_text": content, "text": {"content": content}, "annotations": {"bold": False}}]


def test_a_hundred_thousand_rows(noted: Noted) -> None:
    with Many(noted.board, noted.board.table(noted.database).id) as service:
        rows = [
            {"id": f"t{n}", "title": f"Task {n}", "status": "Todo", "due": "2026-01-31", "tags": ["a"]}
            for n in range(ROWS)
        ]
        noted.project.write("tasks/all.json", json.dumps(rows))
        noted.target["timeout"] = 3600
        noted.configure(url=service.url)
        for at in (1, 2):
            service.forget()
            done = subprocess.run(
                [sys.executable, "-c", MEASURED, "run"], cwd=noted.project.root, env=noted.project.environ,
                capture_output=True, text=True, timeout=900, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert TOKEN not in done.stdout + done.stderr
            found = re.search(r"^peak (\d+) MB$", done.stdout, re.MULTILINE)
            assert found is not None
            print(f"\nrun {at}: {found[1]} MB, {len(service.heard)} requests")
            assert int(found[1]) < LIMIT_MB
            # each query but the first begins again with the rows of the day on which the one before ended
            assert len(service.heard) <= 2 * ROWS // 100 + (2 if at == 1 else 0)
