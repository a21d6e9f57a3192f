"""Targets with an entrypoint from configuration to commit."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.project import Project

from directional_sync.model.lifecycle import Outcome


def test_a_pull_by_program_is_planned_committed_and_then_in_sync(project: Project) -> None:
    project.write(
        "scripts/sync.sh", "mkdir -p docs/report; echo $SYNC_CONFIG > docs/report/a.json; seq 3 > docs/report/b"
    )
    project.configure(
        """
        targets:
          report:
            direction: pull
            entrypoint: scripts/sync.sh
            config: {url: "https://example.org"}
            outputs: ["docs/report/**"]
            verification: {command: "ls docs/report | wc -l", expected_min: 2}
        """
    )
    before = project.head
    [planned] = project.plan().records
    assert (planned.outcome, planned.counts.added) == (Outcome.PLANNED, 2)
    assert project.head == before
    assert project.clean()
    done = project.one()
    assert done.outcome is Outcome.SYNCED, done.failure
    assert done.plan_digest == planned.plan_digest
    assert done.verification_passed
    assert project.files(under="docs") == {
        "docs/report/a.json": '{"url": "https://example.org"}',
        "docs/report/b": "1\n2\n3",
    }
    assert project.clean()
    after = project.head
    assert project.one().outcome is Outcome.IN_SYNC
    assert project.one(prove=True).outcome is Outcome.IN_SYNC
    assert project.head == after
    assert project.fsck() == ""


def test_r10_an_appending_program_is_found_out_by_prove(project: Project) -> None:
    project.write("scripts/sync.sh", "mkdir -p docs; date +%N >> docs/log")
    project.configure(
        """
        targets:
          log: {direction: pull, entrypoint: scripts/sync.sh, outputs: ["docs/log"]}
        """
    )
    record = project.one(prove=True)
    assert record.failure is not None
    assert record.failure.code == "E-SCRIPT-UNSTABLE"


@pytest.mark.parametrize(
    ("script", "code", "outcome"),
    [
        ("mkdir docs; echo 1 > docs/a; exit 3", "E-SCRIPT-FAILED", Outcome.FAILED),
        ("mkdir docs; echo 1 > docs/a; echo 2 > elsewhere", "E-UNDECLARED", Outcome.REFUSED),
        ("mkdir docs; echo 1 > docs/a; git tag v1", "E-SCRIPT-GIT", Outcome.REFUSED),
    ],
)
def test_nothing_is_left_of_a_run_that_did_not_work(project: Project, script: str, code: str, outcome: Outcome) -> None:
    project.write("scripts/sync.sh", script)
    project.configure(
        """
        targets:
          one: {direction: pull, entrypoint: scripts/sync.sh, outputs: ["docs/**"]}
          two: {direction: pull, entrypoint: cp, args: [sync.yaml, copy.yaml], outputs: [copy.yaml]}
        """
    )
    one, two = project.run().records
    assert one.failure is not None
    assert (one.outcome, one.failure.code) == (outcome, code)
    assert two.outcome is Outcome.SYNCED
    assert project.clean()
    assert "docs" not in "".join(project.files())


def test_a_pull_that_empties_its_outputs_is_held_by_the_gate(project: Project) -> None:
    project.write("scripts/sync.sh", "mkdir -p docs; touch docs/{1..5}; test ! -e gone || rm docs/*")
    project.configure(
        """
        targets:
          one: {direction: pull, entrypoint: scripts/sync.sh, outputs: ["docs/**"]}
        """
    )
    assert project.one().outcome is Outcome.SYNCED
    project.write("gone", "")
    project.commit()
    assert project.one().outcome is Outcome.REFUSED
    assert len(project.files(under="docs")) == 5


def test_a_push_by_program_has_no_preview_and_runs_once(project: Project, tmp_path: Path) -> None:
    far = tmp_path / "far"
    project.write("docs/a.md", "one\n")
    project.write("scripts/push.sh", f'test "$1" != --dry-run || exit 0; cat docs/* >> {far}')
    project.configure(
        """
        targets:
          push: {direction: push, entrypoint: scripts/push.sh, dry_run_flag: --dry-run, inputs: ["docs/**"]}
        """
    )
    [planned] = project.plan().records
    assert planned.outcome is Outcome.PLANNED
    assert planned.plan is not None
    assert planned.plan.opaque
    assert not far.exists()
    done = project.one()
    assert done.failure is None
    assert far.read_text() == "one\n"
    assert project.clean()


def test_a_two_way_program_commits_its_outputs(project: Project, tmp_path: Path) -> None:
    far = tmp_path / "far"
    project.write("docs/a.md", "one\n")
    project.write("scripts/both.sh", f"cat docs/* > {far}; echo 0 > drift.md")
    project.configure(
        """
        targets:
          both: {direction: bidirectional, entrypoint: scripts/both.sh, inputs: ["docs/**"], outputs: [drift.md]}
        """
    )
    done = project.one()
    assert done.failure is None, done.failure
    assert far.read_text() == "one\n"
    assert project.files()["drift.md"] == "0"
    assert project.clean()
