"""What GitHub Actions reads. The runner is played by a parser of its documented commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.interface.hostile import hostile_summary
from tests.interface.values import everything, failed, summary, unchanged

from directional_sync.errors import ConfigError, Exit, Problem, RemoteError
from directional_sync.model.lifecycle import Event, EventType, Level
from directional_sync.render import github

COMMAND = re.compile(r"^\s*::(?P<name>[\w-]+)(?: (?P<properties>[^:]*(?:[^:]|%3A)*?))?::(?P<message>.*)$")


def play(lines: list[str]) -> list[tuple[str, dict[str, str], str]]:
    """The commands that a runner would carry out, in order."""
    found: list[tuple[str, dict[str, str], str]] = []
    token = ""
    for line in lines:
        if token:
            if line.strip() == f"::{token}::":
                token = ""
            continue
        match = COMMAND.match(line)
        if match is None:
            continue
        if match["name"] == "stop-commands":
            token = match["message"]
            continue
        pairs = (pair.partition("=") for pair in (match["properties"] or "").split(",") if pair)
        found.append((match["name"], {key: _back(value) for key, _, value in pairs}, _back(match["message"])))
    return found


def _back(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_errors_point_at_the_targets_line() -> None:
    lines = github.record_annotations([failed()], {"live_to_docs": (".insightpulse/sync.yaml", 31)})
    [(name, properties, message)] = play(lines)
    assert name == "error"
    assert properties == {"file": ".insightpulse/sync.yaml", "line": "31", "title": "live_to_docs: E-NET-TRUNCATED"}
    assert "docs/runtime/ is unchanged" in message


def test_nine_annotations_and_one_that_counts_the_rest() -> None:
    lines = github.record_annotations([failed(f"t{n}") for n in range(30)], {})
    assert len(lines) == 10
    assert lines[-1] == "::notice::and 21 more, see the summary"


def test_config_problems_are_annotated_at_their_lines() -> None:
    error = ConfigError([Problem("unknown key", "sync.yaml", 4, 3)])
    assert github.error_annotations(error) == ["::error file=sync.yaml,line=4,title=E-CONFIG::unknown key"]
    assert github.error_annotations(RemoteError("E-X", "gone", hint="wait")) == ["::error title=E-X::gone%0Await"]


@given(st.text(st.characters(), max_size=40))
def test_no_foreign_text_becomes_a_command(text: str) -> None:  # T09, T12
    found = hostile_summary(text, dry_run=False)
    lines = github.record_annotations(found.records, {text: (text, 3)})
    written = "\n".join(lines)
    assert len(re.split(r"\r\n|\r|\n", written)) == len(lines)
    assert [name for name, _, _ in play(lines)] == ["error"] * (len(lines) - 1) + ["warning"]


@pytest.mark.parametrize(
    "text",
    [
        "::add-mask::x",
        "%0A::error::x",
        "a\r\n::warning::y",
        "##[error]z",
        "</summary><script>",
        "@everyone",
        "[a](http://b)",
    ],
)
def test_attacks_stay_text(text: str) -> None:
    lines = github.record_annotations(hostile_summary(text, dry_run=False).records, {})
    assert {name for name, _, _ in play(lines)} == {"error", "warning"}
    page = github.job_summary(hostile_summary(text, dry_run=False))
    assert "<script" not in page and "http://" not in page and "@everyone" not in page


def test_the_job_summary_stays_under_the_limit() -> None:
    from dataclasses import replace

    long = replace(failed(), message="x" * 100_000, failure=replace(failed().failure, detail=("y" * 50_000,) * 50))  # type: ignore[type-var]
    page = github.job_summary(summary(*([long] * 5)))
    assert len(page.encode()) <= github.SUMMARY_BYTES_MAX + 100
    assert page.endswith("... cut, see the report\n")


def test_ci_prints_annotations_outside_and_everything_else_inside(
    dsync: Any, runs: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # T09
    page = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    hostile = Event(EventType.PROGRESS, "::error::owned\n::set-env name=x::y", "oca_repos", Level.WARNING)
    found = everything(dry_run=False)
    runs(found, [hostile, Event(EventType.RUN_END, "", subject=found)])
    status, out, err = dsync("run", "--ci")
    assert status == Exit.CONFLICTS
    lines = err.splitlines()
    assert lines[0].startswith("::stop-commands::")
    token = lines[0].removeprefix("::stop-commands::")
    assert len(token) >= 32 and lines[-1] == f"::{token}::"
    assert [title for _, properties, _ in play(lines) for title in properties.values()] == []
    commands = play(out.splitlines())
    assert [name for name, _, _ in commands] == ["error"] * 3 + ["warning"] * (len(commands) - 3)
    assert "3 failed" in page.read_text()
    [report] = (tmp_path / "state").glob("sync_summary_*.json")
    assert f"report: {report}" in err


def test_tokens_differ_from_run_to_run(dsync: Any, runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    runs(summary(unchanged("a")))
    first, second = dsync("run", "--ci")[2], dsync("run", "--ci")[2]
    assert first.splitlines()[0] != second.splitlines()[0]


def test_without_github_no_command_is_written(dsync: Any, runs: Any) -> None:
    runs(everything(dry_run=False))
    _, out, err = dsync("run", "--ci")
    assert "::" not in out + err
