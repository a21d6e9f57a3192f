"""Commands that only look: list, status, diff, log, show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Face, complete_targets, faced, selecting
from directional_sync.errors import Exit
from directional_sync.model.lifecycle import ON_PURPOSE

if TYPE_CHECKING:
    from directional_sync.listing import TargetRow
    from directional_sync.model.past import LastRun
    from directional_sync.model.plan import FileDiff, Plan, Sign
    from directional_sync.render.drift import Drift
    from directional_sync.render.listing import Last, Listed
    from directional_sync.status import Status, StatusRow
    from directional_sync.workspace import Selection

_LIST_HELP = """List the targets, their schedules and last runs.

Nothing is asked of the far side: IN SYNC is what the last run found.

\b
Examples:
  dsync list
  dsync list --direction push --json
"""
_STATUS_HELP = """Show drift: what differs now, and what was left unfinished.

\b
Examples:
  dsync status
  dsync status --check
"""
_DIFF_HELP = """Show the differences of one target, and what was edited here.

\b
Examples:
  dsync diff {target}
  dsync diff {target} --as-patch --write
"""
_LOG_HELP = """List past runs, the newest first; or how long and how well targets went.

With --stats, each target that has ever run: in how many of the runs that are kept it succeeded, and how long it took
(percentiles, right to within 2 %); with a TARGET or -v its steps too. Runs are kept for 400 days, and the newest 1,000
for ever.

\b
Examples:
  dsync log
  dsync log --limit 5
  dsync log --stats
"""
_SHOW_HELP = """Show one past run in full. RUN is its id, or the beginning or the end of it.

\b
Example:
  dsync show {run}
"""


@click.command("list", help=_LIST_HELP, short_help="List the targets, their schedules and last runs.")
@selecting
@faced
def list_targets(face: Face, selection: Selection) -> int:
    return listed(face, selection)


def listed(face: Face, selection: Selection) -> int:
    from directional_sync import listing
    from directional_sync.render import listing as words
    from directional_sync.system import host

    rows = [_listed(row) for row in listing.list_targets(face.open(glance=True), selection)]
    if face.console.looks.form is not Form.TEXT:
        face.console.document([words.target_json(row) for row in rows])
    else:
        face.console.result(words.targets(rows, face.console.out_ink, host.utc_now()))
    return int(Exit.OK)


def _listed(row: TargetRow) -> Listed:
    from directional_sync.render.listing import Listed
    from directional_sync.system import host

    paused = row.target.pause(host.today()) is not None
    return Listed(row.target, _last(row.last), row.next_run, row.overdue, row.available, paused)


def _last(last: LastRun | None) -> Last | None:
    from directional_sync.render.listing import Last

    return None if last is None else Last(last.started, last.outcome, last.message, last.good)


@click.command(help=_STATUS_HELP, short_help="Show drift: what differs now, and what was left unfinished.")
@selecting
@click.option("--check", is_flag=True, help="Exit 5 when anything differs, 1 when a target is overdue.")
@faced
def status(face: Face, selection: Selection, check: bool) -> int:
    from directional_sync import status as standing
    from directional_sync.cli.progress import listeners
    from directional_sync.render import drift, telling
    from directional_sync.system import host
    from directional_sync.workspace import RunOptions

    workspace = face.open()
    with listeners(face.console) as tell:
        found = standing.status(workspace, selection, RunOptions(dry_run=True, command=face.command), tell)
    rows = [_drift(row) for row in found.rows]
    if face.console.looks.form is not Form.TEXT:
        document = {
            "targets": [drift.drift_json(row) for row in rows],
            "departed": list(found.departed),
            "drift_score": found.score,
            "interrupted": found.interrupted or None,
            "overdue": [row.target.name for row in found.overdue],
            "untold": [telling.delivery(one) for one in found.untold],
        }
        face.console.document(document)
    else:
        from directional_sync.render.timetable import overdue_lines

        ink, now = face.console.out_ink, host.utc_now()
        late = [*overdue_lines(found.overdue, ink, now), *telling.untold_lines(found.untold, now)]
        shown = drift.drift(rows, found.score, found.interrupted, ink, now, departed=found.departed)
        face.console.result("\n".join([*late, *([""] if late else []), shown]))
    return int(_checked(found) if check else Exit.OK)


def _checked(found: Status) -> Exit:
    """5 when anything differs; 1 when it could not be found out, which is not the same as no difference, or when a
    target is overdue. What is left alone on purpose, since a run of it was undone for one, is no drift."""
    unseen = [row for row in found.rows if row.in_sync is None and row.record is not None and not row.record.success]
    unseen = [row for row in unseen if not _left_alone(row)]
    if found.overdue or unseen:
        return Exit.FAILED
    return Exit.CHANGES if any(row.in_sync is False for row in found.rows) else Exit.OK


def _left_alone(row: StatusRow) -> bool:
    return row.record is not None and row.record.skip in ON_PURPOSE


def _drift(row: StatusRow) -> Drift:
    from directional_sync.render.drift import Drift

    return Drift(
        row.target.name,
        row.in_sync,
        repo=row.repo,
        remote=row.remote,
        conflicts=row.conflicts,
        held=len(row.held),
        message=row.message,
        last=_last(row.last),
        why=row.why,
        left_alone=_left_alone(row),
    )


@click.command(
    help=_DIFF_HELP.format(target="TARGET"), short_help="Show the differences of one target, and what was edited here."
)
@click.argument("target", shell_complete=complete_targets)
@click.option("--lines", default=200, type=click.IntRange(min=1), help="At most so many lines of each file.")
@click.option("--as-patch", is_flag=True, help="Print what was edited here as a patch that keeps it from then on.")
@click.option("--source", metavar="NAME", help="With --as-patch: only the edits in this upstream's folder.")
@click.option("--write", is_flag=True, help="With --as-patch: write it where the next run looks for patches.")
@faced
def diff(face: Face, target: str, lines: int, as_patch: bool, source: str | None, write: bool) -> int:
    from directional_sync import app

    if as_patch:
        return _as_patch(face, target, source, write)
    if source or write:
        raise click.UsageError("--source and --write go with --as-patch")
    from directional_sync.cli.progress import listeners
    from directional_sync.model.plan import count
    from directional_sync.render.diff import patch
    from directional_sync.render.plan import counted, target_plan

    workspace = face.open()
    with listeners(face.console) as tell:
        record, diffs = app.diff(workspace, target, app.RunOptions(dry_run=True, command=face.command), tell)
    if face.console.looks.form is not Form.TEXT:
        from directional_sync.render.report import result

        face.console.document(result(record))
        return int(record.exit)
    ink, plan = face.console.out_ink, record.plan
    if plan is None:
        face.console.result("\n".join(target_plan(record, ink)))
        return int(record.exit)
    text = patch([(_sign(given, plan), given) for given in diffs], ink, lines_max=lines)
    far = f", {counted(count(plan.remote, plan.noun))} on the far side" if plan.remote else ""
    total = f"{counted(count(plan.repo))} would change here{far}, {len(plan.held)} held, "
    total += f"{len(plan.conflicts)} in conflict"
    face.console.result("\n".join([*text, "", total] if text else [total]))
    return int(Exit.OK if record.success else record.exit)


def _as_patch(face: Face, target: str, source: str | None, write: bool) -> int:
    from directional_sync import keeping
    from directional_sync.errors import SelectionError

    workspace = face.open()
    found = keeping.local_edits(workspace, target)
    if source is not None:
        found = {name: patch for name, patch in found.items() if name == source}
    if not found:
        face.console.say(f"nothing was edited here in {source or target}")
    elif write:
        written = keeping.keep_edits(workspace, target, found)
        face.console.result("\n".join(written.values()))
        paths = " ".join(written.values())
        face.console.say(f"commit the edits together with these, and every run keeps them: git add {paths}")
    elif len(found) > 1:
        hint = f"choose one: dsync diff {target} --as-patch --source {next(iter(found))}; or write them all: --write"
        raise SelectionError("E-SELECT", f"edits in {len(found)} sources: {', '.join(found)}", hint=hint)
    else:
        face.console.raw(next(iter(found.values())))
    return int(Exit.OK)


def _sign(given: FileDiff, plan: Plan) -> Sign:
    from directional_sync.model.plan import Sign

    planned = {change.key: change.sign for change in (*plan.remote, *plan.repo)}
    if given.key in planned and given.edited is None:
        return planned[given.key]
    if given.before is None:
        return Sign.ADD
    return Sign.DELETE if given.after is None else Sign.CHANGE


@click.command(help=_LOG_HELP, short_help="List past runs; or how long and how well targets went.")
@click.argument("target", required=False, shell_complete=complete_targets)
@click.option("--limit", default=20, type=click.IntRange(min=1), help="At most so many.")
@click.option("--stats", is_flag=True, help="Success rate, and P50, P95 and P99 of durations.")
@faced
def log(face: Face, target: str | None, limit: int, stats: bool) -> int:
    from directional_sync import past
    from directional_sync.render import listing, statistics
    from directional_sync.system import host

    workspace, ink = face.open(glance=True), face.console.out_ink
    as_text = face.console.looks.form is Form.TEXT
    if stats:
        found = past.statistics(workspace, target)
        steps = target is not None or ink.verbose > 0
        if as_text:
            face.console.result(statistics.text(found, ink, steps=steps))
        else:
            face.console.document(statistics.document(found))
        return int(Exit.OK)
    told = past.log(workspace, target, limit)
    _say(face, told.notes)
    if as_text:
        face.console.result(listing.runs(told.reports, ink, host.utc_now()))
    else:
        face.console.document(told.reports)
    return int(Exit.OK)


@click.command(help=_SHOW_HELP.format(run="RUN"), short_help="Show one past run in full.")
@click.argument("run")
@faced
def show(face: Face, run: str) -> int:
    from directional_sync import past
    from directional_sync.render import listing

    told = past.show(face.open(glance=True), run)
    _say(face, told.notes)
    [report] = told.reports
    if face.console.looks.form is not Form.TEXT:
        face.console.document(report)
    else:
        face.console.result(listing.run(report, face.console.out_ink))
    return int(Exit.OK)


def _say(face: Face, notes: tuple[str, ...]) -> None:
    for note in notes:
        face.console.say(f"! {note}")
