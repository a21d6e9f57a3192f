"""What is no deletion, what stops before anything is written, and what a first sync may do."""

from __future__ import annotations

import os
import shutil

import pytest
from tests.twoway.conftest import Two, configure

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.target import Prefer
from directional_sync.system.reach import Kind, Reach

SIX = {str(number): str(number) for number in range(6)}


def _state(two: Two) -> tuple[object, ...]:
    return (two.project.head, two.pair.state(), two.project.git("for-each-ref"))


@pytest.mark.parametrize("side", ["A", "B"])
def test_an_emptied_side_is_not_believed(two: Two, side: str) -> None:  # B60
    two.agree(SIX)
    (two.a if side == "A" else two.b)(dict.fromkeys(SIX))
    before = _state(two)
    record = two.run()
    assert (record.outcome, record.exit) == (Outcome.REFUSED, Exit.REFUSED)
    assert record.failure is not None and record.failure.code == "E-GUARD-EMPTIED"
    assert "allow_empty" in record.failure.hint
    assert _state(two) == before


def test_a_root_that_is_not_there_is_no_empty_one(two: Two) -> None:  # B61
    two.agree(SIX)
    away = two.far.with_name("unmounted")
    two.far.rename(away)
    head = two.project.head
    assert two.run().outcome is Outcome.FAILED
    assert two.project.head == head
    away.rename(two.far)
    two.settled()


def test_a_root_that_became_a_file_stops(two: Two) -> None:  # B62
    two.agree(SIX)
    shutil.rmtree(two.far)
    two.far.write_text("a file")
    head = two.project.head
    assert two.run().outcome is Outcome.FAILED
    assert two.project.head == head and two.far.read_text() == "a file"


@pytest.mark.parametrize("side", ["A", "B"])
def test_too_many_deletions_stop_before_any_write(two: Two, side: str) -> None:  # B63
    nine = {str(number): str(number) for number in range(9)}
    configure(two.project, two.far, "policy: {max_delete: 50%}")
    two.agree(nine)
    gone = dict.fromkeys(list(nine)[:5])
    (two.a if side == "A" else two.b)(gone)
    (two.b if side == "A" else two.a)({"8": "edited"})
    before = _state(two)
    record = two.run()
    assert record.exit is Exit.REFUSED and record.failure is not None and record.failure.code == "E-GUARD-DELETE"
    assert _state(two) == before
    configure(two.project, two.far, "policy: {max_delete: 60%}")
    assert two.run().success
    assert two.here == two.there == {"5": "5", "6": "6", "7": "7", "8": "edited"}


def test_a_missing_sentinel_stops(two: Two) -> None:  # B65
    configure(two.project, two.far, remote="sentinel: .mounted")
    (two.far / ".mounted").write_text("")
    two.a(SIX)
    assert two.run().success
    assert two.here == SIX  # the sentinel itself is left alone
    (two.far / ".mounted").unlink()
    assert two.run().outcome is Outcome.FAILED
    assert two.here == SIX


def test_what_is_newly_excluded_stays_on_both_sides(two: Two) -> None:  # B66, B67
    two.agree({"f": "1", "x.tmp": "1", "y.tmp": "1"})
    configure(two.project, two.far, remote='exclude: ["*.tmp"]')
    two.a({"x.tmp": None})
    assert two.run().success
    assert two.there == {"f": "1", "x.tmp": "1", "y.tmp": "1"}
    two.b({"y.tmp": "2"})
    two.settled()
    configure(two.project, two.far)
    assert two.run().success  # included again, it is compared with what was agreed
    assert two.here == two.there == {"f": "1", "y.tmp": "2"}


def test_a_dry_run_does_not_agree_to_other_filters(two: Two) -> None:  # B66
    two.agree({"f": "1", "x.tmp": "1"})
    configure(two.project, two.far, remote='exclude: ["*.tmp"]')
    assert two.run().success
    two.b({"x.tmp": "2"})
    configure(two.project, two.far)
    two.a({"x.tmp": "3"})
    before = _state(two)
    [planned] = two.project.plan().records
    assert planned.exit is Exit.CONFLICTS and _state(two) == before
    configure(two.project, two.far, remote='exclude: ["*.tmp"]')
    two.settled()
    configure(two.project, two.far)
    record = two.run()
    assert record.exit is Exit.CONFLICTS and record.plan is not None
    assert [conflict.key for conflict in record.plan.conflicts] == ["data/x.tmp"]
    assert (two.here["x.tmp"], two.there["x.tmp"]) == ("3", "2")


def test_another_far_side_has_deleted_nothing(two: Two) -> None:  # B66, B81
    two.agree(SIX)
    other = two.far.with_name("other")
    other.mkdir()
    (other / "0").write_text("0")
    (other / "1").write_text("theirs")
    old = two.pair.state()
    configure(two.project, other, "policy: {max_delete: 100%, allow_empty: true}")
    [planned] = two.project.plan().records
    assert planned.plan is not None and not planned.plan.repo
    two.far = two.pair.far = other
    for _ in range(2):  # a plan is no agreement, and neither is a conflict
        record = two.run()
        assert record.exit is Exit.CONFLICTS
        assert two.here == SIX and two.there == {**SIX, "1": "theirs"}
    assert two.run(prefer=Prefer.REPO).success
    two.settled()
    (other / "2").unlink()
    assert two.run().success and "2" not in two.here  # now it has
    two.far = two.pair.far = other.with_name("share")
    assert two.pair.state() == old


def test_a_moved_far_side_is_told(two: Two) -> None:  # B66
    two.agree(SIX)
    moved = two.far.rename(two.far.with_name("moved"))
    configure(two.project, moved)
    two.far = two.pair.far = moved
    record = two.run()
    assert record.success and any("another than last time" in note for note in record.notes)
    two.settled()
    assert not any("another than last time" in note for note in two.run().notes)


@pytest.mark.parametrize("side", ["A", "B"])
def test_what_the_system_does_not_let_us_read_blocks_only_itself(
    two: Two, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # B68, F19
    """As for anybody but root: a folder that cannot be listed here, a file that cannot be opened there."""
    configure(two.project, two.far, "git_commit: false\npolicy: {max_delete: 100%}")
    for path, content in {"d/x": "1", "f": "1"}.items():
        two.project.write(f"data/{path}", content)
    assert two.run().success
    root = two.project.root / "data" if side == "A" else two.far
    (root / "d/x").write_text("changed")
    (two.far if side == "A" else two.project.root / "data").joinpath("f").write_text("2")
    usual = os.open

    def refusing(path: str | bytes, flags: int, *more: int, dir_fd: int | None = None, **rest: int) -> int:
        descriptor = usual(path, flags, *more, dir_fd=dir_fd, **rest)
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(root / "d/x") and not flags & os.O_PATH:  # noqa: PTH115
            os.close(descriptor)
            raise PermissionError(13, "Permission denied")
        return descriptor

    listed = Reach.names

    def unlisted(self: Reach, folder: str) -> list[tuple[str, Kind]]:
        if folder == "data/d":
            raise PermissionError(13, "Permission denied")
        return list(listed(self, folder))

    with monkeypatch.context() as patched:
        if side == "A":
            patched.setattr(Reach, "names", unlisted)
        else:
            patched.setattr(os, "open", refusing)
        record = two.run()
    assert record.exit is Exit.FAILED, record
    other = two.far if side == "A" else two.project.root / "data"
    assert (other / "d/x").read_text() == "1" and (root / "d/x").read_text() == "changed"
    assert two.run().success
    assert (other / "d/x").read_text() == "changed" and (root / "f").read_text() == "2"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_blocks_only_itself(two: Two) -> None:  # B68
    two.agree({"d/x": "1", "f": "1"})
    (two.far / "d").chmod(0)
    two.b({"f": "2"})
    try:
        record = two.run()
    finally:
        (two.far / "d").chmod(0o755)
    assert record.exit is Exit.FAILED
    assert two.here == {"d/x": "1", "f": "2"}


def test_what_is_no_file_blocks_only_itself(two: Two) -> None:  # B68
    two.agree({"d/x": "1", "f": "1"})
    (two.far / "d/x").unlink()
    os.mkfifo(two.far / "d/x")
    two.b({"f": "2"})
    record = two.run()
    assert record.exit is Exit.FAILED
    assert two.here == {"d/x": "1", "f": "2"}


def test_git_folders_never_travel(two: Two) -> None:  # B74
    two.agree({"f": "1"})
    two.b({".git/hooks/post-checkout": "#!/bin/sh", "sub/.git/config": "x", "sub/f": "1"})
    record = two.run()
    assert not any(".git" in path or path.startswith("sub/") for path in two.here)
    assert record.exit is Exit.FAILED  # the nested repository is told of


def test_the_first_sync_into_an_empty_side(two: Two) -> None:  # B80
    two.a(SIX)
    assert two.run().success
    assert two.there == SIX


COMBINATIONS = {
    "same": ("1", "1"),
    "only A": ("a", None),
    "only B": (None, "b"),
    "differ": ("a", "b"),
}


def test_a_first_sync_of_two_full_sides_is_their_union(two: Two) -> None:  # B81, B84
    two.a({name: a for name, (a, _) in COMBINATIONS.items() if a})
    two.b({name: b for name, (_, b) in COMBINATIONS.items() if b})
    record = two.run()
    assert record.exit is Exit.CONFLICTS
    assert two.here == {"same": "1", "only A": "a", "only B": "b", "differ": "a"}
    assert two.there == {"same": "1", "only A": "a", "only B": "b", "differ": "b"}
    assert any("--prefer repo|remote|newer|union" in note for note in record.notes)


@pytest.mark.parametrize(
    ("prefer", "differ"),
    [
        (Prefer.REPO, {"differ": "a"}),
        (Prefer.REMOTE, {"differ": "b"}),
        (Prefer.UNION, {"differ": "a", "differ.conflict-1": "b"}),
        (Prefer.NEWER, {"differ": "b"}),
    ],
)
def test_a_first_sync_as_preferred(two: Two, prefer: Prefer, differ: dict[str, str]) -> None:  # B81
    two.a({name: a for name, (a, _) in COMBINATIONS.items() if a})
    two.b({name: b for name, (_, b) in COMBINATIONS.items() if b})
    later = (two.far / "differ").stat().st_mtime + 100
    os.utime(two.far / "differ", (later, later))
    assert two.run(prefer=prefer).success
    assert two.here == two.there == {"same": "1", "only A": "a", "only B": "b", **differ}
    two.settled()


def _lose(two: Two) -> None:
    """The state and the lock are gone, and the history with them."""
    for ref in two.project.git("for-each-ref", "--format=%(refname)", "refs/directional-sync").splitlines():
        two.project.git("update-ref", "-d", ref)
    shutil.rmtree(two.project.root / ".git/directional-sync")
    two.project.git("rm", "-q", "sync.lock")
    two.project.git("checkout", "-q", "--orphan", "fresh")
    two.project.commit("All of it")


def test_lost_state_and_nothing_changed(two: Two) -> None:  # B82
    two.agree(SIX)
    _lose(two)
    state = two.pair.state()
    assert two.run().success
    assert two.pair.state() == state and two.here == SIX
    two.settled()


def test_lost_state_deletes_nothing(two: Two) -> None:  # B83, B84, F97
    two.agree(SIX)
    two.a({"0": None, "1": "here"})
    two.b({"1": "there"})
    _lose(two)
    record = two.run()
    assert record.exit is Exit.CONFLICTS
    assert two.here == {**SIX, "1": "here"} and two.there == {**SIX, "1": "there"}
    assert any("no earlier agreement" in note for note in record.notes)


def test_a_dry_run_changes_nothing_and_the_run_does_what_it_showed(two: Two) -> None:  # B100, I4, I5
    two.agree({**SIX, "m": "a\nb\nc\nd\ne\n", "c": "1"})
    two.a({"0": "here", "1": None, "m": "A\nb\nc\nd\ne\n", "c": "2"})
    two.b({"2": "there", "3": None, "m": "a\nb\nc\nd\nE\n", "c": "3"})
    index = (two.project.root / ".git/index").read_bytes()
    before = _state(two)
    [planned] = two.project.plan().records
    assert _state(two) == before
    assert (two.project.root / ".git/index").read_bytes() == index
    done = two.run()
    assert planned.plan is not None and done.plan is not None
    assert planned.plan.digest == done.plan.digest
    assert {effect.change for effect in done.effects} == set(planned.plan.remote)
    assert two.here == {"0": "here", "2": "there", "4": "4", "5": "5", "m": "A\nb\nc\nd\nE\n", "c": "2"}


def test_the_users_own_work_is_left_alone(two: Two) -> None:  # I6
    two.agree(SIX)
    two.project.write("elsewhere.txt", "mine")
    two.project.git("add", "elsewhere.txt")
    two.b({"0": "there"})
    assert two.run().success
    assert two.project.git("status", "--porcelain") == "A  elsewhere.txt"


def test_work_that_is_not_committed_stops_it(two: Two) -> None:  # I3
    two.agree(SIX)
    two.project.write("data/0", "not committed")
    two.b({"0": "there"})
    assert two.run().exit is Exit.REFUSED
    assert (two.project.root / "data/0").read_text() == "not committed" and two.there["0"] == "there"
