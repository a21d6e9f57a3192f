"""What a data source says about its properties, and whether the file can own what it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from directional_sync.endpoints.notion.values import KINDS, WITH_OPTIONS

KEY_KINDS = ("rich_text", "title")


@dataclass(frozen=True, slots=True)
class Property:
    kind: str
    options: tuple[str, ...] = ()
    """Names of the options of a select, multi-select or status."""


@dataclass(frozen=True)
class DataSource:
    """One table of a database."""

    id: str
    properties: Mapping[str, Property]
    """By name."""

    def spelling(self, name: str) -> dict[str, str]:
        """An option's name in small letters -> as Notion spells it."""
        return {option.casefold(): option for option in self.properties[name].options}


@dataclass(frozen=True, slots=True)
class Owned:
    """One property as the file wants it."""

    name: str
    value: str | bool | int | float
    kind: str = ""
    """The type that it must have; "" for any."""


def owned(properties: Mapping[str, Any]) -> tuple[Owned, ...]:
    """What `properties` of the options says."""
    found = []
    for name, said in properties.items():
        if isinstance(said, str | bool | int | float):
            found.append(Owned(name, said))
        else:
            given = dict(said)
            found.append(Owned(name, given["value"], given.get("type") or ""))
    return tuple(found)


def read(value: Mapping[str, Any]) -> DataSource:
    """From the service's answer. Raises LookupError or TypeError for one of another shape."""
    properties = {}
    for name, given in value["properties"].items():
        kind = given["type"]
        options = given[kind]["options"] if kind in WITH_OPTIONS else ()
        properties[str(name)] = Property(str(kind), tuple(str(option["name"]) for option in options))
    return DataSource(str(value["id"]), properties)


def kept(source: DataSource) -> dict[str, Any]:
    """As JSON, for being kept; `read` understands it."""
    return {
        "id": source.id,
        "properties": {
            name: {"type": one.kind, one.kind: {"options": [{"name": option} for option in one.options]}}
            for name, one in source.properties.items()
        },
    }


def problems(source: DataSource, key_property: str, wanted: tuple[Owned, ...]) -> Iterator[str]:
    """Everything that keeps the file from owning what it names."""
    found = source.properties.get(key_property)
    if found is None:
        yield f"there is no property {key_property!r} for the external id; make one of type text"
    elif found.kind not in KEY_KINDS:
        yield f"the property {key_property!r} for the external id has the type {found.kind}; it must be text"
    for one in wanted:
        found = source.properties.get(one.name)
        if one.name == key_property:
            yield f"{one.name!r} holds the external id and cannot be owned beside"
        elif found is None:
            near = get_close_matches(one.name, source.properties, n=1, cutoff=0.6)
            yield f"there is no property {one.name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        elif found.kind not in KINDS:
            yield f"the property {one.name!r} has the type {found.kind}, which cannot be owned"
        elif one.kind and one.kind != found.kind:
            yield f"the property {one.name!r} has the type {found.kind}, and the file says {one.kind}"
