"""How an entrypoint is started: by its ending, its first line or as it is; and what is wrong where it cannot be."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from directional_sync.errors import ScriptError

_KEPT = "nothing was run and nothing was changed"
_FIRST_LINE_BYTES = 512


def resolve(entrypoint: str, folder: Path, here: Path, environment: Mapping[str, str], place: str) -> list[str]:
    """The words that start `entrypoint` in the checkout `folder`. A name without a slash that is no file there is
    a program on PATH. `here` is the user's work tree, for telling what was forgotten; `place` where the entrypoint
    was written. Raises ScriptError: E-SCRIPT-MISSING, -NOT-EXECUTABLE, -CRLF, -INTERPRETER."""
    path = Path(os.path.normpath(folder / entrypoint))
    if not path.exists():
        program = shutil.which(entrypoint, path=environment["PATH"]) if "/" not in entrypoint else None
        if program:
            return [program]
        raise _missing(entrypoint, path, here, place)
    if not path.is_file():
        raise ScriptError(
            "E-SCRIPT-MISSING",
            f"the entrypoint {entrypoint} is not a program but {'a folder' if path.is_dir() else 'something else'}",
            place=place,
            hint="name the program itself",
            kept=_KEPT,
        )
    first = _first_line(path)
    if path.suffix == ".py":
        return [sys.executable, str(path)]
    if first.startswith(b"#!") and first.endswith(b"\r"):
        raise ScriptError(
            "E-SCRIPT-CRLF",
            f"{entrypoint} has Windows line ends: its first line would start a program called "
            f"{_words(first)[-1]!r} with a carriage return in its name",
            place=place,
            hint=f"sed -i 's/\\r$//' {entrypoint} && git commit -m 'Mend line ends' {entrypoint}",
            kept=_KEPT,
        )
    if path.suffix == ".sh":
        return [_interpreter("bash", entrypoint, environment, place), str(path)]
    if not os.access(path, os.X_OK):
        raise ScriptError(
            "E-SCRIPT-NOT-EXECUTABLE",
            f"{entrypoint} may not be executed, and its name does not end in .py or .sh",
            place=place,
            hint=f"git update-index --chmod=+x {entrypoint} && chmod +x {entrypoint}, then commit it",
            kept=_KEPT,
        )
    if first.startswith(b"#!"):
        words = _words(first)
        by_env = len(words) > 1 and words[0].rpartition("/")[2] == "env" and not words[1].startswith("-")
        _interpreter(words[1] if by_env else words[0] if words else "", entrypoint, environment, place)
    return [str(path)]


def cannot_start(entrypoint: str, error: OSError, place: str) -> ScriptError:
    """The error for a program that the system refused to start."""
    return ScriptError(
        "E-SCRIPT-INTERPRETER",
        f"{entrypoint} cannot be started: {error.strerror or error}",
        place=place,
        hint="its first line must name an interpreter that is installed here, for example #!/usr/bin/env bash",
        kept=_KEPT,
    )


def _missing(entrypoint: str, path: Path, here: Path, place: str) -> ScriptError:
    if path.is_symlink():
        what, hint = "is a link to nothing", "let the link point to a file that is committed too"
    elif (here / entrypoint).exists():
        what = "is not in the branch, only in your work tree; programs are run as they are committed"
        hint = f"git add {entrypoint} && git commit -m 'Add {Path(entrypoint).name}'"
    elif " " in entrypoint.strip():
        what, hint = "was not found", "arguments do not belong here: put them into `args: [...]`"
    elif "/" in entrypoint:
        what, hint = "was not found in the branch", "check the spelling; the path is relative to the repository's root"
    else:
        what, hint = "is neither a file in the branch nor a program on PATH", "check the spelling, or install it"
    return ScriptError("E-SCRIPT-MISSING", f"the entrypoint {entrypoint} {what}", place=place, hint=hint, kept=_KEPT)


def _interpreter(name: str, entrypoint: str, environment: Mapping[str, str], place: str) -> str:
    found = shutil.which(name, path=environment["PATH"]) if name else None
    if found:
        return found
    raise ScriptError(
        "E-SCRIPT-INTERPRETER",
        f"{entrypoint} needs the interpreter {name!r}, which was not found",
        place=place,
        hint=f"install it, or mend the first line of {entrypoint}",
        kept=_KEPT,
    )


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline(_FIRST_LINE_BYTES).removesuffix(b"\n")


def _words(first: bytes) -> list[str]:
    return first[2:].decode("utf-8", "replace").split()
