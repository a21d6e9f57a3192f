"""What waits for approval, as people read it before they approve it: everything hidden made visible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from directional_sync.core.escape import visible
from directional_sync.model.approval import Ask
from directional_sync.model.record import TargetRecord
from directional_sync.render.ink import Ink, Style, amount, one_line, shorten
from directional_sync.render.problems import run_problems


def listed(asks: Sequence[Ask], ink: Ink, lines_max: int) -> list[str]:
    """Each with its content, at most `lines_max` lines of it."""
    lines: list[str] = []
    for ask in asks:
        lines.append(f"{ink.paint(one_line(ask.key), Style.STRONG)}  {one_line(ask.why)}")
        lines.append(ink.paint(f"  sha256 {ask.sha256}", Style.QUIET))
        lines += _content(ask.content, ink, lines_max)
        lines.append("")
    return lines[:-1]


def _content(content: bytes, ink: Ink, lines_max: int) -> list[str]:
    if b"\0" in content:
        return ["  | (not text; look at it with a program for files of its kind)"]
    found = visible(content.decode("utf-8", "surrogateescape")).expandtabs(4).split("\n")
    while found and not found[-1]:
        found.pop()
    shown = [f"  | {shorten(line, max(20, 10 * ink.width))}" for line in found[:lines_max]]
    left = len(found) - lines_max
    return [*shown, f"  and {amount(left, 'more line')}: --lines {len(found)}"] if left > 0 else shown


def nothing(record: TargetRecord, ink: Ink) -> str:
    """Why nothing is listed: nothing waits, or the target did not come as far as a plan."""
    problems = [] if record.success else run_problems([record], ink)
    return "\n".join(problems).rstrip() if problems else "nothing waits for approval"


def uncommitted(path: str) -> str:
    return f"everything that waits is approved in {path}, which is not committed yet\n{_commit(path)}"


def approved(number: int, path: str) -> str:
    return f"approved {amount(number, 'thing')} in {path}; a run goes by what is committed\n{_commit(path)}"


def _commit(path: str) -> str:
    return f"  git add {path} && git commit -m 'Approve' {path}   then: dsync run"


def document(target: str, asks: Sequence[Ask], path: str) -> dict[str, Any]:
    """What `--json` prints."""
    waiting = [{"key": ask.key, "sha256": ask.sha256, "why": ask.why} for ask in asks]
    return {"target": target, "approved" if path else "waiting": waiting, "path": path or None}
