"""`.env` at the root of the repository: variables for this machine, read only where git ignores the file.

A line is `NAME=value` or `export NAME=value`; empty lines and lines that begin with `#` are skipped. A value may
stand in single quotes (taken as it is) or double quotes (`\\n`, `\\"`, `\\\\` and `\\$` are understood). Nothing
is expanded, nothing runs. What the environment already sets wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from directional_sync.errors import ConfigError, Problem

NAME = ".env"
_BYTES_MAX = 1_000_000
_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)")
_QUOTED = re.compile(r"""'([^']*)'[ \t]*(?:\#.*)?|"((?:[^"\\]|\\.)*)"[ \t]*(?:\#.*)?""")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def environment(root: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ`, and below it what `.env` in `root` says. Raises ConfigError E-DOTENV-TRACKED when git tracks that
    file, and E-DOTENV with every line that is not understood. A `.env` that git neither tracks nor ignores is not
    read: the next `git add` would make it public."""
    path = root / NAME
    if not path.is_file():
        return environ
    if _git(root, "ls-files", "--error-unmatch", "--", NAME):
        hint = f"git rm --cached {NAME} && echo {NAME} >> .gitignore, and change what is secret in it"
        message = "this file is tracked by git, so its secrets are in the history"
        problem = Problem(message, NAME, hint=hint, code="E-DOTENV-TRACKED")
        raise ConfigError([problem], code="E-DOTENV-TRACKED")
    if not _git(root, "check-ignore", "--quiet", "--", NAME):
        return environ
    found = dict(_variables(path))
    return {**found, **{name: value for name, value in environ.items() if value or name not in found}}


def _git(root: Path, *arguments: str) -> bool:
    """Whether git says yes. The user's own ignore rules count here."""
    from directional_sync.git import plumbing

    argv = ["-c", "core.fsmonitor=false", *arguments]
    return plumbing.start(argv, env=plumbing.users_own(), cwd=root, timeout_s=30).status == 0


def _variables(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open("rb") as file:
            text = file.read(_BYTES_MAX).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(f"it cannot be read: {error}", NAME, code="E-DOTENV")], code="E-DOTENV") from error
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _LINE.fullmatch(stripped)
        value = _value(found[2]) if found else None
        if found is None or value is None:
            # The line itself is not shown: it may hold a secret.
            hint = "write NAME=value, or quote the value"
            problems.append(Problem("this line is not understood", NAME, number, 1, hint=hint, code="E-DOTENV"))
        else:
            yield found[1], value
    if problems:
        raise ConfigError(problems, code="E-DOTENV")


def _value(text: str) -> str | None:
    if text[:1] not in ("'", '"'):
        return re.split(r"(?:^|[ \t])#", text)[0].rstrip()
    found = _QUOTED.fullmatch(text)
    if found is None:
        return None
    if found[1] is not None:
        return found[1]
    return re.sub(r"\\(.)", lambda escaped: _ESCAPES.get(escaped[1], escaped[1]), found[2])
