"""The parts of a target, as its options say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from directional_sync.core.sections.form import Form, Kind


class Far(StrEnum):
    """What stands on the far side of a part."""

    SETTINGS = "settings"
    FOLDER = "folder"
    """A file for each entry."""
    SKILLS = "skills"
    """A folder for each entry, with its SKILL.md."""


_SERVER = {
    "command": Kind.CODE,
    "args": Kind.LIST,
    "env": Kind.NAMES,
    "url": Kind.CODE,
}
_AGENT = {"model": Kind.CODE, "tools": Kind.LIST}
_USUAL: Mapping[str, tuple[Far, str, Mapping[str, Kind]]] = {
    "mcp_servers": (Far.SETTINGS, "", _SERVER),
    "agents": (Far.FOLDER, "description", _AGENT),
    "skills": (Far.SKILLS, "description", {}),
    "settings": (Far.SETTINGS, "", {}),
}


@dataclass(frozen=True)
class Part:
    name: str
    section: int
    far: Far
    place: str
    """A path in the repository, or an absolute one outside of it."""
    at: tuple[str, ...]
    form: Form

    @property
    def outside(self) -> bool:
        return self.place.startswith("/")

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return self.form.kinds


def parts(options: Any) -> tuple[Part, ...]:
    return tuple(_part(one) for one in options.parts)


def _part(said: Any) -> Part:
    usual = next(name for name in _USUAL if getattr(said, name) is not None)
    far, text, kinds = _USUAL[usual]
    text = text if said.text is None else said.text
    fields = {name: name for name in kinds}
    if said.fields is not None:
        fields = {name: field.key for name, field in said.fields.items()}
        kinds = {field.key: Kind(field.kind) for field in said.fields.values()}
    if text:
        kinds = {text: Kind.TEXT, **kinds}
    at = ("mcpServers",) if usual == "mcp_servers" else tuple(key for key in said.at.split(".") if key)
    return Part(said.name or usual, said.section, far, str(getattr(said, usual)), at, Form(fields, kinds, text))
