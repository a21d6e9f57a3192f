"""Conflicts that wait, for people and for machines."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from directional_sync.core.escape import one_line
from directional_sync.model.wish import Waiting
from directional_sync.render.ink import Ink, Style

if TYPE_CHECKING:
    from directional_sync.core.versions import Versions

_SIDES = ("base", "repo", "remote")


def item(target: str, one: Waiting) -> dict[str, Any]:
    """One conflict as JSON, without its contents."""
    conflict = one.conflict
    return {
        "target": target,
        "key": conflict.key,
        "since": one.since,
        "why": conflict.why,
        "clashes": list(conflict.clashes),
        **{name: getattr(conflict, name).digest or None for name in _SIDES},
        "withheld": one.withheld,
    }


def version(one: Versions) -> dict[str, Any]:
    """One conflict as JSON, with its contents; what is no text is told by size and sha256."""
    conflict = one.waiting.conflict
    absent = {name: not getattr(conflict, name).present for name in _SIDES}
    texts = {name: None if absent[name] else _text(getattr(one, name), one.waiting) for name in _SIDES}
    places = [
        {"id": clash.id, "place": clash.place.value, "base": clash.base, "repo": clash.repo, "remote": clash.remote}
        for clash in one.clashes
    ]
    return {
        "key": conflict.key,
        "since": one.waiting.since,
        "why": conflict.why,
        **texts,
        "clashes": places or [{"id": name} for name in conflict.clashes],
    }


def _text(content: bytes | None, waiting: Waiting) -> str:
    if content is None:
        return "(not kept here: a gate refuses it)" if waiting.withheld else "(not at hand)"
    try:
        if b"\0" not in content:
            return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    return f"({len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()})"


def listed(rows: Sequence[tuple[str, Sequence[Waiting]]], ink: Ink) -> list[str]:
    """All that waits, by target, and how to go on."""
    if not rows:
        return ["no conflicts wait"]
    lines = []
    for name, waiting in rows:
        lines.append(ink.paint(one_line(name), Style.STRONG))
        for one in waiting:
            why = f"  {one_line(one.conflict.why, 100)}" if one.conflict.why else ""
            lines.append(ink.paint(f"  x {one_line(one.conflict.key)}", Style.BAD) + f"{why}  since {one.since}")
    total = sum(len(waiting) for _, waiting in rows)
    first = rows[0][0]
    lines += ["", f"{total} {'conflict waits' if total == 1 else 'conflicts wait'}"]
    lines += [f"  dsync conflicts show {first}", f"  dsync resolve {first} --take repo|remote|both|merged"]
    return lines


def shown(target: str, found: Sequence[Mapping[str, Any]], ink: Ink, lines_max: int) -> list[str]:
    """All versions of each."""
    if not found:
        return [f"no conflicts wait in {one_line(target)}"]
    lines: list[str] = []
    for one in found:
        lines.append(ink.paint(f"x {one_line(one['key'])}", Style.BAD) + f"  since {one['since']}")
        if one["why"]:
            lines.append(f"  {one_line(one['why'], 200)}")
        places = [clash for clash in one["clashes"] if "repo" in clash]
        for clash in places:
            lines.append(ink.paint(f"  @ {one_line(clash['id'])}", Style.STRONG))
            lines += _sides(clash, lines_max)
        if not places:
            lines += _sides(one, lines_max)
    return lines


def _sides(values: Mapping[str, Any], lines_max: int) -> list[str]:
    lines = []
    for name in _SIDES:
        text = values[name]
        rows = ["(absent)"] if text is None else str(text).splitlines() or ["(empty)"]
        lines.append(f"    {name}:")
        lines += [f"      {one_line(row, 500)}" for row in rows[:lines_max]]
        lines += [f"      and {len(rows) - lines_max} more lines"] if len(rows) > lines_max else []
    return lines
