"""`dsync demo`."""

from __future__ import annotations

import click

from directional_sync.cli.options import Face, faced

_HELP = """Show all of it on a scratch repository, with upstreams and services on this machine.

Builds FOLDER (default: demo), starts far sides on loopback, and really runs the commands. Takes about a
minute, needs no network, and leaves the repository for you to try things in.

\b
Example:
  dsync demo
"""


@click.command(
    help=_HELP, short_help="Show all of it on a scratch repository, with upstreams and services on this machine."
)
@click.argument("folder", default="demo", type=click.Path(file_okay=False))
@faced
def demo(face: Face, folder: str) -> int:
    from pathlib import Path

    from directional_sync.demo.play import show

    return show(Path(folder), face.console.result, color=face.console.out_ink.color)
