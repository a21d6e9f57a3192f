"""A staged tree becomes a commit, and the work tree follows; or nothing happened.

In this order: a journal says what is about to happen; the new files are written beside their places; the objects
are published; the new index is made beside the old one, under git's own lock; **one ref transaction moves the
branch and our refs: from here on it has happened**; files are renamed into place, then the index; the journal
goes. Killed before the ref transaction, the next run forgets it all; killed after, it finishes it. Everything
that needs room on the disk is done before.

What the user has staged, edited or added elsewhere is never read for the commit and never written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from directional_sync.errors import HostError, StalePlanError, SyncError
from directional_sync.git import journal as journals
from directional_sync.git import tree as trees
from directional_sync.git.index import IndexUpdate
from directional_sync.git.journal import Journal
from directional_sync.git.objects import ObjectStore
from directional_sync.git.placing import Staged, place, stage, sweep
from directional_sync.git.plumbing import RefMove
from directional_sync.git.recovery import interrupted, recover
from directional_sync.git.repository import Repository
from directional_sync.git.settling import happened
from directional_sync.git.stale_locks import remove_stale
from directional_sync.git.standing import Stand, State, look
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import ABSENT, Entry, Snapshot
from directional_sync.system import host
from directional_sync.system.reach import Reach

_UNCHANGED = "the branch and your files are unchanged"
_LISTED = 20
_REF_WAIT_S = 5.0
"""How long another git may keep the lock of a ref before we give up."""
_REF_POLL_S = 0.05


@dataclass(frozen=True)
class Commit:
    """What is to become of the repository."""

    run: str
    target: str
    tree: str
    """The branch's new tree, in the object store that is given along."""
    message: str
    changes: tuple[Change, ...]
    """What differs from the branch's tree now (of a target that is not committed: from the work tree)."""
    moves: tuple[RefMove, ...]
    """Refs that move together with the branch, and to what."""
    author: tuple[str, str]
    """Name and address."""
    when: str
    """RFC 3339."""


def commit(repository: Repository, store: ObjectStore, work: Commit) -> tuple[str, list[str]]:
    """Makes one commit on the branch, moves the other refs along, updates the work tree and those entries of
    the index that the user has not staged otherwise. Answers the commit and the keys that changed in the last
    moment and were left alone; ("", []) when tree and changes say that only refs move. Needs the run lock held.

    Raises StalePlanError, with nothing changed: E-STALE-BRANCH when the branch, the checked-out branch or one of
    our refs is no longer what it was; E-STALE-TREE when the work tree holds something else than `changes` expect.
    Raises HostError: with nothing changed, or, where `kept` says so, with a commit that the next run finishes."""
    if not work.changes and work.tree == store.tree_of(repository.head):
        _move_only(repository, store, work)
        return "", []
    new = store.write_commit(work.tree, [repository.head], work.message, author=work.author, when=work.when)
    return new, _carried(repository, store, work, new)


def advance(repository: Repository, store: ObjectStore, work: Commit, new: str) -> list[str]:
    """The same with a commit that is here already: the branch goes on to `new`, which is no ancestor of its head, whose
    tree is `work.tree` and which differs from the branch by `work.changes`. Answers and raises as `commit`."""
    return _carried(repository, store, work, new)


def _carried(repository: Repository, store: ObjectStore, work: Commit, new: str) -> list[str]:
    """The branch at `new`, refs, index and work tree with it. Answers the keys that were left alone."""
    journal = _journal(repository, store, work, repository.branch, new)
    index = IndexUpdate(repository, journal.token)
    with _prepared(repository, store, journal) as (reach, stands, staged):
        try:
            store.publish([new, *_commits(work.moves)], [repository.head, *_old(work.moves)])
            deferred = not index.lock()
            if not deferred:
                index.prepare(journal.changes)
            _move_refs(repository, journal)
            with _after_the_fact(journal):
                placed = place(reach, staged, journal.changes, stands, repository.hash_name)
                index.publish(placed.files)
        finally:
            index.release()
    if not deferred:
        journals.remove(repository, journal.token)
    return placed.left


def write_only(repository: Repository, store: ObjectStore, work: Commit) -> list[str]:
    """The same without a commit: the refs in `moves` move, the work tree follows, branch and index stay. Answers
    the keys that were left alone. Raises as `commit`."""
    if not work.changes:
        _move_only(repository, store, work)
        return []
    journal = _journal(repository, store, work, "", "")
    with _prepared(repository, store, journal) as (reach, stands, staged):
        store.publish([*_commits(work.moves), work.tree], [repository.head, *_old(work.moves)])
        _move_refs(repository, journal)
        with _after_the_fact(journal):
            placed = place(reach, staged, journal.changes, stands, repository.hash_name)
    journals.remove(repository, journal.token)
    return placed.left


@contextmanager
def _prepared(
    repository: Repository, store: ObjectStore, journal: Journal
) -> Iterator[tuple[Reach, dict[str, Stand], Staged]]:
    """The journal written and the files staged; when the refs have not moved in the end, neither is left."""
    journals.write(repository, journal)
    try:
        with host.host_errors(repository.root), Reach(repository.root) as reach:
            stands = look(reach, repository, journal.changes)
            _refuse_strangers(journal, stands)
            staged = stage(reach, store, journal.changes, stands, journal.token)
            yield reach, stands, staged
    except _HappenedError as late:
        raise late.error from late.error.__cause__
    except BaseException as error:
        if happened(repository, journal):  # git said no, or was cut short, after it had moved the refs
            _explain(error, journal)
        else:
            _forget(repository, journal)
        raise


class _HappenedError(Exception):
    """The refs have moved and something failed after that: nothing may be taken back."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


@contextmanager
def _after_the_fact(journal: Journal) -> Iterator[None]:
    """What fails in here leaves the journal to the next run, and says so."""
    try:
        with host.host_errors(journal.root):
            yield
    except BaseException as error:
        _explain(error, journal)
        raise _HappenedError(error) from error


def _explain(error: BaseException, journal: Journal) -> None:
    if isinstance(error, SyncError):
        what = f"commit {journal.new[:12]} is complete" if journal.new else "the base has moved"
        error.kept = f"{what}; the work tree is part old, part new, and the next run finishes it"


def _forget(repository: Repository, journal: Journal) -> None:
    """Nothing has happened: removes what was written beside its place, then the journal. Where that fails, the
    journal stays, and the next run does it."""
    with suppress(OSError, HostError):
        with Reach(repository.root) as reach:
            sweep(reach, journal.token, (c.key for c in journal.changes))
        journals.remove(repository, journal.token)


def _move_only(repository: Repository, store: ObjectStore, work: Commit) -> None:
    if work.moves:
        store.publish(_commits(work.moves), [repository.head, *_old(work.moves)])
        _update_refs(repository, work.moves, f"directional-sync: {work.target}")


def _move_refs(repository: Repository, journal: Journal) -> None:
    """The moment in which it happens."""
    moves = journal.moves
    if journal.branch:
        now = repository.git.attempt("symbolic-ref", "-q", "HEAD").stdout.decode("utf-8", "surrogateescape").strip()
        if now != journal.branch:
            raise _stale(f"{journal.branch} is no longer checked out")
        # First in line: when a crash comes between the renames of several refs, the branch has moved or none has.
        moves = (RefMove(journal.branch, journal.new, journal.old), *moves)
    if moves:
        _update_refs(repository, moves, f"directional-sync: {journal.target}")


def _update_refs(repository: Repository, moves: Sequence[RefMove], reason: str) -> None:
    deadline = host.monotonic() + _REF_WAIT_S
    while True:
        try:
            repository.git.update_refs(moves, reason)
            return
        except HostError as error:
            if error.code == "E-REF-MOVED":
                raise _stale("a ref is no longer what it was when the run began", error.detail) from error
            late = host.monotonic() > deadline
            if error.code != "E-REF-LOCKED" or (late and not remove_stale(repository, interrupted=False)):
                raise
            host.pause(_REF_POLL_S)


def _stale(message: str, detail: Sequence[str] = ()) -> StalePlanError:
    return StalePlanError(
        "E-STALE-BRANCH", message, hint="run again", kept=_UNCHANGED, detail=detail, retryable=True
    )  # fmt: skip


def _refuse_strangers(journal: Journal, stands: dict[str, Stand]) -> None:
    others = [(key, stand.why) for key, stand in stands.items() if stand.state is State.OTHER]
    if others:
        lines = [f"{key}: {why}" for key, why in others[:_LISTED]]
        lines += [f"and {len(others) - _LISTED} more"] if len(others) > _LISTED else []
        raise StalePlanError(
            "E-STALE-TREE",
            f"{len(others)} paths changed during the run",
            hint=f"look at them, then: dsync run {journal.target}",
            kept=_UNCHANGED,
            detail=lines,
            retryable=True,
        )


def _journal(repository: Repository, store: ObjectStore, work: Commit, branch: str, new: str) -> Journal:
    return Journal(
        token=host.new_id(),
        run=work.run,
        target=work.target,
        root=repository.root,
        branch=branch,
        old=repository.head if branch else "",
        new=new,
        moves=tuple(RefMove(*move) for move in work.moves),
        changes=_opened(store, work.changes),
    )


def _opened(store: ObjectStore, changes: Sequence[Change]) -> tuple[Change, ...]:
    """The same in key order, with every folder opened."""
    flat = [change for change in changes if not (change.before.folder or change.after.folder)]
    whole = [change for change in changes if change.before.folder or change.after.folder]
    if whole:
        before = trees.flatten(store, Snapshot({c.key: c.before for c in whole if c.before.present})).entries
        after = trees.flatten(store, Snapshot({c.key: c.after for c in whole if c.after.present})).entries
        for key in before.keys() | after.keys():
            old, new = before.get(key, ABSENT), after.get(key, ABSENT)
            if old != new:
                flat.append(Change(key, _plain(old), _plain(new)))
    return tuple(sorted(flat, key=lambda change: change.key))


def _plain(entry: Entry) -> Entry:
    return Entry(entry.digest, entry.mode)


def _commits(moves: Sequence[RefMove]) -> list[str]:
    return [move.new for move in moves if move.new]


def _old(moves: Sequence[RefMove]) -> list[str]:
    return [move.old for move in moves if move.old]


__all__ = ["Commit", "RefMove", "advance", "commit", "interrupted", "recover", "write_only"]
