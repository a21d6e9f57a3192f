"""Real runs that are killed while they write: the next one makes what is missing, and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.notion.noted import Noted, creates, task, tasks, updates

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.notion import NotionService
from directional_sync.testing.service import Asked, Told

QUICK = 8
MANY = 40
ROWS = 6


@dataclass
class Killer:
    """Kills a process while the service is busy with its n-th write, before or after it is carried out."""

    noted: Noted
    process: subprocess.Popen[bytes] | None = None
    left: int = 0
    after: bool = False

    def attach(self) -> None:
        service: NotionService = self.noted.service
        real = service.board.answer

        def answer(asked: Asked) -> Told:
            deadly = (creates(asked) or updates(asked)) and self._is_due()
            if deadly and not self.after:
                self.kill()
            told = real(asked) if not deadly or self.after else Told()
            if deadly and self.after:
                self.kill()
            return told

        service.board.answer = answer  # type: ignore[method-assign]

    def _is_due(self) -> bool:
        self.left -= 1
        return self.left == 0

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def run(self, number: int, *, after: bool) -> bool:
        """A run that is killed at its `number`-th write; answers whether it was."""
        self.left, self.after = number, after
        self.process = subprocess.Popen(
            [sys.executable, "-m", "directional_sync", "run"],
            cwd=self.noted.project.root,
            env=self.noted.project.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self.process.wait(60) == -signal.SIGKILL


@pytest.fixture
def killer(noted: Noted) -> Iterator[Killer]:
    noted.configure(settle=0.5)
    killer = Killer(noted)
    killer.attach()
    yield killer
    assert threading.active_count() < 50


def histories(killer: Killer, count: int) -> None:
    noted = killer.noted
    for at in range(count):
        noted.board.lag = (lambda: 0.3) if at % 3 == 0 else (lambda: 0.0)
        rows = [task(row, status=f"S{at}") for row in range(ROWS) if (row + at) % 4]
        noted.say(*rows)
        assert killer.run(1 + at % 4, after=at % 2 == 0)
        assert len(noted.ids()) == len(set(noted.ids())), at
        killer.left = 0
        record = noted.sync()
        assert record.plan is not None and not record.plan.held and not record.plan.conflicts
        assert noted.ids() == [row["id"] for row in rows], at
        assert {noted.value(key, "Status")["name"] for key in noted.ids()} == {f"S{at}"}
    writes = len(noted.board.writes)
    assert noted.sync().outcome is Outcome.IN_SYNC and len(noted.board.writes) == writes


def test_a_run_that_is_killed_while_it_writes(killer: Killer) -> None:  # F07, F08
    histories(killer, QUICK)


@pytest.mark.faults
def test_many_runs_that_are_killed_while_they_write(killer: Killer) -> None:
    histories(killer, MANY)


def test_a_run_that_is_asked_to_stop_finishes_the_row_at_hand(killer: Killer) -> None:  # F09
    noted = killer.noted
    noted.say(*tasks(5))
    killer.kill = lambda: os.kill(killer.process.pid, signal.SIGTERM)  # type: ignore[method-assign, union-attr]
    assert not killer.run(2, after=True)
    assert killer.process is not None and killer.process.returncode == 143
    made = len(noted.ids())
    assert 2 <= made < 5
    assert noted.sync().counts.added == 5 - made
    assert noted.ids() == [f"t{at:03}" for at in range(5)]
