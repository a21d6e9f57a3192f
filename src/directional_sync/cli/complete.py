"""Completion of what is completed most, commands and target names, before anything is loaded.

Everything else (options, their values) is left to click, which answers the same for these, only later.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from directional_sync.cli.names import COMMANDS, target_names

_OPTIONS = ("-t", "--target")
_MANY = frozenset({"list", "plan", "run", "apply", "status", "verify"})
"""Commands that take target names one after the other."""
_ONE = frozenset({"diff", "log"})

_Item = tuple[str, str]
"""(value, help)"""


def answered(environ: Mapping[str, str]) -> bool:
    """Prints the completions that the shell asks for; False when that is left to click."""
    shell = environ["_DSYNC_COMPLETE"].partition("_")[0]
    words = _words(environ, shell)
    if words is None:
        return False
    found = _completed(*words)
    if found is None:
        return False
    sys.stdout.write("".join(_line(shell, item) + "\n" for item in found))
    return True


def _words(environ: Mapping[str, str], shell: str) -> tuple[list[str], str] | None:
    """(arguments before, the word that is begun); None when the line is not simple."""
    try:
        words = shlex.split(environ["COMP_WORDS"])
        if shell == "fish":
            begun = environ["COMP_CWORD"]
            before = words[1:-1] if begun and words[-1:] == [begun] else words[1:]
            return before, begun
        at = int(environ["COMP_CWORD"])
    except (KeyError, ValueError):
        return None
    return (words[1:at], words[at] if at < len(words) else "") if shell in ("bash", "zsh") else None


def _completed(before: list[str], begun: str) -> list[_Item] | None:
    if begun.startswith("-") or "=" in begun:
        return None
    if not before:
        return [(name, text) for name, (_, text) in COMMANDS.items() if name.startswith(begun)]
    command, *given = before
    plain = not any(word.startswith("-") for word in given)
    wanted = (command in _MANY and plain) or (command in _ONE and not given)
    if wanted or (command in _MANY and given[-1:] and given[-1] in _OPTIONS and "--config" not in given):
        return [(name, "") for name in target_names(None, Path.cwd()) if name.startswith(begun)]
    return None


def _line(shell: str, item: _Item) -> str:
    value, text = item
    if shell == "zsh":
        return f"plain\n{value}\n{text or '_'}"
    return f"plain,{value}\t{text}" if shell == "fish" and text else f"plain,{value}"
