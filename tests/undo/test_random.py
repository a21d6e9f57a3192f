"""G24: random histories of runs, edits, undoings and redoings, held against a model that knows only contents."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.undo.conftest import Flows, make_flows

from directional_sync.errors import SyncError
from directional_sync.model.lifecycle import Skip

HISTORIES = int(os.environ.get("DSYNC_UNDO_HISTORIES", "6"))
STEPS = 12
NAMES = ("a", "b", "sub/c", "sub/d")


def changed(flows: Flows, rng: random.Random, number: int) -> None:
    """Somebody changes the far side of the pull, so that there is something to bring."""
    there = flows.there("in")
    for name in rng.sample(NAMES, rng.randint(1, 3)):
        if name in there and rng.random() < 0.3:
            flows.put("in", {name: None})
        else:
            flows.put("in", {name: f"{number}\n" * rng.randint(1, 5)})


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_any_undoing_gives_back_the_bytes_keeps_later_work_and_can_be_undone(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    flows = make_flows(tmp_path)
    done: list[tuple[str, dict[str, str], dict[str, str]]] = []
    """Run, what was here before it, and after it."""
    undone: list[tuple[str, dict[str, str], dict[str, str]]] = []
    own = 0
    for number in range(STEPS):
        move = rng.choice(["run", "run", "undo", "undo", "redo", "own", "middle"])
        head, here = flows.project.head, flows.here("in")
        if move == "run":
            changed(flows, rng, number)
            summary = flows.run("in", resume=True)
            if summary.records[0].commit:
                after = flows.here("in")
                assert after == flows.there("in")
                if after != here:
                    done.append((summary.run, here, after))
                undone.clear()
        elif move == "own":
            own += 1
            flows.edit({f"mine/{own}.txt": f"{own}\n", "mine.txt": f"{number}\n"})
        elif move == "undo" and done:
            run, before, _ = done[-1]
            assert flows.undo().undoes == run
            assert flows.here("in") == before
            undone.append(done.pop())
        elif move == "redo" and undone:
            flows.redo()
            assert flows.here("in") == undone[-1][2]
            done.append(undone.pop())
        elif move == "middle" and len(done) > 1:
            run, before, after = rng.choice(done[:-1])
            try:
                summary = flows.rollback(run)
            except SyncError as error:  # a later run touched the same: nothing has changed
                assert error.code == "E-UNDO-LATER" and flows.project.head == head and flows.here("in") == here
                continue
            touched = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
            now = flows.here("in")
            assert {name: now.get(name) for name in touched} == {name: before.get(name) for name in touched}
            assert {k: v for k, v in now.items() if k not in touched} == {
                k: v for k, v in here.items() if k not in touched
            }
            flows.rollback(summary.run)  # and the undoing of it
            assert flows.here("in") == here
        if flows.project.head != head:
            assert flows.project.git("rev-list", "--count", f"{head}..HEAD") in ("1", "2")
        for written in range(1, own + 1):
            assert (flows.project.root / f"mine/{written}.txt").read_text() == f"{written}\n"
        if undone and move != "own":
            assert flows.run("in").records[0].skip is Skip.UNDONE
    flows.sound()
