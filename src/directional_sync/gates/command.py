"""Gates that are commands: the file's pre and post checks, verification and drift gates.

They run for real in a dry run too. A check may expect any exit status, so there is nothing that could stand in
for running it. Pre checks run in the user's tree, everything else in a checkout of the staged tree, so that
what fails leaves nothing behind. All of them are asked, whatever the first one says.

A command is meant to read. It can write where it runs; this program cannot prevent that, but git is kept from
refreshing the index and Python from leaving byte code, which covers the checks that write without meaning to.

Post checks and drift gates look at content that a source has just delivered, and tools run what they find there
(`conftest.py`, `Makefile`). So they see no variable whose name says that it holds a secret; a target's own
verification and the pre checks do.
"""

from __future__ import annotations

import fnmatch
import math
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from directional_sync.core.escape import plain
from directional_sync.core.redact import Redactor, secret_name, secret_values
from directional_sync.gates.base import Subject
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.target import Check, Direction, DriftGate, Target, Verification
from directional_sync.system.supervisor import Ended, supervise

_LINES_SHOWN = 12
_KEEP_BYTES = 4_000_000
_LATE_HINT = "make it faster, or give it a longer timeout"
_HINTS = {
    Phase.PRE: "run it by hand in the repository to see what it says",
    Phase.POST: "it ran on what would have been committed; dsync verify runs it on what is committed now",
}
_UNABLE = {126: "the command could not be executed", 127: "a command was not found"}
_NUMBER = re.compile(r"(?<![\w.,])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w]|[.,]\d)")


@dataclass(frozen=True)
class Checks:
    """The seed's pre_sync_checks (PRE) or post_sync_checks (POST)."""

    phase: Phase

    @property
    def name(self) -> str:
        return f"{self.phase}_sync_checks"

    def judge(self, subject: Subject) -> list[Verdict]:
        safety = subject.config.safety
        checks = safety.pre_sync_checks if self.phase is Phase.PRE else safety.post_sync_checks
        wanted = [check for check in checks if not _skipped(check, subject.target.direction)]
        return [self._verdict(subject, check) for check in wanted]

    def _verdict(self, subject: Subject, check: Check) -> Verdict:
        code = "E-GATE-PRE" if self.phase is Phase.PRE else "E-GATE-POST"
        answer = run(subject, check.command, check.timeout_s, code, trusted=self.phase is Phase.PRE)
        wanted = check.expected_exit_code
        if answer.trouble and not (answer.ran and answer.status == wanted):
            return answer.failed(check.name, self.phase, answer.trouble)
        if answer.status != wanted:
            return answer.failed(check.name, self.phase, f"exit status {answer.status}, {wanted} expected")
        return Verdict(check.name, self.phase, True, f"exit status {answer.status}, as expected")


@dataclass(frozen=True)
class Verify:
    """The target's own verification."""

    name: str = "verification"
    phase: Phase = Phase.POST

    def judge(self, subject: Subject) -> list[Verdict]:
        wanted = subject.target.verification
        if wanted is None:
            return []
        answer = run(subject, wanted.command, wanted.timeout_s, "E-VERIFY", trusted=True)
        problem, message = _verified(wanted, answer)
        if problem:
            return [answer.failed(self.name, self.phase, problem)]
        return [Verdict(self.name, self.phase, True, message)]


@dataclass(frozen=True)
class DriftGates:
    """The seed's drift_gates: a score that must lie within bounds."""

    name: str = "drift_gates"
    phase: Phase = Phase.POST

    def judge(self, subject: Subject) -> list[Verdict]:
        gates = [gate for gate in subject.config.safety.drift_gates if _concerns(gate, subject.target)]
        return [self._verdict(subject, gate) for gate in gates]

    def _verdict(self, subject: Subject, gate: DriftGate) -> Verdict:
        answer = run(subject, gate.command, gate.timeout_s, "E-GATE-DRIFT", trusted=False)
        if answer.trouble:
            return answer.failed(gate.name, self.phase, answer.trouble)
        score = float(answer.status) if answer.number is None else answer.number
        highest = [bound for bound in (gate.max_drift_score, gate.max_value) if bound is not None]
        if not highest and gate.min_value is None:
            highest = [0.0]
        problem, message = _within(score, gate.min_value, min(highest, default=None))
        if problem:
            said = "" if answer.number is not None else " (no number was printed, so its exit status counts)"
            return answer.failed(gate.name, self.phase, problem + said)
        return Verdict(gate.name, self.phase, True, message)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command came to."""

    code: str
    """The code of a verdict that does not pass."""
    command: str
    status: int = 0
    number: float | None = None
    """The last number on standard output."""
    ran: bool = True
    trouble: str = ""
    """Why its answer cannot be used: it did not start, did not end, or was killed."""
    shown: tuple[str, ...] = ()
    """The last lines of what it printed, redacted."""

    def failed(self, gate: str, phase: Phase, message: str) -> Verdict:
        hint = _LATE_HINT if self.code == "E-CHECK-TIMEOUT" else _HINTS[phase]
        return Verdict(gate, phase, False, message, self.code, (f"ran: {self.command}", *self.shown), hint)


def run(subject: Subject, command: str, timeout_s: float, code: str, *, trusted: bool) -> Answer:
    environment = _environment(subject, trusted)
    redactor = Redactor((*subject.config.secrets, *secret_values(subject.environment)))
    told = redactor.text(plain(command))
    argv = ["bash", "-c", command]
    try:
        ended = supervise(argv, cwd=subject.root, env=environment, timeout_s=timeout_s, keep_bytes=_KEEP_BYTES)
    except OSError as error:
        return Answer(code, told, ran=False, trouble=f"could not be started: {redactor.text(str(error))}")
    shown = tuple(_last_lines(ended, redactor))
    if ended.timed_out:
        return Answer("E-CHECK-TIMEOUT", told, ran=False, trouble=f"not done after {timeout_s:g} s", shown=shown)
    number = last_number(ended.output)
    return Answer(code, told, ended.status, number, not ended.signal, _trouble(ended), shown)


def _trouble(ended: Ended) -> str:
    if ended.status > 128:
        return f"killed by signal {ended.status - 128}"  # the shell itself, or what it ran last
    return _UNABLE.get(ended.status, "")


def _environment(subject: Subject, trusted: bool) -> dict[str, str]:
    given = {name: value for name, value in subject.environment.items() if trusted or not secret_name(name)}
    kept = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "PAGER": "cat"}
    kept |= {"PYTHONDONTWRITEBYTECODE": "1"}
    # A checkout lies inside the git directory: without a ceiling git would find that and be confused by it.
    if not (subject.root / ".git").exists():
        kept["GIT_CEILING_DIRECTORIES"] = str(subject.root.parent)
    # Last, so that `dsync` is found also where its own folder is not on the path, and nothing else is found instead.
    path = f"{given.get('PATH') or '/usr/local/bin:/usr/bin:/bin'}{os.pathsep}{Path(sys.executable).parent}"
    return {**given, "PATH": path, **kept}


def _last_lines(ended: Ended, redactor: Redactor) -> Iterator[str]:
    for stream in (ended.output, ended.errors):
        lines = redactor.text(plain(stream.decode("utf-8", "replace"))).rstrip().split("\n")
        lines = [line for line in lines if line.strip()]
        if len(lines) > _LINES_SHOWN:
            yield f"  ({len(lines) - _LINES_SHOWN} earlier lines)"
        yield from (f"  {line[:500]}" for line in lines[-_LINES_SHOWN:])


def last_number(output: bytes) -> float | None:
    """The last number in what a command printed, None when there is none. `1,234`, `-3`, `99.5 %` and `2e3`
    are numbers; digits inside words, versions and addresses (`sha256`, `18.0.1`, `v2`) are not."""
    found = None
    # From the end, in growing pieces: the number is nearly always in the last line.
    text = output.decode("utf-8", "replace")
    for line in reversed(plain(text[-100_000:]).split("\n")):
        for match in _NUMBER.finditer(line):
            found = match.group()
        if found is not None:
            value = float(found.replace(",", ""))
            return value if math.isfinite(value) else None
    return None


def _verified(wanted: Verification, answer: Answer) -> tuple[str, str]:
    """(problem, "") or ("", message)."""
    status = wanted.expected_exit_code or 0
    if answer.trouble and not (answer.ran and answer.status == status):
        return answer.trouble, ""
    if answer.status != status:
        return f"exit status {answer.status}, {status} expected", ""
    if wanted.expected_min is None and wanted.expected_max is None:
        return "", f"exit status {answer.status}, as expected"
    if answer.number is None:
        return f"it printed no number, {_bounds(wanted.expected_min, wanted.expected_max)} expected", ""
    return _within(answer.number, wanted.expected_min, wanted.expected_max)


def _within(value: float, least: float | None, most: float | None) -> tuple[str, str]:
    """(problem, "") or ("", message)."""
    low = least is not None and value < least
    high = most is not None and value > most
    said = f"{_shown(value)}, {_bounds(least if low or not high else None, most if high or not low else None)}"
    return (f"{said} expected", "") if low or high else ("", f"{said}, as expected")


def _bounds(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"{_shown(least)} to {_shown(most)}"
    return f"at least {_shown(least)}" if least is not None else f"at most {_shown(most or 0.0)}"


def _shown(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:g}"


def _skipped(check: Check, direction: Direction) -> bool:
    return (check.skip_on_pull and direction is Direction.PULL) or (check.skip_on_push and direction is Direction.PUSH)


def _concerns(gate: DriftGate, target: Target) -> bool:
    return not gate.targets or any(fnmatch.fnmatchcase(target.name, glob) for glob in gate.targets)
