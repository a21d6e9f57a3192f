"""Taking back what was written to far sides: through the endpoint, only what still is as the run left it."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from tests.undo.conftest import Flows, dsync, of

from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.plan import Why
from directional_sync.store import ledger


@pytest.fixture
def pushed(flows: Flows) -> Flows:
    """Two pushes: the second changes, adds and removes a file there."""
    flows.edit({"out/a": "1\n", "out/b": "b\n", "out/gone": "gone\n"})
    flows.run("out")
    flows.edit({"out/a": "2\n", "out/new": "new\n", "out/gone": None})
    flows.run("out")
    return flows


def test_the_far_side_goes_back_and_the_inputs_stay(pushed: Flows) -> None:
    head = pushed.project.head
    record = of(pushed.undo())
    assert record.outcome is Outcome.SYNCED, record.failure
    assert pushed.there("out") == {"a": "1\n", "b": "b\n", "gone": "gone\n"}
    assert pushed.project.head == head and pushed.here("out") == {"a": "2\n", "b": "b\n", "new": "new\n"}
    assert [str(effect.kind) for effect in record.effects] == ["done"] * 3
    pushed.sound()


def test_no_push_does_it_again_before_somebody_says_so(pushed: Flows) -> None:
    pushed.undo()
    was = pushed.there("out")
    assert of(pushed.run("out")).skip is Skip.UNDONE
    assert pushed.there("out") == was
    assert of(pushed.run("out", resume=True)).outcome is Outcome.SYNCED
    assert pushed.there("out") == pushed.here("out")
    assert of(pushed.run("out")).outcome is Outcome.IN_SYNC


def test_undo_goes_further_back_and_redo_comes_back(pushed: Flows) -> None:
    pushed.undo()
    pushed.undo()
    assert pushed.there("out") == {}
    pushed.redo()
    assert pushed.there("out") == {"a": "1\n", "b": "b\n", "gone": "gone\n"}
    assert of(pushed.run("out")).skip is Skip.UNDONE  # the second push is undone still
    pushed.redo()
    assert pushed.there("out") == pushed.here("out")
    assert of(pushed.run("out")).outcome is Outcome.IN_SYNC
    pushed.sound()


def test_what_somebody_changed_there_since_stays_and_is_told_of(pushed: Flows) -> None:  # F61
    pushed.put("out", {"a": "edited there\n"})
    shown = of(pushed.undo(dry_run=True))
    assert shown.plan is not None
    assert [(held.key, held.why) for held in shown.plan.held] == [("out/a", Why.LATER)]
    record = of(pushed.undo())
    assert (record.outcome, int(record.exit)) == (Outcome.CONFLICTED, 7)
    assert record.failure is not None and record.failure.code == "E-UNDO-PART"
    assert record.failure.detail == ("out/a: changed since",)
    assert pushed.there("out") == {"a": "edited there\n", "b": "b\n", "gone": "gone\n"}
    held = of(pushed.run("out", resume=True)).plan
    assert held is not None and [item.key for item in held.held] == ["out/a"]  # nobody's edit is taken for ours
    assert pushed.there("out")["a"] == "edited there\n"


def test_what_is_too_long_to_be_kept_cannot_come_back(flows: Flows) -> None:
    flows.edit({"out/long": "x" * 300_000, "out/short": "1\n"})
    flows.run("out")
    flows.edit({"out/long": "y\n", "out/short": "2\n"})
    flows.run("out")
    record = of(flows.undo())
    assert record.failure is not None and record.failure.detail == ("out/long: it is too long",)
    assert flows.there("out") == {"long": "y\n", "short": "1\n"}


def test_without_the_ledger_nothing_is_guessed(pushed: Flows) -> None:
    """The run was made elsewhere, or its state was deleted."""
    shutil.rmtree(pushed.project.root / ".git/directional-sync/effects")
    was = pushed.there("out")
    record = of(pushed.undo(dry_run=True))
    assert record.plan is not None and not record.plan.remote
    assert {held.why for held in record.plan.held} == {Why.LOST} and len(record.plan.held) == 3
    assert of(pushed.undo()).outcome is Outcome.CONFLICTED
    assert pushed.there("out") == was


@pytest.mark.parametrize("after", range(3))
def test_cut_off_after_each_write_the_same_undoing_goes_on(
    pushed: Flows, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # F07, F59, G2
    run = pushed.log()[0]["run"]
    real, left = ledger.TargetLedger.ended, after

    class Killed(BaseException):
        pass

    def ended(self: ledger.TargetLedger, *given: object, **named: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger.TargetLedger, "ended", ended)
    with pytest.raises(Killed):
        pushed.undo()
    monkeypatch.setattr(ledger.TargetLedger, "ended", real)
    record = of(pushed.rollback(run))
    assert record.success, record.failure
    assert pushed.there("out") == {"a": "1\n", "b": "b\n", "gone": "gone\n"}
    assert of(pushed.run("out")).skip is Skip.UNDONE
    assert of(pushed.run("out", resume=True)).outcome is Outcome.SYNCED
    assert pushed.there("out") == pushed.here("out")
    pushed.sound()


@pytest.fixture
def agreed(flows: Flows) -> Flows:
    """Both directions in one run: `here` was changed here, `there` there."""
    flows.put("both", {"here": "1\n", "there": "1\n", "same": "same\n"})
    flows.run("both")
    flows.edit({"both/here": "2\n"})
    flows.put("both", {"there": "2\n"})
    flows.run("both")
    assert flows.here("both") == flows.there("both") == {"here": "2\n", "there": "2\n", "same": "same\n"}
    return flows


def test_both_sides_go_back_to_what_they_were_before(agreed: Flows) -> None:
    before = agreed.lock("HEAD~2")["both"]
    summary = agreed.undo()
    assert of(summary).outcome is Outcome.SYNCED, of(summary).failure
    # What a person had changed here is theirs and stays; what the run did with it there is undone.
    assert agreed.here("both") == {"here": "2\n", "there": "1\n", "same": "same\n"}
    assert agreed.there("both") == {"here": "1\n", "there": "2\n", "same": "same\n"}
    assert agreed.lock()["both"] == {**before, "undone": summary.undoes}
    assert of(agreed.run("both")).skip is Skip.UNDONE
    agreed.redo()
    assert agreed.here("both") == agreed.there("both") == {"here": "2\n", "there": "2\n", "same": "same\n"}
    assert of(agreed.run("both")).outcome is Outcome.IN_SYNC
    agreed.sound()


def test_both_sides_going_on_after_an_undoing_lose_nothing(agreed: Flows) -> None:  # P4
    agreed.undo()
    agreed.edit({"both/here": "3\n"})
    agreed.put("both", {"there": "3\n"})
    assert of(agreed.run("both", resume=True)).outcome is Outcome.SYNCED
    assert agreed.here("both") == agreed.there("both") == {"here": "3\n", "there": "3\n", "same": "same\n"}
    agreed.sound()


def test_an_edit_there_since_the_run_stays_and_counts_as_one(agreed: Flows) -> None:
    agreed.put("both", {"here": "edited there\n"})
    assert int(of(agreed.undo()).exit) == 7
    assert agreed.there("both")["here"] == "edited there\n"
    assert of(agreed.run("both", resume=True)).success
    assert agreed.here("both")["here"] == "edited there\n"  # it is the only side that changed since


def test_modes_of_files_come_back(flows: Flows) -> None:
    flows.edit({"both/tool": "#!/bin/sh\n"})
    (flows.project.root / "both/tool").chmod(0o755)
    flows.project.commit()
    flows.run("both")
    flows.edit({"both/tool": "#!/bin/sh\necho\n"})
    flows.run("both")
    flows.undo()
    assert (flows.far / "both/tool").read_text() == "#!/bin/sh\n"
    assert os.access(flows.far / "both/tool", os.X_OK)


def test_the_commands(pushed: Flows) -> None:
    run = pushed.log()[0]["run"]
    project = pushed.project
    refused = dsync(project, "undo")
    assert refused.returncode == 6 and "E-UNDO-UNATTENDED" in refused.stderr and "--yes" in refused.stderr
    shown = dsync(project, "undo", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "nothing will be written" in shown.stdout and "Would" not in shown.stderr
    assert "~ out/a" in shown.stdout and "at rest" in shown.stdout
    assert pushed.there("out")["a"] == "2\n"
    done = dsync(project, "rollback", run[-8:], "--yes", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["undoes"] == run and report["results"][0]["effects"][0]["kind"] == "done"
    assert pushed.there("out")["a"] == "1\n"
    rests = dsync(project, "run", "out")
    assert rests.returncode == 0 and "at rest since a run was undone" in rests.stdout
    listed = json.loads(dsync(project, "list", "out", "--json").stdout)
    assert listed[0]["last_run"]["outcome"] == "rewound"  # and nobody is told that the sides agree
    assert "rewound" in dsync(project, "list", "out").stdout
    status = dsync(project, "status", "out")
    assert "at rest since run" in status.stdout
    log = dsync(project, "log")
    assert f"(undoes {run[-8:]})" in log.stdout
    assert f"undoes    {run}" in dsync(project, "show", report["run"]).stdout
    assert dsync(project, "redo", "--yes").returncode == 0
    assert pushed.there("out")["a"] == "2\n"
    nothing = dsync(project, "redo", "--yes")
    assert nothing.returncode == 3 and "E-UNDO-NOTHING" in nothing.stderr
    stats = json.loads(dsync(project, "log", "--stats", "--json").stdout)
    assert [one["target"] for one in stats] == ["out"] and stats[0]["success_rate"] == 1.0
    assert stats[0]["duration"]["p50"] > 0 and "applying" in stats[0]["steps"]
    text = dsync(project, "log", "out", "--stats").stdout
    assert "P50" in text and "  scanning" in text and "100 %" in text
