"""The commands that take runs back: rollback, undo, redo."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Duration, Face, complete_targets, faced, output_option, show_option
from directional_sync.errors import Exit, RefusedError

if TYPE_CHECKING:
    from directional_sync.model.record import Summary
    from directional_sync.rewind import Asked
    from directional_sync.workspace import Workspace

_ABOUT = """What its commit changed here goes back in one new commit, together with what was agreed on; later work
elsewhere stays. What it wrote to far sides is written back as far as it is known and nobody has changed it since. It
is shown first, and can itself be taken back. The targets are at rest afterwards: no run does the same again before
`dsync run TARGET --resume`."""
_ROLLBACK_HELP = f"""Take one run back. RUN is its id, or the beginning or the end of it.

{_ABOUT}

\b
Examples:
  dsync rollback {{run}} --dry-run
  dsync rollback {{run}} --yes
"""
_UNDO_HELP = f"""Take the newest run back that changed anything; once more, the one before it.

{_ABOUT}

\b
Examples:
  dsync undo --dry-run
  dsync undo oca_repos --yes
"""
_REDO_HELP = """Take the newest undoing back: what was undone stands again, and the targets are at rest no longer.

\b
Example:
  dsync redo --yes
"""


def _agreeing(function: Any) -> Any:
    """Options of all three."""
    for option in reversed(
        (
            click.option("--dry-run", is_flag=True, help="Show what would be undone, and what cannot; write nothing."),
            click.option("--yes", is_flag=True, help="Do it without asking."),
            click.option("--keep-later", is_flag=True, help="Leave alone what was changed since; undo the rest."),
            click.option(
                "--lock-timeout", type=Duration(), default=0.0, help="Wait so long for another run: 30s, 10m."
            ),
            show_option,
            output_option,
        )
    ):
        function = option(function)
    return function


@click.command(
    help=_ROLLBACK_HELP.format(run="RUN"), short_help="Take one run back: files, state, and what it wrote to far sides."
)
@click.argument("run")
@click.argument("targets", metavar="[TARGET]...", nargs=-1, shell_complete=complete_targets)
@_agreeing
@faced
def rollback(face: Face, run: str, targets: tuple[str, ...], **given: Any) -> int:
    from directional_sync.rewind import Asked

    return _take_back(face, face.open(), Asked(run, targets, given.pop("keep_later")), **given)


@click.command(help=_UNDO_HELP, short_help="Take the newest run back; once more, the one before it.")
@click.argument("target", required=False, shell_complete=complete_targets)
@_agreeing
@faced
def undo(face: Face, target: str | None, **given: Any) -> int:
    from directional_sync import rewind

    workspace = face.open()
    asked = rewind.Asked(rewind.undoable(workspace, target), (target,) if target else (), given.pop("keep_later"))
    return _take_back(face, workspace, asked, **given)


@click.command(help=_REDO_HELP, short_help="Take the newest undoing back.")
@click.argument("target", required=False, shell_complete=complete_targets)
@_agreeing
@faced
def redo(face: Face, target: str | None, **given: Any) -> int:
    from directional_sync import rewind

    workspace = face.open()
    asked = rewind.Asked(rewind.redoable(workspace, target), (target,) if target else (), given.pop("keep_later"))
    return _take_back(face, workspace, asked, **given)


def _take_back(face: Face, workspace: Workspace, asked: Asked, *, dry_run: bool, yes: bool, lock_timeout: float) -> int:
    """Shows it and asks; then does exactly what was shown."""
    from directional_sync.cli.commands.run import _shown
    from directional_sync.render.text import plan_text, run_text

    expected: Mapping[str, str] = {}
    if dry_run or not yes:
        if not dry_run and not _attended(face):
            raise _unattended(workspace, asked)
        summary = _run(face, workspace, asked, True, lock_timeout, {})
        if dry_run:
            return _shown(face, summary, summary.exit(), plan_text)
        face.console.result(plan_text(summary, face.console.out_ink, summary.exit()))
        if not click.confirm("undo exactly this?", err=True):
            face.console.say("nothing was undone")
            return int(Exit.REFUSED)
        expected = {record.target: record.plan_digest for record in summary.records}
    summary = _run(face, workspace, asked, False, lock_timeout, expected)
    status = summary.exit()
    if status is Exit.INTERRUPTED and face.stop.requested:
        status = Exit(face.stop.exit_status)
    _shown(face, summary, status, run_text)
    if summary.unrecorded:
        face.console.say(f"the record of this run could not be kept: {summary.unrecorded}")
    return int(status)


def _run(
    face: Face, workspace: Workspace, asked: Asked, dry_run: bool, lock_timeout: float, expected: Mapping[str, str]
) -> Summary:
    from directional_sync import rewind
    from directional_sync.cli.progress import listeners
    from directional_sync.cli.signals import listening
    from directional_sync.workspace import RunOptions

    options = RunOptions(dry_run=dry_run, lock_timeout_s=lock_timeout, command=face.command, stop=face.stop)
    with listening(face.stop, face.console.say), listeners(face.console) as tell:
        summary = rewind.rollback(workspace, asked, options, expected, tell)
    return replace(summary, command=face.command)


def _attended(face: Face) -> bool:
    return face.console.looks.form is Form.TEXT and sys.stdin.isatty()


def _unattended(workspace: Workspace, asked: Asked) -> RefusedError:
    """Nobody is here to be asked. Raises SelectionError where there is nothing to be asked about."""
    from directional_sync import rewind

    rewind.look_up(workspace, asked)
    return RefusedError(
        "E-UNDO-UNATTENDED",
        "nobody is here to be asked whether this is to be undone",
        hint="look first with --dry-run, then add --yes",
        kept="nothing was changed",
    )
