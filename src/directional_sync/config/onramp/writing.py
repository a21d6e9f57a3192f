"""The text of our YAML for what was carried over."""

from __future__ import annotations

import re
from typing import Any

from directional_sync.config.onramp.base import Carried, Format, Target
from directional_sync.config.onramp.telling import comments
from directional_sync.core.escape import one_line

_TOOLS = {
    Format.GIT_AGGREGATOR: "git-aggregator",
    Format.VCSTOOL: "vcstool",
    Format.VENDIR: "vendir",
    Format.WEST: "west",
    Format.GITMODULES: "git submodule",
}
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_PAUSED = "paused: true # as it was inactive there; remove this line to have it"


def yaml(carried: Carried, name: str, schema: str) -> str:
    """The whole file. `name` is what was carried over, `schema` where the JSON schema lies as seen from the file."""
    lines = [
        f"# yaml-language-server: $schema={schema}",
        "#",
        f"# Carried over from {one_line(name)}, the configuration of {_TOOLS[carried.format]}. Check it with",
        "# `dsync validate`, preview with `dsync plan`, run with `dsync run`. Every key is explained by",
        "# `dsync explain KEY`.",
    ]
    known = {one.of for target in carried.targets for one in target.repositories}
    rest = comments(carried.left_over, name, {one.of for one in carried.left_over} - known)
    if rest:
        lines += ["#", "# What else was there:", *(f"#   {line}" for line in rest)]
    lines += ["", 'version: "1.0"', "", "targets:"]
    for number, target in enumerate(carried.targets):
        remarks = comments(carried.left_over, name, {one.of for one in target.repositories})
        lines += [*([""] if number else []), *(f"  # {line}" for line in remarks), *_target(target)]
    return "\n".join([*lines, ""])


def _target(target: Target) -> list[str]:
    lines = [f"  {_key(target.name)}:", "    direction: pull"]
    if target.paused:
        lines.append(f"    {_PAUSED}")
    lines += ["    remote:", "      type: git"]
    for key, value in target.remote.items():
        if key in ("names", "paths", "exclude", "merge"):
            lines += [f"      {key}:", *(f"        - {quoted(item)}" for item in value)]
        elif key == "repositories":
            lines += [f"      {key}:", *(f"        {_key(one)}: {_flow(own)}" for one, own in value.items())]
        else:
            lines.append(f"      {key}: {quoted(value)}")
    return [*lines, "    outputs:", *(f"      - {quoted(glob)}" for glob in target.outputs)]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return quoted(str(value))


def _key(name: str) -> str:
    """A name before a colon; in quotes where an old reader of YAML would take it for something else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name) and name.lower() not in _WORDS
    return name if plain else quoted(name)


def quoted(text: str) -> str:
    """Text in double quotes, which mean the same to every reader of YAML."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08X}" for char in plain) + '"'
