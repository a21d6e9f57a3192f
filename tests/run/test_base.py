"""Where the base is taken from: never from what another branch agreed on, and never from what is broken."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.run.stage_set import Stage

from directional_sync.git.repository import BASE_REF
from directional_sync.model.lifecycle import Outcome

REF = BASE_REF.format(target="flow")


@pytest.mark.parametrize("way", ["another branch", "reset"])
def test_a_branch_that_was_never_synced_is_a_first_sync(stage: Stage, way: str) -> None:
    """P5: our ref tells what this clone agreed on last, which may have been on another branch."""
    start = stage.project.head
    stage.far.files = {"out/a": b"1", "out/b": b"1"}
    stage.sync()
    if way == "reset":
        stage.project.git("reset", "-q", "--hard", start)
    else:
        stage.project.git("checkout", "-q", "-b", "other", start)
    record = stage.sync()
    assert (record.outcome, record.counts.added) == (Outcome.SYNCED, 2)
    assert stage.project.files(under="out") == {"out/a": "1", "out/b": "1"}
    assert stage.sync().outcome is Outcome.IN_SYNC


def test_a_lost_lock_file_is_no_conflict_on_the_branch_that_was_synced(stage: Stage) -> None:
    stage.far.files = {"out/a": b"1"}
    stage.sync()
    stage.project.git("rm", "-q", "sync.lock")
    stage.project.commit()
    stage.far.files = {"out/a": b"2"}
    assert stage.sync().outcome is Outcome.SYNCED
    assert stage.project.files(under="out") == {"out/a": "2"}


@pytest.mark.parametrize("what", ["missing", "blob", "tree"])
def test_a_ref_of_ours_that_leads_nowhere_is_mended(stage: Stage, what: str) -> None:
    stage.far.files = {"out/a": b"1"}
    stage.sync()
    there = {"blob": "HEAD:out/a", "tree": "HEAD^{tree}"}
    digest = stage.project.git("rev-parse", there[what]) if what in there else "1" * 40
    (stage.project.root / ".git" / REF).write_text(f"{digest}\n")
    stage.far.files = {"out/a": b"2"}
    assert stage.sync().outcome is Outcome.SYNCED
    assert stage.project.files(REF) == {"out/a": "2"}


@pytest.mark.parametrize("what", ["HEAD", "HEAD:out/a"])
def test_a_lock_that_names_something_else_than_a_tree_is_not_believed(stage: Stage, what: str) -> None:
    stage.far.files = {"out/a": b"1"}
    stage.sync()
    lock = json.loads((stage.project.root / "sync.lock").read_bytes())
    lock["targets"]["flow"]["tree"] = stage.project.git("rev-parse", what)
    stage.project.write("sync.lock", json.dumps(lock))
    stage.project.commit()
    stage.far.files = {"out/a": b"2"}
    assert stage.sync().outcome is Outcome.SYNCED


def test_narrower_outputs_leave_the_base(stage: Stage) -> None:
    """Else another clone, where only the branch can tell the base, does not recognise it any more."""
    stage.far.files = {"out/x/a": b"1", "out/y/b": b"1"}
    stage.sync()
    stage.target = replace(stage.target, outputs=("out/x/**",))
    stage.far.files = {"out/x/a": b"1"}
    assert stage.sync().outcome is Outcome.SYNCED  # of the lock only
    assert stage.project.files(REF) == {"out/x/a": "1"}
    assert stage.sync().outcome is Outcome.IN_SYNC
    stage.project.git("update-ref", "-d", REF)
    stage.project.git("reflog", "expire", "--expire=now", "--all")
    stage.project.git("gc", "-q", "--prune=now")
    stage.far.files = {"out/x/a": b"2"}
    assert stage.sync().outcome is Outcome.SYNCED
    assert stage.project.files(under="out") == {"out/x/a": "2", "out/y/b": "1"}
