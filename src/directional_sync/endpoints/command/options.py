"""What can be said of a target with an `entrypoint`."""

from __future__ import annotations

from pydantic import Field

from directional_sync.endpoints.base import Options


class CommandOptions(Options):
    """A target with `entrypoint`."""

    entrypoint: str = Field(min_length=1, description="The program: a path from the repository's root, or on PATH.")
    args: tuple[str, ...] = Field((), description="Its arguments, each one word; no shell reads them.", strict=False)
    dry_run_flag: str = Field("", description="An argument with which it only says what it would do (push).")
    fresh_outputs: bool = Field(False, description="Empty the outputs before each run.")
