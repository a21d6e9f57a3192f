"""What people see when what they gave is wrong: the whole output and the exit status, on real repositories."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from tests.project import Project

from directional_sync.testing.faults import Fault
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build

SCRIPT = """\
#!/bin/sh
set -eu
mkdir -p docs/report
echo "${CONTENT:-numbers}" > docs/report/numbers.txt
"""
YAML = """
    targets:
      report:
        direction: pull
        entrypoint: "scripts/report.sh"
        env: [CONTENT]
        outputs: ["docs/report/**"]
    """
Shown = Callable[..., str]


@pytest.fixture
def shown(project: Project, dsync: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shown:
    """Runs a command line in the project; answers streams and status as one text without what differs each time."""
    monkeypatch.chdir(project.root)

    def run(*arguments: str) -> str:
        status, out, err = dsync(*arguments)
        text = f"$ dsync {' '.join(arguments)}\n--- stdout\n{out}--- stderr\n{err}--- exit {status}\n"
        text = text.replace(str(project.root), "REPO").replace(str(tmp_path), "TMP")
        for pattern, put in (
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (r"\d+m \d\ds|\b\d+\.\d+s", "TIME"),
            (r"\bplan [0-9a-f]{8}\b", "plan PLAN"),
            (r"--plan [0-9a-f]{8}\b", "--plan PLAN"),
            (r"main@[0-9a-f]{7}", "main@COMMIT"),
            (r"detached at [0-9a-f]{12}", "detached at COMMIT"),
            (r"commit [0-9a-f]{7}\b", "commit COMMIT"),
            (r"--stat [0-9a-f]{7}\b", "--stat COMMIT"),
            (r"\b[0-9a-f]{22}\b", "RUN"),
            (r"dsync show [0-9a-f]{8}\b", "dsync show RUN"),
            (r"^\d\d:\d\d:\d\d ", "CLOCK "),
        ):
            text = re.sub(pattern, put, text, flags=re.MULTILINE)
        assert "Traceback" not in text and "\x1b" not in text
        return text

    return run


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """For outputs with paths, which would be broken into lines by how long they are."""
    monkeypatch.setenv("COLUMNS", "300")


@pytest.fixture
def report(project: Project) -> Project:
    project.write("scripts/report.sh", SCRIPT, mode=0o755)
    project.configure(YAML)
    return project


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GitServer, dict[str, Upstream]]]:
    folder = tmp_path_factory.mktemp("bad-upstreams")
    made = build(folder, names=["alpha", "beta", "gamma"], modules=3)
    with GitServer(folder) as server:
        yield server, made


@pytest.fixture
def vendor(
    project: Project, host: tuple[GitServer, dict[str, Upstream]]
) -> Iterator[tuple[GitServer, dict[str, Upstream]]]:
    server, upstreams = host
    tips = {name: upstream.head() for name, upstream in upstreams.items()}
    project.configure(
        f"""
        targets:
          addons:
            direction: pull
            retries: 0
            remote:
              type: git
              url: "{server.url("x").rpartition("/")[0]}/{{name}}.git"
              ref: "18.0"
              names: [alpha, beta, gamma]
              into: "addons/{{name}}"
            outputs: ["addons/**"]
        """
    )
    yield server, upstreams
    server.clear()
    for name, tip in tips.items():
        upstreams[name].reset(tip)


def test_mistakes_in_the_file(project: Project, shown: Shown, golden: SnapshotAssertion) -> None:
    project.write("scripts/report.sh", SCRIPT, mode=0o755)
    project.write(
        "sync.yaml",
        """\
        version: "1.0"
        targets:
          one:
            direcion: pull
            direction: pul
            entrypoint: "scripts/report.sh"
            schedule: "61 * * * *"
            outputs: ["docs/**"]
            needs: [two]
          two:
            direction: pull
            entrypoint: "scripts/report.sh"
            outputs: ["docs/report/**"]
            needs: [one]
            timeout: yes please
        """,
    )
    assert shown("run") == golden


def test_a_file_that_is_no_yaml(project: Project, shown: Shown, golden: SnapshotAssertion) -> None:
    project.write("sync.yaml", 'version: "1.0"\ntargets:\n  one:\n    schedule: */6 * * * *\n')
    assert shown("validate") == golden


def test_no_file(project: Project, shown: Shown, golden: SnapshotAssertion) -> None:
    assert shown("list") == golden


def test_a_target_that_matches_nothing(report: Project, shown: Shown, golden: SnapshotAssertion) -> None:  # R2
    assert shown("run", "--target", "reprot") == golden


def test_a_variable_that_is_not_set(project: Project, shown: Shown, golden: SnapshotAssertion) -> None:
    project.write("scripts/report.sh", SCRIPT, mode=0o755)
    project.configure(YAML.rstrip() + "\n        config: {env_vars: [REPORT_TOKEN]}\n")
    assert shown("run", "report") == golden


def test_a_script_that_fails(report: Project, shown: Shown, golden: SnapshotAssertion, wide: None) -> None:  # R3
    report.write("scripts/report.sh", "#!/bin/sh\necho started\necho '::error::owned' >&2\nexit 7\n", mode=0o755)
    report.commit()
    assert shown("run") == golden
    assert report.clean()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("gone", Fault(status=404)),
        ("down", Fault(status=500)),
        ("html", Fault(html=True)),
        ("login", Fault(user_password="ada:lovelace")),
        ("cut", Fault(cut_after=40)),
    ],
)
def test_one_upstream_of_three_is_bad(
    name: str, fault: Fault, vendor: tuple[GitServer, dict[str, Upstream]], shown: Shown, golden: SnapshotAssertion
) -> None:
    vendor[0].fault("beta", fault)
    assert shown("run") == golden


def test_upstream_was_emptied(  # F70
    vendor: tuple[GitServer, dict[str, Upstream]], shown: Shown, golden: SnapshotAssertion
) -> None:
    assert "exit 0" in shown("run")
    _, upstreams = vendor
    for upstream in upstreams.values():
        paths = upstream.git("ls-tree", "-r", "--name-only", "18.0").splitlines()
        upstream.commit({path: None for path in paths if path != "LICENSE"}, "Remove all")
    assert shown("run") == golden


def test_hostile_upstream(
    vendor: tuple[GitServer, dict[str, Upstream]], shown: Shown, golden: SnapshotAssertion
) -> None:  # T01, T08
    vendor[1]["beta"].commit({"a\x1b[2Jb\u202etxt": b"x", "link": ("120000", b"/etc/passwd")}, "Hello")
    assert shown("run") == golden


def test_a_secret_in_what_would_be_committed(
    report: Project, shown: Shown, golden: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.write("scripts/report.sh", SCRIPT.replace("numbers}", "AKIA" + "IOSFODNN7" + "QZXWVUT}"), mode=0o755)
    report.configure(YAML.rstrip() + '\n    safety:\n      secret_patterns: ["AKIA[0-9A-Z]{16}"]\n')
    assert shown("run") == golden
    assert report.clean()
    for command in (("plan",), ("diff", "report")):
        assert "IOSFODNN7" not in shown(*command)  # nor in logs of CI, where plans are read


def test_uncommitted_work_in_the_way(report: Project, shown: Shown, golden: SnapshotAssertion) -> None:  # P3
    assert "exit 0" in shown("run")
    report.write("docs/report/numbers.txt", "mine\n")
    report.write("scripts/report.sh", SCRIPT.replace("numbers}", "other}"), mode=0o755)
    report.git("commit", "-qm", "Change", "scripts")
    assert shown("run") == golden
    assert (report.root / "docs/report/numbers.txt").read_text() == "mine\n"


def test_detached_head(report: Project, shown: Shown, golden: SnapshotAssertion, wide: None) -> None:
    report.git("checkout", "-q", "--detach")
    assert shown("run") == golden


def test_merge_in_progress(report: Project, shown: Shown, golden: SnapshotAssertion) -> None:
    report.write(".git/MERGE_HEAD", report.head + "\n")
    assert shown("plan") == golden


def test_no_repository(
    shown: Shown, golden: SnapshotAssertion, wide: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "nowhere"
    folder.mkdir()
    (folder / "run.sh").write_text(SCRIPT)
    (folder / "sync.yaml").write_text(
        'version: "1.0"\ntargets: {a: {direction: pull, entrypoint: run.sh, outputs: ["docs/**"]}}\n'
    )
    monkeypatch.chdir(folder)
    assert shown("plan") == golden


def test_a_stale_plan(report: Project, shown: Shown, golden: SnapshotAssertion, dsync: Any) -> None:
    plan = re.search(r"--plan ([0-9a-f]+)", dsync("plan")[1])
    assert plan is not None
    report.write("scripts/report.sh", SCRIPT.replace("numbers}", "other}"), mode=0o755)
    report.commit()
    head = report.head
    assert shown("run", "--plan", plan[1]) == golden
    assert report.head == head
