"""Options that several commands share, each declared once."""

from __future__ import annotations

import functools
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from directional_sync.cli.console import Console, Form, Looks
from directional_sync.cli.signals import Stop
from directional_sync.model.surprise import Surprise
from directional_sync.render.ink import Show

if TYPE_CHECKING:
    from directional_sync.core.redact import Redactor
    from directional_sync.workspace import Selection, Workspace

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass
class Face:
    """What a command is given: where to print, which file, and how it was called."""

    console: Console = field(default_factory=Console)
    config: str | None = None
    workspace: Workspace | None = None
    """Set once the file has been read: whose secrets are masked in what goes wrong afterwards."""
    arguments: tuple[str, ...] = ()
    stop: Stop = field(default_factory=Stop)

    @property
    def command(self) -> str:
        return shlex.join(["dsync", *self.arguments])

    def open(self, *, glance: bool = False, anew: bool = False) -> Workspace:
        """The repository here and its file; `glance` for commands that only show it, `anew` for those that check it.
        Raises ConfigError, HostError."""
        from directional_sync.workspace import open_workspace

        self.workspace = open_workspace(self.config, Path.cwd(), self.console.environ, glance=glance, anew=anew)
        return self.workspace

    def redactor(self) -> Redactor:
        """Masks what is known to be secret so far: all of the workspace once it is open, else the environment's."""
        if self.workspace is not None:
            from directional_sync.workspace import redactor

            return redactor(self.workspace)
        from directional_sync.core.redact import Redactor, secret_values

        return Redactor(secret_values(self.console.environ))


def faced(function: _Function) -> _Function:
    """Gives the command a Face as its first argument, made from the options that all commands have."""

    @click.option(
        "--config", metavar="PATH", help="The YAML file; else $DIRECTIONAL_SYNC_CONFIG, else the usual places."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
    @click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colour.")
    @click.option("--ascii", "ascii_only", is_flag=True, help="Print ASCII characters only.")
    @click.option("--accessible", is_flag=True, help="Sentences instead of tables, nothing redrawn.")
    @click.option("-v", "--verbose", count=True, help="Say more; -vv says everything.")
    @click.option("-q", "--quiet", is_flag=True, help="Only problems and the summary line.")
    @click.pass_obj
    @functools.wraps(function)
    def command(face: Face | None, /, **given: Any) -> Any:
        face = face or Face()
        looks = Looks(
            form=_form(given.pop("as_json"), given.pop("output", None)),
            color=given.pop("color"),
            ascii=given.pop("ascii_only") or _must_be_ascii(),
            accessible=given.pop("accessible"),
            verbose=-1 if given.pop("quiet") else given.pop("verbose"),
            show=Show(given.pop("show", Show.CHANGED)),
        )
        given.pop("verbose", None)
        face.console = Console(looks, face.console.environ, face.console.out, face.console.err)
        face.config = given.pop("config")
        return function(face, **given)

    return command  # type: ignore[return-value]


def _form(as_json: bool, output: str | None) -> Form:
    return Form.JSON if as_json else Form(output or Form.TEXT)


def _must_be_ascii() -> bool:
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    return not encoding.startswith("utf")


def output_option(function: _Function) -> _Function:
    """What stdout carries, for commands that tell events."""
    option = click.option(
        "--output", type=click.Choice([form.value for form in Form]), help="What to print: text, json or ndjson events."
    )
    return option(function)


def show_option(function: _Function) -> _Function:
    option = click.option(
        "--show",
        type=click.Choice([show.value for show in Show]),
        default=Show.CHANGED.value,
        help="Which targets to list one by one.",
    )
    return option(function)


def accepting(function: _Function) -> _Function:
    """One option for each surprise of an upstream that can be accepted for this once; see `accepted`."""
    for surprise in reversed(Surprise):
        option = click.option(
            f"--{surprise.option}",
            surprise.option.replace("-", "_"),
            metavar="NAME",
            multiple=True,
            help=_SURPRISES[surprise],
        )
        function = option(function)
    return function


def accepted(given: dict[str, Any]) -> dict[Surprise, tuple[str, ...]]:
    """Takes what `accepting` has brought out of `given`: surprise -> names or globs of upstreams."""
    taken = {surprise: given.pop(surprise.option.replace("-", "_")) for surprise in Surprise}
    return {surprise: names for surprise, names in taken.items() if names}


_SURPRISES = {
    Surprise.REWRITE: "Take this upstream (name or glob) although its history was rewritten.",
    Surprise.MOVED_TAG: "Take it although its tag names another commit now.",
    Surprise.VANISHED_REF: "Its branch or tag is gone: keep what was vendored, as no failure.",
    Surprise.DEFAULT_BRANCH: "Take its new default branch, which does not go on from the old one.",
    Surprise.MOVED_REPOSITORY: "Follow it to where its host says that it is now.",
}


def selecting(function: _Function) -> _Function:
    """Which targets: by name or glob, direction, schedule. The command gets one `selection`."""

    @click.argument("names", metavar="[TARGET]...", nargs=-1, shell_complete=lambda *a: complete_targets(*a))
    @click.option(
        "-t", "--target", "targets", metavar="GLOB", multiple=True, help="Only targets that match; several times.",
        shell_complete=lambda *a: complete_targets(*a),
    )  # fmt: skip
    @click.option(
        "--direction", type=click.Choice(["pull", "push", "bidirectional"]), help="Only targets of this direction."
    )
    @click.option("--schedule", metavar="CRON", help="Only targets with exactly this schedule.")
    @functools.wraps(function)
    def command(*args: Any, names: tuple[str, ...], targets: tuple[str, ...], **given: Any) -> Any:
        selection = _selection((*names, *targets), given.pop("direction"), given.pop("schedule"))
        return function(*args, selection=selection, **given)

    return command  # type: ignore[return-value]


def _selection(patterns: tuple[str, ...], direction: str | None, schedule: str | None) -> Selection:
    from directional_sync.model.target import Direction
    from directional_sync.workspace import Selection

    # An empty value means "all", as a workflow's empty input does.
    patterns = tuple(pattern for pattern in patterns if pattern)
    return Selection(patterns, Direction(direction) if direction else None, schedule or None)


class Duration(click.ParamType[float]):
    """Seconds, or a number with s, m or h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float | int):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if found is None:
            self.fail(f"{value!r} is no duration; write 30, 30s, 10m or 1h", param, ctx)
        return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def complete_targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names under `targets:` that begin so. Reads the file by eye, since a shell waits for it."""
    from directional_sync.cli.names import target_names

    return [name for name in target_names(ctx.params.get("config"), Path.cwd()) if name.startswith(incomplete)]
