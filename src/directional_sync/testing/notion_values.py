"""How the stand-in for Notion checks what it is given and what it makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_RUN_MAX = 2000
_ITEMS_MAX = 100
_BLOCKS_MAX = 1000
_RUN_SHOWN = 1200
"""Longer runs come back in parts."""


class Invalid(Exception):
    """What the API answers with validation_error."""


KINDS: Mapping[str, Any] = {
    "title": {"title": []},
    "rich_text": {"rich_text": []},
    "number": {"number": None},
    "select": {"select": None},
    "status": {"status": None},
    "multi_select": {"multi_select": []},
    "date": {"date": None},
    "checkbox": {"checkbox": False},
    "url": {"url": None},
    "email": {"email": None},
    "phone_number": {"phone_number": None},
    "people": {"people": []},
    "relation": {"relation": []},
    "formula": {"formula": {}},
    "files": {"files": []},
}
"""Type -> the value of a property that nobody has set."""


def stored(about: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """What a property holds after it was given `value`. New options are added to `about`. Raises Invalid."""
    kind = about["type"]
    given = {key: one for key, one in value.items() if key not in ("id", "type")}
    if list(given) != [kind]:
        raise Invalid(f"{list(given)} is expected to be {kind}.")
    if kind in ("formula", "files") and given[kind]:
        raise Invalid(f"{kind} cannot be written here")
    keeper = _KEEPERS.get(kind)
    return {kind: keeper(given[kind], about) if keeper is not None else given[kind]}


def _texts(found: Any, about: Mapping[str, Any]) -> Any:
    _list(found)
    kept = []
    for run in found:
        content = run["text"]["content"]
        if not isinstance(content, str) or sum(1 + (c > "\uffff") for c in content) > _RUN_MAX:
            raise Invalid(f"content.length should be ≤ `{_RUN_MAX}`")
        parts = [content[at : at + _RUN_SHOWN] for at in range(0, len(content), _RUN_SHOWN)]
        kept += [{"type": "text", "text": {"content": part}, "plain_text": part, "href": None} for part in parts]
    return kept


def _number(found: Any, about: Mapping[str, Any]) -> Any:
    if found is not None and (isinstance(found, bool) or not isinstance(found, int | float)):
        raise Invalid("number should be a number")
    return int(found) if isinstance(found, float) and found.is_integer() else found


def _option(found: Any, about: Mapping[str, Any]) -> Any:
    return None if found is None else _named(found["name"], about)


def _options(found: Any, about: Mapping[str, Any]) -> Any:
    _list(found)
    named = [_named(option["name"], about) for option in found]
    known = [option["name"] for option in about[about["type"]]["options"]]
    return sorted(named, key=lambda option: known.index(option["name"]))


def _named(name: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    """The option of this name, whatever its case; a new one where there is none and there may be."""
    options = about[about["type"]]["options"]
    if not isinstance(name, str) or not name or "," in name or len(name) > 100:
        raise Invalid(f"Invalid select option, {name!r}")
    for option in options:
        if option["name"].casefold() == name.casefold():
            return dict(option)
    if about["type"] == "status":
        raise Invalid(f"Invalid status option. Status option {name!r} does not exist.")
    options.append({"id": f"o{len(options)}", "name": name})
    return dict(options[-1])


def _date(found: Any, about: Mapping[str, Any]) -> Any:
    if found is None:
        return None
    end = found.get("end")
    return {"start": _moment(found["start"]), "end": _moment(end) if end else None, "time_zone": None}


def _moment(value: str) -> str:
    try:
        if _DAY.match(value):
            return datetime.fromisoformat(value).date().isoformat()
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Invalid(f"{value!r} should be a valid ISO 8601 date string") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC, second=0, microsecond=0).isoformat(timespec="milliseconds")


def _tick(found: Any, about: Mapping[str, Any]) -> Any:
    if not isinstance(found, bool):
        raise Invalid("checkbox should be a boolean")
    return found


def _line(found: Any, about: Mapping[str, Any]) -> Any:
    if found is not None and (not isinstance(found, str) or not found):
        raise Invalid(f"{about['type']} should be a non-empty string or null")
    if about["type"] == "email" and found is not None and "@" not in found:
        raise Invalid("email should be a valid email")
    return found


def _ids(found: Any, about: Mapping[str, Any]) -> Any:
    _list(found)
    if not all(_UUID.match(item["id"]) for item in found):
        raise Invalid("id should be a valid uuid")
    return [{"object": "user", "id": item["id"]} if about["type"] == "people" else {"id": item["id"]} for item in found]


def _list(found: Any) -> None:
    if not isinstance(found, list) or len(found) > _ITEMS_MAX:
        raise Invalid(f"length should be ≤ `{_ITEMS_MAX}`")


_KEEPERS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "title": _texts,
    "rich_text": _texts,
    "number": _number,
    "select": _option,
    "status": _option,
    "multi_select": _options,
    "date": _date,
    "checkbox": _tick,
    "url": _line,
    "email": _line,
    "phone_number": _line,
    "people": _ids,
    "relation": _ids,
}


def check_blocks(blocks: Any) -> None:
    """Raises Invalid for blocks that the API would not take in one request."""
    if _counted(blocks, 1) > _BLOCKS_MAX:
        raise Invalid(f"body.children has more than {_BLOCKS_MAX} blocks")


def _counted(blocks: Any, level: int) -> int:
    if level > 2:
        raise Invalid("body.children is nested too deeply")
    _list(blocks)
    count = 0
    for block in blocks:
        inside = block[block["type"]]
        if "rich_text" in inside:
            _texts(inside["rich_text"], {})
        count += 1 + (_counted(inside["children"], level + 1) if inside.get("children") else 0)
    return count
