"""Pushes and two-way programs: what they do cannot be seen beforehand, and is done once, after the gates."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.command.conftest import Flow, contents

from directional_sync.errors import RefusedError, ScriptError
from directional_sync.git import tree as trees
from directional_sync.model.snapshot import FILE, Entry, Snapshot
from directional_sync.model.target import Direction

PRIOR = Snapshot({"docs/a.md": Entry("1" * 40, FILE)})


@pytest.fixture
def far(flow: Flow, tmp_path: Path) -> Path:
    """The far side: a file."""
    flow.target = {"inputs": ("docs/**",), "timeout_s": 30.0}
    flow.write("docs/a.md", "a\n")
    flow.program(
        f"""
        if [ "$1" = --dry-run ]; then echo "would send $(ls docs) dry=$SYNC_DRY_RUN"; exit 0; fi
        echo "dry=$SYNC_DRY_RUN $SYNC_DIRECTION" >> {tmp_path}/far
        """
    )
    return tmp_path / "far"


@pytest.mark.parametrize("direction", [Direction.PUSH, Direction.BIDIRECTIONAL])
def test_a_snapshot_runs_nothing(flow: Flow, far: Path, direction: Direction) -> None:
    with flow.opened(direction) as (endpoint, _):
        assert not endpoint.capabilities.previews
        assert endpoint.capabilities.writes
        assert endpoint.snapshot(PRIOR) == PRIOR
        why, preview = endpoint.opaque()
    assert why == "only scripts/sync.sh knows what it will do"
    assert preview == ""
    assert not far.exists()


def test_the_dry_run_flag_lets_it_speak_for_itself(flow: Flow, far: Path) -> None:
    flow.options["dry_run_flag"] = "--dry-run"
    with flow.opened(Direction.PUSH) as (endpoint, _):
        _, preview = endpoint.opaque()
    assert preview == "would send a.md dry=1\n"
    assert not far.exists()


def test_the_preview_shows_no_secret(flow: Flow) -> None:
    flow.options["dry_run_flag"] = "-n"
    flow.environment["API_TOKEN"] = "t0p-s3cret"
    flow.program("echo token $API_TOKEN")
    with flow.opened(Direction.PUSH) as (endpoint, _):
        assert endpoint.opaque()[1] == "token ***\n"


def test_a_dry_run_that_fails_is_a_failure_not_an_empty_preview(flow: Flow) -> None:
    flow.options["dry_run_flag"] = "--dry-run"
    flow.program("echo unknown option >&2; exit 2")
    with flow.opened(Direction.PUSH) as (endpoint, _), pytest.raises(ScriptError):
        endpoint.opaque()


def test_performing_a_push_answers_its_inputs(flow: Flow, far: Path) -> None:
    flow.write("docs/a.md", "not committed\n")
    with flow.opened(Direction.PUSH) as (endpoint, store):
        done = endpoint.perform()
        assert contents(store, done) == {"docs/a.md": b"a\n"}
        head = trees.select(store, flow.git("rev-parse", "HEAD^{tree}"), ("docs/**",))
        assert done.entries == head.entries
    assert far.read_text() == "dry=0 push\n"


def test_performing_both_ways_answers_inputs_and_outputs(flow: Flow, far: Path) -> None:
    flow.target["outputs"] = ("drift.md",)
    flow.program(f"echo sent > {far}; echo '0 differences' > drift.md")
    with flow.opened(Direction.BIDIRECTIONAL) as (endpoint, store):
        assert contents(store, endpoint.perform()) == {"docs/a.md": b"a\n", "drift.md": b"0 differences\n"}
    assert far.read_text() == "sent\n"


def test_a_push_may_write_nothing_here(flow: Flow, far: Path) -> None:
    flow.target["outputs"] = ("out/**",)
    flow.program("mkdir out; echo 1 > out/a")
    with flow.opened(Direction.PUSH) as (endpoint, _), pytest.raises(RefusedError) as caught:
        endpoint.perform()
    assert caught.value.code == "E-UNDECLARED"


def test_applying_nothing_does_nothing(flow: Flow, far: Path) -> None:
    with flow.opened(Direction.PUSH) as (endpoint, _):
        assert list(endpoint.apply([])) == []
        endpoint.close()
        endpoint.close()
    assert not far.exists()


def test_a_pull_has_no_such_thing(flow: Flow) -> None:
    flow.program("true")
    with flow.opened() as (endpoint, _):
        assert endpoint.capabilities.previews
        assert not endpoint.capabilities.writes
        assert endpoint.opaque() == ("", "")
