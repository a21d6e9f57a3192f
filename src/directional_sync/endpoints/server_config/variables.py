"""Variables: of a process as /proc has them, or of an environment file as docker and systemd read it."""

from __future__ import annotations

import re

_NAME = re.compile(r"[^\s=\0][^=\0]*\Z")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"\s*\Z|'([^']*)'\s*\Z", re.DOTALL)


class NotVariables(Exception):
    """What is wrong, without a word of the content."""


def of_process(content: bytes) -> dict[str, str]:
    """Name -> value of /proc/PID/environ. Bytes that are not UTF-8 are surrogate escapes. Of a name that is there twice
    the first counts, as for the process itself. Raises NotVariables where the process has overwritten its environment
    (many do for a title in the list of processes): what is there then is never taken for the variables."""
    if content and not content.endswith(b"\0"):
        raise NotVariables("it ends in the middle of a variable")
    pieces = content.decode("utf-8", "surrogateescape").split("\0")[:-1]
    if not any(pieces):
        raise NotVariables("there is nothing in it: the process has overwritten it, or was started without any")
    found: dict[str, str] = {}
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if not equals or not _NAME.match(name):
            raise NotVariables("it is not a list of variables: the process has overwritten it")
        found.setdefault(name, value)
    return found


def of_file(content: bytes) -> dict[str, str]:
    """Name -> value of a file with lines `NAME=value`. A value in quotes is taken without them and may go over several
    lines; comments are dropped; the last of several counts. Raises NotVariables."""
    if b"\0" in content:
        raise NotVariables("it is a binary file")
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: dict[str, str] = {}
    at = 0
    while at < len(lines):
        number, line = at + 1, lines[at].strip()
        at += 1
        if not line or line[0] in "#;":
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        name = name.rstrip()
        if not _NAME.match(name) or any(char.isspace() for char in name):
            raise NotVariables(f"line {number} is not of the form NAME=value")
        if not equals:
            continue  # docker takes the value from its own environment, which is not to be seen here
        value = value.lstrip()
        while _open(value) and at < len(lines):
            value, at = f"{value}\n{lines[at]}", at + 1
        if _open(value):
            raise NotVariables(f"the quotation that begins in line {number} does not end")
        found[name] = _unquoted(value)
    return found


def _open(value: str) -> bool:
    """Whether a quotation begins with `value` and has not ended."""
    if value[:1] == "'":
        return "'" not in value[1:]
    return value[:1] == '"' and not re.match(r'"(?:[^"\\]|\\.)*"', value, re.DOTALL)


def _unquoted(value: str) -> str:
    quoted = _QUOTED.match(value)
    if not quoted:
        return value.rstrip()
    double, single = quoted.groups()
    return single if double is None else re.sub(r'\\(["\\$`])', r"\1", double)
