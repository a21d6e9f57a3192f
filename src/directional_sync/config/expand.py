"""Environment variables in values: `$NAME`, `${NAME}`, `${NAME:-default}`, and `$$` for a dollar.

A variable that is set to nothing counts as not set: that is what a missing secret looks like on CI. Not expanded
are shell commands (the shell does that itself, with the variables that the target may see), regular
expressions and message templates (where `$` means something else), descriptions, keys, and the section `notify`,
whose addresses are looked up only when something is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from directional_sync.core.yaml12 import Path

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}"
    r"|(?P<bad>\{[^}]*\}?))"
)
_LITERAL_KEYS = frozenset(
    {"command", "secret_patterns", "description", "git_commit_message", "reason", "fingerprint", "env", "env_vars"}
)


@dataclass
class Expansion:
    """What came of a tree of values."""

    data: Any = None
    names: dict[Path, list[str]] = field(default_factory=dict)
    """Which variables a value refers to, set or not."""
    missing: dict[Path, list[str]] = field(default_factory=dict)
    """Which of them are not set and have no default; the value is left as it is written."""
    malformed: dict[Path, str] = field(default_factory=dict)
    """A reference that is not understood."""


def expand(data: Any, environ: Mapping[str, str]) -> Expansion:
    """Never raises; `data` is not changed."""
    result = Expansion()
    result.data = _tree(data, (), environ, result)
    return result


def _tree(data: Any, path: Path, environ: Mapping[str, str], result: Expansion) -> Any:
    if isinstance(data, dict):
        return {
            key: value if _literal(path, key) else _tree(value, (*path, key), environ, result)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [_tree(item, (*path, index), environ, result) for index, item in enumerate(data)]
    return _text(data, path, environ, result) if isinstance(data, str) and "$" in data else data


def _literal(path: Path, key: str) -> bool:
    if not path and key == "notify":
        return True
    return key in _LITERAL_KEYS and not ("config" in path[2:3] and key != "env_vars")


def _text(text: str, path: Path, environ: Mapping[str, str], result: Expansion) -> str:
    missing: list[str] = []

    def replace(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        if found["bad"]:
            result.malformed[path] = found.group()
            return found.group()
        name = found["name"] or found["braced"]
        result.names.setdefault(path, []).append(name)
        value = environ.get(name, "") or found["default"]
        if value is None:
            missing.append(name)
            return found.group()
        return value

    expanded = _REFERENCE.sub(replace, text)
    if missing:
        result.missing[path] = missing
        return text
    return expanded
