"""Names that are known without loading anything: of the commands, and of the targets, read from the file by eye.

For completion, where a shell waits: parsing arguments and file as commands do would take too long."""

from __future__ import annotations

import os
import re
from pathlib import Path

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("setup:init", "Prepare a repository: the YAML, the runner script and the workflow."),
    "validate": ("setup:validate", "Check the YAML; every mistake at once, with its place."),
    "list": ("look:list_targets", "List the targets, their schedules and last runs."),
    "plan": ("run:plan", "Show what a run would do, with the real differences; write nothing."),
    "run": ("run:run", "Sync the targets: plan, judge, apply, commit, prove."),
    "status": ("look:status", "Show drift: what differs now, and what was left unfinished."),
    "schedule": ("schedule:schedule", "Show what is due, overdue, and comes next."),
    "daemon": ("schedule:daemon", "Run what is due, whenever it is, until told to stop."),
    "diff": ("look:diff", "Show the differences of one target, and what was edited here."),
    "conflicts": ("conflicts:conflicts", "List what changed on both sides and waits for a person."),
    "resolve": ("conflicts:resolve", "Settle conflicts of a target, and run it."),
    "approve": ("approve:approve", "Show what of a target waits for approval, and approve it."),
    "verify": ("run:verify", "Run checks, verifications and drift gates on what is committed now."),
    "prune": ("run:prune", "Remove what came from sources and targets that left the file."),
    "deliver": ("share:deliver", "Push what runs have committed and what targets agreed on."),
    "base": ("share:base", "Fetch or push what targets agreed on, without running them."),
    "log": ("look:log", "List past runs; or how long and how well targets went."),
    "show": ("look:show", "Show one past run in full."),
    "rollback": ("rewind:rollback", "Take one run back: files, state, and what it wrote to far sides."),
    "undo": ("rewind:undo", "Take the newest run back; once more, the one before it."),
    "redo": ("rewind:redo", "Take the newest undoing back."),
    "recover": ("setup:recover", "Finish or undo what a killed run left."),
    "notify": ("notify:notify", "Show who is told of what; send a test, or what is still to be told."),
    "doctor": ("setup:doctor", "Check this machine and this repository; say how to mend what is wrong."),
    "explain": ("explain:explain", "Explain an error code, a target, a field of the YAML or a schedule."),
    "skills": ("skills:skills", "Check a folder of skills, or print the catalogue that names them."),
    "schema": ("setup:schema", "Print the JSON schema of the YAML, or of the report."),
    "workflow": ("setup:workflow", "Print the GitHub Actions workflow that fits the YAML, or check it."),
    "demo": ("demo:demo", "Show all of it on a scratch repository, with upstreams and services on this machine."),
    "completion": ("setup:completion", "Print the completion script for a shell."),
}
"""Name -> (module:function, short help), in the order of a first acquaintance."""

ALIASES = {"apply": "run"}

_PLACES = (".insightpulse/sync.yaml", "sync.yaml")


def target_names(config: str | None, start: Path) -> list[str]:
    """The keys right under `targets:`, in file order; [] when there is no file or it is written otherwise."""
    for path in _candidates(config, start):
        try:
            return _names(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return []


def _candidates(config: str | None, start: Path) -> list[Path]:
    named = config or os.environ.get("DIRECTIONAL_SYNC_CONFIG")
    if named:
        return [start / named]
    return [folder / place for folder in (start, *start.parents) for place in _PLACES]


def _names(text: str) -> list[str]:
    found: list[str] = []
    indent = None
    inside = False
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        depth = len(line) - len(line.lstrip(" "))
        if depth == 0:
            inside = bool(re.match(r"targets\s*:", line))
        elif inside:
            indent = depth if indent is None else indent
            if depth == indent and (key := re.match(r"""\s*["']?([\w.-]+)["']?\s*:""", line)):
                found.append(key[1])
    return found
