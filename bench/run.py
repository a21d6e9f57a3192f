"""How long things take, side by side in one run: `make bench` (`BENCH=quick make bench` for a first look).

Machines differ, and shared ones wobble, so every figure is set against a yardstick measured in turn with it: a bare
`python -c pass`, and plain git doing the same work in parallel (one process per repository, 16 at a time: clone, or
fetch + reset, which commits nothing). What counts is the ratio of medians.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from clock import in_turn, nothing
from host import Host
from peers import Peer, PlainGit, VendorStep, found
from startup import start_up
from table import Case, Results, written

from directional_sync.testing.upstreams import Upstream, build

ROOT = Path(__file__).parents[1]
MODULES = 25
"""In each upstream, about eight files a module."""


def vendoring(
    folder: Path, upstreams: dict[str, Upstream], kinds: list[type[Peer]], runs: int, round_trip_s: float
) -> dict[Case, dict[str, float]]:
    """Case -> name of the tool -> median seconds."""
    with Host(folder / "upstreams", round_trip_s) as host:
        work = folder / ("far" if round_trip_s else "near")
        peers = [kind(work / kind.__name__, list(upstreams), host.url) for kind in kinds]
        step = VendorStep(work / "vendored", peers[0].folder)
        changed = next(iter(upstreams.values()))

        def change() -> None:
            changed.commit({"CHANGES": f"{time.time_ns()}\n".encode()}, "Change one file")

        cases: dict[Case, dict[str, float]] = {}
        works = {
            Case.COLD: [(peer.reset, peer.first) for peer in peers] + [(step.reset, step.run)],
            Case.NO_CHANGE: [(nothing, peer.again) for peer in peers] + [(nothing, step.run)],
            Case.ONE_CHANGED: [(change, peer.again) for peer in peers] + [(nothing, step.run)],
        }
        for case, pairs in works.items():
            figures = in_turn(runs, pairs)
            cases[case] = dict(zip([*(peer.label for peer in peers), "vendor step"], figures, strict=True))
            for label, figure in cases[case].items():
                ratio = figure / cases[case][PlainGit.label]
                far = "far" if round_trip_s else "near"
                print(f"{len(upstreams):3} {far:5} {case:12} {label:26} {figure:8.3f} s {ratio:6.2f}x", flush=True)
        return cases


def main() -> None:
    quick = os.environ.get("BENCH") == "quick"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstreams", type=int, nargs="+", default=[10, 40] if quick else [10, 30, 40, 60])
    parser.add_argument("--runs", type=int, default=2 if quick else 3, help="counted runs of each")
    parser.add_argument("--round-trip-ms", type=float, default=40.0, help="of the far rows")
    given = parser.parse_args()
    kinds, skipped = found(ROOT / "bench" / ".venv")
    results = Results(skipped=skipped, quick=quick, runs=given.runs, round_trip_ms=given.round_trip_ms, modules=MODULES)
    with tempfile.TemporaryDirectory(prefix="dsync-bench-") as temporary:
        results.start_up = start_up(Path(temporary) / "start", given.runs * 5)
        for name, figure in results.start_up.items():
            print(f"{name:40} {figure:8.3f} s", flush=True)
        for count in given.upstreams:
            folder = Path(temporary) / str(count)
            upstreams = build(folder / "upstreams", repositories=count, modules=count * MODULES)
            for round_trip_s in (0.0, given.round_trip_ms / 1000):
                cases = vendoring(folder, upstreams, kinds, given.runs, round_trip_s)
                results.vendoring[count, bool(round_trip_s)] = cases
    page = ROOT / "docs" / "benchmarks.md"
    page.write_text(written(results), encoding="utf-8")
    print(f"written: {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
