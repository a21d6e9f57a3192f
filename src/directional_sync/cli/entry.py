"""One command line from its arguments to its exit status; whatever goes wrong is told here, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from directional_sync.cli.console import Console, Form
from directional_sync.cli.group import root
from directional_sync.cli.options import Face
from directional_sync.errors import ConfigError, Exit, Problem, SyncError

if TYPE_CHECKING:
    from directional_sync.core.redact import Redactor

_BROKEN_PIPE = 141


def enter(arguments: Sequence[str]) -> int:
    """Runs the command line; answers its exit status and never raises."""
    face = Face(arguments=tuple(arguments))
    try:
        status = int(root.main(args=list(arguments), prog_name="dsync", standalone_mode=False, obj=face) or 0)
    except Exception as error:
        status = _told(error, face)
    except KeyboardInterrupt:
        status = _interrupted(face)
    return _BROKEN_PIPE if face.console.closed and status == 0 else status


def _told(error: Exception, face: Face) -> int:
    """Tells the person what happened; answers the exit status."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):  # what click makes of KeyboardInterrupt
        return _interrupted(face)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        face.console.result(error.format_message())
        return int(Exit.USAGE)
    if isinstance(error, click.ClickException):
        return _failed(_usage(error), face)
    if isinstance(error, SyncError):
        return _failed(error, face)
    if isinstance(error, BrokenPipeError):
        return _BROKEN_PIPE
    from directional_sync.cli.crash import crashed

    return _failed(crashed(error, face), face)


def _interrupted(face: Face) -> int:
    face.console.say("stopped at once; see what is left to finish: dsync status")
    return face.stop.exit_status


def _usage(error: click.ClickException) -> ConfigError:
    """A mistake on the command line, in our own form."""
    message = " ".join(error.format_message().split()).rstrip(".")
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "dsync"
    return ConfigError([Problem(message, code="E-USAGE", hint=f"see: {path} --help")], code="E-USAGE")


def _failed(error: SyncError, face: Face) -> int:
    from directional_sync.render import problems

    mask = face.redactor()
    console = face.console
    if console.looks.form is not Form.TEXT:
        (console.document if console.looks.form is Form.JSON else console.line)(_document(error, mask))
    console.say(mask.text(problems.error(error, console.err_ink)))
    if not isinstance(error, ConfigError):
        console.say(f"exit {int(error.exit)}")
    _annotate(error, console)
    return int(error.exit)


def _document(error: SyncError, mask: Redactor) -> dict[str, Any]:
    """What `--json` prints when there is no result: the error, and the problems of a file."""
    from directional_sync.render.failure import error as told
    from directional_sync.render.problems import failure_of
    from directional_sync.render.report import clean

    found: dict[str, Any] = {"error": told(failure_of(error)), "exit_status": int(error.exit)}
    if isinstance(error, ConfigError):
        names = ("code", "message", "path", "line", "column", "hint")
        found["problems"] = [{name: getattr(problem, name) for name in names} for problem in error.problems]
    cleaned: dict[str, Any] = clean(mask.value(found))
    return cleaned


def _annotate(error: SyncError, console: Console) -> None:
    """Under GitHub Actions, a mistake in the file is shown at its line."""
    if console.environ.get("GITHUB_ACTIONS") == "true" and console.looks.form is Form.TEXT:
        from directional_sync.render.github import error_annotations

        for line in error_annotations(error):
            console.say(line)
