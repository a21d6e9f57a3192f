"""The examples of the how-to are files that this program takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from directional_sync.config.load import read

PAGE = Path(__file__).parents[2] / "docs/how-to/sync-a-folder-or-bucket.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_examples_are_valid(block: str) -> None:
    config = read(block.encode(), "sync.yaml", {})
    assert all(target.endpoint in ("files", "ssh-files") for target in config.targets)


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 4
