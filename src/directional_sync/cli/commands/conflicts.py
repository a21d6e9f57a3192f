"""The commands for what waits for a person: conflicts, resolve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Face, complete_targets, faced
from directional_sync.errors import ConfigError, Exit, Problem, RefusedError

if TYPE_CHECKING:
    from directional_sync.core.versions import Versions
    from directional_sync.model.wish import Waiting, Wish

_CONFLICTS_HELP = """List the conflicts that wait for a person; with `show`, all versions of those of a target.

They are as the last run has found them; no far side is asked. KEY is a path, a folder or a glob. Exit 7 while any is
there.

\b
Examples:
  dsync conflicts
  dsync conflicts show claude_config
  dsync conflicts show claude_config claude.md
"""
_RESOLVE_HELP = """Settle conflicts of a target, and run it.

`repo` and `remote` let that version stand on both sides; `both` keeps the far side's version beside, as
`name.conflict-1`; `merged` takes what does not clash from both, and each clash as --clash says. --edit opens an
editor on one file with both versions in it. A decision holds for exactly the versions that `dsync conflicts show`
shows: if one has changed meanwhile, it waits again. Without KEY all conflicts of the target are meant.

\b
Examples:
  dsync resolve claude_config --take repo
  dsync resolve claude_config claude.md --take merged --clash '## 17) MCP servers=remote'
  dsync resolve claude_config claude.md --edit
"""


@click.command(help=_CONFLICTS_HELP, short_help="List what changed on both sides and waits for a person.")
@click.argument("words", metavar="[show TARGET [KEY]...]", nargs=-1, shell_complete=complete_targets)
@click.option("--lines", default=200, type=click.IntRange(min=1), help="At most so many lines of each version.")
@faced
def conflicts(face: Face, words: tuple[str, ...], lines: int) -> int:
    from directional_sync import inbox
    from directional_sync.render import conflicts as texts
    from directional_sync.workspace import Selection

    workspace = face.open()
    mask, ink = face.redactor(), face.console.out_ink
    if words and words[0] == "show":
        if len(words) < 2:
            raise _usage("`show` needs a target", "conflicts")
        target, waiting = inbox.of_target(workspace, words[1], words[2:])
        found = [mask.value(texts.version(one)) for one in inbox.versions(workspace, waiting)]
        if face.console.looks.form is not Form.TEXT:
            face.console.document({"target": target.name, "conflicts": found})
        else:
            face.console.result("\n".join(texts.shown(target.name, found, ink, lines)))
        return int(Exit.CONFLICTS if waiting else Exit.OK)
    rows = inbox.waiting(workspace, Selection(words))
    told = [(target.name, waiting) for target, waiting in rows]
    if face.console.looks.form is not Form.TEXT:
        face.console.document(mask.value({"conflicts": [texts.item(name, one) for name, all_ in told for one in all_]}))
    else:
        face.console.result(mask.text("\n".join(texts.listed(told, ink))))
    return int(Exit.CONFLICTS if told else Exit.OK)


@click.command(help=_RESOLVE_HELP, short_help="Settle conflicts of a target, and run it.")
@click.argument("target", shell_complete=complete_targets)
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@click.option("--take", type=click.Choice(["repo", "remote", "both", "merged"]), help="Which version is to stand.")
@click.option(
    "--clash", "clashes", multiple=True, metavar="ID=SIDE", help="With `merged`: repo, remote or both, for ID."
)
@click.option("--edit", is_flag=True, help="Write it yourself, in an editor.")
@click.option("--dry-run", is_flag=True, help="Show what that would do; write nothing.")
@faced
def resolve(
    face: Face,
    target: str,
    keys: tuple[str, ...],
    take: str | None,
    clashes: tuple[str, ...],
    edit: bool,
    dry_run: bool,
) -> int:
    from directional_sync import inbox
    from directional_sync.cli.commands.run import _shown
    from directional_sync.cli.progress import listeners
    from directional_sync.cli.signals import listening
    from directional_sync.render.text import plan_text, run_text
    from directional_sync.workspace import RunOptions

    if bool(take) == edit:
        raise _usage("say --take repo|remote|both|merged, or --edit", "resolve")
    if clashes and take != "merged":
        raise _usage("--clash goes with --take merged", "resolve")
    workspace = face.open()
    named, waiting = inbox.of_target(workspace, target, keys)
    if edit and len(waiting) > 1:
        raise _usage(f"{len(waiting)} conflicts wait; name the one to edit", "resolve")
    wishes = _edited(face, list(inbox.versions(workspace, waiting))) if edit else _wishes(waiting, take or "", clashes)
    options = RunOptions(dry_run=dry_run, command=face.command, stop=face.stop)
    with listening(face.stop, face.console.say), listeners(face.console) as tell:
        summary = inbox.resolve(workspace, named, wishes, options, tell)
    return _shown(face, summary, summary.exit(), plan_text if dry_run else run_text)


def _wishes(waiting: Sequence[Waiting], take: str, clashes: Sequence[str]) -> dict[str, Wish]:
    from directional_sync.model.wish import Take, Wish

    sides = {}
    for said in clashes:
        name, equals, side = said.rpartition("=")
        if not equals or side not in ("repo", "remote", "both"):
            raise _usage(f"--clash {said!r}: write ID=repo, ID=remote or ID=both", "resolve")
        sides[name] = side
    return {one.conflict.key: Wish(one.conflict, Take(take), clashes=sides) for one in waiting}


def _edited(face: Face, found: Sequence[Versions]) -> dict[str, Wish]:
    """What a person makes of the one conflict. Raises RefusedError."""
    from directional_sync.model.wish import Take, Wish

    if not found:
        return {}
    [one] = found
    if one.repo is None or one.remote is None or b"\0" in one.repo + one.remote:
        raise RefusedError(
            "E-RESOLVE-EDIT",
            f"{one.waiting.conflict.key} is not a text that both sides hold",
            hint="take one of the versions: --take repo|remote|both",
            kept="nothing was changed",
        )
    content = _written(face, one)
    conflict = one.waiting.conflict
    return {conflict.key: Wish(conflict, Take.CONTENT, content)}


def _written(face: Face, one: Versions) -> bytes:
    from directional_sync.cli.editing import edited
    from directional_sync.core.versions import marks_left

    key = one.waiting.conflict.key
    content = edited(face.open().root, key.rpartition("/")[2], one)
    if content is None or marks_left(content):
        raise RefusedError(
            "E-RESOLVE-EDIT",
            f"{key} was not settled: nothing was changed in the editor, or marks of the conflict are left",
            hint="edit it again, and take out all marks",
            kept="nothing was changed",
        )
    return content


def _usage(message: str, command: str) -> ConfigError:
    return ConfigError([Problem(message, code="E-USAGE", hint=f"see: dsync {command} --help")], code="E-USAGE")
