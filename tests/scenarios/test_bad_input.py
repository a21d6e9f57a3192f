"""What is given, what is answered: wrong files, wrong choices, missing credentials, broken repositories.
Each row's whole output is a golden file; each changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.project import Project
from tests.scenarios.conftest import Dsync

GOOD = """
    targets:
      report:
        direction: pull
        entrypoint: "scripts/report.sh"
        outputs: ["docs/report/**"]
      inventory:
        direction: pull
        entrypoint: "scripts/report.sh"
        outputs: ["docs/inventory/**"]
    """
SCRIPT = "#!/bin/sh\nset -eu\nmkdir -p docs/$SYNC_TARGET\necho 1 > docs/$SYNC_TARGET/numbers.txt\n"

MISTAKES = """\
version: 1.0
defaults:
  git_comit: true
targets:
  oca_repos:
    direcion: pull
    entrypoint: "scripts/a.sh"
    schedule: "61 2 * * *"
    outputs: ["addons/**"]
  two:
    direction: sideways
    entrypoint: "scripts/b.sh"
    outputs: ["addons/oca/**"]
    needs: [three]
  three:
    direction: pull
    entrypoint: "scripts/c.sh"
    outputs: "docs/**"
    needs: [two]
    needs: [twoo]
    timeout: soon
"""


@pytest.fixture
def good(project: Project) -> Project:
    project.write("scripts/report.sh", SCRIPT, mode=0o755)
    project.configure(GOOD)
    return project


def test_every_mistake_in_the_file_at_once(project: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    """F90 to F95."""
    project.write("sync.yaml", MISTAKES)
    project.commit()
    assert dsync("run") == golden


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('version: "1.0"\ntargets:\n  a:\n    schedule: */6 * * * *\n', id="unquoted cron"),
        pytest.param('version: "1.0"\ntargets:\n\ta: {}\n', id="tab"),
        pytest.param('version: "1.0"\ntargets:\n  a:\n    direction: pull\n    direction: push\n', id="duplicate key"),
        pytest.param("", id="empty"),
        pytest.param("- a\n- b\n", id="list"),
        pytest.param("\x00\x01\x02", id="binary"),
        pytest.param("a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n", id="alias bomb"),
        pytest.param('version: "1.0"\ntargets: !!python/object:os.system {}\n', id="tag"),
    ],
)
def test_a_file_that_is_no_configuration(project: Project, dsync: Dsync, golden: SnapshotAssertion, text: str) -> None:
    """F90 to F92, T27."""
    project.write("sync.yaml", text.encode())
    project.commit()
    said = dsync("validate")
    assert said == golden
    assert "--- exit 2" in said


def test_no_file(project: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    project.commit()
    assert dsync("plan") == golden


@pytest.mark.parametrize("choice", ["reprot", "nothing_*"], ids=["typo", "glob"])
def test_a_target_that_is_not_there(good: Project, dsync: Dsync, golden: SnapshotAssertion, choice: str) -> None:
    """R2."""
    said = dsync("run", "--target", choice)
    assert said == golden
    assert "--- exit 3" in said


def test_a_missing_variable_fails_its_target_only(good: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    good.configure(GOOD.rstrip() + '\n        config: {env_vars: ["INVENTORY_TOKEN"]}\n')
    said = dsync("run")
    assert said == golden
    assert "--- exit 4" in said
    assert "docs/report/numbers.txt" in good.files()
    assert "docs/inventory/numbers.txt" not in good.files()


def detach(project: Project) -> None:
    project.git("checkout", "-q", "--detach")


def begin_merge(project: Project) -> None:
    project.git("checkout", "-q", "-b", "side")
    project.write("other.txt", "side\n")
    project.commit()
    project.git("checkout", "-q", "main")
    project.git("merge", "-q", "--no-commit", "--no-ff", "side")


def edit_outputs(project: Project) -> None:
    project.run("report")
    project.write("docs/report/numbers.txt", "mine\n")
    project.write("scripts/report.sh", SCRIPT.replace("echo 1", "echo 2"), mode=0o755)
    project.git("add", "scripts")
    project.git("commit", "-q", "-m", "Another number")


def leave_something_in_the_way(project: Project) -> None:
    project.write(".gitignore", "numbers.txt\n")
    project.commit()
    project.write("docs/report/numbers.txt", "ignored but mine\n")


@pytest.mark.parametrize("state", [detach, begin_merge, edit_outputs, leave_something_in_the_way])
def test_a_repository_in_no_state_to_be_worked_in(
    good: Project, dsync: Dsync, golden: SnapshotAssertion, state: Callable[[Project], None]
) -> None:
    """F33, P14, P19: a defined message each, nothing touched."""
    state(good)
    head, status = good.head, good.git("status", "--porcelain")
    assert dsync("run", "--target", "report") == golden
    assert (good.head, good.git("status", "--porcelain")) == (head, status)


def test_outside_any_repository(project: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    import shutil

    project.configure(GOOD)
    shutil.rmtree(project.root / ".git")
    assert dsync("run") == golden


def test_a_secret_in_what_would_be_committed(good: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    """P10, T22, T23: refused with path, line and rule, masked; the bytes are not in the object store either."""
    value = "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    good.write("scripts/report.sh", SCRIPT + 'cat "$LEAK" >> docs/$SYNC_TARGET/numbers.txt\n', mode=0o755)
    good.configure(GOOD.replace('outputs: ["docs/report/**"]', 'outputs: ["docs/report/**"]\n        env: ["LEAK"]'))
    leak = good.root.parent / "leak.env"
    leak.write_text(f"GITHUB_TOKEN={value}\n")
    good.environ["LEAK"] = str(leak)
    said = dsync("run", "--target", "report")
    assert said == golden
    assert "--- exit 6" in said
    assert value not in said
    store = good.root / ".git"
    found = [path for path in store.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]
    assert [path for path in found if "cache" not in path.parts] == []


def test_a_script_that_fails(good: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    good.write("scripts/report.sh", "#!/bin/sh\necho trying\necho 'no route to the moon' >&2\nexit 3\n", mode=0o755)
    good.commit()
    assert dsync("run", "--target", "report") == golden


def test_a_script_that_writes_where_it_must_not(good: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    """P50, F84."""
    good.write("scripts/report.sh", SCRIPT + "echo x > README.md\nmkdir -p src; echo y > src/z\n", mode=0o755)
    good.commit()
    assert dsync("run", "--target", "report") == golden
    assert "README.md" not in good.files()


def test_too_many_deletions(good: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    """B63, T: the limit refuses before any write, and --allow-delete lifts it to exactly that number."""
    many = SCRIPT + "for i in $(seq 1 40); do echo $i > docs/$SYNC_TARGET/$i.txt; done\n"
    good.write("scripts/report.sh", many, mode=0o755)
    good.configure(GOOD.replace('["docs/report/**"]', '["docs/report/**"]\n        fresh_outputs: true'))
    good.run("report")
    good.write("scripts/report.sh", SCRIPT, mode=0o755)
    good.commit()
    assert dsync("run", "--target", "report") == golden
    assert "--- exit 6" in dsync("run", "--target", "report", "--allow-delete", "39")
    assert "--- exit 0" in dsync("run", "--target", "report", "--allow-delete", "40")


def test_an_emptied_source(good: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    """B60."""
    good.run("report")
    good.write("scripts/report.sh", "#!/bin/sh\nrm -rf docs/report\n", mode=0o755)
    good.commit()
    assert dsync("run", "--target", "report") == golden
    assert "docs/report/numbers.txt" in good.files()
