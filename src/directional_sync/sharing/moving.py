"""The branch of this clone goes on to what the remote has, and the work tree with it, as carefully as in any run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from directional_sync.core.globs import matches
from directional_sync.errors import HostError, RefusedError
from directional_sync.git import between, plumbing, transaction, worktree
from directional_sync.git.between import Between
from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import Repository
from directional_sync.model.plan import Change
from directional_sync.model.target import Target
from directional_sync.run.base import globs
from directional_sync.sharing.far import Far
from directional_sync.system import host

REWOUND = "refs/directional-sync/rewound/{branch}"
_LISTED = 10
_SUBMODULE = "160000"
_STEERING = ("filter", "ident", "working-tree-encoding", "eol")


def own_commits(
    repository: Repository, made: Sequence[Between], targets: Mapping[str, Target], lock_path: str
) -> set[str]:
    """The names of the targets whose runs made all these commits. Raises HostError E-DELIVER-APART when one of them is
    somebody else's, or holds more than its run could have written."""
    for one in made:
        target = targets.get(one.target)
        if target is None or len(one.parents) != 1 or not _within(repository, one, target, lock_path):
            raise _apart(one, made)
    return {one.target for one in made}


def _within(repository: Repository, one: Between, target: Target, lock_path: str) -> bool:
    allowed = globs(target)
    differing = between.changes(repository.git, one.parents[0], one.commit)
    return all(change.key == lock_path or matches(change.key, allowed) for change in differing)


def _apart(one: Between, made: Sequence[Between]) -> HostError:
    return HostError(
        "E-DELIVER-APART",
        f"this branch and the remote's have gone apart, and {one.commit[:10]} ({one.subject[:60]}) is not of a run",
        hint="bring them together, then run again: git pull --rebase",
        kept="nothing was changed, and nothing was pushed",
        detail=[f"{item.commit[:10]} {item.subject[:70]}" for item in made[:_LISTED]],
    )


def go_on(
    repository: Repository, store: ObjectStore, far: Far, moves: Sequence[RefMove], *, run: str, when: str
) -> list[str]:
    """The branch, index and work tree at the remote's head, in one transaction with `moves`. What the branch held is
    kept under REWOUND where it is no part of that. Answers paths that changed in that moment and were left alone.
    Raises RefusedError E-DELIVER-DIRTY, HostError and StalePlanError, with nothing changed."""
    changes = between.changes(repository.git, repository.head, far.head)
    _refuse_work_of_git(repository, far, changes)
    _refuse_dirty(repository, far, changes)
    moves = list(moves)
    if not repository.git.is_ancestor(repository.head, far.head):
        ref = REWOUND.format(branch=repository.branch.removeprefix("refs/heads/"))
        moves.append(RefMove(ref, repository.head, repository.ref(ref)))
    work = transaction.Commit(
        run=run,
        target=f"to {far.where}",
        tree=store.tree_of(far.head),
        message="",
        changes=tuple(changes),
        moves=tuple(move for move in moves if move.new != move.old),
        author=repository.identity,
        when=when,
    )
    return transaction.advance(repository, store, work, far.head)


def _refuse_dirty(repository: Repository, far: Far, changes: Sequence[Change]) -> None:
    touched = {change.key for change in changes}
    staged = [key for key in repository.git.staged(repository.head) if key in touched]
    taken = sorted({*staged, *worktree.collisions(repository, changes)})
    if taken:
        raise RefusedError(
            "E-DELIVER-DIRTY",
            f"{far.where} has changed {len(taken)} path{'' if len(taken) == 1 else 's'} that you have work in too",
            hint="commit or move it away, then: git pull --rebase",
            kept="nothing was changed; your files are as they were",
            detail=taken[:_LISTED],
        )


def _refuse_work_of_git(repository: Repository, far: Far, changes: Sequence[Change]) -> None:
    """Files that git turns into something else in the work tree are for git to place."""
    special = [c.key for c in changes if _SUBMODULE in (c.before.mode, c.after.mode)]
    special = special or _steered(repository, changes)
    if special:
        raise HostError(
            "E-DELIVER-BY-GIT",
            f"{far.where} has changed {special[0]}, which only git can place (a submodule, or a file with a filter)",
            hint="let git do it, then run again: git pull --rebase",
            kept="nothing was changed; your files are as they were",
        )


def _steered(repository: Repository, changes: Sequence[Change]) -> list[str]:
    asking = plumbing.Git(repository.git_dir, repository.root, repository.hash_name, plumbing.users_own())
    said = asking.attempt("config", "--type=bool-or-str", "--get", "core.autocrlf").stdout.strip()
    if said == b"true" and changes:
        return [changes[0].key]
    names = "\0".join(change.key for change in changes).encode("utf-8", "surrogateescape")
    answer = asking.run("check-attr", "--stdin", "-z", *_STEERING, stdin=names)
    fields = answer.decode("utf-8", "surrogateescape").split("\0")
    wanted = zip(fields[::3], fields[1::3], fields[2::3], strict=False)
    return [key for key, name, value in wanted if value not in ("unspecified", "unset", "lf") or (name == "" and key)]


def refuse_new_configuration(repository: Repository, store: ObjectStore, path: str, before: str) -> None:
    """Raises HostError E-DELIVER-CONFIG when the branch brought another configuration than this run goes by."""
    from directional_sync.git import tree as trees

    now = trees.select(store, store.tree_of(repository.head), (path,)).entries.get(path)
    if (now.digest if now is not None else "") != before:
        raise HostError(
            "E-DELIVER-CONFIG",
            f"{path} has changed on the remote; this clone has it now",
            hint="run again, by the new file",
            kept="what the run had committed is made again by the next one",
            retryable=True,
        )


def paused(attempt: int) -> None:
    """A jittered pause before the next attempt, growing up to some seconds."""
    import random

    host.pause(min(4.0, 0.05 * 2.0**attempt) * random.uniform(0.3, 1.0))
