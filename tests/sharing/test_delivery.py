"""Commits on their way to a shared branch: pushed, planned again where somebody was quicker, never forced (F71)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.project import Project
from tests.sharing.conftest import Fleet, pulled

from directional_sync.errors import Exit, SyncError
from directional_sync.git import outward
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Delivered, Summary

PUSH = "deliver: {push: true}\n"


def delivered(summary: Summary) -> Delivered:
    assert summary.delivered is not None
    assert summary.delivered.failure is None, summary.delivered.failure
    return summary.delivered


Race = Callable[..., None]


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch) -> Race:
    """Lets somebody else push right before the next pushes of a project."""
    real = outward.Outward.push

    def prepare(project: Project, rival: Callable[[], object], *, times: int = 1) -> None:
        left = [times]

        def push(self: outward.Outward, wanted: Sequence[outward.Wanted]) -> outward.Pushed:
            if left[0] and self.git.work_tree == project.root:
                left[0] -= 1
                rival()
            return real(self, wanted)

        monkeypatch.setattr(outward.Outward, "push", push)

    return prepare


def refused(project: Project, code: str) -> None:
    with pytest.raises(SyncError) as found:
        project.run()
    assert found.value.code == code


def test_what_was_committed_arrives_with_what_was_agreed(fleet: Fleet) -> None:
    fleet.found(PUSH + fleet.sources("a"))
    one = fleet.clone("one")
    done = delivered(one.run())
    refs = fleet.refs()
    assert refs["refs/heads/main"] == one.head == done.commit
    assert (done.pushed, done.attempts, done.agreed) == (1, 1, ("a",))
    assert refs["refs/directional-sync/base/a"] == one.git("rev-parse", "refs/directional-sync/base/a")
    assert one.git("rev-parse", "origin/main") == one.head


def test_a_second_run_pushes_nothing(fleet: Fleet) -> None:
    fleet.found(PUSH + fleet.sources("a"))
    one = fleet.clone("one")
    one.run()
    before = fleet.refs()
    assert delivered(one.run()).attempts == 0
    assert fleet.refs() == before


def test_without_deliver_nothing_leaves_the_clone(fleet: Fleet) -> None:
    fleet.found(fleet.sources("a"))
    one = fleet.clone("one")
    before = fleet.refs()
    assert one.run().delivered is None
    assert fleet.refs() == before
    assert delivered(one.run(deliver=True)).pushed == 1  # the option asks for it


def test_a_plan_asks_nobody_and_moves_nothing(fleet: Fleet) -> None:
    fleet.found(PUSH + fleet.sources("a"))
    one = fleet.clone("one")
    before = one.git("for-each-ref"), fleet.refs()
    assert one.plan().delivered is None
    assert (one.git("for-each-ref"), fleet.refs()) == before


def test_a_clone_that_is_behind_goes_on_first(fleet: Fleet) -> None:
    fleet.found(PUSH + fleet.sources("a", "b"))
    one, two = fleet.clone("one"), fleet.clone("two")
    one.run("a")
    delivered(two.run("b"))
    assert [line for line in two.git("log", "--format=%(trailers:key=Sync-Target,valueonly)").splitlines() if line] == [
        "b",
        "a",
    ]
    assert two.files()["a/a.txt"] == "a 1" == (two.root / "a" / "a.txt").read_text().strip()
    assert two.clean()


def test_f71_a_race_is_answered_by_a_new_plan_on_top(fleet: Fleet, race: Race) -> None:
    fleet.found(PUSH + fleet.sources("a", "b"))
    one, two = fleet.clone("one"), fleet.clone("two")

    def rival() -> None:
        two.run("b")

    race(one, rival)
    summary = one.run("a")
    done = delivered(summary)
    assert done.attempts == 2
    assert summary.records[0].outcome is Outcome.SYNCED
    assert summary.records[0].commit == one.head == fleet.refs()["refs/heads/main"]
    assert one.commits() == 3
    assert one.clean()
    assert one.files()["b/a.txt"] == "b 1"
    assert one.git("merge-base", "--is-ancestor", two.head, one.head) == ""
    assert one.run().exit() is Exit.OK


def test_f71_what_others_have_synced_meanwhile_is_not_done_twice(fleet: Fleet, race: Race) -> None:
    fleet.found(PUSH + fleet.sources("a"))
    one, two = fleet.clone("one"), fleet.clone("two")
    race(one, lambda: two.run("a"))
    summary = one.run("a")
    assert delivered(summary).commit == two.head == one.head
    assert summary.records[0].outcome is Outcome.IN_SYNC
    assert fleet.git("rev-list", "--count", "main") == "2"


def test_u01_an_edit_of_a_person_meanwhile_wins_over_the_plan_of_before(fleet: Fleet, race: Race) -> None:
    """What the run wanted to write was edited there meanwhile: a blind rebase would have taken it away."""
    fleet.found(PUSH + fleet.sources("a"))
    one, two = fleet.clone("one"), fleet.clone("two")
    one.run()
    two.git("pull", "-q")
    fleet.source("a", a="a 2\n")

    def rival() -> None:
        two.write("a/a.txt", "mine\n")
        two.commit("Edit")
        two.git("push", "-q", "origin", "HEAD:main")

    race(one, rival)
    summary = one.run()
    assert delivered(summary).failure is None
    assert fleet.git("show", "main:a/a.txt") == "mine"
    assert (one.root / "a" / "a.txt").read_text() == "mine\n"
    assert summary.exit() is not Exit.OK  # changed on both sides: it waits for a person
    assert one.git("show", "refs/directional-sync/rewound/main:a/a.txt") == "a 2"  # what was made is not lost


def test_f71_it_gives_up_and_says_what_is_kept(fleet: Fleet, race: Race) -> None:
    fleet.found("deliver: {attempts: 3}\n" + fleet.sources("a"))
    one, two = fleet.clone("one"), fleet.clone("two")
    count = iter(range(100))

    def rival() -> None:
        two.git("pull", "-q", "--rebase")
        two.write(f"work-{next(count)}.txt", "x\n")
        two.commit()
        two.git("push", "-q", "origin", "HEAD:main")

    race(one, rival, times=3)
    summary = one.run()
    assert summary.delivered is not None and summary.delivered.failure is not None
    assert summary.delivered.failure.code == "E-DELIVER-RACE"
    assert "1 commit of main in this clone" in summary.delivered.failure.kept
    assert summary.exit() is Exit.FAILED
    assert delivered(one.run()).pushed == 1
    assert fleet.git("show", "main:a/a.txt") == "a 1"
    assert one.clean()


def test_work_of_the_user_is_neither_pushed_nor_overwritten(fleet: Fleet, race: Race) -> None:
    fleet.found(PUSH + fleet.sources("a", "b"))
    one, two = fleet.clone("one"), fleet.clone("two")
    one.write("notes.txt", "not yet\n")
    one.write("staged.txt", "staged\n")
    one.git("add", "staged.txt")
    race(one, lambda: two.run("b"))
    assert delivered(one.run("a")).attempts == 2
    assert one.git("status", "--porcelain").splitlines() == ["A  staged.txt", "?? notes.txt"]
    assert "notes.txt" not in fleet.git("ls-tree", "-r", "--name-only", "main")


def test_a_file_that_both_have_is_not_overwritten_by_going_on(fleet: Fleet) -> None:
    first = fleet.found(PUSH + fleet.sources("a"))
    one = fleet.clone("one")
    first.write("notes.txt", "theirs\n")
    first.commit()
    first.git("push", "-q", "origin", "main")
    one.write("notes.txt", "mine\n")
    before = one.head
    refused(one, "E-DELIVER-DIRTY")
    assert one.head == before
    assert (one.root / "notes.txt").read_text() == "mine\n"


def test_commits_of_a_person_that_have_gone_apart_are_for_that_person(fleet: Fleet) -> None:
    first = fleet.found(PUSH + fleet.sources("a"))
    one = fleet.clone("one")
    first.write("theirs.txt", "1\n")
    first.commit()
    first.git("push", "-q", "origin", "main")
    one.write("mine.txt", "1\n")
    head = one.commit("Mine")
    refused(one, "E-DELIVER-APART")
    assert one.head == head
    one.git("pull", "-q", "--rebase")
    done = delivered(one.run())
    assert done.notes == ("1 of the commits pushed is not of a run",)
    assert set(fleet.git("ls-tree", "--name-only", "main").split()) >= {"mine.txt", "theirs.txt", "a"}


def test_another_branch_is_not_delivered(fleet: Fleet) -> None:
    fleet.found("deliver: {branch: main}\n" + fleet.sources("a"))
    one = fleet.clone("one")
    one.git("switch", "-q", "-c", "feature", "--no-track")
    before = fleet.refs()
    done = delivered(one.run())
    assert "feature is checked out" in done.notes[0]
    assert fleet.refs() == before


def test_u05_a_branch_that_was_deleted_is_not_made_again(fleet: Fleet) -> None:
    fleet.found(PUSH + fleet.sources("a"))
    one = fleet.clone("one")
    one.run()
    fleet.git("update-ref", "-d", "refs/heads/main")
    fleet.source("a", a="a 2\n")
    refused(one, "E-DELIVER-GONE")
    assert "refs/heads/main" not in fleet.refs()


def test_u04_a_remote_that_is_not_there_keeps_the_commit_here(fleet: Fleet) -> None:
    fleet.found(PUSH + fleet.sources("a"))
    one = fleet.clone("one")
    one.git("remote", "set-url", "origin", "http://127.0.0.1:9/x.git")
    summary = one.run()
    assert summary.records[0].success
    assert summary.delivered is not None and summary.delivered.failure is not None
    assert summary.delivered.failure.code == "E-DELIVER-UNREACHABLE"
    one.git("remote", "set-url", "origin", str(fleet.bare))
    assert delivered(one.run()).pushed == 1


def test_outputs_that_are_not_committed_are_agreed_in_one_clone_only(fleet: Fleet) -> None:
    """Their base would make deletions of them in every other clone."""
    fleet.found(PUSH + "targets:\n" + pulled("a", fleet.source("a", a="1\n"), ", git_commit: false"))
    one, two = fleet.clone("one"), fleet.clone("two")
    one.run()
    assert not any("base" in ref for ref in fleet.refs())
    two.run()
    assert (two.root / "a" / "a.txt").read_text() == "1\n"


def test_a_hostile_configuration_of_the_clone_runs_nothing(fleet: Fleet, tmp_path: Path) -> None:
    """T43: what a shared clone's configuration names is not run; what it says of the remote holds."""
    fleet.found(PUSH + fleet.sources("a"))
    one = fleet.clone("one")
    proof = tmp_path / "ran"
    script = one.write("../evil.sh", f"#!/bin/sh\ntouch {proof}\n", mode=0o755)
    (one.root / ".git" / "hooks" / "pre-push").write_text(f"#!/bin/sh\ntouch {proof}\nexit 1\n")
    (one.root / ".git" / "hooks" / "pre-push").chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.askPass",
        "credential.helper",
        "remote.origin.receivepack",
        "remote.origin.uploadpack",
        "core.pager",
    ):
        one.git("config", key, str(script))
    assert delivered(one.run()).pushed == 1
    assert not proof.exists()


def test_the_first_push_makes_the_branch(fleet: Fleet) -> None:
    first = fleet.found(PUSH + fleet.sources("a"))
    fleet.git("update-ref", "-d", "refs/heads/main")
    delivered(first.run())
    assert fleet.refs()["refs/heads/main"] == first.head


def test_t40_a_base_that_this_program_has_not_written_is_not_taken(fleet: Fleet) -> None:
    fleet.found(PUSH + fleet.sources("a"))
    one, two = fleet.clone("one"), fleet.clone("two")
    one.run()
    base = "refs/directional-sync/base/a"
    true = fleet.refs()[base]
    two.git("pull", "-q")
    for forged in (fleet.refs()["refs/heads/main"], two.git("hash-object", "-w", "sync.yaml")):
        two.git("push", "-q", "--force", "origin", f"{forged}:{base}")
        assert delivered(two.run()).failure is None
        assert two.git("rev-parse", "--verify", "-q", base, check=False) != forged
    fleet.source("a", a="a 2\n")
    delivered(one.run())
    assert fleet.refs()[base] == one.git("rev-parse", base) != true
