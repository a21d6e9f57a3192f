"""Bad input through whole commands as child processes; what people see is a golden file, and nothing changes."""

from __future__ import annotations

import subprocess

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.project import Project
from tests.scenarios.conftest import Dsync

from directional_sync.git.objects import hash_object

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


@pytest.fixture
def good(project: Project) -> Project:
    project.write("scripts/report.sh", SCRIPT, mode=0o755)
    project.configure(GOOD)
    return project


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


def test_something_git_does_not_know_in_the_way(good: Project, dsync: Dsync, golden: SnapshotAssertion) -> None:
    """P3, P16: ignored files are somebody's work too."""
    good.write(".gitignore", "numbers.txt\n")
    good.commit()
    mine = good.write("docs/report/numbers.txt", "ignored but mine\n")
    head = good.head
    assert dsync("run", "--target", "report") == golden
    assert mine.read_text() == "ignored but mine\n"
    assert good.head == head


def test_a_refused_secret_is_in_no_object_store(good: Project, dsync: Dsync) -> None:
    """P10, T22, T23: nor on the screen, nor anywhere but in the scratch the script wrote it to."""
    value = "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    good.write("scripts/report.sh", SCRIPT + 'cat "$LEAK" >> docs/$SYNC_TARGET/numbers.txt\n', mode=0o755)
    good.configure(GOOD.replace('outputs: ["docs/report/**"]', 'outputs: ["docs/report/**"]\n        env: ["LEAK"]'))
    leak = good.root.parent / "leak.env"
    leak.write_text(f"GITHUB_TOKEN={value}\n")
    good.environ["LEAK"] = str(leak)
    said = dsync("run", "--target", "report")
    assert "--- exit 6" in said
    assert value not in said
    leaked = hash_object("blob", f"1\nGITHUB_TOKEN={value}\n".encode(), "sha1")
    assert (good.root / ".git/directional-sync/cache/endpoints/report").exists()
    places = [path for path in (good.root / ".git").rglob("objects") if path.is_dir()]
    assert places
    for place in places:
        done = subprocess.run(
            ["git", "cat-file", "-e", leaked], cwd=good.root, env={**good.environ, "GIT_OBJECT_DIRECTORY": str(place)}
        )
        assert done.returncode != 0, place


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
