"""What a repository stands at: its HEAD, refs and configuration, for telling whether a program moved any of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

OURS = "refs/directional-sync/"


def standing(git_dir: Path) -> dict[str, str]:
    """Name -> value of HEAD (of linked work trees too), every ref but our own, and the configuration. `git_dir` is
    the common git directory."""
    found = {name: _text(git_dir / name) for name in ("HEAD", "config")}
    found["config"] = hashlib.sha256(found["config"].encode("utf-8", "surrogateescape")).hexdigest()
    for head in git_dir.glob("worktrees/*/HEAD"):
        found[f"worktrees/{head.parent.name}/HEAD"] = _text(head)
    if (git_dir / "reftable").is_dir():
        found["refs"] = _text(git_dir / "reftable" / "tables.list")
        return found
    for line in _text(git_dir / "packed-refs").splitlines():
        digest, _, name = line.partition(" ")
        if name.startswith("refs/"):
            found[name] = digest
    for folder, folders, names in os.walk(git_dir / "refs"):
        relative = Path(folder).relative_to(git_dir).as_posix()
        if f"{relative}/".startswith(OURS):
            folders.clear()
            continue
        for name in names:
            if not name.endswith(".lock"):
                found[f"{relative}/{name}"] = _text(Path(folder) / name)
    return {name: value for name, value in found.items() if not name.startswith(OURS)}


def moved(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names whose value is another one, or that came or went, in order."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
