"""In words: what was not carried over as it was, for a person at a terminal, for the file itself, and as data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from directional_sync.config.onramp.base import Fate, LeftOver
from directional_sync.render.ink import Ink, Style, filled, one_line

_TITLES = {
    Fate.LOST: "not carried over",
    Fate.CHANGED: "carried over in another form",
    Fate.NEEDLESS: "not needed any more",
}
_PLACES = 6
"""So many lines are named of something that occurs often."""


def text(left_over: Sequence[LeftOver], name: str, ink: Ink) -> str:
    """Everything, the grave first; what is said alike is said once. "" when nothing is left over."""
    lines: list[str] = []
    for fate, title in _TITLES.items():
        alike = _alike(one for one in left_over if one.fate is fate)
        if alike:
            count = sum(len(group) for group in alike)
            lines.append(ink.paint(f"{title} ({count})", Style.BAD if fate is Fate.LOST else Style.STRONG))
        for group in alike:
            lines += filled(f"{_places(group, name)}  {_sentence(group)}", ink, first="  ", rest="      ")
            if group[0].instead:
                lines += filled(f"instead: {one_line(group[0].instead)}", ink, first="      ", rest="      ")
    return "\n".join(lines)


def comments(left_over: Iterable[LeftOver], name: str, of: Collection[str]) -> list[str]:
    """For the YAML: what a reader of it must know about the folders `of` ("": about the whole file)."""
    lines = []
    for group in _alike(one for one in left_over if one.fate is not Fate.NEEDLESS and one.of in of):
        instead = f"; {group[0].instead}" if group[0].instead else ""
        lines.append(one_line(f"{_places(group, name)}: {_sentence(group)}{instead}"))
    return lines


def data(left_over: Iterable[LeftOver], name: str) -> list[dict[str, Any]]:
    """For `--json`."""
    return [
        {
            "fate": one.fate.value, "path": name, "line": one.line, "of": one.of, "what": one.what, "why": one.why,
            "instead": one.instead,
        }
        for one in left_over
    ]  # fmt: skip


def _alike(left_over: Iterable[LeftOver]) -> list[list[LeftOver]]:
    """Those that differ in their place alone are one."""
    found: dict[tuple[str, str, str], list[LeftOver]] = {}
    for one in left_over:
        found.setdefault((one.what, one.why, one.instead), []).append(one)
    return list(found.values())


def _places(group: Sequence[LeftOver], name: str) -> str:
    lines = sorted({one.line for one in group if one.line})
    if not lines:
        return one_line(name)
    named = ", ".join(map(str, lines[:_PLACES]))
    more = f" and {len(lines) - _PLACES} more" if len(lines) > _PLACES else ""
    return f"{one_line(name)}:{named}{more}"


def _sentence(group: Sequence[LeftOver]) -> str:
    one = group[0]
    folders = list(dict.fromkeys(each.of for each in group))
    of = "" if "" in folders else f" of {folders[0]}" if len(folders) == 1 else f" of {len(folders)} folders"
    return one_line(f"{one.what}{of}: {one.why}")
