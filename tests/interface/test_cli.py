"""Arguments in, text and exit status out; the use cases below are replaced."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.interface.values import everything, failed, opaque, record, refused, sources_plan, summary, unchanged

from directional_sync import app, listing
from directional_sync import status as standing
from directional_sync.cli import main, seed_main
from directional_sync.cli.names import COMMANDS
from directional_sync.errors import (
    ConfigError,
    CredentialError,
    Exit,
    LockHeldError,
    Problem,
    RefusedError,
    SelectionError,
    StalePlanError,
)
from directional_sync.model.lifecycle import Event, EventType, Level, Outcome
from directional_sync.model.plan import Side
from directional_sync.model.target import Direction
from directional_sync.workspace import Workspace


def planned() -> Any:
    return summary(record(sources_plan(), Outcome.PLANNED, "moved"), dry_run=True, plan_id="8f3c21ab")


SEED_LINES = [
    ("--list",),
    ("--dry-run",),
    ("--target", "oca_repos", "--dry-run"),
    ("--target", "oca_repos"),
    ("--target", "oca_repos", "--verify"),
    ("--direction", "pull"),
    ("--direction", "push", "--dry-run"),
    ("--target", "oca_*"),
    ("--target", "notion_*", "--direction", "push"),
    ("--ci",),
    ("--target", "oca_repos", "--verify", "--dry-run"),
    ("--direction", "pull", "--dry-run"),
    (),
]


@pytest.mark.parametrize("line", SEED_LINES)
def test_the_seeds_command_lines(line: tuple[str, ...], runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = runs(summary(unchanged("oca_repos")))
    listed: list[Any] = []
    monkeypatch.setattr(listing, "list_targets", lambda workspace, selection: listed.append(selection) or [])
    assert seed_main(list(line)) == 0
    if "--list" in line:
        assert len(listed) == 1 and seen == []
        return
    [(selection, options)] = seen
    assert options.dry_run is ("--dry-run" in line)
    assert options.verify is ("--verify" in line)
    given = dict(itertools.pairwise(line))
    assert selection.patterns == ((given["--target"],) if "--target" in line else ())
    assert selection.direction == (Direction(given["--direction"]) if "--direction" in line else None)


def test_options_before_the_command(runs: Any) -> None:
    seen = runs(planned())
    assert main(["-q", "--color", "never", "plan", "oca_repos"]) == 0
    [(selection, options)] = seen
    assert options.dry_run and selection.patterns == ("oca_repos",)


def test_every_option_reaches_the_run(runs: Any) -> None:
    seen = runs(summary(unchanged("a")))
    line = "run a b* --target c --schedule 0\\ 2 --prove --plan 8f --prefer remote --allow-delete 5 --lock-timeout 10m"
    import shlex

    assert main(shlex.split(line)) == 0
    [(selection, options)] = seen
    assert selection.patterns == ("a", "b*", "c") and selection.schedule == "0 2"
    assert (options.prove, options.plan_id, options.prefer, options.allow_delete) == (True, "8f", Side.REMOTE, 5)
    assert options.lock_timeout_s == 600.0
    assert options.command.startswith("dsync run a")


@pytest.mark.parametrize(
    ("found", "line", "status"),
    [
        (summary(unchanged("a")), ["run"], Exit.OK),
        (summary(failed("a")), ["run"], Exit.FAILED),
        (summary(failed("a"), refused()), ["run"], Exit.REFUSED),
        (everything(dry_run=False), ["run"], Exit.CONFLICTS),
        (planned(), ["plan"], Exit.OK),
        (planned(), ["plan", "--fail-on-diff"], Exit.CHANGES),
        (summary(unchanged("a"), dry_run=True), ["plan", "--fail-on-diff"], Exit.OK),
        (summary(opaque(), dry_run=True), ["plan", "--fail-on-diff"], Exit.OK),
    ],
)
def test_exit_status_of_runs(found: Any, line: list[str], status: Exit, runs: Any) -> None:
    from dataclasses import replace

    # The targets of hand-made records are not all in the workspace's file; --fail-on-diff goes by its targets.
    records = tuple(replace(r, target="oca_repos") if r.outcome is Outcome.PLANNED else r for r in found.records)
    runs(replace(found, records=records))
    assert main(line) == status


@pytest.mark.parametrize(
    ("error", "status", "head"),
    [
        (SelectionError("E-SELECT", "no target matches 'oca'", hint="did you mean oca_repos?"), 3, "error[E-SELECT]"),
        (CredentialError("E-ENV-MISSING", "TOKEN is not set"), 4, "error[E-ENV-MISSING]"),
        (RefusedError("E-GUARD-DELETE", "too many"), 6, "refused[E-GUARD-DELETE]"),
        (StalePlanError("E-PLAN-STALE", "the branch moved"), 8, "stale[E-PLAN-STALE]"),
        (LockHeldError("E-LOCK", "another run"), 10, "busy[E-LOCK]"),
        (ConfigError([Problem("bad", "sync.yaml", 1, 1)]), 2, "error[E-CONFIG]"),
    ],
)
def test_exit_status_of_errors(
    error: Exception, status: int, head: str, dsync: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> Any:
        raise error

    monkeypatch.setattr(app, "run", fail)
    found, out, err = dsync("run")
    assert (found, out) == (status, "")
    assert err.startswith(head) and f"exit {status}" in err


def test_json_is_one_document_on_stdout(dsync: Any, runs: Any) -> None:
    runs(planned(), [Event(EventType.PROGRESS, "fetching", "oca_repos", Level.WARNING)])
    status, out, err = dsync("plan", "--json")
    found = json.loads(out)
    assert found["plan"] == "8f3c21ab" and found["exit_status"] == status == 0
    assert "fetching" in err


def test_errors_are_json_too(dsync: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any) -> Any:
        raise ConfigError([Problem("bad", "sync.yaml", 3, 4, hint="mend it")])

    monkeypatch.setattr(listing, "list_targets", fail)
    status, out, err = dsync("list", "--json")
    found = json.loads(out)
    assert status == found["exit_status"] == 2
    assert found["problems"][0] == {
        "code": "E-CONFIG", "message": "bad", "path": "sync.yaml", "line": 3, "column": 4, "hint": "mend it",
    }  # fmt: skip
    assert "error[E-CONFIG]" in err


def test_ndjson_tells_every_event_in_order(dsync: Any, runs: Any) -> None:
    found = planned()
    events = [
        Event(EventType.RUN_START, "1 target", data={"run": found.run}),
        Event(EventType.TARGET_START, "pull oca_repos", "oca_repos"),
        Event(EventType.TARGET_END, "moved", "oca_repos", subject=found.records[0]),
        Event(EventType.RUN_END, "1 ok", subject=found),
    ]
    runs(found, events)
    _, out, _ = dsync("plan", "--output", "ndjson")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["type"] for line in lines] == ["run_start", "target_start", "target_end", "run_end"]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4]
    assert {line["run"] for line in lines} == {found.run}
    assert lines[-1]["data"]["report"]["total_targets"] == 1


def test_the_summary_file_is_written_whole(dsync: Any, runs: Any, tmp_path: Path) -> None:  # R8
    runs(planned())
    path = tmp_path / "deep" / "report.json"
    status, _, err = dsync("plan", "--summary-json", str(path))
    assert status == 0 and f"report: {path}" in err
    assert json.loads(path.read_text())["total_targets"] == 1
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


def test_a_report_that_cannot_be_written_is_said_and_counts(dsync: Any, runs: Any, tmp_path: Path) -> None:  # F21
    runs(planned())
    status, out, err = dsync("plan", "--summary-json", str(tmp_path))
    assert status == Exit.FAILED
    assert "error[E-REPORT]" in err and "DRY RUN" in out


def test_disk_full_keeps_the_old_report(
    dsync: Any, runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # F21
    import errno

    path = tmp_path / "report.json"
    path.write_text("old")
    runs(planned())

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", full)
    status, out, err = dsync("plan", "--summary-json", str(path))
    assert status == Exit.FAILED and "E-DISK-FULL" in err and "1 target would change" in out
    assert path.read_text() == "old"


def test_our_own_faults_are_written_to_a_file(
    dsync: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # F15
    def fail(*given: Any) -> Any:
        raise ZeroDivisionError("hunter2-the-secret")

    monkeypatch.setattr(app, "run", fail)
    status, out, err = dsync("run")
    assert status == 70 and out == "" and "Traceback" not in err
    [report] = (tmp_path / "state" / "crashes").iterdir()
    assert str(report) in err
    text = report.read_text()
    assert "ZeroDivisionError" in text and "hunter2" not in text and "hunter2" not in err


def test_traceback_on_request(dsync: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "run", lambda *given: 1 / 0)
    assert "ZeroDivisionError" in dsync("run", "-vv")[2]


def test_secrets_in_errors_are_masked(dsync: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:  # T24
    def fail(*given: Any) -> Any:
        raise SelectionError("E-SELECT", "no target hunter2-the-secret", hint="https://ada:pw12345@host/x")

    monkeypatch.setattr(app, "run", fail)
    _, out, err = dsync("run", "--json")
    assert "hunter2" not in out + err and "pw12345" not in out + err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (["paln"], "Did you mean plan?"),
        (["--dry-rnu"], "--dry-run"),
        (["run", "--direction", "pul"], "'pull'"),
        (["run", "--lock-timeout", "soon"], "no duration"),
        (["run", "--plan", "aa", "--dry-run"], "exclude each other"),
    ],
)
def test_usage_errors(line: list[str], hint: str, dsync: Any, workspace: Workspace) -> None:
    status, out, err = dsync(*line)
    assert (status, out) == (2, "")
    assert "error[E-USAGE]" in err and hint in err and "--help" in err


def test_no_escape_bytes_in_pipes(dsync: Any, runs: Any) -> None:  # U3
    runs(everything(dry_run=True), [Event(EventType.PROGRESS, "x", "y", Level.WARNING)])
    _, out, err = dsync("plan", "--show", "all", "-vv")
    assert "\x1b" not in out + err


@pytest.mark.parametrize(
    ("environment", "options", "coloured"),
    [
        ({}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, [], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
        ({"NO_COLOR": ""}, [], False),
    ],
)
def test_colour(
    environment: dict[str, str],
    options: list[str],
    coloured: bool,
    dsync: Any,
    runs: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    runs(planned())
    assert ("\x1b[" in dsync("plan", *options)[1]) is coloured


def test_ascii_only(dsync: Any, runs: Any) -> None:
    from dataclasses import replace

    found = summary(replace(failed(), message="über", failure=replace(failed().failure, message="日本")))  # type: ignore[type-var]
    runs(found)
    _, out, err = dsync("run", "--ascii")
    assert (out + err).isascii() and "\\u65e5" in out


def test_quiet_says_problems_and_the_summary_only(dsync: Any, runs: Any) -> None:
    runs(summary(unchanged("a")), [Event(EventType.TARGET_END, "x", "a", Level.ERROR)])
    _, out, err = dsync("run", "-q")
    assert len(out.splitlines()) == 1 and err == ""


def test_nothing_is_printed_about_62_unchanged_targets(dsync: Any, runs: Any) -> None:  # U4
    found = summary(*(unchanged(f"t{n}") for n in range(62)))
    events = [Event(EventType.RUN_START, "62 targets")]
    for one in found.records:
        events += [
            Event(EventType.TARGET_START, "", one.target),
            Event(EventType.PROGRESS, "scanning", one.target, Level.DEBUG),
            Event(EventType.TARGET_END, one.message, one.target, subject=one),
        ]
    runs(found, [*events, Event(EventType.RUN_END, "", subject=found)])
    _, out, err = dsync("run")
    assert len((out + err).splitlines()) <= 5


def test_ci_log_has_a_line_for_start_and_end(dsync: Any, runs: Any) -> None:
    one = unchanged("t")
    events = [Event(EventType.TARGET_START, "pull t", "t"), Event(EventType.TARGET_END, one.message, "t", subject=one)]
    runs(summary(one), events)
    lines = dsync("run", "--ci")[2].splitlines()
    assert lines[0].split(" ", 1)[1] == "t start pull t"
    assert lines[1].split(" ", 1)[1] == "t unchanged (0.01s) Nothing to do"


def test_progress_lines_are_rare_in_logs(dsync: Any, runs: Any) -> None:
    many = [Event(EventType.PROGRESS, f"{n} of 100", "t", data={"done": n, "of": 100}) for n in range(100)]
    runs(summary(unchanged("t")), many)
    assert dsync("run")[2] == ""
    assert len(dsync("run", "--ci")[2].splitlines()) == 9 + 1  # every tenth, and where the report is


def test_list(dsync: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [listing.TargetRow(target, None, "2099-01-01T00:00:00Z", False, True) for target in workspace.config.targets]
    monkeypatch.setattr(listing, "list_targets", lambda workspace, selection: rows)
    status, out, _ = dsync("list")
    assert status == 0 and "oca_repos" in out and "6 targets: 5 never, 1 paused" in out
    found = json.loads(dsync("list", "--json")[1])
    assert [entry["name"] for entry in found][:2] == ["oca_repos", "apps_truth"]


def test_status_and_check(dsync: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(
        standing.StatusRow(target, in_sync, repo=1)
        for target, in_sync in zip(workspace.config.targets, (True, False), strict=False)
    )
    monkeypatch.setattr(standing, "status", lambda *given: standing.Status(rows, interrupted="", score=1))
    status, out, _ = dsync("status")
    assert status == 0 and "drift score 1: 1 in sync, 1 differ, 0 unknown" in out
    assert dsync("status", "--check")[0] == Exit.CHANGES
    assert json.loads(dsync("status", "--json")[1])["drift_score"] == 1


def test_explain(dsync: Any, workspace: Workspace) -> None:
    status, out, _ = dsync("explain", "e-usage")
    assert status == 0 and out.startswith("E-USAGE\n")
    status, _, err = dsync("explain", "E-USGE")
    assert status == 3 and "did you mean E-USAGE" in err
    assert "oca_repos  pull" in dsync("explain", "oca_repos")[1]
    assert "E-USAGE" in dsync("explain")[1]
    assert "  6  refused by a gate" in dsync("explain", "exit")[1]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_an_example(name: str, dsync: Any) -> None:  # U6
    status, out, _ = dsync(name, "--help")
    assert status == 0
    assert f"dsync {name}" in out.partition("xample")[2].partition("Options:")[0]
    import click

    from directional_sync.cli.group import root

    command = root.get_command(click.Context(root), name)
    assert command is not None and command.help is not None


def test_short_help_is_the_commands_own() -> None:
    import click

    from directional_sync.cli.group import root

    for name, (_, short) in COMMANDS.items():
        command = root.get_command(click.Context(root), name)
        assert command is not None
        assert short.startswith((command.short_help or "").rstrip("."))


@pytest.mark.parametrize("name", ["serve"])
def test_what_is_not_there_is_not_pretended(name: str, dsync: Any) -> None:
    assert dsync(name)[0] == Exit.USAGE
