"""What the file says under `deliver`, and what is no sense there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.config.conftest import HEAD, loaded

from directional_sync.config.kept import FILE, recall
from directional_sync.errors import ConfigError
from directional_sync.model.target import Api, Deliver, DeliverMode, ForgeKind

TARGET = "targets: {a: {direction: pull, entrypoint: a.sh, outputs: [a/**]}}\n"
FULL = """deliver:
  push: false
  remote: upstream
  branch: release/1.x
  mode: pull_request
  token: BOT_TOKEN
  attempts: 3
  lease: 5m
  api: {type: gitea, url: "https://git.example.org/api/v1/", repository: team/flows}
  labels: [sync, "from: upstream"]
"""
MEANT = Deliver(
    push=False,
    remote="upstream",
    branch="release/1.x",
    deliver_mode=DeliverMode.PULL_REQUEST,
    token="BOT_TOKEN",
    attempts=3,
    lease_s=300.0,
    api=Api(ForgeKind.GITEA, "https://git.example.org/api/v1", "team/flows"),
    labels=("sync", "from: upstream"),
)


def test_all_of_it() -> None:
    assert loaded(HEAD + FULL + TARGET).deliver == MEANT


def test_nothing_is_delivered_unless_the_file_says_so() -> None:
    assert loaded(HEAD + TARGET).deliver is None
    assert loaded(HEAD + "deliver: {}\n" + TARGET).deliver == Deliver()


def test_it_is_kept_as_it_was_read(tmp_path: Path) -> None:
    file = tmp_path / "sync.yaml"
    file.write_text(HEAD + FULL + TARGET)
    assert recall(file, tmp_path, {}, tmp_path).deliver == MEANT
    assert (tmp_path / FILE).exists()
    assert recall(file, tmp_path, {}, tmp_path).deliver == MEANT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("branch: -x", "no name of a branch"),
        ("branch: refs/heads/main", "no name of a branch"),
        ("branch: a..b", "no name of a branch"),
        ("remote: https://example.org/x.git", "no name of a remote"),
        ("remote: --upload-pack=x", "no name of a remote"),
        ("token: ghp-not-a-name", "no name of an environment variable"),
        ("attempts: 0", "1"),
        ("mode: force", "commit"),
        ("api: {url: 'https://me:pw@git.example.org/api/v1'}", "holds no credential"),
        ("api: {url: 'ssh://git.example.org'}", "no address of an API"),
        ("api: {repository: flows}", "must match"),
        ("force: true", "unknown key"),
        ("labels: ['a,b']", "no label"),
        ("labels: [' a']", "no label"),
        ("labels: ['']", ""),
        ("labels: [Sync, sync]", "named twice"),
        ("labels: sync", "list"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as found:
        loaded(f"{HEAD}deliver:\n  {text}\n{TARGET}")
    [problem] = found.value.problems
    assert problem.line == 3
    assert "pw" not in problem.message
    assert message in f"{problem.message} {problem.hint}"
