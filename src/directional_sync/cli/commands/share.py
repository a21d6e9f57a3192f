"""Commands for what clones share: deliver, base."""

from __future__ import annotations

from typing import Any

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Duration, Face, faced, output_option, show_option
from directional_sync.errors import Exit

_DELIVER_HELP = """Push what runs have committed and what targets agreed on, as the file says under `deliver`.

Where somebody was quicker, their commits are taken over and the targets that are concerned are run
again. Nothing is ever forced.

\b
Examples:
  dsync run --no-deliver
  dsync deliver
"""
_BASE_HELP = """Fetch or push what targets agreed on with their far sides, without running them.

A run that delivers does both by itself. In a new clone `dsync base fetch` lets a plan know what an
earlier run elsewhere has agreed on.

\b
Examples:
  dsync base fetch
  dsync base push
"""


@click.command(help=_DELIVER_HELP, short_help="Push what runs have committed and what targets agreed on.")
@click.option("--lock-timeout", type=Duration(), default=0.0, help="Wait so long for another run: 30s, 10m.")
@click.option("--ci", is_flag=True, help="For CI: no prompts, plain progress, annotations.")
@show_option
@output_option
@faced
def deliver(face: Face, lock_timeout: float, ci: bool) -> int:
    from directional_sync import app, beyond
    from directional_sync.cli import ci as hosted
    from directional_sync.cli.progress import listeners
    from directional_sync.cli.signals import listening
    from directional_sync.render.delivery import delivery_text
    from directional_sync.render.report import report

    workspace = face.open()
    options = app.RunOptions(command=face.command, lock_timeout_s=lock_timeout, stop=face.stop, deliver=True)
    console = face.console
    with hosted.no_commands(console, ci), listening(face.stop, console.say):
        with listeners(console, ci=ci) as tell:
            summary = beyond.deliver(workspace, options, tell)
        status = summary.exit()
        if console.looks.form is Form.JSON:
            console.document(report(summary, status=status))
        elif console.looks.form is Form.TEXT:
            console.result(delivery_text(summary, console.out_ink, status))
    if ci and hosted.on_github(console):
        hosted.annotate(summary, workspace, console)
    return int(status)


@click.command(help=_BASE_HELP, short_help="Fetch or push what targets agreed on, without running them.")
@click.argument("action", type=click.Choice(["fetch", "push"]))
@click.option("--catch-up", is_flag=True, help="Take over the commits of the remote's branch first.")
@click.option("--lock-timeout", type=Duration(), default=0.0, help="Wait so long for another run: 30s, 10m.")
@faced
def base(face: Face, action: str, catch_up: bool, lock_timeout: float) -> int:
    from directional_sync import app, beyond
    from directional_sync.render.ink import amount

    options = app.RunOptions(command=face.command, lock_timeout_s=lock_timeout, stop=face.stop)
    moved = beyond.share_bases(face.open(), options, push=action == "push", catch_up=catch_up)
    if face.console.looks.form is not Form.TEXT:
        found: dict[str, Any] = {"remote": moved.remote, "targets": list(moved.targets), "kept": list(moved.kept)}
        face.console.document({"action": action, **found})
        return int(Exit.OK)
    way = f"to {moved.remote}" if action == "push" else f"from {moved.remote}"
    names = f": {', '.join(moved.targets)}" if moved.targets else ""
    lines = [f"what {amount(len(moved.targets), 'target')} agreed on went {way}{names}"]
    lines += [f"! {name}: agreed on something else here and there; both stay as they are" for name in moved.kept]
    face.console.result("\n".join(lines))
    return int(Exit.OK)
