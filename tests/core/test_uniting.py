"""What is decided about conflicts without looking anything up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directional_sync.core.crossing import crossings
from directional_sync.core.merge.values import Choice
from directional_sync.core.reconcile import reconcile
from directional_sync.core.uniting import copy_name, newer, rule
from directional_sync.core.versions import marked, marks_left
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import FILE, Entry, Snapshot
from directional_sync.model.target import ConflictRule, Direction, OnConflict, Policy

KEYS = ("a", "a/b", "a/b/c", "a/d", "e", "e/f")
ENTRIES = st.sampled_from([Entry(letter * 40, FILE) for letter in "123"])


def _possible(side: dict[str, Entry]) -> bool:
    return not any(other.startswith(f"{key}/") for key in side for other in side)


SIDES = st.dictionaries(st.sampled_from(KEYS), ENTRIES).filter(_possible)


@settings(max_examples=300, deadline=None)
@given(SIDES, SIDES, SIDES)
def test_no_side_becomes_a_file_and_a_folder_at_once(
    base: dict[str, Entry], repo: dict[str, Entry], remote: dict[str, Entry]
) -> None:  # B37
    plan = reconcile("t", Snapshot(base), Snapshot(repo), Snapshot(remote), Direction.BIDIRECTIONAL, Policy())
    for side, changes in ((repo, plan.repo), (remote, plan.remote)):
        assert not crossings(Snapshot(side), changes)
        after = dict(side)
        for change in changes:
            assert side.get(change.key, Entry()) == change.before
            after[change.key] = change.after
        assert _possible({key: entry for key, entry in after.items() if entry.present})
    swapped = reconcile("t", Snapshot(base), Snapshot(remote), Snapshot(repo), Direction.BIDIRECTIONAL, Policy())
    assert (swapped.remote, swapped.repo) == (plan.repo, plan.remote)  # I11
    assert {one.key for one in swapped.conflicts} == {one.key for one in plan.conflicts}


def test_a_deletion_makes_room() -> None:
    one, two = Entry("1" * 40, FILE), Entry("2" * 40, FILE)
    assert crossings(Snapshot({"d/x": one}), [Change("d", Entry(), two)]) == {"d"}
    assert not crossings(Snapshot({"d/x": one}), [Change("d", Entry(), two), Change("d/x", one, Entry())])


@pytest.mark.parametrize(
    ("taken", "allowed", "name"),
    [
        ((), ("d/**",), "d/f.md.conflict-1"),
        (("d/f.md.conflict-1",), ("d/**",), "d/f.md.conflict-2"),
        ((), ("d/*.md",), "d/f.conflict-1.md"),
        (("d/f.conflict-1.md",), ("d/*.md",), "d/f.conflict-2.md"),
        ((), ("d/f.md",), ""),
    ],
)
def test_names_of_second_versions(taken: tuple[str, ...], allowed: tuple[str, ...], name: str) -> None:  # B31, B73
    assert copy_name("d/f.md", lambda key: key not in taken, allowed) == name


@pytest.mark.parametrize(
    ("repo", "remote", "side"),
    [
        (100.0, 50.0, Choice.REPO),
        (50.0, 100.0, Choice.REMOTE),
        (100.0, 100.0, None),
        (100.0, 101.9, None),
        (None, 100.0, None),
        (100.0, None, None),
    ],
)
def test_nobody_is_newer_without_a_doubt(repo: float | None, remote: float | None, side: Choice | None) -> None:  # B32
    assert newer(repo, remote) is side


def test_the_first_rule_that_matches_counts() -> None:
    rules = (ConflictRule("a/b/**", OnConflict.REMOTE), ConflictRule("a/**", OnConflict.KEEP_BOTH))
    policy = Policy(on_conflict_at=rules)
    found = [rule(policy, key) for key in ("a/b/c", "a/c", "c")]
    assert found == [OnConflict.REMOTE, OnConflict.KEEP_BOTH, OnConflict.STOP]


@given(*[st.text("abc\n\r", max_size=12)] * 3)
def test_marks_tell_what_is_left(base: str, repo: str, remote: str) -> None:
    told = marked(base.encode(), repo.encode(), remote.encode())
    if not marks_left(told):
        assert marked(base.encode(), remote.encode(), repo.encode()) == told
