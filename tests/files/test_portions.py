"""Many changes at once: what became of a portion is on the disk before the next is begun, and costs one wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.files.conftest import HERE, Pair

from directional_sync.endpoints.files import placing
from directional_sync.endpoints.files.folder import FolderSource
from directional_sync.endpoints.files.placing import Placing
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import Effect
from directional_sync.store.ledger import TargetLedger

pytestmark = HERE


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens, in order: a portion begins, a line is written, the ledger is settled."""
    found: list[str] = []
    monkeypatch.setattr(placing, "_PORTION", 3)
    portion, write, settle = Placing._portion, TargetLedger._write, TargetLedger.settle

    def begun(self: Placing, *given: Any) -> Iterator[Effect]:
        found.append("portion")
        yield from portion(self, *given)

    def written(self: TargetLedger, line: Any, *, wait: bool = True) -> None:
        found.append("line and wait" if wait else "line")
        write(self, line, wait=wait)

    def settled(self: TargetLedger) -> None:
        if self._waiting:
            found.append("settled")
        settle(self)

    monkeypatch.setattr(Placing, "_portion", begun)
    monkeypatch.setattr(TargetLedger, "_write", written)
    monkeypatch.setattr(TargetLedger, "settle", settled)
    return found


def test_a_portion_is_settled_before_the_next_and_the_last_one_too(pair: Pair, told: list[str]) -> None:  # F07, F08
    for number in range(7):
        pair.project.write(f"data/{number}", str(number))
    pair.target("push")
    assert pair.project.one().outcome is Outcome.SYNCED
    once = ["portion", *["line"] * 3, "settled"]
    assert told == [*once, *once, "portion", "line", "settled", "line and wait"]


def test_whatever_ends_the_changes_settles_them(pair: Pair, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        pair.project.write(f"data/{number}", str(number))
    pair.target("push")
    usual = Placing._portion

    def failing(self: Placing, deeds: Any, *given: Any) -> Iterator[Effect]:
        if "settled" in told:
            raise RuntimeError("out of order")
        yield from usual(self, deeds, *given)

    monkeypatch.setattr(Placing, "_portion", failing)
    record = pair.project.one()
    assert not record.success and [effect.done for effect in record.effects] == [True] * 3
    assert told[:5] == ["portion", "line", "line", "line", "settled"]
    monkeypatch.undo()
    assert pair.project.one().outcome is Outcome.SYNCED
    assert len(pair.files()) == 7


def test_afterwards_only_what_was_written_is_read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        pair.project.write(f"data/{number}", str(number))
    pair.target("push")
    assert pair.project.one().success
    pair.project.write("data/0", "new")
    pair.project.commit()
    looks: list[str] = []
    listing, read = FolderSource.listing, FolderSource._once

    def listed(self: FolderSource, *given: Any) -> Any:
        looks.append("all")
        return listing(self, *given)

    def once(self: FolderSource, item: Any, spool: Any) -> Any:
        looks.append(item.path)
        return read(self, item, spool)

    monkeypatch.setattr(FolderSource, "listing", listed)
    monkeypatch.setattr(FolderSource, "_once", once)
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED and len(record.effects) == 1
    assert looks.count("all") == 1
    assert pair.project.one().outcome is Outcome.IN_SYNC


def test_what_somebody_undoes_in_that_moment_is_told(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:  # B90
    pair.project.write("data/a", "1")
    pair.target("push")
    usual = Placing.apply

    def undone(self: Placing, *given: Any) -> Iterator[Effect]:
        yield from usual(self, *given)
        (pair.far / "a").write_text("somebody else")

    monkeypatch.setattr(Placing, "apply", undone)
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-APPLY-LOST"
    assert pair.files() == {"a": b"somebody else"}
