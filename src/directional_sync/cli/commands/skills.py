"""The command for those who keep skills: checks a folder of them, and writes their catalogue."""

from __future__ import annotations

from pathlib import Path

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Face, faced
from directional_sync.errors import Exit

_HELP = """Check the SKILL.md of every skill in a folder, or print the catalogue that names them.

Exit 0 when every skill keeps the public rules for Agent Skills, 1 when one does not. No configuration is needed.

\b
Examples:
  dsync skills docs/claude-code-skills
  dsync skills skills --document > skills/catalog.json
"""


@click.command(help=_HELP, short_help="Check a folder of skills, or print the catalogue that names them.")
@click.argument("folder", type=click.Path())
@click.option("--document", is_flag=True, help="Print the catalogue document of the folder.")
@faced
def skills(face: Face, folder: str, document: bool) -> int:
    from directional_sync.core.escape import one_line
    from directional_sync.endpoints.catalogue.publish import document_of, look
    from directional_sync.render.ink import amount

    console = face.console
    if document:
        from directional_sync.core.strict_json import dump

        console.raw(dump(document_of(Path(folder))))
        return int(Exit.OK)
    found = look(Path(folder))
    wrong = [one for one in found if one.mistakes]
    if console.looks.form is not Form.TEXT:
        entries = [
            {
                "name": one.name,
                "ok": not one.mistakes,
                "mistakes": [{"line": mistake.line, "message": mistake.message} for mistake in one.mistakes],
                "unknown": list(one.skill.unknown),
            }
            for one in found
        ]
        console.document({"folder": folder, "skills": entries, "wrong": len(wrong)})
        return int(Exit.FAILED if wrong else Exit.OK)
    lines = []
    for one in found:
        lines += [f"{one_line(folder)}/{one_line(one.name)}/SKILL.md: {mistake}" for mistake in one.mistakes]
        if one.skill.unknown and console.looks.verbose > 0:
            keys = ", ".join(one_line(key) for key in one.skill.unknown)
            lines.append(f"{one_line(folder)}/{one_line(one.name)}/SKILL.md: unknown keys: {keys}")
    lines.append(f"{amount(len(found), 'skill')}, {len(wrong)} with mistakes")
    console.result("\n".join(lines))
    return int(Exit.FAILED if wrong else Exit.OK)
