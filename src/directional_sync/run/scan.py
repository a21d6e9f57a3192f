"""Looking at both sides and the base, and what follows from it: the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from directional_sync.core.grasp import within
from directional_sync.core.lockfile import LockFile
from directional_sync.core.reconcile import reconcile
from directional_sync.endpoints.base import Context, Endpoint, Foreseeing, Opaque, Translating, Writing
from directional_sync.gates.base import Preparing
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Step
from directional_sync.model.plan import Bound, Change, Held, Plan, Side, Sign, Why
from directional_sync.model.record import Attempt, Effect
from directional_sync.model.snapshot import ABSENT, Entry, Snapshot
from directional_sync.model.target import Direction, OnConflict, Policy, Prefer
from directional_sync.run import parked
from directional_sync.run.base import Base, find_base, globs, merged, read_lock, recalled, with_far
from directional_sync.run.parked import Parked
from directional_sync.run.world import Mode, Passage, Resting, World

_NAMED = 3
_ELSEWHERE = "the far side is another than last time, so both sides are compared as on a first sync: nothing is deleted"


@dataclass(frozen=True)
class Scan:
    """What was seen. `base`, `repo` and `remote` snapshots of the plan hold only keys that differ somewhere."""

    plan: Plan
    tree: str
    """The whole tree that the repository side was read from: the branch's, or the work tree's."""
    base: Base
    lock: LockFile
    whole: Mapping[str, Snapshot]
    """Side name -> snapshot as it was taken, equal keys included, folders unopened."""
    differing: Mapping[str, Snapshot]
    """Side name -> snapshot with only the keys that differ somewhere, flat."""
    documents: Snapshot | None = None
    """The files of the repository that its records stand in; None where keys are paths, or where they only are read."""
    files: tuple[Change, ...] = ()
    """What changes in `documents` when the plan is carried out."""
    parked: Parked = Parked()
    """The conflicts that are kept from earlier runs."""
    waking: bool = False
    """The target was at rest, and is no longer."""

    @property
    def written(self) -> tuple[Change, ...]:
        """The changes of the repository's files."""
        return self.plan.repo if self.documents is None else self.files

    @property
    def bookkeeping(self) -> bool:
        """Whether lock or base have to move although neither side has to."""
        known = self.base.known and bool(self.base.ref) and not self.base.trimmed
        return (
            bool(self.plan.agreed)
            or self.waking
            or not known
            or (self.plan.direction is Direction.BIDIRECTIONAL and self.parked.differs(self.plan))
            or merged(self.base.snapshot.sources, self.plan) != tuple(self.base.snapshot.sources)
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing at all to do."""
        return self.plan.empty and not self.bookkeeping and not self.files


def scan(at: Passage, endpoint_of: Callable[[Base], Endpoint]) -> tuple[Scan, Endpoint]:
    """Both sides, the base, and the plan; and the endpoint, for what comes after."""
    tree, unread = repo_tree(at)
    lock = read_lock(at.store, tree, at.world.lock_path)
    repo = trees.select(at.store, tree, globs(at.target))
    repo = trees.flatten(at.store, repo).without(unread) if unread else repo
    reached = at.world.lock_path if at.mode.locked and not at.mode.prune else ""
    base = find_base(at.world.repository, at.store, at.target, lock, repo, reached=reached)
    if base.undone and not (at.mode.resume or at.mode.locked):
        raise Resting(base.undone)
    endpoint = endpoint_of(base)
    documents = None
    if at.target.records:
        files = trees.flatten(at.store, repo)
        repo = cast(Translating, endpoint).translate(files)
        documents = files if at.target.direction is not Direction.PUSH else None
    if documents is not None and not base.known:
        translate = cast(Translating, endpoint).translate
        base = recalled(at.world.repository, at.store, at.target, lock, base, repo, translate)
        repo = translate(documents)  # the last one asked for is the one that counts
    remote = endpoint.snapshot(base.snapshot)
    base = with_far(base, remote.place, trees.empty_tree(at.store.hash_name))
    if at.target.records:
        base = replace(base, snapshot=as_sent(base.snapshot, repo, remote, at.ledger.attempts()))
    at.step(Step.PLANNING)
    seen = as_files(replace(weigh(at, tree, lock, base, repo, remote), documents=documents), endpoint)
    if endpoint.capabilities.previews:
        return seen, endpoint
    reason, preview = cast(Opaque, endpoint).opaque()
    return replace(seen, plan=replace(seen.plan, opaque=reason, preview=preview)), endpoint


def foreseen(seen: Scan, endpoint: Endpoint) -> Scan:
    """The same with what the far side would not take."""
    if not seen.plan.remote or not isinstance(endpoint, Foreseeing):
        return seen
    refused = sorted(endpoint.foresee(seen.plan.remote).items())
    said = tuple(Held(key, Side.REMOTE, Why.REFUSED, why) for key, why in refused)
    return replace(seen, plan=replace(seen.plan, foreseen=said))


def as_files(seen: Scan, endpoint: Endpoint, effects: Sequence[Effect] | None = None) -> Scan:
    """The same with what the plan means for the files that the repository's records stand in. `effects`: as
    `endpoints.base.Writing` has them."""
    if seen.documents is None:
        return seen
    return replace(seen, files=cast(Writing, endpoint).write(seen.documents, seen.plan, effects))


def as_sent(base: Snapshot, repo: Snapshot, remote: Snapshot, attempts: Mapping[str, Attempt]) -> Snapshot:
    """The base, with what a run that was cut off has sent in the place of what it could no longer write down: content
    on the far side that is just what we sent is nobody's edit."""
    sent = {
        key: remote.at(key)
        for key, attempt in attempts.items()
        if remote.at(key).digest in (attempt.after, *attempt.earlier)
        and not remote.at(key).unreadable
        and repo.at(key) != remote.at(key)
    }
    if not sent:
        return base
    entries = {key: entry for key, entry in {**base.entries, **sent}.items() if not entry.absent}
    return replace(base, entries=entries)


def performed(at: Passage, seen: Scan, endpoint: Endpoint) -> Scan:
    """What an opaque endpoint and the repository hold after it has done its work, and the plan that follows."""
    remote = cast(Opaque, endpoint).perform()
    return weigh(at, seen.tree, seen.lock, seen.base, seen.whole["repo"], remote)


def weigh(at: Passage, tree: str, lock: LockFile, base: Base, repo: Snapshot, remote: Snapshot) -> Scan:
    """The plan that follows from what was seen."""
    differing = within(*trees.align(at.store, base.snapshot, repo, remote))
    bound = Bound(at.world.config.digest, *(snapshot.digest for snapshot in differing))
    names = ("base", "repo", "remote")
    whole = dict(zip(names, (base.snapshot, repo, remote), strict=True))
    policy = _policy(at.target.policy, at.mode)
    if at.target.direction is Direction.BIDIRECTIONAL:
        # Content comes first, and what it leaves over is for the policy.
        first = replace(policy, on_conflict=OnConflict.STOP)
        plan = reconcile(at.target.name, *differing, at.target.direction, first, bound)
        plan = _with_unions(at, _spared(plan, differing[0], policy), policy, whole)
    else:
        plan = reconcile(at.target.name, *differing, at.target.direction, policy, bound)
    plan = replace(plan, records=at.target.records)
    if not base.known and plan.conflicts:
        how = "repo|remote|newer|union" if at.target.direction is Direction.BIDIRECTIONAL else "repo|remote"
        note = f"no earlier agreement is known, so nothing that differs is overwritten; --prefer {how} decides"
        plan = replace(plan, notes=(*plan.notes, note))
    if base.elsewhere:
        plan = replace(plan, notes=(*plan.notes, _ELSEWHERE))
    if plan.outlived:
        plan = replace(plan, notes=(*plan.notes, _outlived(plan.outlived)))
    kept = Parked()
    if at.target.direction is Direction.BIDIRECTIONAL:
        kept = parked.read(at.world.repository, at.store, at.target.name)
    waking = bool(base.undone) and at.mode.resume
    return Scan(plan, tree, base, lock, whole, dict(zip(names, differing, strict=True)), parked=kept, waking=waking)


def _with_unions(at: Passage, plan: Plan, policy: Policy, whole: Mapping[str, Snapshot]) -> Plan:
    if not plan.conflicts:
        return plan
    from directional_sync.run.unite import unite  # hardly any run needs to know how contents are merged

    return _kept_closed(unite(at, plan, policy, whole), policy)


def _spared(plan: Plan, base: Snapshot, policy: Policy) -> Plan:
    if policy.read_only is None:
        return plan
    from directional_sync.core.read_only import spared

    return spared(plan, base, policy)


def _kept_closed(plan: Plan, policy: Policy) -> Plan:
    if policy.read_only is None:
        return plan
    from directional_sync.core.read_only import kept_closed

    return kept_closed(plan, policy)


def _outlived(keys: Sequence[str]) -> str:
    some = ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
    return f"deleted on one side, edited on the other, so the edit stays (edit_kept): {some}"


def open_endpoint(at: Passage, base: Base) -> Endpoint:
    world = at.world
    return world.open_endpoint(
        Context(
            target=at.target,
            objects=at.store,
            git_dir=world.repository.common_dir,
            root=world.repository.root,
            cache=world.cache / "endpoints" / at.target.name,
            head=world.repository.head,
            tell=world.tell,
            environment=at.environment,
            dry_run=at.mode.dry_run,
            run=world.run,
            config_path=world.config.path,
            stop=world.stop,
            locked=at.mode.locked,
            prune=at.mode.prune,
            accepted=at.mode.accepted,
            ledger=at.ledger,
            expect=lambda: _expect(world),
        )
    )


def _expect(world: World) -> None:
    """Lets the gates get ready, beside, for content that is on its way."""
    for gate in world.gates:
        if isinstance(gate, Preparing):
            gate.prepare(world.cache / "gates")


def repo_tree(at: Passage) -> tuple[str, Mapping[str, str]]:
    """The branch's tree; for a target that is not committed, with what the work tree holds in its place. And what could
    not be looked at there: prefix -> reason; in the tree it is as the branch has it."""
    tree = at.store.tree_of(at.world.repository.head)
    if at.target.git_commit:
        return tree, {}
    from directional_sync.git import worktree

    scope = globs(at.target)
    there = trees.flatten(at.store, trees.select(at.store, tree, scope))
    here = worktree.snapshot(at.world.repository, at.store, scope)
    unread = {**here.unreadable, **{key: entry.unreadable for key, entry in here.entries.items() if entry.unreadable}}
    gone: dict[str, Entry] = {key: ABSENT for key in there if key not in here and not here.why_unreadable(key)}
    found = {key: entry for key, entry in here.entries.items() if not entry.unreadable}
    return trees.edit(at.store, tree, {**gone, **found}), unread


def _policy(policy: Policy, mode: Mode) -> Policy:
    if mode.prefer is None:
        return policy
    return replace(policy, on_conflict=Prefer(mode.prefer.value).on_conflict, on_conflict_at=())


def sizes(seen: Scan, store: ObjectStore) -> dict[str, int]:
    """How many entries each side holds, where the plan deletes anything; {} otherwise, since counting opens
    every folder."""
    deletes = any(change.sign is Sign.DELETE for change in (*seen.plan.repo, *seen.plan.remote))
    return {name: trees.count(store, snapshot) for name, snapshot in seen.whole.items()} if deletes else {}
