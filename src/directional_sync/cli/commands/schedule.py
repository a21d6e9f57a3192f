"""Commands around schedules: what was expected and comes next, and the daemon that asks for it."""

from __future__ import annotations

import sys
from pathlib import Path
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
_DAEMON_HELP = """Run what is due by its schedule, whenever it is, until told to stop.

It looks at the clock and the file every 20 seconds at most and runs `dsync run --due` in a process of its own. A broken
file holds it, a changed one is read. SIGTERM lets the step at hand end. One for each repository.

\b
Example:
  dsync daemon
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


@click.command(help=_DAEMON_HELP, short_help="Run what is due, whenever it is, until told to stop.")
@faced
def daemon(face: Face) -> int:
    from directional_sync.daemon import Daemon, alone
    from directional_sync.errors import SyncError
    from directional_sync.git import layout
    from directional_sync.render import problems
    from directional_sync.system import host
    from directional_sync.system.waiting import Waiter
    from directional_sync.workspace import STATE

    root = layout.find_root(Path.cwd())
    if root is None:
        face.open()  # says what is wrong here
        return int(Exit.FAILED)
    options = ["--config", face.config] if face.config else []
    argv = [sys.executable, "-m", "directional_sync", "run", "--due", *options]
    waiter = Waiter()

    def said(error: SyncError) -> str:
        return face.redactor().text(problems.error(error, face.console.err_ink))

    def say(text: str) -> None:
        face.console.say(f"{host.utc_now()} daemon: {text}")

    with alone(layout.common_dir(root) / STATE), waiter.listening():
        watch = Daemon(face.open, lambda: waiter.run(argv, cwd=Path.cwd(), env=face.console.environ), said, say)
        while not waiter.stopping:
            waiter.sleep(watch.look())
        say("stopped")
    return int(Exit.OK)
