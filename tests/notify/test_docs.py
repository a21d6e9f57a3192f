"""The how-to page: its files load, its receiver receives, its table and its codes are complete."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.config.conftest import loaded

from directional_sync import notifying
from directional_sync.model.notify import Topic
from directional_sync.pages import pages
from directional_sync.workspace import Workspace

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "be-told.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
RECEIVER = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODk="


@pytest.mark.parametrize("text", BLOCKS)
def test_every_example_loads(text: str) -> None:
    assert loaded(text).notify is not None


def test_every_event_is_explained_and_every_code_has_a_page() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [str(topic) for topic in Topic]
    assert len(BLOCKS) == 4


def test_the_receiver_of_the_page_believes_us_and_nobody_else(tmp_path: Path) -> None:
    assert RECEIVER is not None
    script = tmp_path / "receiver.py"
    script.write_text(RECEIVER[1])
    with subprocess.Popen([sys.executable, str(script), SECRET], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            environ = {"OUR_HOOK": f"http://127.0.0.1:{port}/", "OUR_HOOK_SECRET": SECRET}
            workspace = Workspace(tmp_path, loaded(BLOCKS[2]), environ)
            assert [one.failed for one in notifying.test(workspace, ["ours"])] == [""]
            assert process.stdout.readline() == "TEST  directional-sync can be heard here\n"
            forged = {**environ, "OUR_HOOK_SECRET": "another-key-of-sixteen-and-more"}
            assert [one.failed for one in notifying.test(Workspace(tmp_path, workspace.config, forged), [])] == [
                "it answered 401"
            ]
            both = {**environ, "OUR_HOOK_SECRET": f"another-key-of-sixteen-and-more {SECRET}"}
            assert [one.failed for one in notifying.test(Workspace(tmp_path, workspace.config, both), [])] == [""]
        finally:
            process.kill()


def test_the_codes_of_the_room_are_on_its_page() -> None:
    assert {code for code, page in pages().items() if page.room == "notify"} == {
        "E-NOTIFY-ADDRESS",
        "E-NOTIFY-LIBRARY",
        "E-NOTIFY-UNTOLD",
    }
