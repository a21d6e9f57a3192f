"""What a mapping of a settings file says as a record, and which of its keys have to change for another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directional_sync.core.sections.form import Kind, Record, Unsayable, Value, tidy

GONE: Any = object()
"""In what `wanted` answers: the key is removed."""


class Unlike(ValueError):
    """A key holds what is no value of its field; the message names it, and does not show it."""


def record(data: object, kinds: Mapping[str, Kind]) -> Record:
    """The fields that `data`, as a parser has it, says. Keys that are no fields do not count. Raises Unlike."""
    if not isinstance(data, dict):
        raise Unlike("it is no mapping of keys to values")
    return tidy({field: _value(field, data[field], kind) for field, kind in kinds.items() if field in data})


def _value(field: str, found: object, kind: Kind) -> Value:
    if found is None:
        return ""
    if kind is Kind.NAMES:
        if not isinstance(found, dict):
            raise Unlike(f"`{field}` is no mapping of names to values")
        return sorted(found)
    if kind is Kind.LIST:
        if isinstance(found, str):
            return [item.strip() for item in found.split(",") if item.strip()]
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise Unlike(f"`{field}` is no list of texts")
        return list(found)
    if not isinstance(found, str):
        raise Unlike(f"`{field}` is no text")
    return " ".join(found.split()) if kind is Kind.TEXT else found


def wanted(data: Mapping[str, Any], target: Mapping[str, Value], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Field -> what its key is to hold, or GONE, for each field that `data` does not say as `target` does. Of names
    that are there already the values stay; new ones come with an empty value, for a person to fill in. Raises Unlike,
    and Unsayable where the value would not come back."""
    now, then = record(dict(data), kinds), tidy(target)
    found: dict[str, Any] = {}
    for field, kind in kinds.items():
        if now.get(field) == then.get(field):
            continue
        value = then.get(field)
        if value is None:
            found[field] = GONE
        elif kind is Kind.NAMES:
            kept = data.get(field) or {}
            found[field] = {name: kept.get(name, "") for name in (*[n for n in kept if n in value], *value)}
        elif kind is Kind.LIST and isinstance(data.get(field), str) and not any("," in item for item in value):
            found[field] = ", ".join(value)
        else:
            found[field] = value
        if found[field] is not GONE and _value(field, found[field], kind) != value:
            raise Unsayable(f"`{field}` would not come back as it is")
    return found
