"""One interrupted transaction, finished or taken back by what its journal says."""

from __future__ import annotations

from directional_sync.git import journal as journals
from directional_sync.git.index import IndexUpdate, remove_copies
from directional_sync.git.journal import Journal
from directional_sync.git.objects import ObjectStore
from directional_sync.git.placing import place, stage, sweep
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import Repository
from directional_sync.git.stale_locks import remove_stale
from directional_sync.git.standing import State, look
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import ABSENT, Entry
from directional_sync.system import host
from directional_sync.system.reach import Reach

_LISTED = 5


def happened(repository: Repository, journal: Journal) -> bool:
    """Whether the refs have moved as `journal` says, the first of them at least: from then on it is finished."""
    if journal.branch:
        now = repository.ref(journal.branch)
        return bool(now) and (now == journal.new or repository.git.is_ancestor(journal.new, now))
    if journal.moves:
        return any(_is_at(repository, move, move.new) for move in journal.moves)
    return False


def settle(repository: Repository, journal: Journal) -> str:
    """Finishes what the refs say has happened, or takes back what has not; answers which, in a sentence. Raises
    HostError; what is left to do is then still left."""
    home = repository
    if journal.root != repository.root:
        if not (journal.root / ".git").exists():
            journals.remove(repository, journal.token)
            return f"forgot an interrupted run of {journal.target}: its work tree {journal.root} is gone"
        home = Repository.open(journal.root)
        remove_stale(home, interrupted=True)
    remove_copies(home, journal.token)
    with host.host_errors(home.root), Reach(home.root) as reach:
        sweep(reach, journal.token, (change.key for change in journal.changes))
    if not happened(home, journal) and not _only_files(home, journal):
        _take_back(home, journal)
        journals.remove(repository, journal.token)
        return f"undid what an interrupted run of {journal.target} had prepared; nothing of it was visible"
    return _finish(home, journal)


def _take_back(repository: Repository, journal: Journal) -> None:
    """Refs that moved although the first did not: git moves several one after the other."""
    back = [m for m in journal.moves if journal.branch and m.old != m.new and _is_at(repository, m, m.new)]
    if back:
        moves = [RefMove(move.ref, move.old, move.new) for move in back]
        repository.git.update_refs(moves, f"directional-sync: undo {journal.target}")


def _finish(repository: Repository, journal: Journal) -> str:
    due = [move for move in journal.moves if _is_at(repository, move, move.old)]
    if due:
        repository.git.update_refs(due, f"directional-sync: finish {journal.target}")
    what = f"finished an interrupted run of {journal.target}"
    if journal.branch and _checked_out(repository) != journal.branch:
        journals.remove(repository, journal.token)
        return f"{what}: its commit is on {journal.branch}, which is no longer checked out"
    changes = _still_wanted(repository, journal)
    index = IndexUpdate(repository, journal.token)
    locked = not journal.branch or index.lock()
    try:
        if journal.branch and locked:
            index.prepare(changes)
        left, moved = _carry(repository, journal, changes, index if locked else None)
    finally:
        index.release()
    if not locked:
        return f"{what}, but for the index, which another git keeps locked; the next run goes on"
    journals.remove(repository, journal.token)
    edited = f"; left alone, because they were edited since: {_listed(left)}" if left else ""
    return f"{what}: {moved} of {len(journal.changes)} paths were still to be written{edited}"


def _carry(
    repository: Repository, journal: Journal, changes: list[Change], index: IndexUpdate | None
) -> tuple[list[str], int]:
    """Writes what is missing. Answers the keys left alone and how many were missing."""
    quarantine = repository.cache / "quarantine" / f"recover-{journal.token}"
    with (
        ObjectStore(repository, quarantine) as store,
        host.host_errors(repository.root),
        Reach(repository.root) as reach,
    ):
        stands = look(reach, repository, changes)
        left = [key for key, stand in stands.items() if stand.state is State.OTHER]
        due = [key for key, stand in stands.items() if stand.state is State.BEFORE]
        staged = stage(reach, store, changes, stands, journal.token)
        placed = place(reach, staged, changes, stands, repository.hash_name)
        if index is not None:
            index.publish(placed.files)
    return [*left, *placed.left], len(due)


def _still_wanted(repository: Repository, journal: Journal) -> list[Change]:
    """Those changes that the branch has not overruled since."""
    head = repository.ref(journal.branch) if journal.branch else ""
    if head == journal.new:
        return list(journal.changes)
    there: dict[str, Entry] = {}
    for line in repository.git.run("ls-tree", "-r", "-z", "--full-tree", head).split(b"\0")[:-1]:
        about, _, path = line.partition(b"\t")
        mode, _kind, digest = about.decode("ascii").split()
        there[path.decode("utf-8", "surrogateescape")] = Entry(digest, mode)
    return [change for change in journal.changes if there.get(change.key, ABSENT) == change.after]


def _only_files(repository: Repository, journal: Journal) -> bool:
    """Nothing but the work tree was to change, and all that is needed for it is here."""
    if journal.branch or journal.moves:
        return False
    wanted = {change.after.digest for change in journal.changes if change.after.present}
    with ObjectStore(repository, repository.cache / "quarantine" / f"recover-{journal.token}") as store:
        return store.has_many(wanted) == wanted


def _is_at(repository: Repository, move: RefMove, digest: str) -> bool:
    return repository.ref(move.ref) == digest


def _checked_out(repository: Repository) -> str:
    said = repository.git.attempt("symbolic-ref", "-q", "HEAD").stdout
    return said.decode("utf-8", "surrogateescape").strip()


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - _LISTED} more" if len(keys) > _LISTED else ""
    return ", ".join(keys[:_LISTED]) + more
