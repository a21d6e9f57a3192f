"""The page that `make bench` writes: the figures, the goals, and whether each is met."""

from __future__ import annotations

import os
import platform
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from peers import Aggregator, Dsync, PlainGit
from startup import BARE


class Case(StrEnum):
    COLD = "cold"
    NO_CHANGE = "no change"
    ONE_CHANGED = "one changed"


@dataclass
class Results:
    skipped: list[str]
    quick: bool
    runs: int
    round_trip_ms: float
    modules: int
    start_up: dict[str, float] = field(default_factory=dict)
    vendoring: dict[tuple[int, bool], dict[Case, dict[str, float]]] = field(default_factory=dict)
    """(how many upstreams, far) -> case -> tool -> seconds."""


def written(results: Results) -> str:
    return "\n".join([*_head(results), *_start_up(results), *_vendoring(results), *_goals(results), ""])


def _head(results: Results) -> Iterator[str]:
    git = subprocess.check_output(["git", "--version"], text=True).split()[2]
    command = "BENCH=quick make bench" if results.quick else "make bench"
    how = f"""Written by `{command}`; run it to have the figures of your machine. These are medians (counted runs:
        {results.runs}, after one that does not count), all tools in turn, on a machine with {os.cpu_count()} cores,
        {platform.system()}, git {git} and Python {platform.python_version()}. Machines differ and wobble: only the
        ratios within one table hold."""
    what = f"""Upstreams have one branch and {results.modules} modules of about eight files each; large ones of the OCA
        have four times as many files, and tags and branches beside. They are served over smart HTTP on loopback; *far*
        waits {results.round_trip_ms:.0f} ms for each connection and each request. The host remembers its answers, so
        that its work, which in life is another machine's, is not measured. *plain git* is one process per repository,
        16 at a time: `clone --depth 1`, or `fetch --depth 1` and `reset`. All tools but dsync only keep clones; the
        *vendor step* (copy into one repository, `git add`, `git commit`) is what they still owe."""
    yield "# Benchmarks"
    for paragraph in (how, what, *(f"{sentence}." for sentence in results.skipped)):
        yield ""
        yield textwrap.fill(" ".join(paragraph.split()), 120)
    yield ""


def _start_up(results: Results) -> Iterator[str]:
    bare = results.start_up[BARE]
    yield "## Start-up"
    yield ""
    yield "| command | ms | of the bare interpreter |"
    yield "|---|---:|---:|"
    for name, figure in results.start_up.items():
        yield f"| `{name}` | {figure * 1000:.0f} | {figure / bare:.1f}x |"
    yield ""


def _vendoring(results: Results) -> Iterator[str]:
    for (count, far), cases in results.vendoring.items():
        yield f"## {count} upstreams, {'far' if far else 'near'}"
        yield ""
        yield "| | " + " | ".join(f"{case}, s | of plain git" for case in cases) + " |"
        yield "|---|" + "---:|---:|" * len(cases)
        for label in next(iter(cases.values())):
            figures = [(of[label], of[label] / of[PlainGit.label]) for of in cases.values()]
            plus = "+" if label == "vendor step" else ""
            yield f"| {label} | " + " | ".join(f"{plus}{s:.2f} | {plus}{ratio:.2f}x" for s, ratio in figures) + " |"
        yield ""


def _goals(results: Results) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield "| goal | measured | |"
    yield "|---|---:|---|"
    bare = results.start_up[BARE]
    rows = [
        ("`dsync --version` <= 5x bare", results.start_up["dsync --version"] / bare, 5.0),
        ("`dsync list`, 60 targets <= 12x bare", results.start_up["dsync list, 60 targets"] / bare, 12.0),
    ]
    for case, far, most in (
        (Case.NO_CHANGE, True, 0.22),
        (Case.NO_CHANGE, False, 0.15),
        (Case.ONE_CHANGED, True, 0.35),
        (Case.ONE_CHANGED, False, 0.20),
        (Case.COLD, True, 1.10),
        (Case.COLD, False, 1.10),
    ):
        cases = results.vendoring.get((40, far))
        if cases is None:
            continue
        ours, git, step = (cases[case][label] for label in (Dsync.label, PlainGit.label, "vendor step"))
        where = "far" if far else "near"
        rows.append((f"{case}, 40 upstreams, {where} <= {most:.2f}x plain git", ours / git, most))
        if case is Case.COLD:
            rows.append((f"cold, 40, {where} <= 0.35x plain git + vendor step", ours / (git + step), 0.35))
        if case is Case.NO_CHANGE and Aggregator.label in cases[case]:
            theirs = cases[case][Aggregator.label]
            rows.append((f"no change, 40, {where} <= 1/9 of git-aggregator", ours / theirs, 1 / 9))
    rows += _growth(results)
    for goal, figure, most in rows:
        yield f"| {goal} | {figure:.2f} | {_met(figure, most)} |"
    yield ""
    yield "That a run without changes makes one request per upstream, over at most 16 connections, and starts as many"
    yield "processes for any number of upstreams, is no matter of time: `tests/upstream/test_no_change.py` counts them."
    yield ""
    yield "Where the time goes, and why what is missing is missing: [design/speed.md](design/speed.md)."


def _growth(results: Results) -> Iterator[tuple[str, float, float]]:
    counts = sorted({count for count, _ in results.vendoring})
    for far in (False, True):
        small, large = (results.vendoring[count, far][Case.NO_CHANGE][Dsync.label] for count in (counts[0], counts[-1]))
        if counts[0] < counts[-1]:
            where = "far" if far else "near"
            yield f"no change, {counts[0]} -> {counts[-1]} upstreams, {where}: less than 2x", large / small, 2.0


def _met(figure: float, most: float) -> str:
    return "met" if figure <= most else "**not met**"
