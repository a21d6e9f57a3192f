"""Every YAML block of the how-to pages that shows a whole file is one that loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from directional_sync.config.load import load

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("**/*.md"))
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILES = [
    (page, number, block)
    for page in PAGES
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
    if block.startswith("version:")
]


def test_there_are_blocks_to_look_at() -> None:
    assert len(FILES) >= 2


@pytest.mark.parametrize(("page", "number", "block"), FILES, ids=lambda value: getattr(value, "stem", None))
def test_a_whole_file_in_the_docs_loads(page: Path, number: int, block: str, tmp_path: Path) -> None:
    file = tmp_path / "sync.yaml"
    file.write_text(block)
    config = load(file, tmp_path, {})
    assert config.targets


def test_links_between_pages_lead_somewhere() -> None:
    lost = []
    for page in [*PAGES, ROOT / "README.md"]:
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in link and not (page.parent / link).exists():
                lost.append(f"{page.relative_to(ROOT)}: {link}")
    assert lost == []
