"""What is about to happen to the branch and the work tree, written down before it happens.

One file for each transaction, whole or not there at all, under the state directory. As long as it is there the
transaction is not finished; whoever finds it while holding the run lock carries it to its end or forgets it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directional_sync.errors import HostError
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import Repository
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import Entry
from directional_sync.system import host

_FORMAT = 1


@dataclass(frozen=True)
class Journal:
    """One transaction."""

    token: str
    """Its own id; sorts by time, and is part of every temporary name it uses."""
    run: str
    target: str
    root: Path
    """The work tree it writes to."""
    branch: str
    """In full; "" when nothing is committed."""
    old: str
    """The commit the branch was at."""
    new: str
    """The commit it moves to; "" when nothing is committed."""
    moves: tuple[RefMove, ...]
    """The refs that move together with the branch."""
    changes: tuple[Change, ...]
    """What becomes of the work tree."""


def write(repository: Repository, journal: Journal) -> None:
    """Puts it down, durably. Raises HostError; then there is none."""
    content = {
        "format": _FORMAT,
        "run": journal.run,
        "target": journal.target,
        "root": str(journal.root),
        "branch": journal.branch,
        "old": journal.old,
        "new": journal.new,
        "moves": [list(move) for move in journal.moves],
        "changes": [
            [c.key, c.before.mode, c.before.digest, c.after.mode, c.after.digest] for c in journal.changes
        ],
    }  # fmt: skip
    host.atomic_write(_path(repository, journal.token), json.dumps(content).encode("ascii"))


def remove(repository: Repository, token: str) -> None:
    """The transaction is over."""
    path = _path(repository, token)
    with host.host_errors(path):
        path.unlink(missing_ok=True)


def pending(repository: Repository) -> list[str]:
    """The tokens of all transactions that are not over, oldest first. Only looks."""
    try:
        return sorted(path.stem for path in _folder(repository).iterdir() if path.suffix == ".json")
    except (FileNotFoundError, NotADirectoryError):
        return []


def read(repository: Repository, token: str) -> Journal:
    """Raises HostError E-JOURNAL when it was written by a newer version, or is not one of ours."""
    path = _path(repository, token)
    try:
        with host.host_errors(path):
            content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']}")
        return _journal(token, content)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise HostError(
            "E-JOURNAL",
            f"the journal of an interrupted run cannot be read: {path} ({error})",
            hint="run the newer version that wrote it; or, when you are content with the work tree as it is, "
            f"remove it: rm {path}",
            kept="nothing was changed",
        ) from error


def _journal(token: str, content: dict[str, Any]) -> Journal:
    return Journal(
        token=token,
        run=content["run"],
        target=content["target"],
        root=Path(content["root"]),
        branch=content["branch"],
        old=content["old"],
        new=content["new"],
        moves=tuple(RefMove(*move) for move in content["moves"]),
        changes=tuple(_change(*change) for change in content["changes"]),
    )


def _change(key: str, old_mode: str, old: str, new_mode: str, new: str) -> Change:
    return Change(key, Entry(old, old_mode), Entry(new, new_mode))


def leftovers(repository: Repository) -> Sequence[Path]:
    """Temporary files of killed runs: of journals, and of what else only the holder of the run lock writes."""
    found: list[Path] = []
    for folder in (_folder(repository), repository.state):
        with suppress(FileNotFoundError, NotADirectoryError):
            found += [path for path in folder.iterdir() if path.name.startswith(".dsync-tmp-")]
    return found


def _folder(repository: Repository) -> Path:
    return repository.state / "journal"


def _path(repository: Repository, token: str) -> Path:
    return _folder(repository) / f"{token}.json"
