"""Git's lock files that nobody holds any more.

A git that was killed leaves its `.lock` files behind, and every later git refuses to work. Whoever holds the
run lock may take such a file away, but never that of a git that lives: on Linux the table of processes says
which these are; elsewhere only age does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from directional_sync.git.repository import Repository
from directional_sync.system import host
from directional_sync.system.processes import Living, age_s, living

MARK = b"directional-sync "
"""How a lock file begins that this program made itself; the token of the journal follows."""

TEMPORARY = b"/.dsync-tmp-"
"""In the path of every folder that this program fills beside its place."""
_FOREIGN_AGE_S = 2.0
"""How old a lock must be that no living process explains: other programs than git hold one for an instant."""
_BLIND_AGE_S = 600.0
"""How old it must be where processes cannot be seen."""
_LINGER_S = 10.0
_POLL_S = 0.05


def remove_stale(repository: Repository, *, interrupted: bool) -> list[str]:
    """Removes the lock files that are in this program's way and that nobody holds; answers their paths. Needs
    the run lock held. `interrupted`: a journal is there, so that a run of ours was killed and what nobody holds
    is ours, however young it is."""
    found = [path for path in _locks(repository) if _is_stale(repository, path, interrupted)]
    for path in found:
        with suppress(FileNotFoundError), host.host_errors(path):
            path.unlink()
    return [str(path) for path in found]


def is_stale(repository: Repository, lock: Path) -> bool:
    """Whether nobody holds `lock`, as far as can be seen."""
    return _is_stale(repository, lock, False)


def await_own_git(repository: Repository) -> bool:
    """Waits, at most 10 s, until no git that a killed run of ours has started still moves refs or writes files here.
    Answers whether all is quiet."""
    deadline = host.monotonic() + _LINGER_S
    while any(_is_own(process) for process in _near(repository) or ()):
        if host.monotonic() > deadline:
            return False
        host.pause(_POLL_S)
    return True


def _is_own(process: Living) -> bool:
    return process.git and (b"update-ref" in process.arguments or TEMPORARY in process.here)


def _locks(repository: Repository) -> Iterator[Path]:
    common = repository.common_dir
    candidates = [
        repository.git_dir / "index.lock",
        repository.git_dir / "HEAD.lock",
        common / "HEAD.lock",
        common / "packed-refs.lock",
        common / "shallow.lock",
        common / "reftable" / "tables.list.lock",
        common / f"{repository.branch}.lock",
    ]
    own = common / "refs" / "directional-sync"
    if own.is_dir():
        candidates += sorted(own.rglob("*.lock"))
    return (path for path in dict.fromkeys(candidates) if path.is_file() and not path.is_symlink())


def _is_stale(repository: Repository, lock: Path, interrupted: bool) -> bool:
    try:
        with lock.open("rb") as file:
            ours = file.read(len(MARK)) == MARK
        age = age_s(lock)
    except OSError:
        return False
    if ours:
        return True  # made by a run of ours, and the run lock says that no run lives but this one
    processes = _near(repository, lock)
    if processes is None:
        return age > _BLIND_AGE_S
    if processes:
        return False
    if interrupted:
        return True
    if 0 <= age < _FOREIGN_AGE_S:
        host.pause(_FOREIGN_AGE_S - age)
        return lock.exists() and not _near(repository, lock)
    return True


def _near(repository: Repository, lock: Path | None = None) -> list[Living] | None:
    """The living processes that have to do with this repository; None where they cannot be seen."""
    return living((repository.root, repository.git_dir, repository.common_dir), lock)
