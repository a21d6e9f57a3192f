"""A configuration file of Odoo, read as Odoo reads it: no interpolation, names in lower case, the last one counts."""

from __future__ import annotations

import configparser
from collections.abc import Mapping

OPTIONS = "options"


class NotAConf(Exception):
    """What is wrong with it, without a word of its content."""


def parse(content: bytes) -> dict[str, dict[str, str]]:
    """Section -> name -> value. Comments are dropped: they may hold what was once a password. Bytes that are not UTF-8
    are surrogate escapes. Raises NotAConf."""
    if b"\0" in content:
        raise NotAConf("it is a binary file")
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    parser = configparser.RawConfigParser(strict=False, default_section="\0")
    try:
        parser.read_file(lines)
    except configparser.Error as error:  # its text quotes the line
        raise NotAConf(f"line {_line(error)} is not of the form `name = value`") from None
    if OPTIONS not in parser:
        raise NotAConf("it has no section [options]")
    return {name: dict(parser.items(name)) for name in parser.sections()}


def addons_path(settings: Mapping[str, str]) -> list[str]:
    """The folders in the order in which they are searched."""
    return [part for part in (part.strip() for part in settings.get("addons_path", "").split(",")) if part]


def _line(error: configparser.Error) -> int:
    """The number of the line that is wrong; 0 when that is not known."""
    lines = getattr(error, "errors", None) or [(getattr(error, "lineno", None) or 0, "")]
    return int(lines[0][0])
