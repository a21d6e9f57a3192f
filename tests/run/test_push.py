"""A push of records: what is sent is in the ledger first, what was made is never forgotten, nothing is made twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from tests.project import Project
from tests.run.stage_set import SECRET, Stage

from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.errors import CredentialError, Exit, SyncError
from directional_sync.gates.plan import Deletions, Emptied
from directional_sync.git.repository import BASE_REF
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Change, Why
from directional_sync.model.record import Attempt, Effect, EffectKind, TargetRecord
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Direction, Policy, Target
from directional_sync.run.world import Mode
from directional_sync.store import ledger

Trouble = Callable[[Change], Effect | None]


@dataclass
class Board:
    """A far side that holds rows by name; `rows.txt` of the repository says which: one `name=value` a line."""

    rows: dict[str, str] = field(default_factory=dict)
    trouble: Trouble = lambda change: None
    writes: int = 0
    looks: int = 0
    before: list[dict[str, Attempt]] = field(default_factory=list)
    """What the ledger said on each look."""

    def open(self, context: Context) -> Endpoint:
        return _Opened(self, context)


@dataclass
class _Opened:
    board: Board
    context: Context
    capabilities = Capabilities(writes=True)

    def translate(self, repo: Snapshot) -> Snapshot:
        text = b"".join(self.context.objects.read(entry.digest) for entry in repo.entries.values()).decode()
        return self._snapshot(dict(line.split("=", 1) for line in text.splitlines()))

    def snapshot(self, prior: Snapshot) -> Snapshot:
        self.board.looks += 1
        self.board.before.append(dict(self.context.ledger.attempts()))
        return self._snapshot(self.board.rows)

    def _snapshot(self, rows: dict[str, str]) -> Snapshot:
        return Snapshot(
            {key: Entry(self.context.objects.write_blob(text.encode()), "100644") for key, text in rows.items()}
        )

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        for change in changes:
            self.context.ledger.intend(change)
            effect = self.board.trouble(change)
            if effect is None:
                self.board.writes += 1
                self.make(change)
                effect = Effect(change, EffectKind.DONE, facts={"id": f"row-{change.key}"})
            yield effect

    def make(self, change: Change) -> None:
        if change.after.absent:
            del self.board.rows[change.key]
        else:
            self.board.rows[change.key] = self.context.objects.read(change.after.digest).decode()

    def close(self) -> None:
        pass


TARGET = Target("rows", Direction.PUSH, "board", inputs=("rows.txt",), records=True, policy=Policy(allow_empty=True))


@dataclass
class Pushing:
    stage: Stage
    board: Board

    def say(self, **rows: str) -> None:
        self.stage.project.write("rows.txt", "".join(f"{key}={text}\n" for key, text in rows.items()))
        self.stage.project.commit()

    def run(self, **mode: bool) -> TargetRecord:
        return self.stage.sync(Mode(**mode))  # type: ignore[arg-type]

    def ledger(self) -> list[dict[str, object]]:
        folder = self.stage.project.root / ".git/directional-sync/effects/rows"
        return [json.loads(line) for path in sorted(folder.glob("*")) for line in path.read_text().splitlines()]

    def base(self) -> dict[str, str]:
        return self.stage.project.files(BASE_REF.format(target="rows"))


@pytest.fixture
def pushing(stage: Stage) -> Pushing:
    board = Board()
    stage.far, stage.target = board, TARGET  # type: ignore[assignment]
    return Pushing(stage, board)


def test_rows_are_made_changed_and_removed_and_the_next_run_writes_nothing(pushing: Pushing) -> None:  # U10
    pushing.say(a="1", b="2", c="3")
    head = pushing.stage.project.head
    record = pushing.run()
    assert (record.outcome, record.counts.added) == (Outcome.SYNCED, 3)
    assert pushing.board.rows == pushing.base() == {"a": "1", "b": "2", "c": "3"}
    assert pushing.stage.project.head == head and pushing.stage.project.clean()  # a push commits nothing
    assert pushing.run().outcome is Outcome.IN_SYNC
    assert pushing.board.writes == 3

    pushing.say(a="1", b="two", d="4")
    record = pushing.run()
    assert (record.counts.added, record.counts.changed, record.counts.deleted) == (1, 1, 1)
    assert pushing.board.rows == pushing.base() == {"a": "1", "b": "two", "d": "4"}
    assert pushing.run().outcome is Outcome.IN_SYNC
    assert pushing.board.writes == 6


def test_a_dry_run_writes_nothing_anywhere(pushing: Pushing) -> None:
    pushing.say(a="1")
    record = pushing.run(dry_run=True)
    assert record.plan is not None and [change.key for change in record.plan.remote] == ["a"]
    assert (pushing.board.rows, pushing.ledger()) == ({}, [])


def test_the_ledger_knows_before_and_after(pushing: Pushing) -> None:
    pushing.say(a="1", b=SECRET)
    pushing.run()
    pushing.say(a="2", b="clean")
    pushing.run()
    first, second = (pushing.stage.ledger(TARGET).prior(run) for run in ("run001", "run002"))
    assert [(one.key, one.before, one.facts) for one in first] == [
        ("a", None, {"id": "row-a"}),
        ("b", None, {"id": "row-b"}),
    ]
    assert [(one.key, one.before, one.withheld) for one in second] == [
        ("a", b"1", ""),
        ("b", None, "it holds a known secret"),
    ]
    assert SECRET not in json.dumps(pushing.ledger())  # I12
    assert sum("intend" in line for line in pushing.ledger()) == 4
    folder = pushing.stage.project.root / ".git/directional-sync/effects/rows"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}  # T42


@pytest.mark.parametrize("k", range(5))
def test_every_kth_failure_tells_exactly_which_and_the_next_run_makes_the_rest(
    pushing: Pushing, k: int
) -> None:  # F59, B93
    rows = {key: key for key in "abcde"}
    pushing.say(**rows)
    failing = "abcde"[k]

    def trouble(change: Change) -> Effect | None:
        if change.key == failing:
            raise CredentialError("E-SERVICE-AUTH", "the token is no longer accepted", hint="make a new one")
        return None

    pushing.board.trouble = trouble
    record = pushing.run()
    assert (record.outcome, record.exit) == (Outcome.FAILED, Exit.CREDENTIAL)
    assert f"of 5 changes on the far side {k} made, {5 - k} not attempted" in record.message
    assert [effect.change.key for effect in record.effects] == list("abcde")[:k]
    assert (pushing.base() if k else {}) == {key: key for key in "abcde"[:k]}
    pushing.board.trouble = lambda change: None
    assert pushing.run().outcome is Outcome.SYNCED
    assert (pushing.board.rows, pushing.board.writes) == (rows, 5)


def test_one_bad_row_does_not_hide_the_others(pushing: Pushing) -> None:  # U17
    pushing.say(**{f"r{n:02}": str(n) for n in range(20)})
    bad = {"r03", "r11"}
    pushing.board.trouble = lambda change: (
        Effect(change, EffectKind.REFUSED, "its date is no date") if change.key in bad else None
    )
    record = pushing.run()
    assert record.failure is not None and record.exit == Exit.FAILED
    assert "18 made, 2 refused: r03: its date is no date" in record.message
    assert record.failure.detail == ("r03: refused its date is no date", "r11: refused its date is no date")
    assert record.counts.added == 18 and len(pushing.base()) == 18


def test_an_exception_of_an_endpoint_forgets_nothing(pushing: Pushing) -> None:  # F15, F102
    pushing.say(a="1", b="2")

    def trouble(change: Change) -> Effect | None:
        if change.key == "b":
            raise ZeroDivisionError
        return None

    pushing.board.trouble = trouble
    record = pushing.run()
    assert (record.exit, pushing.base()) == (Exit.INTERNAL, {"a": "1"})
    assert "1 made, 1 not attempted" in record.message


def test_a_stop_lets_the_row_at_hand_be_finished(pushing: Pushing) -> None:  # F09
    pushing.say(a="1", b="2", c="3")
    record = pushing.stage.sync(stop=lambda: pushing.board.writes >= 2)
    assert (record.outcome, record.exit) == (Outcome.CANCELLED, Exit.INTERRUPTED)
    assert pushing.board.rows == pushing.base() == {"a": "1", "b": "2"}
    assert pushing.run().outcome is Outcome.SYNCED
    assert pushing.board.writes == 3


def test_a_lost_answer_is_asked_for_by_the_next_run(pushing: Pushing) -> None:  # U15, F57
    pushing.say(a="1", b="2")

    def trouble(change: Change) -> Effect | None:
        if change.key != "a":
            return None
        pushing.board.rows["a"] = "1"  # it was made, and the answer was lost
        return Effect(change, EffectKind.UNKNOWN, "no answer came")

    pushing.board.trouble = trouble
    record = pushing.run()
    assert "1 made, 1 unknown" in record.message and pushing.base() == {"b": "2"}
    pushing.board.trouble = lambda change: None
    assert pushing.run().outcome is Outcome.SYNCED  # only the base moves
    assert pushing.board.writes == 1
    attempts = pushing.board.before[-1]
    assert (attempts["a"].done, attempts["b"].done, attempts["b"].facts) == (False, True, {"id": "row-b"})


@pytest.mark.parametrize("first", [{}, {"a": "0"}], ids=["made", "changed"])
def test_what_a_killed_run_has_sent_is_nobodys_edit(pushing: Pushing, first: dict[str, str]) -> None:  # F07
    class Killed(BaseException):
        pass

    if first:
        pushing.say(**first)
        pushing.run()

    def trouble(change: Change) -> Effect | None:
        pushing.board.rows["a"] = "1"
        raise Killed

    pushing.board.trouble = trouble
    pushing.say(a="1")
    with pytest.raises(Killed):
        pushing.run()
    pushing.board.trouble = lambda change: (_ for _ in ()).throw(Killed())
    pushing.say(a="not sent")
    with pytest.raises(Killed):
        pushing.run()
    pushing.board.trouble = lambda change: None
    pushing.say(a="2")
    assert pushing.run().outcome is Outcome.SYNCED  # and no conflict with ourselves
    assert pushing.board.rows == pushing.base() == {"a": "2"}
    assert pushing.run().outcome is Outcome.IN_SYNC


def test_what_got_no_answer_is_remembered_until_the_base_knows_more(
    pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(change: Change) -> Effect | None:
        pushing.board.rows["a"] = "1"
        return Effect(change, EffectKind.UNKNOWN, "no answer came")

    pushing.say(a="0")
    pushing.run()
    pushing.board.trouble = trouble
    pushing.say(a="1")
    pushing.run()
    pushing.board.trouble = lambda change: None
    real = time.time
    monkeypatch.setattr(ledger, "time", SimpleNamespace(time=lambda: real() + 7200))
    pushing.say(a="2")
    assert pushing.run().outcome is Outcome.SYNCED
    assert pushing.base() == {"a": "2"}
    assert pushing.stage.ledger(TARGET).attempts()["a"].done


def test_what_people_did_on_the_far_side_is_kept_and_shown(pushing: Pushing) -> None:  # F61, F62, U11, U13
    pushing.say(a="1", b="2", c="3")
    pushing.run()
    pushing.board.rows |= {"a": "edited", "theirs": "own"}
    del pushing.board.rows["b"]
    record = pushing.run()
    assert record.plan is not None
    held = {item.key: item.why for item in record.plan.held}
    assert held == {"a": Why.EDITED, "b": Why.EDITED, "theirs": Why.FOREIGN}
    assert pushing.board.rows == {"a": "edited", "c": "3", "theirs": "own"}

    pushing.say(a="ours", b="2", c="3")
    assert pushing.run().outcome is Outcome.CONFLICTED  # both sides changed it

    pushing.stage.target = replace(TARGET, policy=replace(TARGET.policy, overwrite_edits=True))
    assert pushing.run().outcome is Outcome.SYNCED
    assert pushing.board.rows == {"a": "ours", "b": "2", "c": "3", "theirs": "own"}


@pytest.mark.parametrize(("rows", "code"), [({}, "E-GUARD-EMPTIED"), ({"a": "1"}, "E-GUARD-DELETE")])
def test_no_mass_archive(pushing: Pushing, rows: dict[str, str], code: str) -> None:  # U18, U19, G12
    pushing.stage.gates = (Deletions(), Emptied())
    pushing.stage.target = replace(TARGET, policy=Policy())
    pushing.say(a="1", b="2", c="3")
    pushing.run()
    pushing.say(**rows)
    record = pushing.run()
    assert record.outcome is Outcome.REFUSED
    assert code in {verdict.code for verdict in record.verdicts if not verdict.passed}
    assert len(pushing.board.rows) == 3


def test_a_row_that_changed_since_the_plan_is_left_alone(pushing: Pushing) -> None:  # B90
    pushing.say(a="1", b="2")
    pushing.board.trouble = lambda change: (
        Effect(change, EffectKind.STALE, "it was changed during the run") if change.key == "a" else None
    )
    record = pushing.run()
    assert "1 made, 1 stale" in record.message and pushing.base() == {"b": "2"}


def test_what_cannot_be_recorded_is_not_sent(pushing: Pushing, project: Project) -> None:  # F22
    pushing.say(a="1")
    folder = project.root / ".git/directional-sync/effects"
    folder.mkdir(parents=True)
    (folder / "rows").write_text("a file in the way")
    record = pushing.run()
    assert record.outcome is Outcome.FAILED and pushing.board.writes == 0


def test_a_torn_line_of_the_ledger_is_not_there(pushing: Pushing) -> None:
    pushing.say(a="1")
    pushing.run()
    [path] = (pushing.stage.project.root / ".git/directional-sync/effects/rows").iterdir()
    path.write_bytes(path.read_bytes()[:-4] + b"\n" + b'{"intend": "b", "at')
    pushing.say(a="2")
    assert pushing.run().outcome is Outcome.SYNCED
    assert set(pushing.board.before[-1]) == {"a"}


def test_a_whole_folder_of_inputs_is_opened_before_it_is_translated(pushing: Pushing) -> None:
    pushing.stage.target = replace(TARGET, inputs=("rows/**",))
    pushing.stage.project.write("rows/deep/a.txt", "a=1\n")
    pushing.stage.project.write("rows/b.txt", "b=2\n")
    pushing.stage.project.commit()
    assert pushing.run().outcome is Outcome.SYNCED
    assert pushing.board.rows == {"a": "1", "b": "2"}


def test_a_look_after_the_writes_of_its_own_run_knows_of_them(pushing: Pushing) -> None:  # F58
    pushing.say(a="1")
    pushing.run()
    ledger = pushing.stage.ledger(TARGET)
    assert ledger.attempts()["a"].done and ledger.attempts()["a"].facts == {"id": "row-a"}


def test_the_error_of_a_translation_stops_the_target(pushing: Pushing, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: _Opened, repo: Snapshot) -> Snapshot:
        raise SyncError("E-APPLY", "rows.txt:1: no value", place="rows.txt:1")

    monkeypatch.setattr(_Opened, "translate", broken)
    pushing.say(a="1")
    record = pushing.run()
    assert record.outcome is Outcome.FAILED and pushing.board.looks == 0
    assert record.failure is not None and record.failure.place == "rows.txt:1"
