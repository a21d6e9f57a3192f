"""The user's own commands as gates: run for real, judged by exit status or number, all of them asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from directional_sync.gates.base import Subject
from directional_sync.gates.command import Checks, DriftGates, Verify, last_number
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.target import Check, Direction, DriftGate, Safety, Verification

from .conftest import ENVIRONMENT, Bench

PRE = Checks(Phase.PRE)
POST = Checks(Phase.POST)


def pre(bench: Bench, *checks: Check, direction: Direction = Direction.PULL, **more: object) -> list[Verdict]:
    return PRE.judge(bench.subject(safety=Safety(pre_sync_checks=checks), direction=direction, **more))


def verify(bench: Bench, command: str, **bounds: object) -> Verdict:
    (verdict,) = Verify().judge(bench.subject(target={"verification": Verification(command, **bounds)}))
    return verdict


def drift(bench: Bench, command: str, **bounds: object) -> Verdict:
    (verdict,) = DriftGates().judge(bench.subject(safety=Safety(drift_gates=(DriftGate("drift", command, **bounds),))))
    return verdict


def test_r1_a_check_that_expects_another_status_is_run_and_not_replaced(bench: Bench) -> None:
    """R1: the earlier runner replaced every check by exit 0 in a dry run, and this one expects exit 1."""
    check = Check("No secrets in repo", "printf '' | grep -i password", expected_exit_code=1)
    (verdict,) = pre(bench, check)
    assert verdict.passed
    assert verdict.message == "exit status 1, as expected"
    (bench.root / "found").write_text("password = 1")
    (verdict,) = pre(bench, Check("No secrets in repo", "grep -i password found", expected_exit_code=1))
    assert not verdict.passed
    assert verdict.message == "exit status 0, 1 expected"
    assert (verdict.gate, verdict.code) == ("No secrets in repo", "E-GATE-PRE")


def test_r3_a_count_below_its_threshold_does_not_pass(bench: Bench) -> None:
    """R3: "Verification failed: 0 < 100" was followed by exit 0."""
    (bench.root / "addons").mkdir()
    for number in range(3):
        (bench.root / "addons" / f"m{number}").mkdir()
        (bench.root / "addons" / f"m{number}" / "__manifest__.py").write_text("{}")
    command = "find addons -name '__manifest__.py' | wc -l"
    refused = verify(bench, command, expected_min=100)
    assert (refused.passed, refused.message, refused.code) == (False, "3, at least 100 expected", "E-VERIFY")
    assert f"ran: {command}" in refused.detail
    assert verify(bench, command, expected_min=3).passed


def test_r4_post_checks_run_where_the_staged_tree_is_not_where_the_user_is(bench: Bench, tmp_path: Path) -> None:
    """R4: what fails its checks leaves nothing in the user's tree, because they ran elsewhere."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    check = Check("writes", "pwd; touch trace; false")
    subject = bench.subject(safety=Safety(post_sync_checks=(check,)), root=checkout)
    (verdict,) = POST.judge(subject)
    assert (verdict.passed, verdict.code, verdict.phase) == (False, "E-GATE-POST", Phase.POST)
    assert f"  {checkout}" in verdict.detail
    assert not (tmp_path / "trace").exists()


def test_r7_all_checks_are_asked_whatever_the_first_one_says(bench: Bench) -> None:
    """R7: the earlier helper stopped at the first issue."""
    verdicts = pre(bench, Check("a", "exit 3"), Check("b", "true"), Check("c", "((N++)); exit 4"), Check("d", "exit 5"))
    assert [(v.gate, v.passed) for v in verdicts] == [("a", False), ("b", True), ("c", False), ("d", False)]


@pytest.mark.parametrize(
    ("direction", "names"),
    [
        (Direction.PULL, ["on_push", "both"]),
        (Direction.PUSH, ["on_pull", "both"]),
        (Direction.BIDIRECTIONAL, ["on_push", "on_pull", "both"]),
    ],
)
def test_checks_are_skipped_by_direction_and_bidirectional_is_neither(
    bench: Bench, direction: Direction, names: list[str]
) -> None:
    both = Check("both", "true")
    checks = (Check("on_push", "true", skip_on_push=True), Check("on_pull", "true", skip_on_pull=True), both)
    assert [verdict.gate for verdict in pre(bench, *checks, direction=direction)] == names


def test_f89_a_slow_check_does_not_pass_and_leaves_no_process(bench: Bench) -> None:
    (verdict,) = pre(bench, Check("slow", "sleep 97.31 & sleep 97.32; echo done", timeout_s=0.3))
    assert (verdict.passed, verdict.code, verdict.message) == (False, "E-CHECK-TIMEOUT", "not done after 0.3 s")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 97.3" not in listed


def test_a_check_sees_only_the_given_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "yes")
    environment = {**ENVIRONMENT, "GIVEN": "given"}
    (verdict,) = pre(bench, Check("env", '[ "$GIVEN" = given ] && [ -z "$LEAKED" ]'), environment=environment)
    assert verdict.passed, verdict.detail


def test_t18_what_looks_at_delivered_content_sees_no_secrets(bench: Bench) -> None:
    environment = {**ENVIRONMENT, "API_TOKEN": "hunter2hunter2", "PLACE": "here"}
    command = 'echo "${API_TOKEN:-none} $PLACE"; exit 9'
    safety = Safety((), (Check("c", command),), (Check("c", command),), (DriftGate("d", command, max_drift_score=0),))
    subject = bench.subject(
        safety=safety, environment=environment, target={"verification": Verification('test -n "$API_TOKEN"')}
    )
    for gate in (POST, DriftGates()):
        (verdict,) = gate.judge(subject)
        assert "  none here" in verdict.detail
    (verdict,) = PRE.judge(subject)
    assert "  *** here" in verdict.detail
    assert Verify().judge(subject)[0].passed


def test_known_secrets_and_escapes_are_not_in_the_verdict(bench: Bench) -> None:
    command = r"printf 'key hunter2hunter2 \033[31mred\033[0m \a'; printf aHVudGVyMmh1bnRlcjI= >&2; exit 1"
    (verdict,) = pre(bench, Check("leaky", command), secrets=("hunter2hunter2",))
    shown = repr(verdict)
    assert "hunter2" not in shown and "aHVudGVyMmh1" not in shown and "\x1b" not in shown and "\\x1b" not in shown
    assert "  key *** red <U+0007>" in verdict.detail


def test_a_check_of_git_does_not_write_the_index(bench: Bench) -> None:
    """Pre checks are read-only: `git status` refreshes the index as it goes, unless it is told not to. (`git diff` can
    only be told to call a touched file changed, which would be a wrong answer.)"""
    run = lambda *argv: subprocess.run(["git", *argv], cwd=bench.root, check=True, capture_output=True)  # noqa: E731
    run("init", "-q")
    (bench.root / "a").write_text("a")
    run("add", "a")
    os.utime(bench.root / "a", (1, 1))  # git has to look again whether it is the same
    index = bench.root / ".git" / "index"
    before = (index.stat().st_mtime_ns, index.read_bytes())
    (verdict,) = pre(bench, Check("clean", 'test -z "$(git status --porcelain | grep -v "^A")"'))
    assert verdict.passed
    assert (index.stat().st_mtime_ns, index.read_bytes()) == before


def test_a_checkout_inside_the_git_directory_is_no_repository(bench: Bench) -> None:
    subprocess.run(["git", "init", "-q", str(bench.root)], check=True)
    checkout = bench.root / ".git" / "directional-sync" / "checkout"
    checkout.mkdir(parents=True)
    safety = Safety(post_sync_checks=(Check("git", "git rev-parse --git-dir", expected_exit_code=128),))
    (verdict,) = POST.judge(bench.subject(safety=safety, root=checkout))
    assert verdict.passed, verdict.detail


@pytest.mark.parametrize(
    ("command", "bounds", "passed", "message"),
    [
        ("echo 90", {"expected_min": 100}, False, "90, at least 100 expected"),
        ("echo '   42  '", {"expected_min": 42}, True, "42, at least 42, as expected"),
        ("echo 3.5", {"expected_max": 3}, False, "3.5, at most 3 expected"),
        ("echo a; echo 7; echo b", {"expected_min": 1, "expected_max": 9}, True, "7, 1 to 9, as expected"),
        ("echo 12", {"expected_min": 1, "expected_max": 9}, False, "12, at most 9 expected"),
        ("echo 5 >&2", {"expected_min": 1}, False, "it printed no number, at least 1 expected"),
        ("echo none", {"expected_min": 1}, False, "it printed no number, at least 1 expected"),
        ("echo 5; exit 1", {"expected_min": 1}, False, "exit status 1, 0 expected"),
        ("echo 5; exit 1", {"expected_min": 1, "expected_exit_code": 1}, True, "5, at least 1, as expected"),
        ("true", {"expected_exit_code": 0}, True, "exit status 0, as expected"),
        ("exit 4", {"expected_exit_code": 0}, False, "exit status 4, 0 expected"),
        ("true", {}, True, "exit status 0, as expected"),
        ("no-such-program-here", {}, False, "a command was not found"),
        ("kill -9 $$", {}, False, "killed by signal 9"),
        ("kill -9 $$", {"expected_exit_code": 137}, False, "killed by signal 9"),
        (
            "test -f docs/none.json && jq -e . docs/none.json",
            {"expected_exit_code": 0},
            False,
            "exit status 1, 0 expected",
        ),
    ],
)
def test_verification(bench: Bench, command: str, bounds: dict[str, object], passed: bool, message: str) -> None:
    verdict = verify(bench, command, **bounds)
    assert (verdict.passed, verdict.message) == (passed, message), verdict.detail
    assert (verdict.gate, verdict.code) == ("verification", "" if passed else "E-VERIFY")


@pytest.mark.parametrize(
    ("command", "bounds", "passed", "message"),
    [
        ("echo 'drift: 0'", {"max_drift_score": 0}, True, "0, at most 0, as expected"),
        ("echo 'drift: 2'", {"max_drift_score": 0}, False, "2, at most 0 expected"),
        ("true", {"max_drift_score": 0}, True, "0, at most 0, as expected"),
        (
            "exit 3",
            {"max_drift_score": 0},
            False,
            "3, at most 0 expected (no number was printed, so its exit status counts)",
        ),
        ("echo 0; exit 1", {"max_drift_score": 0}, True, "0, at most 0, as expected"),
        ("echo 90", {"min_value": 100}, False, "90, at least 100 expected"),
        ("echo 1,234", {"min_value": 100}, True, "1234, at least 100, as expected"),
        ("echo 11", {"max_value": 10}, False, "11, at most 10 expected"),
        ("echo 7", {"min_value": 5, "max_value": 10}, True, "7, 5 to 10, as expected"),
        ("echo 0", {}, True, "0, at most 0, as expected"),
        ("echo 1", {}, False, "1, at most 0 expected"),
        ("no-such-program-here", {"min_value": 100}, False, "a command was not found"),
        ("kill -9 $$", {"min_value": 100}, False, "killed by signal 9"),
        ("bash -c 'kill -9 $$'; exit $?", {"min_value": 100}, False, "killed by signal 9"),
    ],
)
def test_drift_gates(bench: Bench, command: str, bounds: dict[str, object], passed: bool, message: str) -> None:
    verdict = drift(bench, command, **bounds)
    assert (verdict.passed, verdict.message) == (passed, message), verdict.detail
    assert verdict.code == ("" if passed else "E-GATE-DRIFT")


def test_drift_gates_judge_the_targets_they_name(bench: Bench) -> None:
    gates = tuple(
        DriftGate(name, "true", targets=globs)
        for name, globs in [("all", ()), ("mine", ("oca*",)), ("other", ("notion_*", "apps"))]
    )
    subject: Subject = bench.subject(safety=Safety(drift_gates=gates))
    assert [verdict.gate for verdict in DriftGates().judge(subject)] == ["all", "mine"]


def test_nothing_to_ask_is_no_verdict(bench: Bench) -> None:
    for gate in (PRE, POST, Verify(), DriftGates()):
        assert gate.judge(bench.subject()) == []


def test_a_command_that_cannot_be_started_does_not_pass(bench: Bench) -> None:
    (verdict,) = pre(bench, Check("lost", "true"), root=bench.root / "gone")
    assert (verdict.passed, verdict.code) == (False, "E-GATE-PRE")
    assert verdict.message.startswith("could not be started: ")


def test_only_the_last_lines_are_shown(bench: Bench) -> None:
    (verdict,) = pre(bench, Check("long", "seq 1 5000; exit 1"))
    assert len(verdict.detail) < 20
    assert verdict.detail[-1] == "  5000"
    assert "  (4988 earlier lines)" in verdict.detail


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", 42.0), ("  42\n", 42.0), ("-3", -3.0), ("+3", 3.0), ("99.5 %", 99.5), ("90.", 90.0), ("1 2 3", 3.0),
        ("score=7", 7.0), ("7/9", 9.0), ("2e3", 2000.0), ("1,234,567", 1234567.0), ("12\nnothing here\n", 12.0),
        ("sha256", None), ("v2", None), ("18.0.1", None), ("", None), ("none", None), ("1e999", None),
        ("found 5 in sale-workflow", 5.0), ("\x1b[31m8\x1b[0m", 8.0), ("10 %\r55 %\r100 %", 100.0), (".5", None),
    ],
)  # fmt: skip
def test_the_last_number(text: str, number: float | None) -> None:
    assert last_number(text.encode()) == number


def test_the_number_after_much_output_is_found() -> None:
    assert last_number(b"12 x\n" * 500_000 + b"77\n") == 77.0
