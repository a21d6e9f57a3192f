"""One target of the file, and what targets share by `defaults`, key by key."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from directional_sync.config.schema_parts import (
    Catching,
    Command,
    Cron,
    Duration,
    EnvName,
    ExitStatus,
    Glob,
    Line,
    MaxDelete,
    Number,
    Part,
    Paused,
    Program,
    Shown,
    Zone,
)
from directional_sync.model.target import Approve, Direction, HiddenText, OnConflict, OnDelete, OnReadOnly, ReadOnly

_FreeMapping = Annotated[dict[str, Any], Shown({"type": ["object", "null"], "additionalProperties": True})]
_Remote = Annotated[dict[str, Any], Shown({"type": "object"})]


class PolicyPart(Part):
    """What may be lost."""

    on_conflict: OnConflict | None = Field(
        default=None,
        description="What happens to an item that changed on both sides and cannot be merged: `stop` leaves both as "
        "they are and waits for a person, `repo` or `remote` lets that side win; two-way also `newer` (what "
        "was changed last) and `keep_both` (the far side's version beside, as `name.conflict-1`). Default: stop.",
    )
    on_conflict_at: dict[Glob, OnConflict] | None = Field(
        default=None,
        description="What holds instead of `on_conflict` at some paths, by globs relative to the repository root; the "
        'first that matches counts: `{"docs/**": keep_both}`.',
    )
    on_delete: OnDelete | None = Field(
        default=None,
        description="What happens when an item is deleted on one side: `propagate` deletes it on the other, within "
        "`max_delete`; `keep` leaves it there; `strict` does as `propagate`, but a deletion of what the other "
        "side has edited is a conflict, where otherwise the edit stays. Default: propagate.",
    )
    max_delete: MaxDelete | None = Field(
        default=None,
        description="How much one run may delete: a count (`50`), a share of all items (`10%`) or both "
        '(`"10% or 50"`, the stricter holds). More is refused before anything is changed. Default: 50%.',
    )
    overwrite_edits: bool | None = Field(
        default=None,
        description="In a one-way target, whether edits made at the destination give way to the source. "
        "Default: false, edits stay and are reported.",
    )
    allow_empty: bool | None = Field(
        default=None,
        description="Whether a side that held items and now holds none is believed. Default: false, the run is "
        "refused, because that side is more likely unreachable than empty.",
    )

    read_only: ReadOnly | None = Field(
        default=None,
        description="Two-way: the side that is never written, `repo` or `remote`. Default: both may be.",
    )
    on_read_only: OnReadOnly | None = Field(
        default=None,
        description="What happens with edits of the other side that would have to be written there: `stop` refuses the "
        "target before anything is written, `hold` leaves them and says so, `revert` sets them back and keeps them "
        "like the versions of a conflict. Default: stop.",
    )


class VerificationPart(Part):
    """A command that looks at the result before it is committed."""

    command: Command = Field(
        description="Shell command line, run in a checkout of what would be committed. The shell expands its "
        "variables, this file does not."
    )
    expected_min: Number | None = Field(default=None, description="The last number it prints must be at least this.")
    expected_max: Number | None = Field(default=None, description="The last number it prints must be at most this.")
    expected_exit_code: ExitStatus | None = Field(default=None, description="The exit status it must have. Default: 0.")
    timeout: Duration | None = Field(default=None, description="How long it may take: `30s`, `5m`. Default: 5m.")


class SharedPart(Part):
    """Keys that a target has, and that `defaults` may set for all targets."""

    direction: Direction | None = Field(
        default=None,
        description="`pull`: remote to repository. `push`: repository to remote. `bidirectional`: both ways.",
    )
    dry_run: bool | None = Field(default=None, description="Stop after the plan, always. Default: false.")
    fail_on_diff: bool | None = Field(
        default=None, description="Exit with status 5 when the plan is not empty. Default: false."
    )
    idempotent: bool | None = Field(
        default=None,
        description="Whether a second run right after the first must find nothing to do; it is checked. Default: true.",
    )
    git_commit: bool | None = Field(
        default=None,
        description="Whether what was pulled is committed. false: it is written into the work tree only. "
        "Default: true.",
    )
    git_commit_message: Line | None = Field(
        default=None,
        description="Subject of the commit; `$target`, `$numbers`, `$sources` and `$run` are filled in. "
        'Default: "Sync $target: $numbers".',
    )
    timezone: Zone | None = Field(
        default=None, description="IANA time zone in which `schedule` is read, like Europe/Brussels. Default: UTC."
    )
    catchup: Catching | None = Field(
        default=None,
        description="What becomes of firings of `schedule` that nobody answered in time with `dsync run --due`: `once` "
        "makes up for all of them with one run, `skip` waits for the next, `all(5)` runs once for each of the newest "
        "5, the oldest first. Default: once.",
    )
    jitter: Duration | None = Field(
        default=None,
        description="The run comes later than `schedule` says by a delay of the target's own, always the same and "
        "below this (and below half the time to the next): `10m`. Default: none.",
    )
    overdue_after: Duration | None = Field(
        default=None,
        description="How late a run may be before the target is overdue, which is an alarm. Default: half the time "
        "between two runs, from 10m to 6h.",
    )
    timeout: Duration | None = Field(
        default=None, description="How long one run may take: `90s`, `30m`, `1h30m`. Default: 30m."
    )
    retries: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None, description="How often a failed request to the remote is tried again, 0 to 20. Default: 2."
    )
    env: list[EnvName] | None = Field(
        default=None,
        description="Names of environment variables that programs and checks may see, beside the common ones "
        "(PATH, HOME, LANG, proxies). A target's list is added to that of `defaults`.",
    )
    policy: PolicyPart | None = Field(default=None, description="What may be lost.")
    approve: Approve | None = Field(
        default=None,
        description="What of that which comes in a person must approve by its content before it is installed, with "
        "`dsync approve`: `executables` (programs, and what makes an agent run something) or `nothing`. Default: "
        "executables for a catalogue, else nothing.",
    )
    hidden_text: HiddenText | None = Field(
        default=None,
        description="What happens with text in Markdown and plain text that an agent reads and a person does not see "
        "(invisible characters, Unicode tags, HTML comments, base64): `refuse`, `warn` or `allow`. Default: refuse "
        "for a catalogue, else allow.",
    )


class DefaultsPart(SharedPart):
    """What holds for every target that does not say otherwise."""


class TargetPart(SharedPart):
    """One flow."""

    description: str = Field(default="", description="What it is for, in words.")
    entrypoint: Program | None = Field(
        default=None,
        description="A program in the repository that does the work, by its path. `.py` is run by this "
        "interpreter, `.sh` by bash, others by their first line. Excludes `remote`.",
    )
    args: list[str] | None = Field(default=None, description="Arguments of the entrypoint, as a list.")
    dry_run_flag: Line | None = Field(
        default=None,
        description="An argument that makes the entrypoint only tell what it would do, like `--dry-run`. Without "
        "it a push by entrypoint has no preview.",
    )
    fresh_outputs: bool | None = Field(
        default=None, description="Empty the outputs before the entrypoint of a pull runs. Default: false."
    )
    remote: _Remote | None = Field(
        default=None, description="A built-in far side: its `type` and the options of that type. Excludes `entrypoint`."
    )
    schedule: Cron | None = Field(
        default=None,
        description="When it runs by itself, as five cron fields: minute, hour, day of the month, month, day of "
        'the week (0 is Sunday). Quote it: "0 2 * * *".',
    )
    config: _FreeMapping | None = Field(
        default=None,
        description="Anything the entrypoint wants to know; it gets it as JSON in SYNC_CONFIG. `env_vars` in it "
        "lists variables that must be set.",
    )
    inputs: list[Glob] | None = Field(
        default=None, description="What a push reads: globs relative to the repository root. Not for a pull."
    )
    outputs: list[Glob] | None = Field(
        default=None,
        description="What a pull may write: globs relative to the repository root. Nothing else is ever written, "
        "and no two targets may share a path. Not for a push.",
    )
    verification: VerificationPart | None = Field(
        default=None, description="A check of the result; what fails it is not committed."
    )
    needs: list[str] | None = Field(
        default=None, description="Names of targets that go first. If one of them fails, this one is skipped."
    )
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = Field(
        default=0, description="Among targets that may start, the higher goes first. Default: 0."
    )
    paused: Paused = Field(
        default=None,
        description="Listed and checked, but not run: `true`, or why in words, or `reason` and `until` (its last "
        "day): `{reason: month end, until: 2027-01-31}`.",
    )
