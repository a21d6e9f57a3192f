"""The main job with the seed's entrypoints, end to end on real git: plan, run, nothing to do, drift, refusal."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Why

CONFIG = """
    targets:
      report:
        direction: pull
        entrypoint: "scripts/report.sh"
        outputs: ["docs/report/**"]
    """
SCRIPT = """
    #!/bin/sh
    set -eu
    mkdir -p docs/report
    cat "$SOURCE" > docs/report/numbers.txt
    echo done
    """


@pytest.fixture
def report(project: Project, tmp_path: Path) -> Project:
    source = tmp_path / "source.txt"
    source.write_text("1\n2\n")
    project.environ["SOURCE"] = str(source)
    project.write("scripts/report.sh", SCRIPT.lstrip("\n"), mode=0o755)
    project.write("mine.txt", "mine\n")
    project.configure(CONFIG.rstrip() + '\n        env: ["SOURCE"]\n')
    return project


def source(project: Project) -> Path:
    return Path(project.environ["SOURCE"])


def test_first_run_commits_only_the_outputs_and_the_lock(report: Project) -> None:
    """P01."""
    before = report.head
    record = report.one()
    assert record.failure is None
    assert record.outcome is Outcome.SYNCED
    assert report.head == record.commit != before
    assert report.git("rev-parse", "HEAD^") == before
    changed = report.git("diff", "--name-only", before, "HEAD").splitlines()
    assert changed == ["docs/report/numbers.txt", "sync.lock"]
    assert (report.root / "docs/report/numbers.txt").read_text() == "1\n2\n"
    assert report.clean()
    assert report.fsck() == ""
    trailers = report.git("log", "-1", "--format=%(trailers:key=Sync-Target,valueonly)")
    assert trailers.strip() == "report"


def test_second_run_does_nothing(report: Project) -> None:
    """P02, I1: no commit, no file rewritten."""
    report.run()
    head = report.head
    file = report.root / "docs/report/numbers.txt"
    was = file.stat()
    record = report.one()
    assert record.outcome is Outcome.IN_SYNC
    assert report.head == head
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (was.st_ino, was.st_mtime_ns)


def test_a_change_at_the_source_is_planned_then_carried_out(report: Project) -> None:
    report.run()
    source(report).write_text("1\n2\n3\n")
    head = report.head
    [planned] = report.plan().records
    assert planned.outcome is Outcome.PLANNED
    assert planned.plan is not None
    assert [(c.key, c.sign) for c in planned.plan.repo] == [("docs/report/numbers.txt", "~")]
    assert [(s.before, s.after) for s in planned.samples] == [(b"1\n2\n", b"1\n2\n3\n")]
    assert report.head == head
    assert report.one().outcome is Outcome.SYNCED
    assert report.files()["docs/report/numbers.txt"] == "1\n2\n3"


def fingerprint(root: Path) -> dict[str, tuple[str, int]]:
    """Every file's content and mtime, without our disposable cache and the lock."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            short = str(path.relative_to(root))
            if "directional-sync/cache/" in short or short.endswith(("directional-sync/lock", "lock-holder.json")):
                continue
            found[short] = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
    return found


@pytest.mark.parametrize("verify", [False, True])
def test_a_dry_run_writes_nothing(report: Project, verify: bool) -> None:
    """P7, I4: repository, index, home and state are the same before and after, mtimes included."""
    report.run()
    source(report).write_text("new\n")
    home = Path(os.environ["HOME"])
    before = (fingerprint(report.root), fingerprint(home))
    assert report.plan(verify=verify).records[0].outcome is Outcome.PLANNED
    assert (fingerprint(report.root), fingerprint(home)) == before


def test_staged_unstaged_and_untracked_work_is_never_touched(report: Project) -> None:
    """P3."""
    report.write("mine.txt", "unstaged\n")
    report.write("staged.txt", "staged\n")
    report.git("add", "staged.txt")
    report.write("untracked.txt", "untracked\n")
    record = report.one()
    assert record.outcome is Outcome.SYNCED
    assert set(report.git("status", "-z").strip("\0").split("\0")) >= {"A  staged.txt", "?? untracked.txt"}
    assert report.git("diff", "--name-only") == "mine.txt"
    assert report.git("diff", "--staged", "--name-only") == "staged.txt"
    assert (report.root / "mine.txt").read_text() == "unstaged\n"
    assert "staged.txt" not in report.files()


def test_uncommitted_edits_under_the_outputs_are_refused_before_anything(report: Project) -> None:
    """P14: never overwritten, never committed."""
    report.run()
    source(report).write_text("new\n")
    report.write("docs/report/numbers.txt", "my edit\n")
    head = report.head
    record = report.one()
    assert record.outcome is Outcome.REFUSED
    assert record.failure is not None
    assert record.failure.code == "E-DIRTY-OUTPUTS"
    assert (report.root / "docs/report/numbers.txt").read_text() == "my edit\n"
    assert report.head == head


def test_a_committed_edit_is_drift_and_kept(report: Project) -> None:
    report.run()
    report.write("docs/report/numbers.txt", "my edit\n")
    report.commit("Edit")
    record = report.one()
    assert record.outcome is Outcome.IN_SYNC
    assert record.plan is not None
    assert [held.why for held in record.plan.held] == [Why.EDITED]
    source(report).write_text("new\n")
    record = report.one()
    assert record.outcome is Outcome.CONFLICTED
    assert report.files()["docs/report/numbers.txt"] == "my edit"


def test_prefer_settles_a_conflict_for_once(report: Project) -> None:
    from directional_sync.model.target import Prefer

    report.run()
    report.write("docs/report/numbers.txt", "my edit\n")
    report.commit("Edit")
    source(report).write_text("new\n")
    assert report.one().outcome is Outcome.CONFLICTED
    assert report.one(prefer=Prefer.REMOTE).outcome is Outcome.SYNCED
    assert report.files()["docs/report/numbers.txt"] == "new"
    assert report.one().outcome is Outcome.IN_SYNC


def test_a_failing_script_leaves_nothing_behind(report: Project) -> None:
    """P31, R4: what it wrote before it failed is nowhere, and the next run does not commit it either."""
    report.write(
        "scripts/report.sh", "#!/bin/sh\nmkdir -p docs/report\necho half > docs/report/half.txt\nexit 3\n", mode=0o755
    )
    report.commit("Break the script")
    head = report.head
    record = report.one()
    assert record.outcome is Outcome.FAILED
    assert record.failure is not None
    assert record.failure.code == "E-SCRIPT-FAILED"
    assert report.head == head
    assert not (report.root / "docs").exists()
    report.write("scripts/report.sh", SCRIPT.lstrip("\n"), mode=0o755)
    report.commit("Mend the script")
    assert report.one().outcome is Outcome.SYNCED
    assert "docs/report/half.txt" not in report.files()


def test_a_fresh_clone_knows_the_base_from_the_lock(report: Project, tmp_path: Path) -> None:
    """State lost: what another clone synced is no conflict here."""
    report.run()
    report.git("clone", "-q", "--depth", "1", f"file://{report.root}", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", report.environ)
    assert clone.one().outcome in (Outcome.IN_SYNC, Outcome.SYNCED)
    source(report).write_text("new\n")
    record = clone.one()
    assert record.outcome is Outcome.SYNCED
    assert clone.files()["docs/report/numbers.txt"] == "new"


def test_a_plan_is_carried_out_exactly_or_is_stale(report: Project) -> None:
    """P6."""
    from directional_sync.errors import StalePlanError

    plan = report.plan().plan_id
    source(report).write_text("changed since\n")
    head = report.head
    with pytest.raises(StalePlanError):
        report.run(plan_id=plan)
    assert report.head == head
    plan = report.plan().plan_id
    assert report.run(plan_id=plan).records[0].outcome is Outcome.SYNCED
    with pytest.raises(StalePlanError):
        report.run(plan_id=plan)


def test_without_commits_the_work_tree_is_the_repository_side(report: Project) -> None:
    """The seed's `git_commit: false`."""
    report.configure(CONFIG.rstrip() + '\n        env: ["SOURCE"]\n        git_commit: false\n')
    head = report.head
    assert report.one().outcome is Outcome.SYNCED
    assert report.head == head
    assert (report.root / "docs/report/numbers.txt").read_text() == "1\n2\n"
    assert report.one().outcome is Outcome.IN_SYNC
    report.write("docs/report/numbers.txt", "my edit\n")
    assert [h.why for h in report.one().plan.held] == [Why.EDITED]  # type: ignore[union-attr]
    source(report).write_text("new\n")
    assert report.one().outcome is Outcome.CONFLICTED
    assert (report.root / "docs/report/numbers.txt").read_text() == "my edit\n"


@pytest.mark.parametrize("where", ["defaults", "target"])
def test_the_file_can_ask_for_dry_runs(report: Project, where: str) -> None:
    """The seed's `dry_run`: a plain run then only plans."""
    text = CONFIG.rstrip() + '\n        env: ["SOURCE"]\n'
    if where == "target":
        text += "        dry_run: true\n"
    else:
        text = text.replace("    targets:", "    defaults: {dry_run: true}\n    targets:")
    report.configure(text)
    head = report.head
    assert report.one().outcome is Outcome.PLANNED
    assert report.head == head


def test_ctrl_c_ends_a_long_script_in_order(report: Project) -> None:
    """F10: the run is recorded as stopped, with status 130, and nothing is half written."""
    started = report.root.parent / "started"
    report.environ["SOURCE"] = str(started)
    slow = '#!/bin/sh\nmkdir -p docs/report\necho half > docs/report/half.txt\ntouch "$SOURCE"\nsleep 600\n'
    report.write("scripts/report.sh", slow, mode=0o755)
    head = report.commit()
    command = [sys.executable, "-m", "directional_sync", "run"]
    process = subprocess.Popen(
        command, cwd=report.root, env=report.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not started.exists():
        assert time.monotonic() < deadline, process.communicate(timeout=5)
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130, out
    assert "E-INTERRUPTED" in out
    assert report.head == head
    assert report.clean()


def test_with_and_without_commits_side_by_side(report: Project) -> None:
    """A target that is not committed writes no lock file that the others would stumble over."""
    other = """
      local:
        direction: pull
        entrypoint: "scripts/report.sh"
        outputs: ["docs/local/**"]
        git_commit: false
        env: ["SOURCE"]
    """
    script = SCRIPT.lstrip("\n").replace("docs/report", "docs/$SYNC_TARGET")
    report.write("scripts/report.sh", script, mode=0o755)
    report.configure(CONFIG.rstrip() + '\n        env: ["SOURCE"]' + other)
    assert [r.outcome for r in report.run().records] == [Outcome.SYNCED, Outcome.SYNCED]
    assert [r.outcome for r in report.run().records] == [Outcome.IN_SYNC, Outcome.IN_SYNC]
    source(report).write_text("new\n")
    assert [r.outcome for r in report.run("local").records] == [Outcome.SYNCED]
    assert [r.outcome for r in report.run().records] == [Outcome.SYNCED, Outcome.IN_SYNC]
    assert (report.root / "docs/local/numbers.txt").read_text() == "new\n"
    assert "docs/local/numbers.txt" not in report.files()


def test_who_needs_a_paused_target_is_skipped_without_a_failure(report: Project) -> None:
    text = CONFIG.rstrip() + '\n        env: ["SOURCE"]\n        paused: true\n'
    text += """
      after:
        direction: pull
        entrypoint: "scripts/report.sh"
        outputs: ["docs/after/**"]
        needs: [report]
    """
    report.configure(text)
    summary = report.run()
    assert [r.outcome for r in summary.records] == [Outcome.SKIPPED, Outcome.SKIPPED]
    assert summary.exit() == 0


def test_a_suspected_secret_is_not_in_the_shown_difference(report: Project) -> None:
    """P10: the finding names file and line, masked; the plan's difference would show the value."""
    value = "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    report.run()
    source(report).write_text(f"GITHUB_TOKEN={value}\n")
    [record] = report.plan().records
    assert record.outcome is Outcome.REFUSED
    assert record.samples == ()
    assert value not in repr(record)
