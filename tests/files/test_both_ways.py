"""Both directions at once, in one passage."""

from __future__ import annotations

from tests.files.conftest import Pair

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome


def test_changes_travel_both_ways_and_conflicts_wait(pair: Pair) -> None:
    pair.put("theirs", "t")
    pair.put("same", "s")
    pair.project.write("data/ours", "o")
    pair.project.write("data/same", "s")
    pair.target("bidirectional")
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    all_of_it = {"theirs": "t", "same": "s", "ours": "o"}
    assert {path: text.decode() for path, text in pair.files().items()} == all_of_it
    assert pair.project.files(under="data") == {f"data/{path}": text for path, text in all_of_it.items()}
    assert pair.project.one().outcome is Outcome.IN_SYNC
    assert pair.project.clean()

    (pair.far / "theirs").unlink()
    pair.put("same", "far")
    (pair.project.root / "data/ours").unlink()
    pair.project.write("data/new", "n")
    pair.project.commit()
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert pair.files() == {"same": b"far", "new": b"n"}
    assert pair.project.files(under="data") == {"data/same": "far", "data/new": "n"}

    pair.put("same", "far again")
    pair.project.write("data/same", "here again")
    pair.project.commit()
    record = pair.project.one()
    assert record.exit is Exit.CONFLICTS
    assert pair.files()["same"] == b"far again"
