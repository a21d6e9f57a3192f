"""Commands around schedules: what was expected and comes next, and the daemon that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Face, faced, selecting
from directional_sync.errors import Exit

if TYPE_CHECKING:
    from directional_sync.workspace import Selection

_SCHEDULE_HELP = """Show what each schedule expected, what happened, and what comes next.

Nothing is run. All times are UTC.

\b
Examples:
  dsync schedule
  dsync schedule {target} --next 10
  dsync schedule --check
"""


@click.command(help=_SCHEDULE_HELP.format(target="TARGET"), short_help="Show what is due, overdue, and comes next.")
@selecting
@click.option("--next", "count", default=3, type=click.IntRange(1, 1000), help="So many coming times of each target.")
@click.option("--check", is_flag=True, help="Exit 1 when a target is overdue.")
@faced
def schedule(face: Face, selection: Selection, count: int, check: bool) -> int:
    from directional_sync.render import timetable as render
    from directional_sync.system import host
    from directional_sync.timetable import scheduled

    rows = scheduled(face.open(glance=True), selection, count)
    if face.console.looks.form is not Form.TEXT:
        face.console.document([render.row_json(row) for row in rows])
    else:
        in_full = bool(selection.patterns) or face.console.looks.verbose > 0
        face.console.result(render.timetable(rows, face.console.out_ink, host.utc_now(), in_full=in_full))
    return int(Exit.FAILED if check and any(row.overdue for row in rows) else Exit.OK)
