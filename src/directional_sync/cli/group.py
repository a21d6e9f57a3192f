"""The parser's root: commands are imported when they are used, and the seed's flags work without a command."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import cast

import click

from directional_sync.cli.names import ALIASES, COMMANDS

_ROOM = "directional_sync.cli.commands"


class Root(click.Group):
    """Knows its commands by name; imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        module, _, function = COMMANDS[name][0].partition(":")
        return cast(click.Command, getattr(importlib.import_module(f"{_ROOM}.{module}"), function))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._with_command(ctx, args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and args[0] not in ALIASES and not ctx.resilient_parsing:
            raise _unknown(args[0], ctx)
        return super().resolve_command(ctx, args)

    def _with_command(self, ctx: click.Context, args: Sequence[str]) -> list[str]:
        """`--dry-run --target x` means `run --dry-run --target x`; `-v plan` means `plan -v`."""
        if not args or not args[0].startswith("-") or args[0] in ("--help", "-h", "--version"):
            return list(args)
        command = self.get_command(ctx, "run")
        takes = _with_value(command) if command is not None else set()
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] != "--":
            at += 2 if args[at] in takes else 1
        if at < len(args) and (args[at] in COMMANDS or args[at] in ALIASES):
            return [args[at], *args[:at], *args[at + 1 :]]
        return ["run", *args]


def _with_value(command: click.Command) -> set[str]:
    """The options that take the next argument as their value."""
    options = [param for param in command.params if isinstance(param, click.Option)]
    return {name for option in options if not option.is_flag and not option.count for name in option.opts}


def _unknown(name: str, ctx: click.Context) -> click.UsageError:
    import difflib

    near = difflib.get_close_matches(name, [*COMMANDS, *ALIASES], n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return click.UsageError(f"There is no command {name!r}.{hint}", ctx=ctx)


@click.group(
    cls=Root,
    invoke_without_command=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The flags of scripts/sync_directional.py work here too: dsync --dry-run --target 'oca_*'. "
    "Exit statuses: dsync explain exit.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda *a: _version(*a),
    help="Print the version.",
)
def root() -> None:
    """Carry out the data flows that one YAML file names: planned, verified, committed whole or not at all."""


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from directional_sync import __version__

        click.echo(f"dsync {__version__}")
        ctx.exit()
