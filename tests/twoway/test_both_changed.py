"""What both sides have changed: merged by content, settled by the policy, or left for a person with nothing touched."""

from __future__ import annotations

import os
import time

import pytest
from tests.twoway.conftest import Two, configure

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Ending
from directional_sync.model.target import Prefer

TEN = "".join(f"line {number}\n" for number in range(1, 11))


def _policy(two: Two, policy: str) -> None:
    configure(two.project, two.far, f"policy: {{max_delete: 100%, {policy}}}")


def test_a_conflict_waits_and_the_rest_is_synced(two: Two) -> None:  # B30
    two.agree({"f": "1", "g": "1"})
    two.a({"f": "2", "n": "n"})
    two.b({"f": "3", "g": "2"})
    record = two.run()
    assert (record.outcome, record.exit) == (Outcome.CONFLICTED, Exit.CONFLICTS)
    assert two.here == {"f": "2", "g": "2", "n": "n"}
    assert two.there == {"f": "3", "g": "2", "n": "n"}
    two.settled()
    assert two.run().exit is Exit.CONFLICTS


@pytest.mark.parametrize(
    ("policy", "f"), [("repo", "2"), ("remote", "3")], ids=["B31 the repository wins", "B31 the far side wins"]
)
def test_a_side_wins(two: Two, policy: str, f: str) -> None:
    _policy(two, f"on_conflict: {policy}")
    two.agree({"f": "1"})
    two.a({"f": "2"})
    two.b({"f": "3"})
    assert two.run().success
    assert two.here == two.there == {"f": f}
    two.settled()


def test_both_are_kept_under_names_of_their_own(two: Two) -> None:  # B31, B73
    _policy(two, "on_conflict: keep_both")
    two.agree({"f": "1", "f.conflict-1": "mine", "d/g.md": "1"})
    two.a({"f": "2", "d/g.md": "2"})
    two.b({"f": "3", "d/g.md": "3"})
    record = two.run()
    assert record.success, record.failure
    all_of_it = {
        "f": "2", "f.conflict-1": "mine", "f.conflict-2": "3", "d/g.md": "2", "d/g.md.conflict-1": "3",
    }  # fmt: skip
    assert two.here == two.there == all_of_it
    two.settled()


def test_a_conflict_in_a_kept_copy_is_kept_once_more(two: Two) -> None:  # B34
    _policy(two, "on_conflict: keep_both")
    two.agree({"f": "1"})
    two.a({"f": "2"})
    two.b({"f": "3"})
    assert two.run().success
    two.a({"f.conflict-1": "4"})
    two.b({"f.conflict-1": "5"})
    assert two.run().success
    assert two.here == two.there == {"f": "2", "f.conflict-1": "4", "f.conflict-1.conflict-1": "5"}


def test_a_copy_stays_within_the_globs(two: Two) -> None:  # B31
    configure(two.project, two.far, "policy: {on_conflict: keep_both}", globs='["data/*.txt"]', remote="into: data")
    two.agree({"f.txt": "1"})
    two.a({"f.txt": "2"})
    two.b({"f.txt": "3"})
    assert two.run().success
    assert two.here == two.there == {"f.txt": "2", "f.conflict-1.txt": "3"}


@pytest.mark.parametrize("winner", ["repo", "remote"])
def test_the_newer_wins(two: Two, winner: str) -> None:  # B31
    _policy(two, "on_conflict: newer")
    two.agree({"f": "1"})
    two.a({"f": "2"})
    two.b({"f": "3"})
    other = time.time() + (3600 if winner == "remote" else -3600)
    os.utime(two.far / "f", (other, other))
    assert two.run().success
    assert two.here == two.there == {"f": "2" if winner == "repo" else "3"}


def test_equal_times_are_no_reason_to_drop_one(two: Two) -> None:  # B32
    _policy(two, "on_conflict: newer")
    two.agree({"f": "1"})
    two.a({"f": "2"})
    two.b({"f": "3"})
    when = float(two.project.git("log", "-1", "--format=%at", "--", "data/f"))
    os.utime(two.far / "f", (when, when))
    assert two.run().success
    assert two.here == two.there == {"f": "2", "f.conflict-1": "3"}


def test_a_side_without_times_is_no_reason_to_drop_one(two: Two) -> None:  # B32
    configure(two.project, two.far, "git_commit: false\npolicy: {on_conflict: newer}")
    two.project.write("data/f", "1")
    assert two.run().success
    two.project.write("data/f", "2")
    two.b({"f": "3"})
    assert two.run().success
    assert two.there == {"f": "2", "f.conflict-1": "3"}
    assert (two.project.root / "data/f.conflict-1").read_text() == "3"


def test_policies_hold_by_path(two: Two) -> None:
    _policy(two, 'on_conflict_at: {"data/lists/**": keep_both, "data/**/*.cfg": remote}')
    names = ("lists/a", "a.cfg", "a")
    two.agree(dict.fromkeys(names, "1"))
    two.a(dict.fromkeys(names, "2"))
    two.b(dict.fromkeys(names, "3"))
    record = two.run()
    assert record.exit is Exit.CONFLICTS
    assert two.here == {"lists/a": "2", "lists/a.conflict-1": "3", "a.cfg": "3", "a": "2"}
    assert two.there == {"lists/a": "2", "lists/a.conflict-1": "3", "a.cfg": "3", "a": "3"}


def test_lines_are_merged(two: Two) -> None:  # B46
    two.agree({"f": TEN})
    two.a({"f": TEN.replace("line 1\n", "first\n")})
    two.b({"f": TEN.replace("line 9\n", "ninth\n")})
    record = two.run()
    assert record.success, record.failure
    assert record.plan is not None and [one.ending for one in record.plan.settled] == [Ending.MERGED]
    assert two.here == two.there == {"f": TEN.replace("line 1\n", "first\n").replace("line 9\n", "ninth\n")}
    two.settled()


def test_the_same_lines_are_a_conflict_without_markers(two: Two) -> None:  # B47
    two.agree({"f": TEN})
    two.a({"f": TEN.replace("line 5\n", "five here\n")})
    two.b({"f": TEN.replace("line 5\n", "five there\n")})
    record = two.run()
    assert record.exit is Exit.CONFLICTS
    assert record.plan is not None and record.plan.conflicts[0].clashes
    assert "<<<<" not in two.here["f"] + two.there["f"]
    assert "five here" in two.here["f"] and "five there" in two.there["f"]


def test_a_side_wins_only_where_both_changed_the_same(two: Two) -> None:  # B31, B47
    _policy(two, "on_conflict: repo")
    two.agree({"f": TEN})
    two.a({"f": TEN.replace("line 2\n", "two here\n")})
    two.b({"f": TEN.replace("line 2\n", "two there\n").replace("line 9\n", "nine there\n")})
    assert two.run().success
    assert two.here == two.there == {"f": TEN.replace("line 2\n", "two here\n").replace("line 9\n", "nine there\n")}


def test_keys_of_json_are_merged(two: Two) -> None:  # B48
    two.agree({"f.json": '{\n  "a": 1,\n  "b": 1\n}\n', "g.json": '{\n  "k": 1\n}\n'})
    two.a({"f.json": '{\n  "a": 1,\n  "x": 1,\n  "b": 1\n}\n', "g.json": '{\n  "k": 2\n}\n'})
    two.b({"f.json": '{\n  "a": 1,\n  "y": 1,\n  "b": 1\n}\n', "g.json": '{\n  "k": 3\n}\n'})
    record = two.run()
    assert record.plan is not None
    assert [(c.key, c.clashes) for c in record.plan.conflicts] == [("data/g.json", ("$.k",))]
    assert two.here["f.json"] == two.there["f.json"]
    assert '"x": 1' in two.here["f.json"] and '"y": 1' in two.here["f.json"]


def test_sections_of_markdown_are_merged(two: Two) -> None:  # B49
    text = "".join(f"## {n}) Part {n}\n\ntext of {n}\n\n" for n in range(20))
    two.agree({"f.md": text})
    two.a({"f.md": text.replace("text of 3\n", "three here\n")})
    two.b({"f.md": text.replace("text of 17\n", "seventeen there\n")})
    assert two.run().success
    assert two.here == two.there
    assert "three here" in two.here["f.md"] and "seventeen there" in two.here["f.md"]


def test_binary_is_never_merged(two: Two) -> None:  # B50
    two.agree({"f": b"\0" + TEN.encode()})
    two.a({"f": b"\0" + TEN.replace("line 1\n", "a\n").encode()})
    two.b({"f": b"\0" + TEN.replace("line 9\n", "b\n").encode()})
    assert two.run().exit is Exit.CONFLICTS
    assert two.here != two.there


def test_a_bit_and_an_edit_go_together(two: Two) -> None:  # B24, B41
    two.agree({"f": "1"})
    two.a({"f": "2"})
    (two.far / "f").chmod(0o755)
    assert two.run().success
    assert two.here == two.there == {"f": "2"}
    assert (two.far / "f").stat().st_mode & 0o100 and (two.project.root / "data/f").stat().st_mode & 0o100
    two.settled()


@pytest.mark.parametrize("agreed", [{}, {"x": "x"}], ids=["first sync", "later"])
def test_two_new_files_of_one_name(two: Two, agreed: dict[str, str]) -> None:  # B35
    if agreed:
        two.agree(agreed)
    two.a({"n": "1\n"})
    two.b({"n": "2\n"})
    assert two.run().exit is Exit.CONFLICTS
    assert (two.here["n"], two.there["n"]) == ("1\n", "2\n")


def test_the_same_new_folder_with_one_clash(two: Two) -> None:  # B36
    two.agree({"x": "x"})
    two.a({"d/a": "a", "d/same": "1"})
    two.b({"d/b": "b", "d/same": "2"})
    assert two.run().exit is Exit.CONFLICTS
    assert two.here == {"x": "x", "d/a": "a", "d/b": "b", "d/same": "1"}
    assert two.there == {"x": "x", "d/a": "a", "d/b": "b", "d/same": "2"}


@pytest.mark.parametrize("agreed", [{"x": "x"}, {"x": "x", "n": "0"}], ids=["new", "was a file"])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_file_here_and_a_folder_there(two: Two, agreed: dict[str, str], swapped: bool) -> None:  # B37, I11
    two.agree(agreed)
    file, folder = ({"n": "file"}, {"n": None, "n/a": "a", "n/b": "b"} if "n" in agreed else {"n/a": "a", "n/b": "b"})
    (two.b if swapped else two.a)(file)
    (two.a if swapped else two.b)(folder)
    before = (two.here, two.there)
    record = two.run()
    assert record.exit is Exit.CONFLICTS
    assert (two.here, two.there) == before
    assert record.plan is not None and {c.key for c in record.plan.conflicts} == {"data/n", "data/n/a", "data/n/b"}
    assert two.run(prefer=Prefer.REPO).success
    assert two.here == two.there == before[0]
    two.settled()


def test_sides_may_be_swapped(two: Two) -> None:  # I11
    for _ in range(2):
        two.agree({"f": TEN, "g": "1", "h": "1"})
        edits = ({"f": TEN.replace("line 1\n", "a\n"), "g": "2"}, {"f": TEN.replace("line 9\n", "b\n"), "h": "2"})
        two.a(edits[0])
        two.b(edits[1])
        assert two.run().success
        first = two.here
        two.a({"f": TEN, "g": "1", "h": "1"})
        assert two.run().success
        two.b(edits[0])
        two.a(edits[1])
        assert two.run().success
        assert two.here == two.there == first
