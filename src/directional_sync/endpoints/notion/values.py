"""Values of properties in three forms, and the ways between them.

    raw      what a record of the repository holds, or a template makes of it: text, number, list
    plain    what is compared and shown: one form for each meaning, whoever wrote it
    Notion   what the service sends and takes

Notion gives back other bytes than it was given: text in runs, dates with zones and milliseconds, options in the
spelling that they had first. Plain values are equal exactly when a person would call them the same: text without its
outer white space and with plain line ends, moments in UTC and to the minute, lists that have no order sorted, nothing
as None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

Plain = str | int | float | bool | list[str] | None

RUN_MAX = 2000
"""UTF-16 units that Notion takes in one run of text."""
RUNS_MAX = 100
OPTION_MAX = 100
LIST_MAX = 100
SHOWN_MAX = 25
"""Of people and relations, pages show so many."""
_LONG_MAX = {"url": 2000, "email": 200, "phone_number": 200}
_EXACT_MAX = 2**53
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})?\Z")
_ID = re.compile(r"[0-9a-f]{32}\Z")
_YES, _NO = ("true", "yes", "1"), ("false", "no", "0", "")


class BadValue(ValueError):
    """A raw value that is none of the property's type; its text says why."""


class Unreadable(ValueError):
    """A property that cannot be looked at, or not as a whole; its text says why."""


def text(value: str) -> str | None:
    """Text as it is compared."""
    return value.replace("\r\n", "\n").replace("\r", "\n").strip() or None


def identifier(value: str) -> str:
    """A Notion id with its dashes, from one with or without. Raises BadValue."""
    bare = value.strip().replace("-", "").lower()
    if not _ID.match(bare):
        raise BadValue(f"{value!r} is no Notion id (32 hex digits)")
    return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))


# from Notion


def seen(given: Mapping[str, Any]) -> Plain:
    """The plain form of a page's property. Raises Unreadable, and LookupError or TypeError for what has another
    shape than it should."""
    kind = given["type"]
    if kind not in _SEEN:
        raise Unreadable(f"properties of type {kind} are not compared")
    return _SEEN[kind](given[kind], given)


def plain_text(runs: Sequence[Mapping[str, Any]]) -> str:
    """The text of runs, as it stands."""
    return "".join(str(run["plain_text"]) for run in runs)


def _seen_list(found: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> Plain:
    if given.get("has_more") or len(found) >= SHOWN_MAX:
        raise Unreadable(f"it has {SHOWN_MAX} or more entries, of which the service does not show all")
    return sorted(str(one["id"]) for one in found) or None


def _seen_date(found: Mapping[str, Any] | None, given: Mapping[str, Any]) -> Plain:
    if found is None:
        return None
    zone = found.get("time_zone")
    ends = [moment(str(end), zone) for end in (found["start"], found.get("end")) if end]
    return "/".join(dict.fromkeys(ends))


def moment(value: str, zone: str | None = None) -> str:
    """A day as it is, a moment in UTC to the minute: `2026-01-31T09:00Z`. One without an offset is in `zone`, or in
    UTC. Raises BadValue."""
    try:
        if _DAY.match(value):
            return date.fromisoformat(value).isoformat()
        if not _MOMENT.match(value):
            raise ValueError
        found = datetime.fromisoformat(value.upper())
        if found.tzinfo is None:
            found = found.replace(tzinfo=_zone(zone))
        return found.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="minutes") + "Z"
    except (ValueError, OverflowError, KeyError):
        raise BadValue(f"{value!r} is no date like 2026-01-31, nor a moment like 2026-01-31T09:00+08:00") from None


def _zone(name: str | None) -> Any:
    if not name:
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _number(value: float) -> int | float:
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < _EXACT_MAX)
    return int(value) if whole else value


_SEEN: Mapping[str, Callable[[Any, Mapping[str, Any]], Plain]] = {
    "title": lambda found, given: text(plain_text(found)),
    "rich_text": lambda found, given: text(plain_text(found)),
    "number": lambda found, given: None if found is None else _number(found),
    "select": lambda found, given: None if found is None else str(found["name"]),
    "status": lambda found, given: None if found is None else str(found["name"]),
    "multi_select": lambda found, given: sorted(str(option["name"]) for option in found) or None,
    "date": _seen_date,
    "checkbox": lambda found, given: bool(found),
    "url": lambda found, given: None if found is None else text(found),
    "email": lambda found, given: None if found is None else text(found),
    "phone_number": lambda found, given: None if found is None else text(found),
    "people": _seen_list,
    "relation": _seen_list,
}
KINDS = tuple(sorted(_SEEN))
"""Types of properties that can be owned."""
WITH_OPTIONS = ("select", "multi_select", "status")


# from the repository


def wanted(raw: Any, kind: str, spelling: Mapping[str, str] | None = None) -> Plain:
    """The plain form of a raw value for a property of this type. `spelling`: an option's name in small letters -> as
    Notion spells it. Raises BadValue."""
    return _WANTED[kind](raw, spelling or {})


def _words(raw: Any, what: str) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return str(raw)
    if not isinstance(raw, str):
        raise BadValue(f"a {'list' if isinstance(raw, list) else 'mapping'} is no {what}")
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise BadValue("it holds half a character (a lone surrogate)") from None
    return raw


def _wanted_text(raw: Any, spelling: Mapping[str, str]) -> Plain:
    if isinstance(raw, list):
        raw = ", ".join(_words(item, "text") for item in raw)
    found = text(_words("" if raw is None else raw, "text"))
    if found is not None and len(runs(found)) > RUNS_MAX:
        raise BadValue(f"it is longer than the {RUN_MAX * RUNS_MAX:,} characters that Notion takes")
    return found


def _wanted_line(kind: str) -> Callable[[Any, Mapping[str, str]], Plain]:
    def found(raw: Any, spelling: Mapping[str, str]) -> Plain:
        words = text(_words("" if raw is None else raw, kind))
        if words is not None and len(words) > _LONG_MAX[kind]:
            raise BadValue(f"it is longer than the {_LONG_MAX[kind]:,} characters that Notion takes")
        return words

    return found


def _wanted_number(raw: Any, spelling: Mapping[str, str]) -> Plain:
    if isinstance(raw, str) and not raw.strip():
        return None
    if raw is None:
        return None
    try:
        if isinstance(raw, bool):
            raise ValueError
        number = float(raw.strip().replace("_", "x") if isinstance(raw, str) else raw)
    except (ValueError, TypeError, OverflowError):
        raise BadValue(f"{raw!r} is no number") from None
    if not math.isfinite(number) or abs(number) >= _EXACT_MAX:
        raise BadValue(f"{raw!r} is no number that Notion keeps exactly")
    return _number(number)


def _wanted_option(raw: Any, spelling: Mapping[str, str]) -> Plain:
    name = text(_words("" if raw is None else raw, "option"))
    return None if name is None else _option(name, spelling)


def _option(name: str, spelling: Mapping[str, str]) -> str:
    if "," in name:
        raise BadValue(f"{name!r} has a comma, which no option may have")
    if len(name) > OPTION_MAX:
        raise BadValue(f"{name!r} is longer than the {OPTION_MAX} characters of an option")
    return spelling.get(name.casefold(), name)


def _listed(raw: Any) -> list[str]:
    items = raw if isinstance(raw, list) else _words("" if raw is None else raw, "list").split(",")
    found = [name for item in items if (name := text(_words(item, "text")))]
    if len(found) > LIST_MAX:
        raise BadValue(f"it has {len(found)} entries, and Notion takes {LIST_MAX}")
    return found


def _wanted_options(raw: Any, spelling: Mapping[str, str]) -> Plain:
    names: dict[str, str] = {}
    for name in _listed(raw):
        names.setdefault(name.casefold(), _option(name, spelling))
    return sorted(names.values()) or None


def _wanted_ids(raw: Any, spelling: Mapping[str, str]) -> Plain:
    found = sorted({identifier(name) for name in _listed(raw)})
    if len(found) >= SHOWN_MAX:
        raise BadValue(f"it has {len(found)} entries, and only up to {SHOWN_MAX - 1} can be compared")
    return found or None


def _wanted_date(raw: Any, spelling: Mapping[str, str]) -> Plain:
    if isinstance(raw, dict):
        if not raw.keys() <= {"start", "end"} or not raw.get("start"):
            raise BadValue("a mapping is a date with `start`, and perhaps `end`")
        raw = "/".join(_words(raw[name], "date") for name in ("start", "end") if raw.get(name))
    words = text(_words("" if raw is None else raw, "date"))
    if words is None:
        return None
    ends = [moment(end.strip()) for end in words.split("/")]
    if len(ends) > 2 or (len(ends) == 2 and (len(ends[0]) != len(ends[1]) or ends[0] > ends[1])):
        raise BadValue(f"{words!r} is no period from one day or moment to a later one")
    return "/".join(dict.fromkeys(ends))


def _wanted_tick(raw: Any, spelling: Mapping[str, str]) -> Plain:
    word = _words("" if raw is None else raw, "yes or no").strip().lower()
    if word not in _YES and word not in _NO:
        raise BadValue(f"{raw!r} is neither true nor false")
    return word in _YES


_WANTED: Mapping[str, Callable[[Any, Mapping[str, str]], Plain]] = {
    "title": _wanted_text,
    "rich_text": _wanted_text,
    "number": _wanted_number,
    "select": _wanted_option,
    "status": _wanted_option,
    "multi_select": _wanted_options,
    "date": _wanted_date,
    "checkbox": _wanted_tick,
    "url": _wanted_line("url"),
    "email": _wanted_line("email"),
    "phone_number": _wanted_line("phone_number"),
    "people": _wanted_ids,
    "relation": _wanted_ids,
}


# to Notion


def sent(plain: Plain, kind: str) -> dict[str, Any]:
    """A property as the service takes it, from a plain value of this type."""
    if kind in ("title", "rich_text"):
        return {kind: runs(str(plain)) if plain is not None else []}
    if kind in ("select", "status"):
        return {kind: None if plain is None else {"name": plain}}
    if isinstance(plain, list) or kind in ("multi_select", "people", "relation"):
        items = plain if isinstance(plain, list) else []
        return {kind: [_entry(item, kind) for item in items]}
    if kind == "date" and plain is not None:
        start, _, end = str(plain).replace("Z", ":00Z").partition("/")
        return {kind: {"start": start, **({"end": end} if end else {})}}
    return {kind: plain}


def _entry(item: str, kind: str) -> dict[str, Any]:
    if kind == "people":
        return {"object": "user", "id": item}
    return {"id": item} if kind == "relation" else {"name": item}


def runs(content: str) -> list[dict[str, Any]]:
    """Text in runs that are each as long as Notion takes, no character cut in two."""
    found, start, width = [], 0, 0
    for at, character in enumerate(content):
        step = 2 if character > "\uffff" else 1
        if width + step > RUN_MAX:
            found.append(content[start:at])
            start, width = at, 0
        width += step
    found.append(content[start:])
    return [{"type": "text", "text": {"content": run}} for run in found]
