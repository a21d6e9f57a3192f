"""From the bytes of a file to what they name, whatever they are."""

from __future__ import annotations

import re
from dataclasses import replace

from directional_sync.config.onramp import gitmodules
from directional_sync.config.onramp.base import REPOSITORIES_MAX, Around, Fate, Format, Found, LeftOver
from directional_sync.config.onramp.detect import KNOWN, READERS, by_content, by_name
from directional_sync.core import yaml12
from directional_sync.core.yaml12 import Document
from directional_sync.errors import ConfigError, Problem

UNKNOWN, MISTAKES, NOTHING = "E-ONRAMP-UNKNOWN", "E-ONRAMP-MISTAKE", "E-ONRAMP-NOTHING"


def find(content: bytes, name: str, around: Around) -> Found:
    """What the file called `name` names. Raises ConfigError: E-ONRAMP-UNKNOWN when it is none of the known formats or
    could be several, E-ONRAMP-MISTAKE with every line that is not understood, E-ONRAMP-NOTHING when no repository is
    left, with the reasons."""
    document = _read(content, name)
    found: Found = READERS[_format(document, name)].read(document, around)
    if document.problems:
        raise _mistakes(document.problems)
    if len(found.repositories) > REPOSITORIES_MAX:
        message = f"the file names {len(found.repositories):,} repositories, at most {REPOSITORIES_MAX:,} are taken"
        raise _mistakes([Problem(message, name, hint="carry it over in parts")])
    if not found.repositories:
        raise nothing(name, found.left_over)
    return found


def nothing(name: str, left_over: tuple[LeftOver, ...]) -> ConfigError:
    """The error for a file of which nothing can be carried over."""
    problems = [
        Problem(f"{one.of + ': ' if one.of else ''}{one.what}: {one.why}", name, one.line, 1, hint=one.instead)
        for one in left_over
        if one.fate is Fate.LOST
    ] or [Problem("it names no repository", name)]
    hint = f"nothing of {name} can be carried over; `dsync init` writes a YAML to begin with"
    return ConfigError([replace(one, code=NOTHING) for one in problems], code=NOTHING, hint=hint)


def _read(content: bytes, name: str) -> Document:
    text = content[: yaml12.BYTES_MAX + 1].decode("utf-8-sig", "replace")
    if not gitmodules.looks_so(text) and by_name(name) is not Format.GITMODULES:
        return yaml12.read(content, name, merges=True)
    lines = re.split("\r?\n", text)
    document = Document(name, lines)
    if len(content) > yaml12.BYTES_MAX or "\ufffd" in text:
        document.problems.append(Problem("the file is too large, or is not UTF-8", name))
    return document


def _format(document: Document, name: str) -> Format:
    named = by_name(name)
    if document.lines and (named is Format.GITMODULES or gitmodules.looks_so("\n".join(document.lines))):
        return Format.GITMODULES
    shapes = by_content(document)
    if len(shapes) == 1:
        return shapes[0]
    if document.problems and (shapes or named or isinstance(document.data, dict)):
        raise _mistakes(document.problems)
    if named is not None and (named in shapes or not document.data):
        return named
    if shapes:
        message = f"{name} could be a file of {' or of '.join(shapes)}"
        hint = "give it the usual name of the one that it is"
    else:
        message, hint = f"{name} is no configuration that is known here", f"known are {KNOWN}"
    raise ConfigError([Problem(message, hint=hint, code=UNKNOWN)], code=UNKNOWN)


def _mistakes(problems: list[Problem]) -> ConfigError:
    return ConfigError([replace(problem, code=MISTAKES) for problem in problems], code=MISTAKES)
