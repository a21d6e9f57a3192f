"""Taking back what was brought into the repository: bytes, lock and base, in one commit, and later work stays."""

from __future__ import annotations

import shutil

import pytest
from tests.undo.conftest import Flows, of

from directional_sync.errors import RefusedError, SelectionError
from directional_sync.git.repository import BASE_REF
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.plan import Why

LINES = "".join(f"line {number}\n" for number in range(12))


@pytest.fixture
def pulled(flows: Flows) -> Flows:
    """Two runs: the first brings three files, the second changes, adds and removes one."""
    flows.put("in", {"a.txt": "1\n", "deep/b.txt": LINES, "gone.txt": "gone\n"})
    flows.run("in")
    flows.put("in", {"a.txt": "2\n", "new.txt": "new\n", "gone.txt": None})
    flows.run("in")
    return flows


def test_bytes_lock_and_base_go_back_in_one_commit(pulled: Flows) -> None:  # G24, goal of `undo`
    before, head, base = pulled.lock("HEAD~1"), pulled.project.head, BASE_REF.format(target="in")
    agreed = pulled.project.files(base)
    summary = pulled.undo()
    assert of(summary).outcome is Outcome.SYNCED, of(summary).failure
    assert pulled.project.git("rev-parse", "HEAD^") == head
    assert pulled.here("in") == {"a.txt": "1\n", "deep/b.txt": LINES, "gone.txt": "gone\n"}
    changed = pulled.project.git("diff", "--name-only", head, "HEAD").split()
    assert changed == ["in/a.txt", "in/gone.txt", "in/new.txt", "sync.lock"]
    assert pulled.lock()["in"] == {**before["in"], "undone": summary.undoes}
    assert pulled.project.files(base) != agreed
    assert pulled.project.git("rev-parse", f"{base}^{{tree}}") == before["in"]["tree"]
    pulled.sound()


def test_it_is_recorded_as_a_run_of_its_own(pulled: Flows) -> None:
    summary = pulled.undo()
    newest = pulled.log()[0]
    assert (newest["run"], newest["undoes"]) == (summary.run, summary.undoes)
    assert newest["results"][0]["commit"] == pulled.project.head
    trailers = pulled.project.git("log", "-1", "--format=%(trailers)")
    assert trailers.splitlines() == ["Sync-Target: in", f"Sync-Run: {summary.run}", f"Sync-Undoes: {summary.undoes}"]


def test_a_dry_run_shows_it_and_writes_nothing(pulled: Flows) -> None:  # P7, G8
    head, refs, log = pulled.project.head, pulled.project.git("for-each-ref"), pulled.log()
    record = of(pulled.undo(dry_run=True))
    assert record.outcome is Outcome.PLANNED and record.plan is not None
    assert [(str(c.sign), c.key) for c in record.plan.repo] == [
        ("~", "in/a.txt"), ("+", "in/gone.txt"), ("-", "in/new.txt"),
    ]  # fmt: skip
    assert [diff.after for diff in record.samples] == [b"1\n", b"gone\n", None]
    assert (pulled.project.head, pulled.project.git("for-each-ref"), pulled.log()) == (head, refs, log)
    pulled.sound()


def test_no_run_does_it_again_before_somebody_says_so(pulled: Flows) -> None:
    pulled.undo()
    head = pulled.project.head
    for _ in range(2):
        record = of(pulled.run("in"))
        assert (record.outcome, record.skip) == (Outcome.SKIPPED, Skip.UNDONE)
        assert "dsync run in --resume" in record.message
    assert pulled.project.head == head
    assert pulled.run("in").exit() == 0
    assert of(pulled.run("in", resume=True)).outcome is Outcome.SYNCED
    assert pulled.here("in")["a.txt"] == "2\n" and "undone" not in pulled.lock()["in"]
    assert of(pulled.run("in")).outcome is Outcome.IN_SYNC
    pulled.sound()


def test_going_on_where_nothing_differs_wakes_the_target_too(pulled: Flows) -> None:
    pulled.undo()
    pulled.put("in", {"a.txt": "1\n", "new.txt": None, "gone.txt": "gone\n"})
    assert of(pulled.run("in", resume=True)).outcome is Outcome.SYNCED
    assert "undone" not in pulled.lock()["in"]
    assert of(pulled.run("in")).outcome is Outcome.IN_SYNC


def test_undo_goes_further_back_and_redo_comes_back(pulled: Flows) -> None:
    second, first = (one["run"] for one in pulled.log()[:2])
    states = [pulled.here("in", revision) for revision in ("HEAD~2", "HEAD~1", "HEAD")]
    lock = pulled.lock()
    assert pulled.undo().undoes == second
    assert pulled.here("in") == states[1] and pulled.lock()["in"]["undone"] == second
    assert pulled.undo().undoes == first
    assert pulled.here("in") == states[0] == {} and pulled.lock()["in"]["undone"] == first
    with pytest.raises(SelectionError) as caught:
        pulled.undo()
    assert caught.value.code == "E-UNDO-NOTHING"
    pulled.redo()
    assert pulled.here("in") == states[1] and pulled.lock()["in"]["undone"] == second
    pulled.redo()
    assert pulled.here("in") == states[2] and pulled.lock() == lock
    with pytest.raises(SelectionError):
        pulled.redo()
    assert of(pulled.run("in")).outcome is Outcome.IN_SYNC  # at rest no longer
    assert pulled.undo().undoes == second  # and once more
    assert pulled.here("in") == states[1]
    pulled.sound()


def test_a_run_after_an_undoing_ends_what_could_be_redone(pulled: Flows) -> None:
    pulled.undo()
    pulled.put("in", {"a.txt": "3\n"})
    pulled.run("in", resume=True)
    with pytest.raises(SelectionError):
        pulled.redo()
    assert pulled.undo().undoes == pulled.log()[1]["run"]
    assert pulled.here("in")["a.txt"] == "1\n"


def test_later_work_elsewhere_stays(pulled: Flows) -> None:  # G24
    pulled.edit({"mine.txt": "more\n", "in/own.txt": "of a person\n", "other/x": "x\n"})
    pulled.put("both", {"f": "f\n"})
    pulled.run("both")
    pulled.undo("in")
    assert pulled.here("in") == {"a.txt": "1\n", "deep/b.txt": LINES, "gone.txt": "gone\n", "own.txt": "of a person\n"}
    assert pulled.here("both") == {"f": "f\n"} and pulled.project.files()["mine.txt"] == "more"
    assert "both" in pulled.lock()
    pulled.sound()


def test_work_that_is_not_committed_stays_or_stops_it(pulled: Flows) -> None:  # P3
    pulled.project.write("mine.txt", "not committed\n")
    pulled.project.write("fresh.txt", "untracked\n")
    pulled.project.write("in/a.txt", "edited\n")
    head = pulled.project.head
    with pytest.raises(RefusedError) as caught:
        pulled.undo()
    assert (caught.value.code, caught.value.detail) == ("E-DIRTY-OUTPUTS", ("in/a.txt",))
    assert pulled.project.head == head and (pulled.project.root / "in/a.txt").read_text() == "edited\n"
    pulled.project.git("checkout", "in/a.txt")
    (pulled.project.root / "in/gone.txt").write_text("mine now\n")
    with pytest.raises(RefusedError):  # an untracked file lies where one would come back
        pulled.undo()
    (pulled.project.root / "in/gone.txt").unlink()
    pulled.undo()
    assert pulled.project.git("status", "--porcelain").split() == ["M", "mine.txt", "??", "fresh.txt"]


@pytest.fixture
def long(flows: Flows) -> Flows:
    flows.put("in", {"long.txt": LINES, "other.txt": "1\n"})
    flows.run("in")
    flows.put("in", {"long.txt": LINES.replace("line 2\n", "line two\n"), "other.txt": "2\n"})
    flows.run("in")
    return flows


def test_what_a_person_changed_elsewhere_in_the_file_is_kept_in_it(long: Flows) -> None:
    long.edit({"in/long.txt": LINES.replace("line 2\n", "line two\n").replace("line 9\n", "line nine\n")})
    record = of(long.undo())
    assert record.outcome is Outcome.SYNCED, record.failure
    assert long.here("in")["long.txt"] == LINES.replace("line 9\n", "line nine\n")
    assert any("merged with what was changed since: in/long.txt" in note for note in record.notes)
    long.put("in", {"long.txt": LINES.replace("line 0\n", "line zero\n")})
    assert of(long.run("in", resume=True)).outcome is Outcome.CONFLICTED  # the person's edit is one, and nobody's loss
    long.sound()


def test_what_a_person_changed_at_the_same_place_stops_it_before_anything_is_written(long: Flows) -> None:
    commit = long.edit({"in/long.txt": LINES.replace("line 2\n", "line zwei\n")}, "Say it in German")
    refs = long.project.git("for-each-ref")
    with pytest.raises(RefusedError) as caught:
        long.undo()
    error = caught.value
    assert (error.code, int(error.exit)) == ("E-UNDO-LATER", 6)
    assert error.detail == ("in/long.txt", f"changed by {commit[:7]} Say it in German")
    assert long.project.git("for-each-ref") == refs and long.here("in")["other.txt"] == "2\n"

    record = of(long.undo(keep_later=True))
    assert (record.outcome, int(record.exit)) == (Outcome.CONFLICTED, 7)
    assert record.failure is not None and record.failure.code == "E-UNDO-PART"
    assert long.here("in") == {"long.txt": LINES.replace("line 2\n", "line zwei\n"), "other.txt": "1\n"}
    held = of(long.run("in", resume=True)).plan
    assert held is not None and [(item.key, item.why) for item in held.held] == [("in/long.txt", Why.EDITED)]
    assert long.here("in")["other.txt"] == "2\n"
    long.sound()


def test_what_a_later_run_changed_has_to_be_undone_first(long: Flows) -> None:
    second = long.log()[0]["run"]
    long.put("in", {"other.txt": "3\n"})
    long.run("in")
    third = long.log()[0]["run"]
    with pytest.raises(RefusedError) as caught:
        long.rollback(second)
    assert caught.value.code == "E-UNDO-LATER" and f"dsync rollback {third[-8:]}" in caught.value.hint
    long.rollback(third)
    long.rollback(second)
    assert long.here("in") == {"long.txt": LINES, "other.txt": "1\n"}


def test_a_run_in_the_middle_is_undone_alone_where_later_runs_touched_other_files(long: Flows) -> None:
    second = long.log()[0]["run"]
    long.put("in", {"third.txt": "3\n"})
    long.run("in")
    long.rollback(second)
    assert long.here("in") == {"long.txt": LINES, "other.txt": "1\n", "third.txt": "3\n"}
    record = of(long.run("in", resume=True))
    assert record.outcome is Outcome.SYNCED and record.counts.changed == 2
    assert of(long.run("in")).outcome is Outcome.IN_SYNC


def test_several_targets_of_one_run_go_back_together(flows: Flows) -> None:
    flows.put("in", {"a": "1\n"})
    flows.put("both", {"b": "1\n"})
    run = flows.run().run
    head = flows.project.head
    summary = flows.rollback(run[-8:])
    assert [record.target for record in summary.records] == ["in", "both"]
    assert flows.project.git("rev-parse", "HEAD^") == head
    assert flows.here("in") == flows.here("both") == {}
    flows.redo()
    assert flows.here("in") == {"a": "1\n"} and flows.here("both") == {"b": "1\n"}
    assert flows.lock() == flows.lock(head)
    flows.rollback(run, "both")
    assert flows.here("in") == {"a": "1\n"} and flows.here("both") == {}
    assert "undone" not in flows.lock()["in"]
    flows.sound()


def test_a_run_that_changed_nothing_cannot_be_undone(pulled: Flows) -> None:
    run = pulled.run("in").run
    with pytest.raises(SelectionError) as caught:
        pulled.rollback(run)
    assert caught.value.code == "E-UNDO-NOTHING"


def test_undoing_the_same_run_again_changes_nothing(pulled: Flows) -> None:
    summary = pulled.undo()
    head = pulled.project.head
    record = of(pulled.rollback(summary.undoes))
    assert record.outcome is Outcome.IN_SYNC and "Nothing is left to undo" in record.message
    assert pulled.project.head == head


def test_what_another_branch_holds_is_not_undone_here(pulled: Flows) -> None:
    run = pulled.log()[0]["run"]
    pulled.project.git("checkout", "-q", "-b", "side", "HEAD~1")
    with pytest.raises(RefusedError) as caught:
        pulled.rollback(run)
    assert caught.value.code == "E-UNDO-ELSEWHERE"
    assert pulled.undo().undoes == pulled.log()[2]["run"]  # the one before it, which this branch has


def test_a_commit_of_several_runs_is_left_to_git(pulled: Flows) -> None:
    messages = pulled.project.git("log", "-2", "--format=%B")
    pulled.project.git("reset", "-q", "--soft", "HEAD~2")
    pulled.project.commit(f"Squash\n\n{messages.splitlines()[-1]}\nSync-Target: in\nSync-Run: other")
    with pytest.raises((RefusedError, SelectionError)) as caught:
        pulled.undo()
    assert caught.value.code in ("E-UNDO-MIXED", "E-RUN-UNKNOWN")


def test_a_run_of_another_clone_is_undone_here(pulled: Flows, tmp_path: object) -> None:
    """Its commits say all that is needed; objects of what was agreed are made again from the branch."""
    second = pulled.log()[0]["run"]
    clone = pulled.project.root.parent / "clone"
    pulled.project.git("clone", "-q", str(pulled.project.root), str(clone))
    other = Flows(type(pulled.project)(clone, pulled.project.environ), pulled.far)
    assert other.undo().undoes == second
    assert other.here("in") == {"a.txt": "1\n", "deep/b.txt": LINES, "gone.txt": "gone\n"}
    assert of(other.run("in")).skip is Skip.UNDONE
    # The first clone gets the commit and knows as well.
    pulled.project.git("pull", "-q", str(clone), "main")
    assert of(pulled.run("in")).skip is Skip.UNDONE
    assert pulled.redo().undoes == other.log()[1]["run"]
    assert pulled.here("in")["a.txt"] == "2\n"


def test_with_the_history_lost_the_commits_say_enough(pulled: Flows) -> None:  # F97
    state = pulled.project.root / ".git/directional-sync"
    second = pulled.log()[0]["run"]
    shutil.rmtree(state)
    assert pulled.undo().undoes == second
    (state / "history.sqlite").write_bytes(b"broken" * 1000)
    pulled.redo()
    assert pulled.here("in")["a.txt"] == "2\n"
    assert [one.get("rebuilt", False) for one in pulled.log()] == [False, True, True, True]
    assert list(state.glob("history.sqlite.broken"))


def test_a_lost_base_ref_is_made_again(pulled: Flows) -> None:
    pulled.project.git("update-ref", "-d", BASE_REF.format(target="in"))
    pulled.project.git("gc", "-q", "--prune=now")
    pulled.undo()
    assert pulled.here("in")["a.txt"] == "1\n"
    assert of(pulled.run("in", resume=True)).outcome is Outcome.SYNCED


def test_locked_runs_stay_with_the_lock(pulled: Flows) -> None:
    pulled.undo()
    record = of(pulled.run("in", locked=True))
    assert record.outcome is Outcome.SKIPPED and record.skip is Skip.UNLOCKED


def test_a_target_that_left_the_file_goes_back_on_the_branch(pulled: Flows) -> None:
    text = (pulled.project.root / "sync.yaml").read_text().replace("in/**", "o/**")
    (pulled.project.root / "sync.yaml").write_text(
        text.replace("      in:\n", "      other:\n").replace("in/**", "o/**")
    )
    pulled.project.commit()
    pulled.undo()
    assert pulled.here("in")["a.txt"] == "1\n"
