"""A run that takes a run back: on the branch by one commit, on far sides by what the ledger says was there before.

What somebody has changed since is never overwritten: in files it is merged where that can be done, and otherwise the
whole undoing is refused before anything is written; on far sides it stays as it is, and is told of. The order is that
of any run: far sides first, each change in the ledger, then one transaction for branch, lock and bases. Killed in
between, the same undoing goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

from directional_sync.core.lockfile import LockedTarget, LockFile, dump
from directional_sync.core.trailers import Synced
from directional_sync.core.undoing import Back
from directional_sync.endpoints.base import Endpoint
from directional_sync.errors import Exit, StalePlanError, SyncError
from directional_sync.git import transaction
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import BASE_REF
from directional_sync.git.transaction import RefMove
from directional_sync.model.lifecycle import Event, EventType, Outcome, Step
from directional_sync.model.plan import Change, Counts, Held, Plan, Side, Why, count
from directional_sync.model.record import Effect, Failure, Prior, TargetRecord
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Snapshot
from directional_sync.model.target import Target
from directional_sync.render.commit import numbers, undoing
from directional_sync.run import account
from directional_sync.run.back_here import Agreed, Trees, agreed, around, base_back, paths_back
from directional_sync.run.back_judged import refuse_secrets
from directional_sync.run.back_later import keep_or_merge, refuse_foreign_work
from directional_sync.run.back_there import far_back, joined, notes
from directional_sync.run.base import Base, find_base, globs, note, read_lock
from directional_sync.run.effects import carry_over
from directional_sync.run.samples import contents
from directional_sync.run.scan import open_endpoint
from directional_sync.run.world import Laps, Mode, Passage, World
from directional_sync.system import host

_AUTHOR = ("directional-sync", "directional-sync@localhost")
_UNKNOWN = "the ledger of that run is not in this clone"


@dataclass(frozen=True)
class Wanted:
    """What is to be taken back."""

    run: str
    targets: tuple[Target, ...]
    commits: tuple[Synced, ...] = ()
    """Those of the run that the branch holds."""
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Target -> keys of its far side that the record of the run says were written."""
    rests: Mapping[str, str] = field(default_factory=dict)
    """Target -> the run it is at rest for afterwards; a target that is not named goes on."""
    keep_later: bool = False
    """Leave alone what was changed here since and cannot be merged, and undo the rest."""


@dataclass(frozen=True)
class _Way:
    """The way back of one target."""

    at: Passage
    paths: Back
    trees: Trees | None
    """None when the run has committed nothing of it."""
    said: Agreed | None
    """None for a target that the lock does not know."""
    base: Base
    to: LockedTarget
    """What is agreed on once all is undone."""
    endpoint: Endpoint | None
    far: tuple[Change, ...] = ()
    already: Mapping[str, Entry] = field(default_factory=dict)
    """What of the far side is back already."""
    held: tuple[Held, ...] = ()
    notes: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()

    @property
    def target(self) -> Target:
        return self.at.target

    @property
    def plan(self) -> Plan:
        was = self.said.now.sources if self.said is not None else ()
        return Plan(
            self.target.name,
            self.target.direction,
            repo=self.paths.changes,
            remote=self.far,
            held=self.held,
            sources=self.to.sources,
            was=was,
            notes=self.notes,
            records=self.target.records,
        )


def undo(world: World, wanted: Wanted, mode: Mode) -> tuple[TargetRecord, ...]:
    """Takes the run back, as far as the mode goes. Raises SyncError with nothing changed when it cannot be done as a
    whole, and StalePlanError when `mode.expected` is no longer what would be done."""
    with ExitStack() as stack:
        store = stack.enter_context(closing(ObjectStore(world.repository, world.cache / "quarantine" / world.run)))
        ways = [_way(world, wanted, target, mode, store, stack) for target in wanted.targets]
        ways = keep_or_merge_all(ways, wanted)
        for way in ways:
            refuse_secrets(way.at, way.plan)
        _refuse_other_plan(ways, mode)
        if mode.dry_run:
            return tuple(_record(way, wanted, store, mode) for way in ways)
        lock = _lock_change(world, store, ways, wanted)
        refuse_foreign_work(world, [c for way in ways for c in way.paths.changes], bool(lock))
        return _carried_out(world, wanted, ways, store, mode)


def keep_or_merge_all(ways: Sequence[_Way], wanted: Wanted) -> list[_Way]:
    """The same without anything that was changed since and would be overwritten. Raises RefusedError E-UNDO-LATER."""
    done = []
    for way in ways:
        if way.trees is None or not way.paths.later:
            done.append(way)
            continue
        commit = next(one for one in wanted.commits if way.target.name in one.targets)
        merged, left = keep_or_merge(way.at, way.trees, commit, way.paths.later, wanted.keep_later)
        changes = tuple(sorted((*way.paths.changes, *merged), key=lambda change: change.key))
        held = (*way.held, *(Held(key, Side.REPO, Why.LATER) for key in left))
        told = tuple(f"merged with what was changed since: {change.key}" for change in merged)
        to = _keeping(way, left) if way.said is not None else way.to
        done.append(replace(way, paths=Back(changes, ()), held=held, to=to, notes=(*way.notes, *told)))
    return done


def _keeping(way: _Way, left: Sequence[str]) -> LockedTarget:
    """What stays here as it is stays agreed on as it is."""
    assert way.said is not None
    if way.target.records or not left:
        return way.to
    now = trees.opened(way.at.store, way.said.now.tree)
    moves = {key: trees.at(way.at.store, now, key) for key in left}
    return replace(way.to, tree=trees.edit(way.at.store, way.to.tree, moves))


def _way(world: World, wanted: Wanted, target: Target, mode: Mode, store: ObjectStore, stack: ExitStack) -> _Way:
    commit = next((one for one in wanted.commits if target.name in one.targets), None)
    ledger = world.ledger_for(target)
    priors = ledger.prior(wanted.run)
    written = wanted.written.get(target.name, ())
    environment = world.environment_for(target) if priors else {}
    at = Passage(target, world, replace(mode, resume=True), environment, store, ledger, Laps(host.monotonic))
    at.step(Step.SCANNING)
    around_it = around(store, commit, world.repository.head) if commit is not None else None
    paths = Back((), ())
    if commit is not None and around_it is not None:
        paths = _own(target, commit, wanted, paths_back(store, around_it, world.lock_path))
    base = _base(at)
    said = None
    to = LockedTarget(base.tree, base.snapshot.sources)
    if target.in_lock and around_it is not None:
        said = agreed(store, around_it, world.lock_path, target.name)
        to = base_back(store, said, around_it, target, paths)
    way = _Way(at, paths, around_it, said, base, to, None)
    if priors:
        way = _with_far_side(way, priors, stack)
    lost = sorted(set(written) - joined(priors).keys())
    return replace(way, held=(*way.held, *(Held(key, Side.REMOTE, Why.LOST, _UNKNOWN) for key in lost)))


def _own(target: Target, commit: Synced, wanted: Wanted, paths: Back) -> Back:
    """Those paths of a commit that belong to the target; what belongs to none is the first one's."""
    if len(commit.targets) == 1:
        return paths
    from directional_sync.core.globs import matches

    first = commit.targets[0] == target.name
    others = [other for other in wanted.targets if other.name != target.name]

    def mine(key: str) -> bool:
        return matches(key, globs(target)) or (first and not any(matches(key, globs(other)) for other in others))

    return Back(tuple(c for c in paths.changes if mine(c.key)), tuple(key for key in paths.later if mine(key)))


def _base(at: Passage) -> Base:
    tree = at.store.tree_of(at.world.repository.head)
    lock = read_lock(at.store, tree, at.world.lock_path)
    repo = trees.select(at.store, tree, globs(at.target))
    return find_base(at.world.repository, at.store, at.target, lock, repo)


def _with_far_side(way: _Way, priors: Sequence[Prior], stack: ExitStack) -> _Way:
    endpoint = stack.enter_context(closing(open_endpoint(way.at, way.base)))
    if not endpoint.capabilities.writes:
        held = tuple(Held(key, Side.REMOTE, Why.LOST, "nothing can be written there") for key in joined(priors))
        return replace(way, held=held)
    before = _reader(way) if way.said is not None else lambda key: ABSENT
    found = far_back(way.at, endpoint, way.base, priors, before)
    told = notes(found.changes, way.target.records)
    return replace(way, endpoint=endpoint, far=found.changes, held=found.held, already=found.already, notes=told)


def _reader(way: _Way) -> _At:
    return _At(way.at.store, trees.opened(way.at.store, way.to.tree))


@dataclass(frozen=True)
class _At:
    store: ObjectStore
    top: Snapshot

    def __call__(self, key: str) -> Entry:
        return trees.at(self.store, self.top, key)


def _refuse_other_plan(ways: Sequence[_Way], mode: Mode) -> None:
    if mode.expected and mode.expected != {way.target.name: way.plan.digest for way in ways}:
        raise StalePlanError(
            "E-PLAN-STALE",
            "what would be undone is no longer what was shown",
            kept="nothing was changed",
            hint="look at it again: dsync rollback RUN --dry-run",
        )


# carrying it out


def _carried_out(
    world: World, wanted: Wanted, ways: Sequence[_Way], store: ObjectStore, mode: Mode
) -> tuple[TargetRecord, ...]:
    done: list[_Way] = []
    records: list[TargetRecord] = []
    for way in ways:
        effects: tuple[Effect, ...] = ()
        ended: SyncError | None = None
        if way.far and way.endpoint is not None:
            way.at.step(Step.APPLYING, finish=bool(done))
            effects, ended = carry_over(way.at, way.endpoint, way.far)
        way = replace(way, effects=effects)
        record = _record(way, wanted, store, mode)
        records.append(account.applied(way.target, record, effects, ended) if way.far else record)
        done.append(way)
    try:
        made, left = _committed(world, wanted, done, store)
        for way in done:
            way.at.ledger.close()
    except SyncError as error:
        if not any(way.effects for way in done):
            raise
        records = [account.unproved(way.target, record, error) for way, record in zip(done, records, strict=True)]
        return tuple(map(_timed, done, records))
    stay = (f"left alone, because they changed during the run: {', '.join(left[:5])}",) if left else ()
    records = [replace(record, commit=made, notes=(*record.notes, *stay)) for record in records]
    return tuple(map(_timed, done, records))


def _timed(way: _Way, record: TargetRecord) -> TargetRecord:
    way.at.laps.begin(None)
    steps = tuple(way.at.laps.taken.items())
    return replace(record, steps=steps, duration_s=sum(seconds for _, seconds in steps))


def _committed(world: World, wanted: Wanted, ways: Sequence[_Way], store: ObjectStore) -> tuple[str, list[str]]:
    for way in ways:
        way.at.step(Step.COMMITTING, finish=any(other.effects for other in ways))
    changes = tuple(change for way in ways for change in way.paths.changes)
    changes = (*changes, *_lock_change(world, store, ways, wanted))
    head = store.tree_of(world.repository.head)
    names = [way.target.name for way in ways]
    total = sum((count(way.paths.changes) for way in ways), Counts())
    work = transaction.Commit(
        run=world.run,
        target=", ".join(names),
        tree=trees.edit(store, head, {change.key: change.after for change in changes}) if changes else head,
        message=undoing(names, world.run, wanted.run, total),
        changes=changes,
        moves=tuple(move for way in ways for move in _base_move(world, way, wanted)),
        author=world.repository.identity,
        when=world.when,
    )
    made, left = transaction.commit(world.repository, store, work)
    if made:
        world.tell(Event(EventType.COMMIT, f"commit {made[:7]}", names[0], data={"commit": made}))
    return made, left


def _agreed_after(way: _Way, wanted: Wanted) -> LockedTarget:
    """What is agreed on after what was really undone."""
    rests = wanted.rests.get(way.target.name, "")
    done = {effect.change.key for effect in way.effects if effect.done}
    store = way.at.store
    if way.said is None:
        moves = {**way.already, **{change.key: change.after for change in way.far if change.key in done}}
        return replace(way.to, tree=trees.edit(store, way.base.tree, moves) if moves else way.base.tree, undone=rests)
    stays = [change.key for change in way.far if change.key not in done]
    stays += [held.key for held in way.held if held.side is Side.REMOTE]
    now = trees.opened(store, way.said.now.tree) if stays else Snapshot()
    moves = {key: trees.at(store, now, key) for key in stays}
    return replace(way.to, tree=trees.edit(store, way.to.tree, moves) if moves else way.to.tree, undone=rests)


def _lock_change(world: World, store: ObjectStore, ways: Sequence[_Way], wanted: Wanted) -> tuple[Change, ...]:
    tree, path = store.tree_of(world.repository.head), world.lock_path
    lock: LockFile = read_lock(store, tree, path)
    empty = LockedTarget(trees.empty_tree(store.hash_name))
    for way in ways:
        if way.said is not None:
            after = _agreed_after(way, wanted)
            lock = lock.without(way.target.name) if after == empty else lock.with_target(way.target.name, after)
    now, content = trees.select(store, tree, (path,)).at(path), dump(lock)
    if (now.absent and not lock.targets) or (now.present and store.read(now.digest) == content):
        return ()
    return (Change(path, now, Entry(store.write_blob(content), FILE)),)


def _base_move(world: World, way: _Way, wanted: Wanted) -> tuple[RefMove, ...]:
    """Our own ref of the target, which keeps what is agreed on in this clone."""
    after = _agreed_after(way, wanted)
    if way.said is None and not way.base.ref:
        return ()
    if (after.tree, after.undone) == (way.base.tree, way.base.undone) and way.base.ref:
        return ()
    text = note(way.target.name, after)
    commit = way.at.store.write_commit(after.tree, (), text, author=_AUTHOR, when=world.when)
    return (RefMove(BASE_REF.format(target=way.target.name), commit, way.base.ref),)


# telling


def _record(way: _Way, wanted: Wanted, store: ObjectStore, mode: Mode) -> TargetRecord:
    plan, target = way.plan, way.target
    counts = count((*plan.repo, *plan.remote), plan.noun)
    moved = way.said is not None and way.to.tree != way.said.now.tree
    idle = not counts.total and not moved and way.base.undone == wanted.rests.get(target.name, "")
    done = Outcome.IN_SYNC if idle else Outcome.PLANNED if mode.dry_run else Outcome.SYNCED
    what = "Nothing is left to undo" if idle else f"{'Would undo' if mode.dry_run else 'Undid'} run {wanted.run[-8:]}"
    message = f"{what}: {numbers(counts)}" if counts.total else what
    short = _shortfall(way, wanted)
    return TargetRecord(
        target=target.name,
        direction=target.direction,
        outcome=Outcome.CONFLICTED if short is not None else done,
        message=f"{message}; {short.message}" if short is not None else message,
        counts=counts,
        plan=plan,
        plan_digest=plan.digest,
        failure=short,
        notes=(*plan.notes, *_rests(target, wanted, mode)),
        samples=contents((*plan.repo, *plan.remote), store, mode.samples),
    )


def _rests(target: Target, wanted: Wanted, mode: Mode) -> tuple[str, ...]:
    if not wanted.rests.get(target.name):
        return ()
    verb = "would be" if mode.dry_run else "is"
    return (
        f"it {verb} at rest then, so that no run does the same again; go on with: dsync run {target.name} --resume, "
        "or take the undoing back: dsync redo",
    )


def _shortfall(way: _Way, wanted: Wanted) -> Failure | None:
    """What of the run stays done."""
    if not way.held:
        return None
    noun = way.plan.noun + ("" if len(way.held) == 1 else "s")
    words = {Why.LATER: "changed since", Why.LOST: "what was there before is not known"}
    return Failure(
        code="E-UNDO-PART",
        message=f"{len(way.held)} {noun} of {way.target.name} cannot be undone",
        hint="look at them, and put right by hand what should be otherwise",
        place=str(way.target.place),
        kept="they are as they were",
        detail=tuple(f"{one.key}: {one.detail or words.get(one.why, 'it cannot be read')}" for one in way.held[:200]),
        exit=Exit.CONFLICTS,
    )
