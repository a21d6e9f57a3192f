from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.transaction.workbench import Workbench

FILES = {"a.txt": b"one\n", "in/b.txt": b"two\n", "in/c.txt": b"three\n", "mine/d.txt": b"four\n"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench.make(tmp_path / "work", FILES)
    yield made
    made.store.close()
