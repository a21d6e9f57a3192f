"""`dsync explain`: what a word of ours means, without a network."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from directional_sync.cli.console import Form
from directional_sync.cli.options import Face, faced
from directional_sync.errors import Exit, SelectionError

_HELP = """Explain an error code, an exit status, a target, a field of the YAML or a schedule.

Without WORD, list every code.

\b
Examples:
  dsync explain E-CONFIG
  dsync explain exit
  dsync explain '0 2 * * *'
"""

EXITS: tuple[tuple[int, str], ...] = (
    (0, "done, or nothing to do"),
    (1, "at least one target failed; running again may mend it"),
    (2, "usage or configuration error; nothing ran"),
    (3, "nothing was selected"),
    (4, "a credential is missing or was refused"),
    (5, "changes or drift found; only with --fail-on-diff or --check"),
    (6, "refused by a gate; nothing was changed"),
    (7, "conflicts wait for a person"),
    (8, "the plan is stale; nothing was changed"),
    (10, "another run holds the lock"),
    (70, "a fault of ours; a report was written"),
    (130, "interrupted (Ctrl-C)"),
    (143, "terminated (SIGTERM, SIGHUP)"),
)


@click.command("explain", help=_HELP, short_help="Explain an error code, a target, a field of the YAML or a schedule.")
@click.argument("word", required=False)
@faced
def explain(face: Face, word: str | None) -> int:
    text, document = _all(face.console.out_ink.width) if word is None else _one(word, face)
    if face.console.looks.form is not Form.TEXT:
        face.console.document(document)
    else:
        face.console.result(text)
    return int(Exit.OK)


def _all(columns: int) -> tuple[str, Any]:
    from directional_sync.pages import pages

    found = pages()
    width = max(map(len, found), default=0)
    lines = [f"{code:<{width}}  {_first_sentence(page.text, columns - width - 2)}" for code, page in found.items()]
    return "\n".join(
        [*lines, "", f"{len(found)} codes; dsync explain CODE tells more, dsync explain exit the statuses"]
    ), list(found)


def _first_sentence(text: str, columns: int) -> str:
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence = paragraph.partition(". ")[0].rstrip(".")
    return textwrap.shorten(sentence, max(columns, 20), placeholder=" ...")


def _one(word: str, face: Face) -> tuple[str, Any]:
    from directional_sync.pages import pages

    page = pages().get(word.upper())
    if page is not None:
        text = _plain(page.text, min(face.console.out_ink.width, 100))
        return f"{page.code}\n\n{text}", {"code": page.code, "text": page.text}
    if word.lower() in ("exit", "exits", "status", "exit-status") or (word.isdigit() and int(word) in dict(EXITS)):
        shown = [(code, text) for code, text in EXITS if not word.isdigit() or code == int(word)]
        return "\n".join(f"{code:>4}  {text}" for code, text in shown), dict(shown)
    if len(word.split()) == 5:
        return _schedule(word)
    if word.upper().startswith("E-"):
        return _unknown(word)
    return _target(word, face) or _field(word, face.console.out_ink.width) or _unknown(word)


def _plain(text: str, width: int) -> str:
    """Paragraphs filled to `width`; lists and indented lines stay as they are."""
    parts = []
    for paragraph in text.replace("**", "").split("\n\n"):
        kept = any(line.startswith(("- ", "* ", "    ", "|", "```")) for line in paragraph.splitlines())
        filled = textwrap.fill(" ".join(paragraph.split()), width, break_long_words=False, break_on_hyphens=False)
        parts.append(paragraph if kept else filled)
    return "\n\n".join(parts)


def _schedule(cron: str) -> tuple[str, Any]:
    from directional_sync.config import cron as crons
    from directional_sync.errors import ConfigError, Problem
    from directional_sync.model.target import Schedule
    from directional_sync.system import host

    schedule, times = Schedule(cron), [host.utc_now()]
    try:
        words = crons.explain(schedule)
        for _ in range(5):
            times.append(crons.next_run(schedule, times[-1]))
    except ValueError as error:
        raise ConfigError([Problem(f"{cron!r} is no schedule: {error}", code="E-USAGE")], code="E-USAGE") from error
    lines = [words, "", "the next times, in UTC:", *(f"  {time}" for time in times[1:])]
    return "\n".join(lines), {"schedule": cron, "text": words, "next": times[1:]}


def _target(word: str, face: Face) -> tuple[str, Any] | None:
    from directional_sync.errors import SyncError
    from directional_sync.render.listing import Listed, target_json
    from directional_sync.render.when import schedule

    try:
        target = face.open().config.target(word)
    except (SyncError, KeyError):
        return None
    lines = [f"{target.name}  {target.direction}  {target.description}".rstrip(), f"  written at  {target.place}"]
    pairs = (
        ("endpoint", target.endpoint),
        ("schedule", schedule(target.schedule)),
        ("inputs", ", ".join(target.inputs)),
        ("outputs", ", ".join(target.outputs)),
        ("needs", ", ".join(target.needs)),
        ("verifies", target.verification.command if target.verification else ""),
    )
    lines += [f"  {name:<11} {text}" for name, text in pairs if text]
    return "\n".join(lines), target_json(Listed(target))


def _field(word: str, columns: int) -> tuple[str, Any] | None:
    """A key of the YAML, as the schema describes it."""
    from directional_sync.config.schema import json_schema

    found = _described(json_schema(), word.rpartition(".")[2])
    return (f"{word}\n\n{_plain(found, min(columns, 100))}", {"field": word, "text": found}) if found else None


def _described(schema: Any, key: str) -> str:
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        if key in properties and isinstance(properties[key], dict) and properties[key].get("description"):
            return str(properties[key]["description"])
        schema = list(schema.values())
    if isinstance(schema, list):
        return next((text for item in schema if (text := _described(item, key))), "")
    return ""


def _unknown(word: str) -> tuple[str, Any]:
    from directional_sync.pages import near

    codes = near(word)
    hint = f"did you mean {' or '.join(codes)}?" if codes else "see all codes: dsync explain"
    raise SelectionError("E-EXPLAIN", f"nothing is known about {word!r}", hint=hint)
