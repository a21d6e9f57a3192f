"""One described row for every situation a key can be in, for every direction, and for the policies that matter.

A situation is written as three letters: base, repo, remote. `-` is absent, letters are contents, `?` unreadable.
The answer says what happens: `=` both are the same (the base adopts it), `<` the repo gets the remote's,
`>` the remote gets the repo's, `x` conflict, or the reason for which the key is held.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from directional_sync.core.reconcile import reconcile
from directional_sync.model.plan import Plan, Why
from directional_sync.model.snapshot import FILE, Entry, Snapshot
from directional_sync.model.target import Direction, OnConflict, OnDelete, Policy

DEFAULT = Policy()
OVERWRITE = replace(DEFAULT, overwrite_edits=True)
KEEP = replace(DEFAULT, on_delete=OnDelete.KEEP)
REPO = replace(DEFAULT, on_conflict=OnConflict.REPO)
REMOTE = replace(DEFAULT, on_conflict=OnConflict.REMOTE)
POLICIES = {"default": DEFAULT, "overwrite": OVERWRITE, "keep": KEEP, "repo wins": REPO, "remote wins": REMOTE}

# fmt: off
SITUATIONS = {
    # base repo remote: what is the matter                             pull        push        both ways
    "---": ("nothing anywhere",                                        ".",        ".",        "."),
    "aaa": ("nothing changed",                                         ".",        ".",        "."),
    "a--": ("deleted on both sides",                                   "=",        "=",        "="),
    "-aa": ("created on both sides, the same",                         "=",        "=",        "="),
    "abb": ("changed on both sides, to the same",                      "=",        "=",        "="),
    "--a": ("created at the remote",                                   "<",        "foreign",  "<"),
    "-a-": ("created in the repo",                                     "foreign",  ">",        ">"),
    "aab": ("changed at the remote",                                   "<",        "edited",   "<"),
    "aba": ("changed in the repo",                                     "edited",   ">",        ">"),
    "aa-": ("deleted at the remote",                                   "<",        "edited",   "<"),
    "a-a": ("deleted in the repo",                                     "edited",   ">",        ">"),
    "abc": ("changed on both sides, differently",                      "x",        "x",        "x"),
    "-ab": ("created on both sides, differently",                      "x",        "x",        "x"),
    "ab-": ("changed in the repo, deleted at the remote",              "edit_kept", "x",       ">"),
    "a-b": ("deleted in the repo, changed at the remote",              "x",        "edit_kept", "<"),
    "aa?": ("the remote cannot be read",                               "unreadable", "unreadable", "unreadable"),
    "a?a": ("the repo cannot be read",                                 "unreadable", "unreadable", "unreadable"),
    "a??": ("neither can be read",                                     "unreadable", "unreadable", "unreadable"),
    "-a?": ("new here, the remote cannot be read",                     "unreadable", "unreadable", "unreadable"),
    "-?a": ("new there, the repo cannot be read",                      "unreadable", "unreadable", "unreadable"),
    "a?b": ("changed there, the repo cannot be read",                  "unreadable", "unreadable", "unreadable"),
    "ab?": ("changed here, the remote cannot be read",                 "unreadable", "unreadable", "unreadable"),
    "a-?": ("deleted here, the remote cannot be read",                 "unreadable", "unreadable", "unreadable"),
    "a?-": ("deleted there, the repo cannot be read",                  "unreadable", "unreadable", "unreadable"),
}

# What a policy changes; everything else is as by default.
EXCEPTIONS = {
    "overwrite": {
        "aba": {"pull": "<"}, "a-a": {"pull": "<"}, "abc": {"pull": "<", "push": ">"},
        "-ab": {"pull": "<", "push": ">"}, "ab-": {"pull": "<", "push": ">"}, "a-b": {"pull": "<", "push": ">"},
        "aab": {"push": ">"}, "aa-": {"push": ">"},
    },
    "keep": {
        "aa-": {"pull": "delete_kept", "bidirectional": "delete_kept"},
        "a-a": {"push": "delete_kept", "bidirectional": "delete_kept"},
    },
    "repo wins": {
        "abc": {"pull": "edited", "push": ">", "bidirectional": ">"},
        "-ab": {"pull": "edited", "push": ">", "bidirectional": ">"},
        "ab-": {"push": ">"}, "a-b": {"pull": "edited"},
    },
    "remote wins": {
        "abc": {"pull": "<", "push": "edited", "bidirectional": "<"},
        "-ab": {"pull": "<", "push": "edited", "bidirectional": "<"},
        "a-b": {"pull": "<"}, "ab-": {"push": "edited"},
    },
}
# fmt: on

DIRECTIONS = (Direction.PULL, Direction.PUSH, Direction.BIDIRECTIONAL)


def rows() -> list[object]:
    made = []
    for policy in POLICIES:
        for letters, (what, *answers) in SITUATIONS.items():
            for direction, by_default in zip(DIRECTIONS, answers, strict=True):
                answer = EXCEPTIONS.get(policy, {}).get(letters, {}).get(str(direction), by_default)
                name = f"{direction}, {policy}, {letters}: {what} -> {answer}"
                made.append(pytest.param(direction, POLICIES[policy], letters, answer, id=name))
    return made


def entry(letter: str) -> Entry:
    if letter == "?":
        return Entry(unreadable="permission denied")
    return Entry() if letter == "-" else Entry(letter * 40, FILE)


def side(letter: str) -> Snapshot:
    return Snapshot({} if letter == "-" else {"key": entry(letter)})


def answer_of(plan: Plan) -> str:
    said = ["<"] * len(plan.repo) + [">"] * len(plan.remote) + ["="] * len(plan.agreed)
    said += ["x"] * len(plan.conflicts) + sorted({str(held.why) for held in plan.held})
    return " ".join(said) or "."


@pytest.mark.parametrize(("direction", "policy", "letters", "answer"), rows())
def test_one_key(direction: Direction, policy: Policy, letters: str, answer: str) -> None:
    base, repo, remote = (side(letter) for letter in letters)
    plan = reconcile("t", base, repo, remote, direction, policy)
    assert answer_of(plan) == answer
    for change in plan.repo:
        assert (change.before, change.after) == (entry(letters[1]), entry(letters[2]))
    for change in plan.remote:
        assert (change.before, change.after) == (entry(letters[2]), entry(letters[1]))


def test_the_table_is_not_small() -> None:
    assert len(rows()) >= 120
    # What a gate refused or may not be written is held after the decision, and two say what an undoing leaves.
    elsewhere = {Why.REFUSED, Why.READ_ONLY, Why.LATER, Why.LOST}
    assert {str(why) for why in Why} - elsewhere <= {row.values[3] for row in rows()}  # type: ignore[attr-defined]


def test_one_failing_upstream_is_held_once_and_the_others_go_on() -> None:
    """An unreadable prefix is one held item, not one for each key under it, and hides nothing else."""
    old = {"oca/hr/a.py": entry("a"), "oca/hr/b.py": entry("b"), "oca/web/a.py": entry("a")}
    new = {"oca/web/a.py": entry("c")}
    remote = Snapshot(new, unreadable={"oca/hr": "E-UPSTREAM-GONE: answered 404"})
    plan = reconcile("oca", Snapshot(old), Snapshot(old), remote, Direction.PULL, DEFAULT)
    assert [change.key for change in plan.repo] == ["oca/web/a.py"]
    assert [(held.key, held.detail) for held in plan.held] == [("oca/hr", "E-UPSTREAM-GONE: answered 404")]
    assert not plan.conflicts


def test_everything_unreadable_changes_nothing() -> None:
    old = {"a": entry("a"), "b/c": entry("b")}
    remote = Snapshot({}, unreadable={"": "the service answered 503"})
    plan = reconcile("t", Snapshot(old), Snapshot(old), remote, Direction.BIDIRECTIONAL, DEFAULT)
    assert plan.empty
    assert len(plan.held) == 1
