"""F73, F75: many processes, one clone."""

from __future__ import annotations

from pathlib import Path

from tests.faults import killing
from tests.transaction.workbench import Workbench

PROCESSES, RUNS = 8, 3


def test_eight_processes_take_turns(bench: Workbench) -> None:
    def work(number: int, root: Path) -> None:
        for turn in range(RUNS):
            killing.run(root, {f"out/{number}.txt": b"turn %d\n" % turn})

    children = [killing.fork(lambda n=number: work(n, bench.root)) for number in range(PROCESSES)]  # type: ignore[misc]
    assert [killing.wait(child) for child in children] == [0] * PROCESSES
    assert bench.git("rev-list", "--count", "HEAD").strip() == b"%d" % (1 + PROCESSES * RUNS)
    assert (bench.status(), bench.leftovers()) == (b"", [])
    for commit in bench.git("rev-list", "--max-parents=1", "--min-parents=1", "HEAD").decode().split():
        assert len(bench.git("diff-tree", "--no-commit-id", "--name-only", "-r", commit).splitlines()) == 1
