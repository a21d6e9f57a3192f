"""Nothing in the endpoint stands in the way of both directions at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.files.conftest import Pair

from directional_sync import plugins
from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.target import Direction


@pytest.fixture
def both(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    allowed = replace(plugins._BUILT_IN["files"], directions=tuple(Direction))
    monkeypatch.setitem(plugins._BUILT_IN, "files", allowed)
    return pair


def test_changes_travel_both_ways_and_conflicts_wait(both: Pair) -> None:
    both.put("theirs", "t")
    both.put("same", "s")
    both.project.write("data/ours", "o")
    both.project.write("data/same", "s")
    both.target("bidirectional")
    record = both.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    all_of_it = {"theirs": "t", "same": "s", "ours": "o"}
    assert {path: text.decode() for path, text in both.files().items()} == all_of_it
    assert both.project.files(under="data") == {f"data/{path}": text for path, text in all_of_it.items()}
    assert both.project.one().outcome is Outcome.IN_SYNC
    assert both.project.clean()

    (both.far / "theirs").unlink()
    both.put("same", "far")
    (both.project.root / "data/ours").unlink()
    both.project.write("data/new", "n")
    both.project.commit()
    record = both.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert both.files() == {"same": b"far", "new": b"n"}
    assert both.project.files(under="data") == {"data/same": "far", "data/new": "n"}

    both.put("same", "far again")
    both.project.write("data/same", "here again")
    both.project.commit()
    record = both.project.one()
    assert record.exit is Exit.CONFLICTS
    assert both.files()["same"] == b"far again"
