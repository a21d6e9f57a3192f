"""After a killed run: what had happened is finished, what had not is forgotten, without a question.

The branch tells which: a journal whose commit the branch has reached is carried to its end, any other was never
visible and only leaves temporary files to remove. A path that by now holds neither the old nor the new content
was edited by somebody since, and stays. All of it may itself be killed and done again.
"""

from __future__ import annotations

import re
from contextlib import suppress

from directional_sync.errors import HostError
from directional_sync.git import journal as journals
from directional_sync.git.repository import Repository
from directional_sync.git.stale_locks import await_own_git, remove_stale
from directional_sync.system import host

_HOLDS_SOMETHING = re.compile(rb"(?:[0-9a-f]{40}|[0-9a-f]{64}|ref: \S+)\s*\Z")


def recover(repository: Repository) -> str:
    """Finishes or forgets every transaction that was interrupted, and removes lock files, quarantines and refs
    without content that killed processes and power cuts have left. Answers what it did, in a sentence or more; ""
    when there was nothing. Needs the run lock held, and no other object store of this repository in use. Raises
    HostError; what is left to do is then still left."""
    tokens = journals.pending(repository)
    if tokens and not await_own_git(repository):
        raise HostError(
            "E-REF-LOCKED",
            "a git that an interrupted run has started is still at work",
            hint="wait until it has ended, then run again",
            kept="nothing was changed",
            retryable=True,
        )
    said = []
    locks = remove_stale(repository, interrupted=bool(tokens))
    if locks:
        said.append(f"removed lock files that no process holds any more: {', '.join(locks)}")
    refs = _remove_broken_refs(repository)
    if refs:
        said.append(f"removed refs of its own that held nothing: {', '.join(refs)}")
    _remove_quarantines(repository)
    if tokens:
        from directional_sync.git.settling import settle

        said += [settle(repository, journals.read(repository, token)) for token in tokens]
    return "; ".join(sentence for sentence in said if sentence)


def interrupted(repository: Repository) -> str:
    """What `recover` would have to do, in a sentence; "" when nothing. Only looks. A run that is still going on
    looks the same."""
    said = []
    for token in journals.pending(repository):
        try:
            target = journals.read(repository, token).target
        except HostError as error:
            return error.message
        said.append(target)
    if not said:
        return ""
    return f"a run of {', '.join(said)} was interrupted; the next run finishes or undoes it"


def _remove_broken_refs(repository: Repository) -> list[str]:
    """Those refs of ours that hold no object id: git would neither move them nor collect garbage. What they said is
    in the lock file."""
    own = repository.common_dir / "refs" / "directional-sync"
    broken = [
        path
        for path in sorted(own.rglob("*"))
        if path.is_file() and path.suffix != ".lock" and not _HOLDS_SOMETHING.match(path.read_bytes())
    ]
    for path in broken:
        with host.host_errors(path):
            path.unlink()
    return [path.relative_to(repository.common_dir).as_posix() for path in broken]


def _remove_quarantines(repository: Repository) -> None:
    with suppress(OSError):
        for left in (repository.cache / "quarantine").iterdir():
            host.remove_tree(left)
    for file in journals.leftovers(repository):
        with suppress(OSError):
            file.unlink()
