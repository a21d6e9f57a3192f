"""What commits tell of the runs that made them, and the reports that a lost history is made of."""

from __future__ import annotations

import jsonschema
import pytest
from tests.project import Project

from directional_sync.core.trailers import read
from directional_sync.git.repository import Repository
from directional_sync.git.synced import synced
from directional_sync.model.plan import Counts
from directional_sync.model.snapshot import Source
from directional_sync.render.commit import message
from directional_sync.render.rebuilt import reports
from directional_sync.render.report import schema

RUN = "019b76daa8000123456789"


def text(target: str = "oca", run: str = RUN, sources: tuple[Source, ...] = ()) -> str:
    return message("", target, run, Counts(3, 11, 1), (), sources)


def test_what_is_written_is_read_back() -> None:
    source = Source(name="web", url="https://example.org/web.git", ref="18.0", commit="b" * 40)
    found = read("c" * 40, ["p" * 40], 1767225600, text(sources=(source,)))
    assert found is not None
    assert (found.runs, found.targets, found.undoes) == ((RUN,), ("oca",), "")
    assert found.sources == (("https://example.org/web.git", "b" * 40),)
    assert found.counts == Counts(3, 11, 1) and found.subject == "Sync oca: +3 ~11 -1 files"


@pytest.mark.parametrize(
    "words",
    [
        "Work",
        "",
        "Work\n\nSync-Run: not in the last paragraph\nSync-Target: x\n\nbut above it",
        "Sync-Run: without a target",
    ],
)
def test_other_commits_are_no_runs(words: str) -> None:
    assert read("c" * 40, [], 0, words) is None


def test_commits_of_people_are_passed_over_and_reports_are_valid(project: Project) -> None:
    project.commit("Begin")
    project.git("commit", "-q", "--allow-empty", "-m", text())
    project.git("commit", "-q", "--allow-empty", "-m", text("apps"))
    project.commit(f"Talk about it\n\nwe saw Sync-Run: {RUN} there")
    project.git("commit", "-q", "--allow-empty", "-m", text("oca", "odd"))
    found = synced(Repository.open(project.root), "HEAD")
    assert [(one.targets, one.runs) for one in found] == [(("oca",), ("odd",)), (("apps",), (RUN,)), (("oca",), (RUN,))]
    first, second = reports(found, {"apps": "bidirectional"})
    for report in (first, second):
        jsonschema.validate(report, schema())
    assert [(one["target"], one["direction"]) for one in first["results"]] == [
        ("oca", "pull"),
        ("apps", "bidirectional"),
    ]
    assert (first["run"], first["timestamp"]) == (RUN, "2026-01-01T00:00:00Z")
    assert first["changes"]["changed"] == 22 and second["run"] == "odd"
    assert [one.runs for one in synced(Repository.open(project.root), "HEAD", run="odd")] == [("odd",)]
