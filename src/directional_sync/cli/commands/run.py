"""Commands that walk targets through their steps: plan, run, verify."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import (
    Duration,
    Face,
    accepted,
    accepting,
    faced,
    output_option,
    selecting,
    show_option,
)
from directional_sync.cli.sarif import sarif_option
from directional_sync.errors import ConfigError, Exit, Problem, SyncError

if TYPE_CHECKING:
    from directional_sync.model.lifecycle import Tell
    from directional_sync.model.record import Summary
    from directional_sync.workspace import RunOptions, Selection, Workspace

_PLAN_HELP = """Show what a run would do, with the real differences; write nothing.

\b
Examples:
  dsync plan
  dsync plan --target 'oca_*' --show all
"""
_RUN_HELP = """Sync the targets: plan, judge, apply, commit, prove.

Each target is written whole or not at all, and one failing target never stops the others.

\b
Examples:
  dsync run
  dsync run oca_repos --verify
  dsync run --direction pull --dry-run
  dsync run --due
"""
_PRUNE_HELP = """Remove, in a commit, what came from sources and targets that the file no longer holds.

Nothing is removed by a run; `dsync status` lists what is left over. What was edited here since stays.

\b
Examples:
  dsync prune --dry-run
  dsync prune oca_repos
"""
_VERIFY_HELP = """Run checks, verifications and drift gates on what is committed now.

\b
Example:
  dsync verify
"""


def _judging(function: Any) -> Any:
    """Options of both plan and run."""
    for option in reversed(
        (
            click.option("--verify", is_flag=True, help="Verify also in a dry run and when nothing changed."),
            click.option("--fail-on-diff", is_flag=True, help="Exit 5 when there are changes."),
            click.option(
                "--allow-delete", type=click.IntRange(min=0), metavar="N", help="Allow N deletions, this once."
            ),
            click.option("--locked", is_flag=True, help="Take exactly what sync.lock says; ask for nothing newer."),
            click.option("--resume", is_flag=True, help="Go on with targets that are at rest since a run was undone."),
            accepting,
            click.option(
                "--prefer",
                type=click.Choice(["repo", "remote", "newer", "union"]),
                help="What wins a conflict, this once; `union` keeps both.",
            ),
            click.option(
                "--lock-timeout", type=Duration(), default=0.0, help="Wait so long for another run: 30s, 10m."
            ),
            click.option("--ci", is_flag=True, help="For CI: no prompts, plain progress, report file, annotations."),
            click.option("--summary-json", metavar="PATH", help="Write the report there."),
            sarif_option("Write what the gates found there, as SARIF."),
        )
    ):
        function = option(function)
    return function


@click.command(help=_PLAN_HELP, short_help="Show what a run would do, with the real differences; write nothing.")
@selecting
@_judging
@show_option
@output_option
@faced
def plan(face: Face, **given: Any) -> int:
    return _sync(face, dry_run=True, plan_id="", prove=False, **given)


@click.command(help=_RUN_HELP, short_help="Sync the targets: plan, judge, apply, commit, prove.")
@selecting
@click.option("--dry-run", is_flag=True, help="Stop after the plan and show it; the same as `dsync plan`.")
@click.option("--plan", "plan_id", metavar="ID", default="", help="Do exactly that plan, or stop when it is stale.")
@click.option("--due", is_flag=True, help="Only what is due by its schedule now, however late it is.")
@click.option("--deliver/--no-deliver", default=None, help="Push what was committed, or not; else as the file says.")
@click.option("--prove", is_flag=True, help="Run scripts twice and compare what they leave.")
@click.option("--list", "listing", is_flag=True, hidden=True, help="The seed's flag: list the targets and stop.")
@_judging
@show_option
@output_option
@faced
def run(face: Face, listing: bool, **given: Any) -> int:
    if listing:
        from directional_sync.cli.commands.look import listed

        return listed(face, given["selection"])
    return _sync(face, **given)


@click.command(help=_PRUNE_HELP, short_help="Remove what came from sources and targets that left the file.")
@selecting
@click.option("--dry-run", is_flag=True, help="Show what would be removed; write nothing.")
@show_option
@output_option
@faced
def prune(face: Face, selection: Selection, dry_run: bool) -> int:
    from directional_sync import app
    from directional_sync.cli.progress import listeners
    from directional_sync.cli.signals import listening
    from directional_sync.render.text import plan_text, run_text

    workspace = face.open()
    options = app.RunOptions(dry_run=dry_run, command=face.command, stop=face.stop)
    with listening(face.stop, face.console.say), listeners(face.console) as tell:
        summary = app.prune(workspace, selection, options, tell)
    return _shown(face, summary, summary.exit(), plan_text if dry_run else run_text)


@click.command(help=_VERIFY_HELP, short_help="Run checks, verifications and drift gates on what is committed now.")
@selecting
@show_option
@output_option
@faced
def verify(face: Face, selection: Selection) -> int:
    from directional_sync import app
    from directional_sync.cli.progress import listeners
    from directional_sync.render.text import run_text

    workspace = face.open()
    with listeners(face.console) as tell:
        summary = app.verify(workspace, selection, app.RunOptions(dry_run=True, command=face.command), tell)
    return _shown(face, replace(summary, command=face.command), summary.exit(), run_text)


def _sync(
    face: Face,
    *,
    selection: Selection,
    ci: bool,
    summary_json: str | None,
    sarif: str | None,
    fail_on_diff: bool,
    **given: Any,
) -> int:
    """Runs or plans; then, in this order: the result, the report, the annotations."""
    from directional_sync import app
    from directional_sync.cli import ci as hosted
    from directional_sync.cli.progress import listeners
    from directional_sync.cli.signals import listening
    from directional_sync.model.target import Prefer
    from directional_sync.render.text import plan_text, run_text

    if given["plan_id"] and given["dry_run"]:
        raise _usage("--plan and --dry-run exclude each other: the plan is known already")
    if given["plan_id"] and given.get("due"):
        raise _usage("--plan and --due exclude each other: a plan names its targets")
    workspace = face.open()
    given["carry"] = ci and bool(given.get("due"))
    given["accepted"] = accepted(given)
    given["lock_timeout_s"] = given.pop("lock_timeout")
    given["prefer"] = Prefer(given["prefer"]) if given["prefer"] else None
    stop = face.stop
    options = app.RunOptions(command=face.command, stop=stop, **given)
    with hosted.no_commands(face.console, ci), listening(stop, face.console.say):
        with listeners(face.console, ci=ci) as tell:
            summary = _run(workspace, selection, options, tell)
        status = _status(summary, workspace, stop, fail_on_diff)
        _shown(face, summary, status, plan_text if options.dry_run else run_text)
        if summary.unrecorded:
            face.console.say(f"the record of this run could not be kept: {summary.unrecorded}")
        for warning in summary.warnings:
            face.console.say(f"warning: {warning}; what is still so is told by the next run")
        if ci or summary_json:
            status = _reported(face, summary, workspace, status, summary_json)
        if sarif is not None:
            _findings(face, summary, workspace, sarif)
    if ci and hosted.on_github(face.console):
        hosted.annotate(summary, workspace, face.console)
    return int(status)


def _run(workspace: Workspace, selection: Selection, options: RunOptions, tell: Tell) -> Summary:
    from directional_sync import app

    return app.run(workspace, selection, options, tell)


def _status(summary: Summary, workspace: Workspace, stop: Any, fail_on_diff: bool) -> Exit:
    """The exit status of the run; a target may ask for 5 on changes in the file."""
    from directional_sync.render.tally import Word, word

    asked = {target.name for target in workspace.config.targets if target.fail_on_diff or fail_on_diff}
    differs = any(record.target in asked and word(record) is Word.CHANGED for record in summary.records)
    status = summary.exit(fail_on_diff=differs)
    if status is Exit.INTERRUPTED and stop.requested:
        return Exit(stop.exit_status)
    return status


def _shown(face: Face, summary: Summary, status: Exit, text: Any) -> int:
    """Prints the result in the form that was asked for; NDJSON has told it all already."""
    from directional_sync.render.report import report

    console = face.console
    if console.looks.form is Form.JSON:
        console.document(report(summary, status=status))
    elif console.looks.form is Form.TEXT:
        console.result(text(summary, console.out_ink, status))
    return int(status)


def _reported(face: Face, summary: Summary, workspace: Workspace, status: Exit, wanted: str | None) -> Exit:
    """Writes the report and says where. When it cannot be written, the outcome still counts, and so does this."""
    from directional_sync.cli.ci import report_path, write_report
    from directional_sync.render import problems

    path = report_path(summary, workspace, wanted)
    try:
        write_report(summary, status, path)
    except SyncError as error:
        status = Exit.FAILED if status in (Exit.OK, Exit.CHANGES) else status
        face.console.say(problems.error(error, face.console.err_ink))
        face.console.say(f"exit {int(status)}")
        return status
    face.console.say(f"report: {path}")
    return status


def _findings(face: Face, summary: Summary, workspace: Workspace, path: str) -> None:
    """Raises HostError where they cannot be written; the run has happened all the same, and was told of."""
    from directional_sync.cli.sarif import write
    from directional_sync.render.sarif import of_records

    places = {t.name: (t.place.path or workspace.config.path, t.place.line) for t in workspace.config.targets}
    write(of_records(summary.records, places), path, face.console)


def _usage(message: str) -> ConfigError:
    return ConfigError([Problem(message, code="E-USAGE", hint="see: dsync run --help")], code="E-USAGE")
