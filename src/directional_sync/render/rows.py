"""Changes of records as people read them: property by property, the old value and the new one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from directional_sync.model.plan import Change, Conflict, FileDiff, Side, Sign
from directional_sync.render.diff import mask
from directional_sync.render.ink import Ink, Style, amount, cells, one_line, shorten

LISTED = 12
_VALUE_MAX = 60
_STYLES = {Sign.ADD: Style.GOOD, Sign.CHANGE: Style.CHANGED, Sign.DELETE: Style.BAD}
_INDENT = "      "
_MISSING = object()


def changes(given: Sequence[Change], ink: Ink, diffs: Sequence[FileDiff], *, every: bool) -> list[str]:
    """One by one with their properties as far as they are known; after the first few they are counted, unless
    `every`."""
    known = {diff.key: diff for diff in diffs if diff.edited is None}
    shown = given if every else given[:LISTED]
    lines = [line for change in shown for line in _change(change, known.get(change.key), ink)]
    left = len(given) - len(shown)
    return [*lines, f"    and {amount(left, 'more row')}  (--show all)"] if left > 0 else lines


def _change(change: Change, diff: FileDiff | None, ink: Ink) -> list[str]:
    before, after = (_fields(diff.before), _fields(diff.after)) if diff is not None else (None, None)
    head = f"  {change.sign} {one_line(change.key)}"
    if change.sign is Sign.CHANGE and before is not None and after is not None:
        parts = differences(before, after)
    elif change.sign is Sign.ADD and after is not None:
        parts = [_named(name, _text(value)) for name, value in after.items() if value not in (None, False)]
    else:
        parts = []
    return [ink.paint(line, _STYLES[change.sign]) for line in _laid_out(head, parts, ink)]


def conflict(given: Conflict, diffs: Sequence[FileDiff], ink: Ink) -> list[str]:
    """Its key, and of each property that differs all three values."""
    head = f"  x {one_line(given.key)}  changed on both sides"
    diff = next((diff for diff in diffs if diff.key == given.key), None)
    here, there = (_fields(diff.before), _fields(diff.after)) if diff is not None else (None, None)
    parts: list[str] = []
    if diff is not None and here is not None and there is not None:
        was = _fields(diff.base) or {}
        for name in _names(here, there):
            if here.get(name) != there.get(name):
                values = f"here {_text(here.get(name))}, there {_text(there.get(name))}"
                before = f", before {_text(was[name])}" if name in was else ""
                parts.append(_named(name, values + before))
    return [ink.paint(line, Style.BAD) for line in [head, *_below(parts, ink)]]


def edits(key: str, diffs: Sequence[FileDiff], ink: Ink) -> list[str]:
    """What somebody edited on the far side, property by property; [] when it is not known."""
    diff = next((diff for diff in diffs if diff.key == key and diff.edited is Side.REMOTE), None)
    before, after = (_fields(diff.before), _fields(diff.after)) if diff is not None else (None, None)
    if diff is not None and diff.after is None:
        return [ink.paint(f"{_INDENT}removed there", Style.CHANGED)]
    if before is None or after is None:
        return []
    return [ink.paint(line, Style.CHANGED) for line in _below(differences(before, after), ink)]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """`Status: Todo -> Done` for each property that differs; safe to print."""
    return [
        _named(name, f"{_text(before.get(name))} -> {_text(after.get(name))}")
        for name in _names(before, after)
        if before.get(name, _MISSING) != after.get(name, _MISSING)
    ]


def _names(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys((*one, *other)))


def _named(name: str, words: str) -> str:
    """The name with what is said of it; a value whose name sounds sensitive is left out."""
    return mask(f"{one_line(name)}: {words}")


def _text(value: Any) -> str:
    if value is None or value == "":
        return "(nothing)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value)
    return shorten(one_line(str(value)), _VALUE_MAX)


def _fields(content: bytes | None) -> dict[str, Any] | None:
    """The properties of a record; None when it is absent, or no mapping."""
    try:
        found = json.loads(content) if content is not None else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _laid_out(head: str, parts: Sequence[str], ink: Ink) -> list[str]:
    """On one line where that is wide enough."""
    line = f"{head}   {'; '.join(parts)}" if parts else head
    return [line] if cells(line) <= ink.width else [shorten(head, ink.width), *_below(parts, ink)]


def _below(parts: Sequence[str], ink: Ink) -> list[str]:
    return [_INDENT + shorten(part, ink.width - len(_INDENT)) for part in parts]
