"""One target's passage over a real repository: outcomes, the base, the proof, and what is kept when things fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.run.stage_set import Stage

from directional_sync.core.lockfile import parse
from directional_sync.errors import Exit, RemoteError
from directional_sync.gates.base import Subject
from directional_sync.git.objects import hash_object
from directional_sync.git.repository import BASE_REF
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Why
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import Source
from directional_sync.model.target import OnDelete, Policy
from directional_sync.run.world import Mode


def test_new_content_is_committed_and_the_next_plan_is_empty(stage: Stage) -> None:
    stage.far.files = {"out/a": b"1\n", "out/deep/b": b"2\n"}
    record = stage.sync()
    assert (record.outcome, record.failure) == (Outcome.SYNCED, None)
    assert (record.counts.added, record.counts.total) == (2, 2)
    assert stage.project.files(under="out") == {"out/a": "1", "out/deep/b": "2"}
    assert stage.project.clean()
    assert stage.sync().outcome is Outcome.IN_SYNC


def test_branch_base_and_lock_say_the_same(stage: Stage) -> None:
    stage.far.files = {"out/a": b"1\n"}
    stage.far.sources = (Source("one", "https://example.org/one", "refs/heads/main", "c" * 40, "t" * 40, "out"),)
    record = stage.sync()
    base = BASE_REF.format(target="flow")
    lock = parse((stage.project.root / "sync.lock").read_bytes(), "sync.lock")
    assert lock.targets["flow"].tree == stage.project.git("rev-parse", f"{base}^{{tree}}")
    assert lock.targets["flow"].sources == stage.far.sources
    assert stage.project.files(base) == {"out/a": "1"}
    assert f"Sync-Source: https://example.org/one@{'c' * 40}" in stage.project.git("log", "-1", "--format=%B")
    assert record.outputs_created == ("out",)


def test_the_same_inputs_give_the_same_commit(stage: Stage) -> None:
    """I7: order of the far side's answer does not show."""
    start = stage.project.head
    stage.far.files = {"out/a": b"1", "out/b": b"2"}
    first = stage.sync(run="same")
    stage.project.git("reset", "-q", "--hard", start)
    stage.project.git("update-ref", "-d", BASE_REF.format(target="flow"))
    stage.far.files = dict(reversed(stage.far.files.items()))
    assert stage.sync(run="same").commit == first.commit


@pytest.mark.parametrize(("on_delete", "gone"), [(OnDelete.PROPAGATE, True), (OnDelete.KEEP, False)])
def test_a_deletion_at_the_source(stage: Stage, on_delete: OnDelete, gone: bool) -> None:
    stage.target = replace(stage.target, policy=Policy(on_delete=on_delete))
    stage.far.files = {"out/a": b"1", "out/b": b"2"}
    stage.sync()
    del stage.far.files["out/b"]
    record = stage.sync()
    assert record.outcome is (Outcome.SYNCED if gone else Outcome.IN_SYNC)
    assert stage.out("b").exists() is not gone
    assert stage.sync().outcome is Outcome.IN_SYNC


def test_a_file_of_the_users_own_among_the_outputs_stays(stage: Stage) -> None:
    """P16, P32."""
    stage.project.write("out/mine", "mine\n")
    stage.project.commit()
    stage.far.files = {"out/a": b"1"}
    assert stage.sync().outcome is Outcome.SYNCED
    record = stage.sync()
    assert record.outcome is Outcome.IN_SYNC
    assert record.plan is not None
    assert [(held.key, held.why) for held in record.plan.held] == [("out/mine", Why.FOREIGN)]
    assert stage.out("mine").read_text() == "mine\n"


def test_an_unreadable_part_keeps_its_content_and_its_source_in_the_lock(stage: Stage) -> None:
    """P30: the others are committed, the status is that of a failure."""
    a, b = (Source(n, f"https://example.org/{n}", "main", f"{n}1" * 20, "", f"out/{n}") for n in "ab")
    stage.far.files, stage.far.sources = {"out/a/f": b"1", "out/b/f": b"1"}, (a, b)
    stage.sync()
    stage.far.files, stage.far.sources = {"out/a/f": b"2"}, (replace(a, commit="a2" * 20),)
    stage.far.unreadable = {"out/b": "E-UPSTREAM-GONE: it answered 404"}
    record = stage.sync()
    assert record.outcome is Outcome.FAILED
    assert record.commit == stage.project.head
    assert record.failure is not None
    assert record.failure.code == "E-UPSTREAM-GONE"
    assert stage.project.files(under="out") == {"out/a/f": "2", "out/b/f": "1"}
    lock = parse((stage.project.root / "sync.lock").read_bytes(), "sync.lock").targets["flow"]
    assert {source.name: source.commit for source in lock.sources} == {"a": "a2" * 20, "b": "b1" * 20}
    stage.far.unreadable, stage.far.files["out/b/f"], stage.far.sources = {}, b"3", (*stage.far.sources, b)
    assert stage.sync().outcome is Outcome.SYNCED


def test_a_conflict_beside_an_unreadable_part_is_told_and_counts(stage: Stage) -> None:
    """P11: by the order of the exit statuses a conflict (7) comes before what could not be read (1)."""
    stage.far.files = {"out/a/x": b"1", "out/b/x": b"1"}
    stage.sync()
    stage.project.write("out/a/x", "mine")
    stage.project.commit()
    stage.far.files = {"out/a/x": b"2"}
    stage.far.unreadable = {"out/b": "E-UPSTREAM-GONE: there is nothing"}
    record = stage.sync()
    assert record.failure is not None
    assert (record.failure.code, record.exit) == ("E-CONFLICT", Exit.CONFLICTS)
    assert "1 conflict waits for a person: out/a/x" in record.message
    assert "--prefer" in record.failure.hint
    (other,) = record.also
    assert (other.code, other.exit) == ("E-UPSTREAM-GONE", Exit.FAILED) and "tries again" in other.hint
    assert "there is nothing" in other.message and "there is nothing" in record.message


def test_several_unreadable_parts_are_told_with_the_advice_for_each(stage: Stage) -> None:
    stage.far.files = {"out/a/x": b"1"}
    stage.far.unreadable = {f"out/{part}": f"E-UPSTREAM-GONE: {part} is gone" for part in "bcd"}
    stage.far.advice = {"out/b": "look for b", "out/c": "look for b", "out/d": "accept it: --accept d"}
    failure = stage.sync().failure
    assert failure is not None and failure.hint == "look for b"
    assert failure.detail == (
        "out/b: E-UPSTREAM-GONE: b is gone",
        "out/c: E-UPSTREAM-GONE: c is gone",
        "out/d: E-UPSTREAM-GONE: d is gone (hint: accept it: --accept d)",
    )


def test_the_far_side_failing_altogether_changes_nothing(stage: Stage) -> None:
    stage.far.files = {"out/a": b"1"}
    stage.sync()
    head = stage.project.head

    def fail() -> None:
        raise RemoteError("E-NET", "the service answered 503", hint="try again later")

    stage.far.on_look = fail
    record = stage.sync()
    assert record.outcome is Outcome.FAILED
    assert stage.project.head == head


def test_our_own_fault_is_a_record_and_not_a_crash(stage: Stage) -> None:
    """F15: exit 70, the others go on."""

    def break_() -> None:
        raise ZeroDivisionError

    stage.far.on_look = break_
    record = stage.sync()
    assert record.outcome is Outcome.FAILED
    assert record.exit == 70


def test_a_conflict_waits_and_the_rest_is_synced(stage: Stage) -> None:
    """B30."""
    stage.far.files = {"out/a": b"1", "out/b": b"1"}
    stage.sync()
    stage.project.write("out/a", "mine\n")
    stage.project.commit()
    stage.far.files = {"out/a": b"2", "out/b": b"2"}
    record = stage.sync()
    assert record.outcome is Outcome.CONFLICTED
    assert stage.project.files(under="out") == {"out/a": "mine", "out/b": "2"}
    again = stage.sync()
    assert again.outcome is Outcome.CONFLICTED
    assert again.commit == ""


def test_a_first_sync_over_existing_content_overwrites_nothing(stage: Stage) -> None:
    """B81, B83: equal content is adopted, differing content is a conflict."""
    stage.project.write("out/same", "1\n")
    stage.project.write("out/other", "mine\n")
    stage.project.commit()
    stage.far.files = {"out/same": b"1\n", "out/other": b"theirs\n", "out/new": b"new\n"}
    record = stage.sync()
    assert record.outcome is Outcome.CONFLICTED
    assert any("--prefer" in note for note in record.notes)
    assert stage.project.files(under="out") == {"out/same": "1", "out/other": "mine", "out/new": "new"}


def test_lost_refs_and_lost_state_are_no_conflict(stage: Stage) -> None:
    """B82: the lock in the branch is enough while nobody edited the outputs."""
    stage.far.files = {"out/a": b"1"}
    stage.sync()
    stage.project.git("update-ref", "-d", BASE_REF.format(target="flow"))
    stage.far.files = {"out/a": b"2"}
    assert stage.sync().outcome is Outcome.SYNCED
    assert stage.project.files(under="out") == {"out/a": "2"}


def test_after_an_edit_the_base_is_found_by_the_commit_that_wrote_it(stage: Stage) -> None:
    stage.far.files = {"out/a": b"1", "out/b": b"1"}
    stage.sync()
    stage.project.write("out/b", "edited\n")
    stage.project.commit()
    stage.project.git("update-ref", "-d", BASE_REF.format(target="flow"))
    stage.far.files = {"out/a": b"2", "out/b": b"1"}
    record = stage.sync()
    assert record.outcome is Outcome.SYNCED
    assert stage.project.files(under="out") == {"out/a": "2", "out/b": "edited"}


class Refuses:
    name = "refuses"
    phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        return [Verdict("refuses", Phase.PLAN, False, "never", "E-TEST", hint="remove the gate")]


class RefusesBefore(Refuses):
    phase = Phase.PRE

    def judge(self, subject: Subject) -> list[Verdict]:
        return [Verdict("refuses", Phase.PRE, False, "never", "E-TEST")]


def test_a_refused_plan_is_shown_and_nothing_is_written(stage: Stage) -> None:
    stage.gates = (Refuses(),)
    stage.far.files = {"out/a": b"1"}
    head = stage.project.head
    record = stage.sync()
    assert record.outcome is Outcome.REFUSED
    assert record.exit == 6
    assert record.plan is not None
    assert stage.project.head == head
    assert not stage.out("a").exists()
    refused = hash_object("blob", b"1", "sha1")
    with pytest.raises(AssertionError):
        stage.project.git("cat-file", "-e", refused)


def test_a_failing_check_before_keeps_the_far_side_from_being_asked(stage: Stage) -> None:
    """R10: a script must not start when a check forbids it; a dry run shows plan and refusal."""
    stage.gates = (RefusesBefore(),)
    stage.far.files = {"out/a": b"1"}
    assert stage.sync().outcome is Outcome.REFUSED
    assert stage.far.looks == 0
    record = stage.sync(Mode(dry_run=True))
    assert record.outcome is Outcome.REFUSED
    assert record.plan is not None


def test_stopping_is_between_steps_and_leaves_nothing(stage: Stage) -> None:
    """F09."""
    stage.far.files = {"out/a": b"1"}
    for steps in range(6):
        left = [True] * steps
        head = stage.project.head
        record = stage.sync(stop=lambda left=left: not (left and left.pop()))
        if record.outcome is Outcome.SYNCED:
            break
        assert record.outcome is Outcome.CANCELLED
        if stage.project.head == head:
            assert not stage.out("a").exists()
    assert stage.project.clean()
    assert stage.sync().outcome in (Outcome.IN_SYNC, Outcome.SYNCED)


def test_a_far_side_that_answers_otherwise_at_once_is_unstable(stage: Stage) -> None:
    """`--prove`: appended on each look."""
    stage.far.files = {"out/log": b""}

    def append() -> None:
        stage.far.files["out/log"] += b"again\n"

    stage.far.on_look = append
    record = stage.sync(Mode(prove=True))
    assert record.outcome is Outcome.FAILED
    assert record.failure is not None
    assert record.failure.code == "E-SCRIPT-UNSTABLE"
    assert record.commit == stage.project.head


def test_a_plan_that_is_no_longer_what_would_be_done_is_stale(stage: Stage) -> None:
    stage.far.files = {"out/a": b"1"}
    plan = stage.sync(Mode(dry_run=True)).plan_digest
    stage.far.files = {"out/a": b"2"}
    record = stage.sync(Mode(expected={"flow": plan}))
    assert record.failure is not None
    assert record.failure.code == "E-PLAN-STALE"
    assert record.exit == 8
    assert not stage.out("a").exists()


def test_only_the_lock_moves_when_the_source_moved_without_changing_anything(stage: Stage) -> None:
    source = Source("one", "https://example.org/one", "main", "1" * 40, "", "out")
    stage.far.files, stage.far.sources = {"out/a": b"1"}, (source,)
    stage.sync()
    stage.far.sources = (replace(source, commit="2" * 40),)
    record = stage.sync()
    assert record.outcome is Outcome.SYNCED
    assert stage.project.git("diff", "--name-only", "HEAD^", "HEAD") == "sync.lock"
    assert stage.sync().outcome is Outcome.IN_SYNC


@pytest.mark.parametrize("times", [1, 2])
def test_a_commit_made_by_somebody_during_the_run_is_built_upon_once(stage: Stage, times: int) -> None:
    """F76: planned again on top of it; who commits all the time is told, and nothing of theirs is touched."""
    stage.far.files = {"out/a": b"1"}

    def somebody() -> None:
        if stage.far.looks <= times:
            stage.project.write("README.md", f"edited {stage.far.looks}\n")
            stage.project.commit("Theirs")

    stage.far.on_look = somebody
    record = stage.sync()
    assert record.outcome is (Outcome.SYNCED if times == 1 else Outcome.FAILED)
    assert stage.project.files()["README.md"] == f"edited {times}"
    if times == 2:
        assert record.exit == 8
    assert stage.project.clean()
