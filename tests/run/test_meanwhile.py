"""F76: what the user does to the repository while a run is at work, just before it commits: theirs stands, and the run
plans again on top of it, once."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome

GIT = "git -C '{root}' -c user.name=Ada -c user.email=ada@example.org"


@pytest.fixture
def flow(project: Project, tmp_path: Path) -> Project:
    """A target that brings `out/a.txt`, and a check that does `deed.sh` in the user's repository, as often as the file
    `times` says."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far/a.txt").write_text("theirs\n")
    (tmp_path / "times").write_text("1")
    project.write("mine.txt", "one\n")
    project.write("other.txt", "one\n")
    project.commit("Before")
    check = shlex.quote(f'n=$(cat {tmp_path}/times); [ "$n" = 0 ] || (echo $((n-1)) > {tmp_path}/times; '
                        f"cd {project.root} && sh {tmp_path}/deed.sh)")  # fmt: skip
    project.configure(
        f"""
        targets:
          in:
            direction: pull
            remote: {{type: files, url: "{tmp_path}/far"}}
            outputs: ["out/**"]
        safety:
          post_sync_checks:
            - name: meanwhile
              command: {check}
        """
    )
    return project


def meanwhile(flow: Project, deed: str, times: int = 1) -> None:
    git = GIT.format(root=flow.root)
    (flow.root.parent / "deed.sh").write_text(f"set -e\n{deed.replace('git ', git + ' ')}")
    (flow.root.parent / "times").write_text(str(times))


def test_F76_a_commit_is_built_upon_and_what_is_not_committed_stays(flow: Project) -> None:
    flow.write("other.txt", "edited before\n")
    meanwhile(
        flow,
        "echo two > mine.txt; git commit -qm Theirs mine.txt\n"
        "echo staged > staged.txt; git add staged.txt; echo loose > loose.txt",
    )
    record = flow.one("in")
    assert record.outcome is Outcome.SYNCED, (record.message, record.failure)
    assert flow.git("log", "--format=%s", "-3").splitlines()[1:] == ["Theirs", "Configure"]
    assert flow.files()["mine.txt"] == "two" and flow.files()["out/a.txt"] == "theirs"
    assert flow.git("diff", "--name-only", "HEAD^", "HEAD").split() == ["out/a.txt", "sync.lock"]
    assert set(flow.git("status", "--porcelain").splitlines()) == {"M other.txt", "A  staged.txt", "?? loose.txt"}
    assert flow.fsck() == ""


def test_F76_who_commits_every_time_is_told_and_wins(flow: Project) -> None:
    meanwhile(flow, "date +%N >> mine.txt; git commit -qm Theirs mine.txt", times=9)
    record = flow.one("in")
    assert record.exit is Exit.STALE and record.failure is not None and record.failure.code == "E-STALE-BRANCH"
    assert flow.git("log", "--format=%s", "-3").splitlines() == ["Theirs", "Theirs", "Configure"]
    assert not (flow.root / "out").exists() and flow.clean()


def test_F76_their_own_version_of_what_was_to_be_written_is_not_overwritten(flow: Project) -> None:
    meanwhile(flow, "mkdir out; echo mine > out/a.txt; git add out; git commit -qm Theirs")
    record = flow.one("in")
    assert not record.success and record.exit is Exit.CONFLICTS, record
    assert (flow.root / "out/a.txt").read_text() == "mine\n" and flow.files()["out/a.txt"] == "mine"
    assert "Theirs" in flow.git("log", "--format=%s") and flow.clean()


def test_F76_their_own_version_that_is_not_committed_is_not_overwritten(flow: Project) -> None:
    meanwhile(flow, "mkdir out; echo mine > out/a.txt")
    head = flow.head
    record = flow.one("in")
    assert record.exit is Exit.REFUSED and record.failure is not None and record.failure.code == "E-COLLISION"
    assert (flow.root / "out/a.txt").read_text() == "mine\n" and flow.head == head


def test_F76_a_branch_that_was_set_back_is_built_upon_where_it_is(flow: Project) -> None:
    flow.write("mine.txt", "to be dropped\n")
    flow.commit("Dropped")
    meanwhile(flow, "git reset -q --hard HEAD~1")
    assert flow.one("in").outcome is Outcome.SYNCED
    assert "Dropped" not in flow.git("log", "--format=%s") and flow.files()["mine.txt"] == "one"
    assert flow.clean() and flow.fsck() == ""


@pytest.mark.parametrize(
    "deed",
    ["git switch -qc side", "git checkout -q --detach", "git switch -q --orphan none"],
    ids=lambda d: d.split()[-1],
)
def test_F76_where_another_branch_is_checked_out_neither_of_them_moves(flow: Project, deed: str) -> None:
    before = flow.git("for-each-ref", "refs/heads/main")
    meanwhile(flow, deed)
    record = flow.one("in")
    assert not record.success and not record.commit
    assert flow.git("for-each-ref", "refs/heads/main") == before
    assert not (flow.root / "out").exists()
    assert flow.git("for-each-ref", "refs/directional-sync") == ""


@pytest.mark.parametrize("deed", ["to somebody's commit", "away"])
def test_T40_our_ref_that_another_writer_moves_is_not_overwritten_blindly(flow: Project, deed: str) -> None:
    """The branch and our ref move together or not at all; what then stands there is not believed."""
    flow.one("in")
    ref = "refs/directional-sync/base/in"
    (flow.root.parent / "far/b.txt").write_text("b\n")
    meanwhile(flow, f"git update-ref {ref} HEAD" if deed.startswith("to") else f"git update-ref -d {ref}")
    commits = flow.commits()
    record = flow.one("in")
    assert record.outcome is Outcome.SYNCED, (record.message, record.failure)
    assert flow.commits() == commits + 1
    assert set(flow.files(under="out")) == {"out/a.txt", "out/b.txt"} and flow.clean() and flow.fsck() == ""
    assert flow.one("in").outcome is Outcome.IN_SYNC
    (flow.root.parent / "far/a.txt").unlink()
    assert flow.one("in").outcome is Outcome.SYNCED
    assert set(flow.files(under="out")) == {"out/b.txt"}
