"""The `safety` section: what is checked before and after, and what must never be committed."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from directional_sync.config.schema_parts import Command, Duration, ExitStatus, Glob, Line, Number, Part, Size, wrong

_SURELY_FINE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_]|\.\*)*")
"""Patterns that need no proof: loading the engine takes longer than everything else here."""


def _pattern(value: str) -> str:
    """Patterns are for RE2, whose time is linear in the text whatever the pattern is."""
    if _SURELY_FINE.fullmatch(value):
        return value
    from directional_sync.gates.patterns import pattern_problem

    problem = pattern_problem(value)
    if problem:
        raise wrong(f"this pattern cannot be used: {problem}")
    return value


def date(value: str) -> str:
    """An ISO date, as it is written."""
    from datetime import date as calendar

    try:
        calendar.fromisoformat(value)
    except ValueError:
        raise wrong("a date is written YYYY-MM-DD") from None
    return value


class CheckPart(Part):
    """A command whose exit status must be the expected one."""

    name: Line = Field(description="What it is called in messages and reports.")
    command: Command = Field(
        description="Shell command line, run with bash. The shell expands its variables, this file does not."
    )
    expected_exit_code: ExitStatus = Field(default=0, description="The exit status it must have. Default: 0.")
    skip_on_pull: bool = Field(default=False, description="Not for pull targets. Default: false.")
    skip_on_push: bool = Field(default=False, description="Not for push targets. Default: false.")
    timeout: Duration | None = Field(default=None, description="How long it may take. Default: 5m.")


class DriftGatePart(Part):
    """A command that prints a score; the score must lie within bounds."""

    name: Line = Field(description="What it is called in messages and reports.")
    command: Command = Field(
        description="Shell command line. Its score is the last number it prints, else its exit status."
    )
    max_drift_score: Number | None = Field(default=None, description="The score must be at most this.")
    min_value: Number | None = Field(default=None, description="The score must be at least this.")
    max_value: Number | None = Field(default=None, description="The score must be at most this.")
    timeout: Duration | None = Field(default=None, description="How long it may take. Default: 5m.")
    targets: list[str] | None = Field(
        default=None, description="Names or globs of the targets it is asked for. Default: every target."
    )


class AllowedPart(Part):
    """A finding of the secret gate that a person has declared harmless."""

    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-zA-Z:_-]{4,128}$")] = Field(
        description="The fingerprint that the finding was shown with."
    )
    reason: Line = Field(description="Why it is harmless.")
    expires: Annotated[str, AfterValidator(date)] | None = Field(
        default=None, description="The last day on which this holds, YYYY-MM-DD. Default: it never ends."
    )


class SafetyPart(Part):
    """What holds for all targets."""

    secret_patterns: list[Annotated[str, AfterValidator(_pattern)]] | None = Field(
        default=None,
        description="Names of things that hold secrets, or shapes of secrets, as regular expressions (RE2). A literal "
        "value beside such a name, in a line that a run would add, stops it; what the secret detector finds does too.",
    )
    pre_sync_checks: list[CheckPart] | None = Field(
        default=None, description="Asked in the work tree before a target starts; nothing is run when one says no."
    )
    post_sync_checks: list[CheckPart] | None = Field(
        default=None, description="Asked in a checkout of what would be committed; nothing is written when one says no."
    )
    drift_gates: list[DriftGatePart] | None = Field(
        default=None, description="Scores of what would be committed; nothing is written when one is out of bounds."
    )
    run_hooks: bool = Field(
        default=False,
        description="Ask the clone's own `pre-commit` hook too, in a throw-away repository in which just what would be "
        "committed is staged; where it fails or changes files, nothing is written. Default: false, no hook ever runs.",
    )
    allowed_secrets: list[AllowedPart] | None = Field(
        default=None, description="Findings of the secret gate that were looked at and are harmless."
    )
    require_detector: bool = Field(
        default=False, description="Refuse to commit when no secret detector is installed. Default: false."
    )
    max_file_bytes: Size = Field(
        default=100_000_000,
        description="The largest file that may be committed: `100MB`, or a number of bytes. Default: 100MB.",
    )
    protected: list[Glob] | None = Field(
        default=None,
        description="Globs that no target may write, beside the built-in ones: this file, its lock, what is "
        "approved, CI workflows and git's own files.",
    )
    allow_protected: list[Glob] | None = Field(
        default=None, description="Protected paths that a target may write all the same."
    )
