"""The file in which people's approvals stand, beside the YAML: made by `dsync approve`, committed and reviewed like any
other change, and never written by a run.

    version: 1
    approved:
      skillsmith_catalog:
      - {key: "docs/claude-code-skills/pdf/scripts/fill.py", sha256: "9f86...", why: "a Python program"}

Who approved, and when, is what git says of the commit that brought the line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from directional_sync.core.yaml12 import read
from directional_sync.model.approval import Approvals, Ask

FILE = "approved.yaml"
VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEAD = """\
# What people have looked at and approved, each by its place and the sha256 of its content. A run installs programs and
# other things that act by themselves only when they stand here. `dsync approve TARGET` adds lines; taking a line out
# takes the approval back. Review changes of this file like changes of code.
"""


def path_beside(lock_path: str) -> str:
    """Where the file is, relative to the repository root; `lock_path` is that of the lock."""
    folder = lock_path.rpartition("/")[0]
    return f"{folder}/{FILE}" if folder else FILE


def parse(content: bytes) -> Approvals:
    """Never raises: what is wrong with the file is in `broken`, and then nothing is approved."""
    document = read(content, FILE)
    if document.problems:
        problem = document.problems[0]
        return Approvals(broken=f"line {problem.line}: {problem.message}" if problem.line else problem.message)
    try:
        return Approvals({target: dict(_of(entries)) for target, entries in _targets(document.data).items()})
    except ValueError as error:
        return Approvals(broken=str(error))


def _targets(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) - {"version", "approved"}:
        raise ValueError("it holds `version` and `approved`, and nothing else")
    if data.get("version") != VERSION:
        raise ValueError(f"its version is {data.get('version')!r}; this program reads version {VERSION}")
    found = {} if data.get("approved") is None else data["approved"]
    if not isinstance(found, dict):
        raise ValueError("`approved` holds the names of targets")
    return found


def _of(entries: Any) -> Iterator[tuple[str, frozenset[str]]]:
    found: dict[str, set[str]] = {}
    for entry in entries if isinstance(entries, list) else [{}]:
        fits = isinstance(entry, dict) and {"key", "sha256"} <= set(entry) <= {"key", "sha256", "why"}
        if not fits or not isinstance(entry["key"], str) or not _SHA256.fullmatch(str(entry["sha256"])):
            raise ValueError("each approval has a `key` and a `sha256` of 64 small hexadecimal digits")
        found.setdefault(entry["key"], set()).add(entry["sha256"])
    for key, digests in found.items():
        yield key, frozenset(digests)


def added(content: bytes, target: str, asks: Sequence[Ask]) -> bytes:
    """The file, once `asks` are approved for `target`. What was approved of other content at the same key goes: it is
    no longer what would be installed. Deterministic, sorted, one approval a line. Raises ValueError for a file that
    cannot be read."""
    entries = _entries(content)
    own = {key: entry for key, entry in entries.get(target, {}).items() if key not in {ask.key for ask in asks}}
    own |= {ask.key: [(ask.sha256, ask.why)] for ask in asks}
    entries[target] = own
    return _dumped(entries)


_Entries = dict[str, dict[str, list[tuple[str, str]]]]


def _entries(content: bytes) -> _Entries:
    approvals = parse(content) if content else Approvals()
    if approvals.broken:
        raise ValueError(approvals.broken)
    data = (read(content, FILE).data if content else None) or {}
    found: _Entries = {}
    for target, entries in (data.get("approved") or {}).items():
        for entry in entries:
            found.setdefault(target, {}).setdefault(entry["key"], []).append((entry["sha256"], entry.get("why", "")))
    return found


def _dumped(entries: _Entries) -> bytes:
    lines = [f"version: {VERSION}", "approved:"]
    for target, own in sorted(entries.items()):
        lines.append(f"  {json.dumps(target)}:")
        for key, approved in sorted(own.items()):
            for sha256, why in sorted(approved):
                # JSON's text is YAML's; escapes keep what cannot be seen visible.
                said = {"key": json.dumps(key), "sha256": json.dumps(sha256), "why": json.dumps(why)}
                lines.append("    - {" + ", ".join(f"{name}: {value}" for name, value in said.items()) + "}")
    return (_HEAD + "\n".join(lines) + "\n").encode()
