"""What stands in a pull request: the account of a target's commits, in Markdown, foreign text made harmless."""

from __future__ import annotations

from collections.abc import Sequence

from directional_sync.model.plan import Change, count
from directional_sync.model.record import TargetRecord
from directional_sync.render.github import markdown
from directional_sync.render.ink import amount, one_line
from directional_sync.render.plan import counted

TEXT_BYTES_MAX = 60_000
"""GitHub takes 65,536 characters."""
_TITLE_MAX = 120
_LISTED = 200


def title(target: str, changes: Sequence[Change]) -> str:
    """Begins with the same words for the same target always: by them it is recognised as ours."""
    text = one_line(f"Sync {target}: {counted(count(tuple(changes)))}")
    return text if len(text) <= _TITLE_MAX else text[: _TITLE_MAX - 1] + "…"


def text(target: str, changes: Sequence[Change], record: TargetRecord | None, *, marks: tuple[str, str]) -> str:
    """Between `marks`, so that what people write around it stays."""
    head = f"`directional-sync` keeps this branch up to date with what the target {markdown(target)} brings."
    lines = [head, "", f"**{counted(count(tuple(changes)))}**"]
    if record is not None and record.plan is not None:
        lines += [
            f"- {markdown(source.name)} at `{markdown(source.commit[:12])}`"
            for source in record.plan.sources[:_LISTED]
            if source.commit
        ]
    shown = [f"{change.sign} {_code(change.key)}" for change in changes[:_LISTED]]
    left = len(changes) - len(shown)
    more = [f"and {left} more"] if left > 0 else []
    summary = f"<summary>{amount(len(changes), 'file')}</summary>"
    lines += ["", "<details>", summary, "", "```diff", *shown, *more, "```", "", "</details>", ""]
    lines.append("Commits of people on this branch are never overwritten: then it is left alone, and the run says so.")
    return f"{marks[0]}\n{_cut(lines)}\n{marks[1]}"


def _code(text: str) -> str:
    """As a line inside a fence: nothing in it can end the fence."""
    return one_line(text).replace("```", "'''")


def _cut(lines: Sequence[str]) -> str:
    whole = "\n".join(lines)
    if len(whole.encode()) <= TEXT_BYTES_MAX:
        return whole
    return whole.encode()[:TEXT_BYTES_MAX].decode("utf-8", "ignore").rpartition("\n")[0] + "\n```\n\n</details>\n"
