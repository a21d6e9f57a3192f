"""What a skill is: a folder with a file SKILL.md, by the public rules of Agent Skills (agentskills.io/specification).

---
name: pdf-forms
description: Fills in PDF forms. Use when somebody wants a form filled in.
license: MIT                          optional
compatibility: Needs pdftk            optional
metadata: {author: ada}               optional, text to text
allowed-tools: Read Bash(pdftk:*)     optional
---
Instructions, in Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from directional_sync.core.escape import one_line

if TYPE_CHECKING:
    from directional_sync.core.yaml12 import Document

FILE = "SKILL.md"
NAME_LENGTH_MAX = 64
DESCRIPTION_LENGTH_MAX = 1024
COMPATIBILITY_LENGTH_MAX = 500
BYTES_MAX = 1_000_000

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FENCE = re.compile(r"---[ \t]*")
_KNOWN = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One rule that a SKILL.md breaks."""

    message: str
    line: int = 0
    """1-based, in the file; 0 where it concerns the file as a whole."""

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


@dataclass(frozen=True)
class Skill:
    """What a SKILL.md says, and what is wrong with it."""

    fields: dict[str, Any] = field(default_factory=dict)
    """The frontmatter, as far as it could be read."""
    mistakes: tuple[Mistake, ...] = ()
    """In the order of their lines. With any of them it is no skill."""
    unknown: tuple[str, ...] = ()
    """Keys that the rules do not know. Some clients have keys of their own, so these are no mistakes."""


def name_mistake(name: str) -> str:
    """Why `name` is no name of a skill; "" when it is one."""
    if not name:
        return "it is empty"
    if len(name) > NAME_LENGTH_MAX:
        return f"it has {len(name)} characters, at most {NAME_LENGTH_MAX} are allowed"
    if not _NAME.fullmatch(name):
        return "it may hold small letters a-z, digits and single hyphens between them"
    return ""


def parse(content: bytes, folder: str) -> Skill:
    """The SKILL.md in a folder of the name `folder`, with every rule that it breaks."""
    if len(content) > BYTES_MAX:
        return Skill(mistakes=(Mistake(f"it has {len(content):,} bytes, at most {BYTES_MAX:,} are allowed"),))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Skill(mistakes=(Mistake("it is not UTF-8", content.count(b"\n", 0, error.start) + 1),))
    found = _frontmatter(text)
    if isinstance(found, Mistake):
        return Skill(mistakes=(found,))
    from directional_sync.core.yaml12 import read  # its library takes longer to load than most runs take

    document = read(f"\n{found}".encode(), FILE)  # the line of dashes, so that lines are those of the file
    mistakes = [Mistake(one_line(problem.message), problem.line) for problem in document.problems]
    data = document.data
    if not isinstance(data, dict):
        return Skill(mistakes=tuple(mistakes) or (Mistake("the frontmatter is no mapping of keys to values", 1),))
    broken = {mistake.line for mistake in mistakes}
    mistakes += [mistake for mistake in _mistakes(data, document, folder) if mistake.line not in broken]
    unknown = tuple(key for key in data if key not in _KNOWN)
    return Skill(data, tuple(sorted(mistakes, key=lambda mistake: mistake.line)), unknown)


def _frontmatter(text: str) -> str | Mistake:
    """The YAML between the first line and the next one of three dashes."""
    lines = text.replace("\r\n", "\n").split("\n")
    if not _FENCE.fullmatch(lines[0]):
        return Mistake("it must begin with frontmatter: a line of three dashes", 1)
    for number, line in enumerate(lines[1:], 1):
        if _FENCE.fullmatch(line):
            return "\n".join(lines[1:number]) + "\n"
    return Mistake("the frontmatter is never closed by a second line of three dashes", 1)


def _mistakes(data: dict[str, Any], document: Document, folder: str) -> Iterator[Mistake]:
    def at(key: str) -> int:
        return document.near((key,), key=True).line

    for key in ("name", "description"):
        if key not in data:
            yield Mistake(f"`{key}` is missing", 1)
    if "name" in data:
        why = _name(data["name"], folder)
        if why:
            yield Mistake(why, at("name"))
    for key, most in (("description", DESCRIPTION_LENGTH_MAX), ("compatibility", COMPATIBILITY_LENGTH_MAX)):
        if key in data:
            why = _text(data[key], most)
            if why:
                yield Mistake(f"`{key}` {why}", at(key))
    for key in ("license", "allowed-tools"):
        if key in data and not isinstance(data[key], str):
            yield Mistake(f"`{key}` must be text", at(key))
    if "metadata" in data:
        yield from _metadata(data["metadata"], document)


def _name(value: object, folder: str) -> str:
    if not isinstance(value, str):
        return "`name` must be text"
    why = name_mistake(value)
    if why:
        return f"`name` {one_line(value, 80)!r}: {why}"
    return f"`name` is {value}, but the folder is {one_line(folder, 80)}" if value != folder else ""


def _text(value: object, most: int) -> str:
    if not isinstance(value, str):
        return "must be text"
    if not value.strip():
        return "is empty"
    return f"has {len(value):,} characters, at most {most:,} are allowed" if len(value) > most else ""


def _metadata(value: object, document: Document) -> Iterator[Mistake]:
    if not isinstance(value, dict):
        yield Mistake("`metadata` must be a mapping", document.near(("metadata",), key=True).line)
        return
    for key, item in value.items():
        if not isinstance(item, str):
            line = document.near(("metadata", key), key=True).line
            yield Mistake(f"`metadata`: the value of {one_line(key, 80)!r} must be text; put it in quotes", line)
