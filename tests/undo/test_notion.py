"""Rows that a push has made, changed and archived go back; what people did in Notion meanwhile stays."""

from __future__ import annotations

from tests.notion.conftest import no_detector, noted
from tests.notion.noted import Noted, task

from directional_sync import rewind
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.record import TargetRecord
from directional_sync.rewind import Asked
from directional_sync.workspace import RunOptions, open_workspace

__all__ = ["no_detector", "noted"]


def undo(noted: Noted, *, dry_run: bool = False, redo: bool = False) -> TargetRecord:
    workspace = open_workspace(None, noted.project.root, noted.project.environ)
    run = (rewind.redoable if redo else rewind.undoable)(workspace, None)
    summary = rewind.rollback(workspace, Asked(run), RunOptions(dry_run=dry_run), {}, lambda event: None)
    [record] = summary.records
    return record


def status(noted: Noted, key: str) -> str:
    return str(noted.value(key, "Status")["name"])


def test_rows_go_back_and_people_keep_what_they_did(noted: Noted) -> None:  # F61, F62
    noted.say(task(1), task(2), task(3))
    noted.sync()
    noted.say(task(1, status="Done"), task(2, status="Done"), task(4))
    noted.sync()
    assert noted.ids() == ["t001", "t002", "t004"]
    noted.board.edit(noted.row("t001").id, {"Hours": {"number": 3}})  # a property that is not ours
    noted.board.edit(noted.row("t002").id, {"Status": {"select": {"name": "Todo"}}})  # one that is
    noted.board.edit(noted.row("t002").id, {"Name": {"title": [{"text": {"content": "theirs"}}]}})

    shown = undo(noted, dry_run=True)
    assert noted.ids() == ["t001", "t002", "t004"]
    assert any("trash" in note for note in shown.notes) and any("made anew" in note for note in shown.notes)
    record = undo(noted)
    assert record.failure is not None and (record.failure.code, int(record.exit)) == ("E-UNDO-PART", 7)
    assert [line.partition(":")[0] for line in record.failure.detail] == ["t002"]
    assert noted.ids() == ["t001", "t002", "t003"]  # t004 is in the trash, t003 was made anew
    assert status(noted, "t001") == "Todo" and noted.value("t001", "Hours") == 3

    assert noted.run().skip is Skip.UNDONE
    assert noted.ids() == ["t001", "t002", "t003"]


def test_an_undoing_is_taken_back(noted: Noted) -> None:
    noted.say(task(1), task(2))
    noted.sync()
    noted.say(task(1, status="Done"))
    noted.sync()
    assert undo(noted).outcome is Outcome.SYNCED
    assert noted.ids() == ["t001", "t002"] and status(noted, "t001") == "Todo"
    assert undo(noted, redo=True).outcome is Outcome.SYNCED
    assert noted.ids() == ["t001"] and status(noted, "t001") == "Done"
    noted.rest()


def test_broken_inputs_keep_nobody_from_undoing(noted: Noted) -> None:
    noted.say(task(1))
    noted.sync()
    noted.say(task(1, status="Done"))
    noted.sync()
    [path] = [path for path in noted.project.files() if path.endswith(".json")]
    noted.project.write(path, "{")
    noted.project.commit()
    assert undo(noted).outcome is Outcome.SYNCED
    assert status(noted, "t001") == "Todo"
