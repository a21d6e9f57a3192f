"""Which run undo and redo mean, and the way back of single keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.undoing import at_rest, back, sources_back, to_redo, to_undo
from directional_sync.model.past import PastRun
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Source

A, B, C = (Entry(letter * 40, FILE) for letter in "abc")


@pytest.mark.parametrize(
    ("before", "after", "now", "to", "later"),
    [
        (A, B, B, A, False),  # as it was left: back
        (A, B, A, None, False),  # back already
        (A, B, C, None, True),  # changed since
        (ABSENT, B, B, ABSENT, False),  # made by the run: goes
        (ABSENT, B, ABSENT, None, False),
        (ABSENT, B, C, None, True),
        (A, ABSENT, ABSENT, A, False),  # removed by the run: comes back
        (A, ABSENT, C, None, True),
    ],
)
def test_one_key(before: Entry, after: Entry, now: Entry, to: Entry | None, later: bool) -> None:
    sides = ({"k": entry} if entry.present else {} for entry in (before, after, now))
    found = back(["k"], *sides)
    assert found.later == (("k",) if later else ())
    assert [(change.before, change.after) for change in found.changes] == ([(now, to)] if to is not None else [])


def source(name: str, commit: str) -> Source:
    return Source(name=name, url=f"u/{name}", ref="main", commit=commit)


def test_sources_go_back_but_for_those_that_moved_again() -> None:
    before = (source("gone", "1"), source("same", "1"), source("moved", "1"), source("again", "1"))
    after = (source("same", "1"), source("moved", "2"), source("again", "2"), source("new", "1"))
    now = (source("same", "5"), source("moved", "2"), source("again", "3"), source("new", "1"))
    found, later = sources_back(before, after, now)
    assert later == ("again",)
    assert {one.name: one.commit for one in found} == {"gone": "1", "same": "5", "moved": "1", "again": "3"}


@given(st.lists(st.sampled_from(["run", "undo", "redo"]), max_size=30))
def test_undo_and_redo_are_a_stack(moves: list[str]) -> None:
    """As every editor has it: undo and redo walk along the runs, a new run forgets what could be redone."""
    past: list[PastRun] = []
    done: list[str] = []
    undone: list[str] = []
    for number, move in enumerate(moves):
        name = f"{number:03}"
        if move == "run":
            past.insert(0, PastRun(name, targets=("t",)))
            done.append(name)
            undone.clear()
        elif move == "undo":
            found = to_undo(past)
            assert (found.run if found else None) == (done[-1] if done else None)
            if found is not None:
                past.insert(0, PastRun(name, found.run, ("t",)))
                undone.append(done.pop())
        else:
            found = to_redo(past, "t")
            assert (found.undoes if found else None) == (undone[-1] if undone else None)
            if found is not None:
                assert at_rest(past, "t", (found.run,)) == (undone[-2] if len(undone) > 1 else "")
                past.insert(0, PastRun(name, found.run, ("t",)))
                done.append(undone.pop())
        assert at_rest(past, "t", ()) == (undone[-1] if undone else "")


def test_targets_are_undone_one_by_one() -> None:
    past = [PastRun("3", targets=("b",)), PastRun("2", targets=("a", "b")), PastRun("1", targets=("a",))]
    found = to_undo(past, "a")
    assert found is not None and found.run == "2"
    assert to_undo(past, "c") is None and to_redo(past) is None
