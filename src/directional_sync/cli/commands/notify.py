"""Who is told of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Face, faced
from directional_sync.errors import Exit, SelectionError

if TYPE_CHECKING:
    from directional_sync.notifying import Sent

_HELP = """Show who is told when something stops, what is open, and how the last messages went.

--test sends a message that says it is a test. --send tells of what is overdue, and of what
could not be told before: for a clock that is not the one that starts the runs.

\b
Examples:
  dsync notify
  dsync notify --test
  dsync notify --test team
"""


@click.command(help=_HELP, short_help="Show who is told of what; send a test, or what is still to be told.")
@click.argument("channels", metavar="[CHANNEL]...", nargs=-1)
@click.option("--test", "testing", is_flag=True, help="Send a test message, to all channels or to those named.")
@click.option("--send", "sending", is_flag=True, help="Tell of what is overdue, and what could not be told before.")
@faced
def notify(face: Face, channels: tuple[str, ...], testing: bool, sending: bool) -> int:
    from directional_sync import notifying

    if testing and sending:
        raise click.UsageError("--test and --send exclude each other")
    if channels and not testing:
        raise click.UsageError("a CHANNEL goes with --test")
    workspace = face.open()
    if not (testing or sending):
        return _shown(face)
    if workspace.config.notify is None or not workspace.config.notify.channels:
        hint = "see docs/how-to/be-told.md"
        raise SelectionError("E-SELECT", "the file has no `notify.channels`", hint=hint, kept="nothing was sent")
    sent = notifying.test(workspace, channels) if testing else notifying.catch_up(workspace)
    return _sent(face, sent)


def _sent(face: Face, sent: list[Sent]) -> int:
    if face.console.looks.form is not Form.TEXT:
        names = ("name", "what", "failed", "code")
        face.console.document({"sent": [{name: getattr(one, name) for name in names} for one in sent]})
    else:
        lines = [f"! {one.warning}" if one.failed else f"ok {one.name} was told" for one in sent]
        face.console.result("\n".join(lines) or "nothing to tell")
    return int(Exit.FAILED if any(one.failed for one in sent) else Exit.OK)


def _shown(face: Face) -> int:
    from directional_sync import notifying
    from directional_sync.model.notify import Notify
    from directional_sync.render import telling
    from directional_sync.system import host

    workspace = face.open()
    section = workspace.config.notify or Notify()
    known = notifying.state(workspace)
    unset = {name for name in section.variables if not workspace.environ.get(name)}
    view = telling.View(section, known.incidents, known.memories, known.deliveries, frozenset(unset), host.utc_now())
    found: dict[str, Any] = telling.data(view)
    if face.console.looks.form is not Form.TEXT:
        face.console.document(face.redactor().value(found))
    else:
        face.console.result(face.redactor().text(telling.text(view, face.console.out_ink)))
    return int(Exit.OK)
