"""G6: pushes with lost replies, 5xx, 429, kills at any point and rows that show late: no row twice, none lost, and
both sides equal after the faults have stopped and one run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.notion.simulated import history

QUICK_RUNS = 700
ALL_RUNS = 10_000


def histories(folder: Path, runs: int) -> None:
    done = seed = 0
    while done < runs:
        seed += 1
        done += history(folder / str(seed), seed)  # an assertion that fails names the seed


def test_hundreds_of_runs_with_faults(tmp_path: Path) -> None:  # F07, F08, F51, F52, F57, F58, F59
    histories(tmp_path, QUICK_RUNS)


@pytest.mark.faults
def test_ten_thousand_runs_with_faults(tmp_path: Path) -> None:
    histories(tmp_path, ALL_RUNS)
