"""F101: what both sides agreed on, what is here and what is there are all different: a conflict, in which nothing is
written and all three values are shown."""

from __future__ import annotations

import hashlib
import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.reconcile import reconcile
from directional_sync.core.versions import MARKS, Versions, marked
from directional_sync.model.plan import Conflict, FileDiff
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Snapshot
from directional_sync.model.target import Direction, Policy
from directional_sync.model.wish import Waiting
from directional_sync.render import conflicts, rows
from directional_sync.render.ink import Ink

words = st.text("abcdefghij ", min_size=1, max_size=20).map(lambda text: text.strip() or "x")
values = st.none() | words
triples = st.tuples(words, values, values).filter(lambda three: len(set(three)) == 3)
"""What was agreed (something was), what is here, and what is there; None: nothing."""
distinct = st.lists(words, min_size=3, max_size=3, unique=True)


def entry(value: str | None) -> Entry:
    return ABSENT if value is None else Entry(hashlib.sha1(value.encode()).hexdigest(), FILE)


def conflict_of(base: str | None, repo: str | None, remote: str | None, direction: Direction) -> list[Conflict]:
    sides = [Snapshot({"k": entry(value)} if value is not None else {}) for value in (base, repo, remote)]
    plan = reconcile("t", *sides, direction, Policy())
    changed = [item.key for item in (*plan.repo, *plan.remote, *plan.agreed)]
    if plan.conflicts:
        assert changed == [], "a conflict waits, and nothing is written meanwhile"
    return list(plan.conflicts)


@given(distinct, st.sampled_from(Direction))
def test_three_values_are_a_conflict_that_knows_all_of_them(three: list[str], direction: Direction) -> None:
    [found] = conflict_of(three[0], three[1], three[2], direction)
    assert (found.base, found.repo, found.remote) == tuple(entry(value) for value in three)


@given(triples)
def test_an_edit_outlives_a_deletion_and_two_edits_are_a_conflict(three: tuple[str, str | None, str | None]) -> None:
    base, repo, remote = three
    found = conflict_of(base, repo, remote, Direction.BIDIRECTIONAL)
    assert bool(found) is (repo is not None and remote is not None)


@given(distinct)
def test_all_three_are_shown_to_people_and_to_machines(three: list[str]) -> None:
    base, repo, remote = three
    [found] = conflict_of(base, repo, remote, Direction.BIDIRECTIONAL)
    waiting = Waiting(found, "2026-01-01T00:00:00Z")
    item = conflicts.item("t", waiting)
    assert (item["base"], item["repo"], item["remote"]) == tuple(entry(value).digest for value in three)
    told = conflicts.version(Versions(waiting, base.encode(), repo.encode(), remote.encode()))
    assert (told["base"], told["repo"], told["remote"]) == (base, repo, remote)
    lines = conflicts.shown("t", [told], Ink(width=200), 20)
    for name, value in zip(("base", "repo", "remote"), three, strict=True):
        assert lines[lines.index(f"    {name}:") + 1] == f"      {value}"


@given(distinct)
def test_an_editor_is_given_all_three(three: list[str]) -> None:
    text = marked(*(f"{value}\n".encode() for value in three)).decode().splitlines()
    places = [text.index(mark) for mark in MARKS]
    assert places == sorted(places)
    repo, base, remote = (text[one + 1 : other] for one, other in itertools.pairwise(places))
    assert ([three[0]], [three[1]], [three[2]]) == (base, repo, remote)


@given(distinct)
def test_of_a_row_each_property_is_shown_with_all_three(three: list[str]) -> None:
    base, repo, remote = (json.dumps({"Status": value, "Same": "same"}).encode() for value in three)
    [found] = conflict_of(*three, Direction.BIDIRECTIONAL)
    diff = FileDiff("k", repo, remote, base=base)
    _, line = rows.conflict(found, [diff], Ink(width=200))
    assert line.strip() == f"Status: here {three[1]}, there {three[2]}, before {three[0]}"
