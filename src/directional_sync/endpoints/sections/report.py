"""The report of what still differs after a run: the same text for the same state, without a date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from directional_sync.core.escape import one_line
from directional_sync.endpoints.sections.parts import Part

_TITLES = {"mcp_servers": "MCP servers", "agents": "Agents", "skills": "Skills"}


def report(document: str, parts: Sequence[Part], left: Mapping[str, str]) -> bytes:
    """`left`: key -> why it still differs. One line that begins with a dash for each, and no other such line."""
    lines = [f"# Drift of {document}", ""]
    if not left:
        lines += [f"No differences: every entry of {document} is as it is on the other side.", ""]
    else:
        some = "1 difference waits" if len(left) == 1 else f"{len(left)} differences wait"
        lines += [f"{some} for a person.", ""]
        lines += [f"- `{one_line(key, 200)}`: {one_line(why, 300)}" for key, why in sorted(left.items())]
        lines += [""]
    lines += ["| Section | Entries |", "| ------: | :------ |"]
    lines += [f"| {part.section} | {_TITLES.get(part.name, part.name)} |" for part in parts]
    return ("\n".join(lines) + "\n").encode()
