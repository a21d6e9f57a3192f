"""A branch of its own for each target, where the branch itself is closed or the file says so.

What a run has committed for one target is put on top of what the remote's branch holds, alone: its paths, and its entry
of the lock file. The branch of a target only ever goes on: nothing there is rewritten. What it held when we left it
stands beside it in a ref of ours; where it holds something else now, people have worked on it, and it is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from directional_sync.core.globs import matches
from directional_sync.core.lockfile import dump
from directional_sync.errors import RefusedError
from directional_sync.git import between
from directional_sync.git import tree as trees
from directional_sync.git.between import Between
from directional_sync.git.objects import ObjectStore
from directional_sync.git.outward import Wanted
from directional_sync.git.repository import Repository
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import FILE, Entry
from directional_sync.model.target import Target
from directional_sync.run.base import globs, read_lock
from directional_sync.sharing.far import Far

_BRANCH = "directional-sync/{target}"
_NOTED = "refs/directional-sync/branch/{target}"
_LISTED = 10


@dataclass(frozen=True)
class Draft:
    """What the branch of one target is to hold."""

    target: Target
    branch: str
    tip: str
    """Its commit; what is there already where nothing is new."""
    wanted: tuple[Wanted, ...]
    """() where nothing is new."""
    changes: tuple[Change, ...]
    """Against the remote's branch."""
    subject: str


@dataclass(frozen=True)
class _Drafting:
    repository: Repository
    store: ObjectStore
    far: Far
    lock_path: str
    when: str

    def of(self, target: Target, made: Sequence[Between]) -> Draft | None:
        """None where the remote's branch has it all."""
        far, store, git = self.far, self.store, self.repository.git
        branch, noted = _BRANCH.format(target=target.name), _NOTED.format(target=target.name)
        ref = f"refs/heads/{branch}"
        there = far.now.get(ref, "")
        merged = not there or git.is_ancestor(there, far.head)
        if not merged and there != far.now.get(noted, ""):
            raise self._edited(target, branch, there)
        base = store.tree_of(far.head)
        tree = self._on(base, target)
        if tree == base:
            return None
        own = [one for one in made if one.target == target.name]
        subject = own[-1].subject if own else f"Sync {target.name}"
        draft = Draft(target, branch, there, (), tuple(between.changes(store.git, base, tree)), subject)
        if not merged and self._is_new(there, target, tree) is False:
            return draft
        tip = self._commit(target, made, there if not merged else "", tree)
        moves = (Wanted(ref, tip, there), Wanted(noted, tip, far.now.get(noted, "")))
        return Draft(target, branch, tip, moves, draft.changes, subject)

    def _on(self, base: str, target: Target) -> str:
        """The tree `base` with what this clone's branch holds of the target. It is written into the store."""
        git, store, head = self.repository.git, self.store, self.repository.head
        differing = between.changes(git, base, store.tree_of(head))
        own = globs(target)
        entries = {c.key: c.after for c in differing if c.key != self.lock_path and matches(c.key, own)}
        if target.in_lock:
            ours = read_lock(store, store.tree_of(head), self.lock_path).targets.get(target.name)
            theirs = read_lock(store, base, self.lock_path)
            if ours is not None and theirs.targets.get(target.name) != ours:
                content = dump(theirs.with_target(target.name, ours))
                entries[self.lock_path] = Entry(store.write_blob(content), FILE)
        return trees.edit(store, base, entries) if entries else base

    def _is_new(self, there: str, target: Target, tree: str) -> bool:
        """Whether the branch would hold something else than it does, or could not be merged as it is."""
        git, store, far = self.repository.git, self.store, self.far
        if store.tree_of(there) == tree:
            return False
        fork = between.merge_base(git, there, far.head)
        if not fork or store.tree_of(there) != self._on(store.tree_of(fork), target):
            return True
        lock = [trees.select(store, store.tree_of(at), (self.lock_path,)).entries for at in (fork, far.head)]
        return lock[0] != lock[1]

    def _commit(self, target: Target, made: Sequence[Between], there: str, tree: str) -> str:
        """A commit of this tree on top of the branch of the target (`there`) and the remote's."""
        git, far = self.repository.git, self.far
        alone = all(one.target == target.name for one in made)
        if not there and made and alone and self.store.tree_of(made[-1].commit) == tree:
            return made[-1].commit
        parents = [far.head] if not there else [there] if git.is_ancestor(far.head, there) else [there, far.head]
        own = [one.commit for one in made if one.target == target.name]
        said = git.run("log", "-1", "--format=%B", own[-1]) if own else f"Sync {target.name}\n".encode()
        message = said.decode("utf-8", "surrogateescape")
        return self.store.write_commit(tree, parents, message, author=self.repository.identity, when=self.when)

    def _edited(self, target: Target, branch: str, there: str) -> RefusedError:
        far = self.far
        theirs = between.commits(self.repository.git, far.now.get(_NOTED.format(target=target.name)) or far.head, there)
        return RefusedError(
            "E-DELIVER-BRANCH",
            f"somebody has worked on {far.outward.remote}/{branch}, so it is left as it is",
            hint=f"merge it or delete it, then run again: git push {far.outward.remote} --delete {branch}",
            kept="nothing there was overwritten; what was committed is kept in this clone",
            detail=[f"{one.commit[:10]} {one.subject[:70]}" for one in theirs[:_LISTED]],
        )


def draft(
    repository: Repository,
    store: ObjectStore,
    far: Far,
    target: Target,
    made: Sequence[Between],
    *,
    lock_path: str,
    when: str,
) -> Draft | None:
    """What the branch of `target` is to hold, published into the repository; None where the remote's branch holds it
    already. `made`: the commits that the remote's branch lacks. Raises RefusedError E-DELIVER-BRANCH."""
    found = _Drafting(repository, store, far, lock_path, when).of(target, made)
    if found is not None and found.wanted:
        store.publish([found.tip], [repository.head, far.head])
    return found


def targets_of(made: Sequence[Between], targets: Mapping[str, Target]) -> list[Target]:
    """The targets whose runs made some of these commits, in the order of the file."""
    names = {one.target for one in made}
    return [target for name, target in targets.items() if name in names]
