"""Writes docs/reference from the code: `make docs`. With --check, only says whether the pages are up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from directional_sync.cli.commands.explain import EXITS
from directional_sync.cli.group import root
from directional_sync.cli.names import COMMANDS
from directional_sync.pages import pages
from directional_sync.render.report import schema as report_schema

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
_MADE = "<!-- Made from the code by `make docs`; change it there. -->\n"
_ROOMS = {
    "catalogue": "Catalogues of skills",
    "command": "Entrypoint programs and checks",
    "config": "The YAML",
    "files": "Folders and object stores",
    "gates": "Gates",
    "history": "Runs that are over, and undoing them",
    "git": "git and this repository",
    "interface": "The command line",
    "merging": "Merges and patches of upstreams",
    "lfs": "Git LFS in upstreams",
    "rest": "Lists of services",
    "notify": "Telling people",
    "schedule": "Schedules and the daemon",
    "notion": "Notion databases",
    "run": "Runs, plans and this machine",
    "selection": "What of an upstream is taken",
    "service": "Services of others",
    "server": "Configuration of live servers",
    "submodules": "Submodules of upstreams",
    "upstream": "Upstream repositories",
}


def reference() -> dict[str, str]:
    """File name -> text."""
    return {
        "cli.md": _cli(),
        "errors.md": _errors(),
        "exit-status.md": _exits(),
        "report.md": _report(),
    }


def _cli() -> str:
    parts = ["# Commands\n", _MADE]
    parts.append(
        "`dsync` is short for `directional-sync`. The flags of `scripts/sync_directional.py` are those of\n"
        "`dsync run`, and `--list` is `dsync list`; `dsync --dry-run -t 'oca_*'` works without a command.\n"
    )
    parts.append(_block(_help(root, "dsync")))
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        parts += [f"## dsync {name}\n", _block(_help(command, f"dsync {name}"))]
    parts.append("## Later\n\n`serve` is planned and not in this version.\n")
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    context = click.Context(
        command, info_name=name, terminal_width=88, max_content_width=88, help_option_names=["-h", "--help"]
    )
    return command.get_help(context)


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def _errors() -> str:
    found = pages()
    parts = ["# Error codes\n", _MADE]
    parts.append(f"{len(found)} codes. `dsync explain CODE` prints the same text without a network.\n")
    for room in sorted({page.room for page in found.values()}):
        parts.append(f"## {_ROOMS.get(room, room)}\n")
        for page in found.values():
            if page.room == room:
                parts.append(f"### {page.code}\n\n{page.text}\n")
    return "\n".join(parts)


def _exits() -> str:
    lines = [
        "# Exit statuses\n",
        _MADE,
        "Stable. A status that is not here means failure.\n",
        "| status | meaning |",
        "|---|---|",
    ]
    lines += [f"| {status} | {meaning} |" for status, meaning in EXITS]
    lines.append("\nIf several apply to one run: 143 > 130 > 70 > 7 > 4 > 6 > 8 > 10 > 1 > 5.\n")
    return "\n".join(lines)


def _report() -> str:
    schema = report_schema()
    parts = ["# The report\n", _MADE]
    parts.append(
        "`--summary-json PATH` writes it, `--ci` writes it under the state directory, `--json` prints it, and\n"
        "`dsync show` reads it back. `dsync schema --report` prints its JSON schema. Fields are only ever added.\n"
    )
    parts += [f"{schema['description']}\n", _fields(schema)]
    for name, part in schema["$defs"].items():
        if "properties" in part:
            parts += [f"## {name}\n", _fields(part)]
    return "\n".join(parts)


def _fields(schema: dict[str, Any]) -> str:
    lines = ["| field | type | meaning |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {_type(part)} | {part.get('description', '')} |" for name, part in schema["properties"].items()
    ]
    return "\n".join(lines) + "\n"


def _type(part: dict[str, Any]) -> str:
    if "$ref" in part:
        return part["$ref"].rpartition("/")[2]
    if "anyOf" in part:
        return " or ".join(_type(each) for each in part["anyOf"])
    if "enum" in part:
        return ", ".join("null" if value is None else f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    kind = part.get("type", "object")
    name = " or ".join(kind) if isinstance(kind, list) else kind
    return f"{name} of {_type(part['items'])}" if "items" in part else name


def main() -> int:
    check = "--check" in sys.argv
    stale = []
    for name, text in reference().items():
        path = FOLDER / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/reference/{name} {'is out of date: run make docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
