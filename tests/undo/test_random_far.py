"""G24 where a far side was written: random histories of pushes and of flows both ways, edits of people on either side,
undoings, and undoings of undoings, held against a model that knows only contents."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.undo.conftest import Flows, make_flows, of

from directional_sync import rewind
from directional_sync.errors import SelectionError, SyncError
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.plan import Side

HISTORIES = int(os.environ.get("DSYNC_UNDO_HISTORIES", "40"))
FEW = 2
STEPS = 10
NAMES = ("a", "b", "sub/c", "sub/d", "e")
LONG = "x" * 300_000
"""More than the ledger keeps of what was there before."""
Files = dict[str, str]


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@dataclass(frozen=True)
class Made:
    """What one run, or one undoing, has done."""

    here: tuple[Files, Files]
    """Before and after it."""
    there: tuple[Files, Files]


@dataclass
class Back:
    """What taking it back must come to."""

    there: Files
    held: set[str] = field(default_factory=set)
    """What stays on the far side, and must be said before."""
    later: set[str] = field(default_factory=set)
    """What somebody has changed here since."""


def foreseen(made: Made, here: Files, there: Files) -> Back:
    (was, left), found = made.there, Back(dict(there))
    for name in differing(was, left):
        now, before = there.get(name), was.get(name)
        if before is not None and len(before) >= len(LONG):
            found.held.add(name)  # nobody has kept it
        elif now == before:
            continue
        elif now != left.get(name):
            found.held.add(name)
        elif before is None:
            del found.there[name]
        else:
            found.there[name] = before
    was, left = made.here
    found.later = {name for name in differing(was, left) if here.get(name) not in (was.get(name), left.get(name))}
    return found


@dataclass
class History:
    flows: Flows
    name: str
    rng: random.Random
    made: dict[str, Made] = field(default_factory=dict)
    undoings: set[str] = field(default_factory=set)
    number: int = 0
    own: int = 0

    @property
    def sides(self) -> tuple[Files, Files]:
        return self.flows.here(self.name), self.flows.there(self.name)

    def step(self) -> None:
        self.number += 1
        move = self.rng.choice(["run", "run", "run", "undo", "undo", "any", "redo", "own", "there"])
        if move == "run":
            self._edit_here()
            if self.name == "both":
                self._edit_there()
            self.run()
        elif move == "there":
            self._edit_there()
        elif move == "own":
            self.own += 1
            self.flows.edit({f"mine/{self.own}.txt": f"{self.own}\n"})
        elif move == "any" and self.made:
            self.take_back(self.rng.choice(sorted(self.made)))
        else:
            choose = rewind.redoable if move == "redo" else rewind.undoable
            try:
                run = choose(self.flows.workspace, self.name)
            except SelectionError as error:
                assert error.code == "E-UNDO-NOTHING"
                return
            self.take_back(run)
        for number in range(1, self.own + 1):
            assert (self.flows.project.root / f"mine/{number}.txt").read_text() == f"{number}\n"

    def run(self, *, resume: bool = True) -> None:
        (here, there), head = self.sides, self.flows.project.head
        summary = self.flows.run(self.name, resume=resume)
        record, after = of(summary), self.sides
        assert record.skip is None or not resume
        if self.name == "out":
            assert after[0] == here
        if record.outcome in (Outcome.SYNCED, Outcome.IN_SYNC) and not (record.plan and record.plan.held):
            assert after[0] == after[1], record.message
        if after != (here, there) or self.flows.project.head != head:
            assert record.skip is None
            self.made[summary.run] = Made((here, after[0]), (there, after[1]))

    def take_back(self, run: str) -> None:
        """Shows it, does it, and half of the time takes that back again."""
        before = self.sides
        undoing = self._back(run)
        if undoing and self.rng.random() < 0.5:
            self._back(undoing)
            if not any(len(text) >= len(LONG) for text in (*before[0].values(), *before[1].values())):
                assert self.sides == before, "what nobody has touched since comes back"
        elif undoing and run not in self.undoings:
            assert of(self.flows.run(self.name)).skip is Skip.UNDONE, "no run does it again"
        else:
            self.run(resume=False)

    def _back(self, run: str) -> str:
        """The run that took it back; "" when it changed nothing, or could not be done as a whole."""
        made, (here, there), head = self.made[run], self.sides, self.flows.project.head
        found = foreseen(made, here, there)
        try:
            shown = of(self.flows.rollback(run, dry_run=True))
        except SyncError as error:
            assert error.code == "E-UNDO-LATER" and found.later, error
            assert (self.sides, self.flows.project.head) == ((here, there), head)
            return ""
        assert shown.plan is not None
        said = {held.key.removeprefix(f"{self.name}/") for held in shown.plan.held if held.side is Side.REMOTE}
        assert said == found.held, "what cannot be restored is said before"
        assert (self.sides, self.flows.project.head) == ((here, there), head), "showing it changes nothing"
        summary = self.flows.rollback(run)
        record, (now, far) = of(summary), self.sides
        assert far == found.there
        assert (record.outcome is Outcome.CONFLICTED) is bool(found.held), record
        was = made.here[0]
        touched = differing(*made.here) - found.later
        assert {name: now.get(name) for name in touched} == {name: was.get(name) for name in touched}
        rest = differing(here, now) - touched - found.later
        assert not rest, f"later work is touched: {rest}"
        assert self.flows.project.git("rev-list", "--count", f"{head}..HEAD") in ("0", "1")
        newest = self.flows.log()[0]
        assert (newest["run"], newest["undoes"]) == (summary.run, run), "everything is recorded"
        if (now, far) == (here, there) and self.flows.project.head == head:
            return ""
        self.made[summary.run] = Made((here, now), (there, far))
        self.undoings.add(summary.run)
        return summary.run

    def _content(self) -> str:
        return LONG if self.rng.random() < 0.05 else f"{self.number}\n" * self.rng.randint(1, 3)

    def _edit_here(self) -> None:
        changes: dict[str, str | None] = {}
        for name in self.rng.sample(NAMES, self.rng.randint(1, 3)):
            gone = name in self.sides[0] and self.rng.random() < 0.3
            changes[f"{self.name}/{name}"] = None if gone else self._content()
        self.flows.edit(changes)

    def _edit_there(self) -> None:
        there = self.flows.there(self.name)
        for name in self.rng.sample(NAMES, self.rng.randint(1, 2)):
            gone = name in there and self.rng.random() < 0.3
            self.flows.put(self.name, {name: None if gone else f"there {self.number}\n"})


def lived(folder: Path, name: str, seed: int) -> None:
    history = History(make_flows(folder), name, random.Random(seed))
    for _ in range(STEPS):
        history.step()
    history.flows.sound()


@pytest.mark.parametrize("name", ["out", "both"])
@pytest.mark.parametrize("seed", range(FEW))
def test_any_undoing_gives_the_far_side_back_and_keeps_what_others_did_there(
    tmp_path: Path, name: str, seed: int
) -> None:
    lived(tmp_path, name, seed)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["out", "both"])
@pytest.mark.parametrize("seed", range(FEW, FEW + HISTORIES))
def test_so_do_many(tmp_path: Path, name: str, seed: int) -> None:
    lived(tmp_path, name, seed)
