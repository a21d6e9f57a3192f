"""The command by which people approve what could act by itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Face, complete_targets, faced
from directional_sync.errors import Exit, RefusedError, SelectionError

if TYPE_CHECKING:
    from directional_sync.model.approval import Ask

_HELP = """Show what of a target waits for approval, and approve it.

Programs, and what makes an agent run something, are installed only when a person has approved exactly this content. The
approvals go into approved.yaml beside the YAML; commit it, so that others can review it. KEY is what the list names, a
folder of it, or a glob; without any, everything that waits is meant.

\b
Examples:
  dsync approve skillsmith_catalog
  dsync approve skillsmith_catalog docs/claude-code-skills/pdf
"""


@click.command(help=_HELP, short_help="Show what of a target waits for approval, and approve it.")
@click.argument("target", shell_complete=complete_targets)
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Approve without asking; for a person who has looked before.")
@click.option("--lines", default=60, type=click.IntRange(min=1), help="At most so many lines of each content.")
@faced
def approve(face: Face, target: str, keys: tuple[str, ...], yes: bool, lines: int) -> int:
    from directional_sync import app, approving
    from directional_sync.cli.progress import listeners
    from directional_sync.render import approvals as words

    _must_be_attended(face)
    workspace = face.open()
    with listeners(face.console) as tell:
        record, waiting = approving.waiting(workspace, target, app.RunOptions(dry_run=True, command=face.command), tell)
    given = approving.given(workspace)
    fresh = [ask for ask in waiting if not given.covers(record.target, ask)]
    chosen = _chosen(fresh, keys) if fresh else []
    mask, ink = face.redactor(), face.console.out_ink
    if face.console.looks.form is not Form.TEXT:
        path = approving.approve(workspace, record.target, chosen) if yes and chosen else ""
        face.console.document(words.document(record.target, chosen, path))
        return int(Exit.OK)
    if not chosen:
        pending = words.uncommitted(workspace.approvals_path) if waiting else ""
        face.console.result(pending or words.nothing(record, ink))
        return int(Exit.OK if waiting or record.success else record.exit)
    face.console.result(mask.text("\n".join(words.listed(chosen, ink, lines))))
    if not yes and not _agreed(face, len(chosen)):
        face.console.say("nothing was approved")
        return int(Exit.REFUSED)
    path = approving.approve(workspace, record.target, chosen)
    face.console.result(words.approved(len(chosen), path))
    return int(Exit.OK)


def _must_be_attended(face: Face) -> None:
    environ = face.console.environ
    if environ.get("CI", "").lower() not in ("", "0", "false") or environ.get("GITHUB_ACTIONS") == "true":
        raise _unattended("CI does not approve anything", "run it in your own clone, and commit approved.yaml")


def _agreed(face: Face, number: int) -> bool:
    if not sys.stdin.isatty():
        raise _unattended("nobody is here to be asked", "run it at a terminal, or look first and then add --yes")
    return click.confirm(f"approve {'this' if number == 1 else f'these {number}'}, exactly as shown?", err=True)


def _unattended(message: str, hint: str) -> RefusedError:
    return RefusedError("E-APPROVE-UNATTENDED", message, hint=hint, kept="nothing was approved")


def _chosen(asks: Sequence[Ask], keys: Sequence[str]) -> list[Ask]:
    """Those that the keys mean. Raises SelectionError for a key that means none."""
    from fnmatch import fnmatchcase

    def means(key: str, ask: Ask) -> bool:
        file = ask.key.partition("#")[0]
        return fnmatchcase(ask.key, key) or fnmatchcase(file, key) or file.startswith(key.rstrip("/") + "/")

    for key in keys:
        if not any(means(key, ask) for ask in asks):
            names = ", ".join(ask.key for ask in asks[:5])
            hint = f"there are: {names}" + (f" and {len(asks) - 5} more" if len(asks) > 5 else "")
            raise SelectionError(
                "E-SELECT", f"nothing that waits matches {key!r}", hint=hint, kept="nothing was approved"
            )
    return [ask for ask in asks if not keys or any(means(key, ask) for key in keys)]
