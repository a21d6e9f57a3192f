"""What ran travels with what it made: a clone that is new knows at once, and runs nothing twice (F39, F40, F71)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.project import Project
from tests.sharing.conftest import Fleet, pulled
from tests.sharing.test_delivery import Race, delivered, race

from directional_sync.app import open_workspace
from directional_sync.beyond import deliver
from directional_sync.core.due import Ending
from directional_sync.errors import SyncError
from directional_sync.git import ran
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Summary
from directional_sync.timetable import timetable
from directional_sync.workspace import RunOptions

__all__ = ["race"]
DAILY = ", schedule: '0 2 * * *'"


def scheduled(fleet: Fleet, *names: str, head: str = "deliver: {}\n") -> Project:
    targets = "".join(pulled(name, fleet.source(name, a=f"{name} 1\n"), DAILY) for name in names)
    return fleet.found(f"{head}targets:\n{targets}")


def due(project: Project, **options: Any) -> Summary:
    """As `run --due --ci`."""
    return project.run(due=True, carry=True, **options)


def outcomes(summary: Summary) -> dict[str, str]:
    return {record.target: str(record.outcome) for record in summary.counted}


def noted(fleet: Fleet, target: str) -> list[dict[str, Any]]:
    """What everybody can know of the runs of a target."""
    found: list[dict[str, Any]] = json.loads(fleet.git("cat-file", "blob", f"refs/directional-sync/ran/{target}"))
    return found


def ending(project: Project, target: str) -> Ending:
    entries = {entry.target.name: entry for entry in timetable(open_workspace(None, project.root, project.environ))}
    last = entries[target].standing.last
    assert last is not None
    return last.ending


def test_a_new_clone_knows_at_once_what_ran_elsewhere(fleet: Fleet) -> None:
    scheduled(fleet, "a", "b")
    assert outcomes(due(fleet.clone("one"))) == {"a": "synced", "b": "synced"}
    before = fleet.refs()
    two = fleet.clone("two")
    assert outcomes(due(two)) == {}
    assert fleet.refs() == before
    assert two.git("rev-parse", "refs/directional-sync/ran/a") == before["refs/directional-sync/ran/a"]
    assert outcomes(due(two)) == {}, "and knows it without asking anybody"


def test_the_note_goes_in_the_same_push_as_what_was_made(fleet: Fleet) -> None:
    scheduled(fleet, "a")
    log = fleet.folder / "pushes"
    fleet.hook("pre-receive", f"sed 's/^[^ ]* [^ ]* //' | sort | tr '\\n' ' ' >> {log}; echo >> {log}\n")
    one = fleet.clone("one")
    assert delivered(due(one)).attempts == 1
    [push] = log.read_text().splitlines()
    assert push.split() == ["refs/directional-sync/base/a", "refs/directional-sync/ran/a", "refs/heads/main"]
    one.run(deliver=True)
    assert len(log.read_text().splitlines()) == 1, "nothing was left for the next one"


def test_what_failed_is_known_elsewhere_too_and_waits_there(fleet: Fleet) -> None:
    scheduled(fleet, "a", "b")
    (fleet.folder / "sources" / "a").rename(fleet.folder / "away")
    assert outcomes(due(fleet.clone("one"))) == {"a": "failed", "b": "synced"}
    assert [entry["outcome"] for entry in noted(fleet, "a")] == ["failed"]
    (fleet.folder / "away").rename(fleet.folder / "sources" / "a")
    assert outcomes(due(fleet.clone("two"))) == {}


def test_f71_what_was_made_again_is_noted_as_it_went_then(fleet: Fleet, race: Race) -> None:
    scheduled(fleet, "a", "b")
    one, two = fleet.clone("one"), fleet.clone("two")

    def rival() -> None:
        two.run("b")
        (fleet.folder / "sources" / "a").rename(fleet.folder / "away")

    race(one, rival)
    summary = due(one)
    assert outcomes(summary) == {"a": "failed", "b": "in_sync"}
    [entry] = noted(fleet, "a")
    assert entry["outcome"] == "failed" and entry["scheduled"], "once, and for the same firing"
    three = fleet.clone("three")
    assert outcomes(due(three)) == {}


def test_f71_the_step_that_delivers_corrects_what_the_step_before_has_noted(fleet: Fleet, race: Race) -> None:
    """As in the generated workflow: run, then deliver."""
    scheduled(fleet, "a", "b")
    one, two = fleet.clone("one"), fleet.clone("two")
    assert outcomes(due(one, deliver=False)) == {"a": "synced", "b": "synced"}
    two.run("b")
    (fleet.folder / "sources" / "a").rename(fleet.folder / "away")
    workspace = open_workspace(None, one.root, one.environ)
    summary = deliver(workspace, RunOptions(deliver=True), one.events.append)
    assert outcomes(summary)["a"] == "failed"
    assert noted(fleet, "a")[0]["outcome"] == "failed"
    assert ending(one, "a") is not Ending.WELL


def test_commits_that_an_earlier_run_left_are_made_again_by_one_for_which_nothing_of_theirs_is_due(
    fleet: Fleet,
) -> None:
    """The remote was away after the first run, and others have pushed since."""
    scheduled(fleet, "a", "b")
    one, two = fleet.clone("one"), fleet.clone("two")
    assert outcomes(due(one, deliver=False)) == {"a": "synced", "b": "synced"}
    one.git("update-ref", "-d", "refs/directional-sync/ran/b")
    two.write("theirs.txt", "1\n")
    two.commit()
    two.git("push", "-q", "origin", "HEAD:main")
    (one.root / ".git" / "directional-sync" / "history.sqlite").unlink()  # b is due by what is known
    summary = due(one)
    assert delivered(summary).pushed == 2
    assert outcomes(summary) == {"b": "synced", "a": "synced"}
    assert {record.target: bool(record.scheduled) for record in summary.records} == {"b": True, "a": False}
    assert set(fleet.git("ls-tree", "--name-only", "main").split()) >= {"a", "b", "theirs.txt"}


def test_a_remote_that_refuses_the_run_leaves_what_is_due_for_later(fleet: Fleet) -> None:
    first = scheduled(fleet, "a")
    one = fleet.clone("one")
    first.write("theirs.txt", "1\n")
    first.commit()
    first.git("push", "-q", "origin", "main")
    one.write("mine.txt", "1\n")
    one.commit("Mine")
    with pytest.raises(SyncError, match="gone apart"):
        due(one)
    assert outcomes(due(one)) == {}, "not at every call"
    assert ending(one, "a") is Ending.CUT
    one.git("pull", "-q", "--rebase")
    assert outcomes(one.run("a")) == {"a": "synced"}


def test_a_remote_that_takes_no_notes_still_gets_the_commits(fleet: Fleet) -> None:
    scheduled(fleet, "a")
    fleet.git("config", "receive.hideRefs", "refs/directional-sync")
    one = fleet.clone("one")
    summary = due(one)
    assert delivered(summary).pushed == 1 and not summary.unrecorded
    assert one.git("rev-parse", "refs/directional-sync/ran/a")


def test_a_note_that_cannot_be_written_is_told_and_stops_no_delivery(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    from directional_sync.errors import HostError

    scheduled(fleet, "a")

    def broken(*arguments: object) -> None:
        raise HostError("E-DISK-FULL", "no space is left")

    monkeypatch.setattr(ran, "note", broken)
    summary = due(fleet.clone("one"))
    assert delivered(summary).pushed == 1
    assert summary.records[0].outcome is Outcome.SYNCED
    assert summary.unrecorded == "no space is left (E-DISK-FULL)" and int(summary.exit()) == 1
