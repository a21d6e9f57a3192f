"""Notes of the last runs that travel with the repository, for machines whose clone is new each time, as in CI.

For each target one ref, `refs/directional-sync/ran/<target>`, names a blob: entries as reports have them, the newest
first. They are written only where a run is asked to, and losing them costs one run of each target.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from directional_sync.git.repository import Repository

REF = "refs/directional-sync/ran/"
_KEPT = 12
"""A streak of failures this long waits for the longest time already."""


def any_here(common_dir: Path) -> bool:
    """Whether there may be notes; starts no program."""
    packed = common_dir / "packed-refs"
    return (
        (common_dir / REF).is_dir()
        or (common_dir / "reftable").exists()
        or (packed.is_file() and REF.encode() in packed.read_bytes())
    )


def read(repository: Repository) -> dict[str, list[dict[str, Any]]]:
    """Target -> its entries; what cannot be read is left out."""
    said = repository.git.run("for-each-ref", "--format=%(refname)%00%(raw)%00", REF)
    fields = said.decode("utf-8", "replace").split("\0")
    found = {}
    for name, content in zip(fields[::2], fields[1::2], strict=False):
        try:
            entries = json.loads(content)
        except ValueError:
            continue
        if isinstance(entries, list):
            found[name.strip().removeprefix(REF)] = [entry for entry in entries if isinstance(entry, dict)]
    return found


def note(repository: Repository, report: Mapping[str, Any]) -> None:
    """Notes what ran, as the report of the run tells it. Raises HostError."""
    started, took = report["timestamp"], round(report["total_duration"])
    entries = {}
    for told in report["results"]:
        error = told.get("error")
        entry = {"outcome": told["outcome"], "started": started, "took": took, "scheduled": told.get("scheduled")}
        if error:
            entry["error"] = {"code": error["code"], "exit_status": error["exit_status"]}
        entries[told["target"]] = [entry]
    write(repository, entries)


def write(repository: Repository, entries: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Puts these entries, one list for each target, before those that are known; one that began when a new one did
    gives way to it. Raises HostError."""
    known, refs = read(repository), repository.git.refs(REF)
    moves = []
    for target, new in entries.items():
        begun = {entry.get("started") for entry in new}
        before = [entry for entry in known.get(target, []) if entry.get("started") not in begun]
        content = json.dumps([*new, *before][:_KEPT], sort_keys=True).encode()
        blob = repository.git.run("hash-object", "-w", "--stdin", stdin=content).decode("ascii").strip()
        moves.append((f"{REF}{target}", blob, refs.get(f"{REF}{target}", "")))
    if moves:
        repository.git.update_refs(moves)
