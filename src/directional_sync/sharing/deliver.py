"""A run's commits on their way: what the remote has is taken over first, what was made is pushed in the end, and where
somebody was quicker, the plan is made again on top of theirs.

Commits are never carried onto another history as they are: what they say was decided by looking at what is no longer
there. So a push that comes too late is answered by going on to what came, as if nothing had been made here, and by
running the targets again. Nothing is lost by that: what was made stands under a ref of ours, and what was sent to a far
side is found there as agreed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from directional_sync.errors import HostError, SyncError
from directional_sync.git import between
from directional_sync.git import tree as trees
from directional_sync.git.between import Between
from directional_sync.git.objects import ObjectStore
from directional_sync.git.outward import Wanted
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import BASE_REF, Repository
from directional_sync.model.lifecycle import Event, EventType, Outcome
from directional_sync.model.record import Delivered, Failure, OwnBranch, TargetRecord
from directional_sync.model.target import Deliver, DeliverMode, Target
from directional_sync.run.base import read_lock
from directional_sync.run.world import World
from directional_sync.sharing import agreed, branches, moving, refusals
from directional_sync.sharing.far import KEPT, Far
from directional_sync.sharing.forge import BEGIN, END, Forge
from directional_sync.sharing.lease import Leases
from directional_sync.sharing.refusals import Why
from directional_sync.system import host

Again = Callable[[Sequence[str]], Sequence[TargetRecord]]
"""Runs the targets of these names once more."""


@dataclass
class Delivery:
    """The delivering of one run."""

    world: World
    far: Far
    deliver: Deliver
    attempts: int
    forge: Forge | None
    kept: dict[str, str] = field(default_factory=dict)
    owed: set[str] = field(default_factory=set)
    """Targets whose commits were left behind and have to be made again."""
    own_refs: bool = True
    """Whether the remote takes refs of ours."""
    noting: Callable[[Sequence[TargetRecord]], None] | None = None
    """Writes down what ran, for other clones. Before the push, since nothing would carry it afterwards."""

    @property
    def targets(self) -> Mapping[str, Target]:
        return {target.name: target for target in self.world.config.targets}

    def leases(self, wait_s: float) -> Leases:
        world = self.world

        def waiting(message: str) -> None:
            world.tell(Event(EventType.PROGRESS, message))

        ttl = self.deliver.lease_s
        return Leases(self.far, ttl, world.run, wait_s, self.refresh, world.stop, waiting)

    def begin(self) -> None:
        """Looks, and takes over what the remote has. Raises SyncError, with nothing lost; a remote that cannot be
        reached now may be in the end."""
        try:
            self.far.look()
        except SyncError as error:
            if error.code != "E-DELIVER-UNREACHABLE":
                raise
            self._say(f"{error.message}; going on with what this clone has")
            return
        self.catch_up()

    def refresh(self) -> None:
        """Looks again, since others may have been at work until now."""
        self.far.look()
        self.catch_up()

    def catch_up(self) -> None:
        """Branch and bases of this clone at what was seen, where they are behind. Raises SyncError."""
        repository, far = self.world.repository.reread(), self.far
        moves: list[RefMove] = []
        if far.head and not repository.git.is_ancestor(far.head, repository.head):
            made = between.commits(repository.git, far.head, repository.head)
            names = moving.own_commits(repository, made, self.targets, self.world.lock_path)
            moves = agreed.taken_back(far, repository, [self.targets[name] for name in names])
            self._go_on(repository, moves)
            self.owed |= names
            repository = repository.reread()
        with self._store(repository) as store:
            lock = read_lock(store, store.tree_of(repository.head), self.world.lock_path)
            moves, self.kept = agreed.adopted(far, repository, store, tuple(self.targets.values()), lock)
        moves += agreed.notes_in(far, repository, self.targets.values())
        if moves:
            repository.git.update_refs(moves, f"directional-sync: as {far.outward.remote} has it")

    def _go_on(self, repository: Repository, moves: Sequence[RefMove]) -> None:
        path = self.world.config.path
        with self._store(repository) as store:
            before = trees.select(store, store.tree_of(repository.head), (path,)).entries.get(path)
            left = moving.go_on(repository, store, self.far, moves, run=self.world.run, when=self.world.when)
        self._say(f"went on to {self.far.head[:7]} of {self.far.where}")
        if left:
            self._say(f"left alone, because they changed meanwhile: {', '.join(left[:5])}")
        now = repository.reread()
        with self._store(now) as store:
            moving.refuse_new_configuration(now, store, path, before.digest if before is not None else "")

    def finish(self, records: Sequence[TargetRecord], again: Again) -> tuple[tuple[TargetRecord, ...], Delivered]:
        """Pushes; answers the records, those made again among them, and what became of it all. Raises nothing that this
        program raises on purpose."""
        held = list(records)
        blank = Delivered(self.far.outward.remote, self.far.branch)
        try:
            self._again(held, again)
            if self.deliver.deliver_mode is not DeliverMode.COMMIT:
                return tuple(held), self._on_branches(held, again, blank)
            done = self._on_the_branch(held, again, blank)
            return tuple(held), done
        except SyncError as error:
            failure = Failure(
                error.code, error.message, error.hint, error.place, error.kept or KEPT, error.detail, error.exit
            )
            return tuple(held), replace(blank, failure=failure)

    def _on_the_branch(self, held: list[TargetRecord], again: Again, blank: Delivered) -> Delivered:
        for attempt in range(1, self.attempts + 1):
            repository = self.world.repository.reread()
            wanted = self._wanted(repository)
            if not wanted:
                return replace(blank, commit=self.far.head, attempts=attempt - 1)
            made = self._undelivered(repository)
            pushed = self.far.push(wanted)
            if pushed.taken:
                self._noted(repository, wanted)
                return self._delivered(blank, repository, made, wanted, attempt)
            reason = refusals.why(pushed)
            if reason is Why.CLOSED:
                self._say(f"{self.far.where} takes no push; each target goes to a branch of its own")
                return self._on_branches(held, again, replace(blank, notes=refusals.told(pushed.finished)[:1]))
            said = refusals.told(pushed.finished)
            self._after(reason, said, attempt, held, again)
        raise AssertionError("unreachable: the last attempt raises")

    def _after(self, reason: Why, said: Sequence[str], attempt: int, held: list[TargetRecord], again: Again) -> None:
        """What follows a push that was not taken. Raises SyncError where nothing can."""
        if reason is Why.OUR_REFS and self.own_refs:
            self.own_refs = False
            return
        if reason not in (Why.RACE, Why.UNREACHABLE) or attempt >= self.attempts or self.world.stop():
            raise refusals.complaint(reason, self.far.where, said, kept=self._what_is_kept())
        self._say(f"attempt {attempt}: {self.far.where} has moved")
        moving.paused(attempt)
        with suppress(SyncError):
            self.far.look()
        self.catch_up()
        self._again(held, again)

    def _again(self, held: list[TargetRecord], again: Again) -> None:
        """Runs those that are owed; their records take the place of those before. Then notes all that ran."""
        names = [name for name in self.targets if name in self.owed]
        self.owed.clear()
        if names:
            self._say(f"made again on top of {self.far.head[:7]}: {', '.join(names)}")
        for record in again(names) if names else ():
            earlier = next((at for at, one in enumerate(held) if one.target == record.target), None)
            if earlier is None:
                held.append(record)
            else:
                held[earlier] = _joined(held[earlier], record)
        if self.noting is not None:
            self.noting(held)

    def _wanted(self, repository: Repository) -> list[Wanted]:
        far = self.far
        targets = self.world.config.targets if self.own_refs else ()
        found = agreed.outgoing(far, repository, targets, self.kept, lock=True)
        found += agreed.notes_out(far, repository, targets)
        if repository.head != far.head:
            found.insert(0, Wanted(far.ref, repository.head, None))
        return found

    def _on_branches(self, held: list[TargetRecord], again: Again, blank: Delivered) -> Delivered:
        """Each target's branch by itself, so that one that people work on keeps no other from getting there."""
        far, landed, failures = self.far, [], list[SyncError]()
        if not far.head:
            raise HostError(
                "E-DELIVER-GONE",
                f"{far.outward.remote} has no branch {far.branch} that others could be compared with",
                hint=f"make it: git push {far.outward.remote} HEAD:{far.ref}",
                kept=KEPT,
            )
        for target in branches.targets_of(self._undelivered(self.world.repository.reread()), self.targets):
            try:
                done = self._on_its_branch(target, held, again)
            except SyncError as error:
                failures.append(error)
                continue
            landed += [done] if done is not None else []
        self._bases_alone()
        found = replace(blank, commit="", attempts=1, branches=tuple(landed))
        if not failures:
            return found
        first = failures[0]
        more = tuple(f"{error.code} {error.message}" for error in failures[1:])
        detail = (*first.detail, *more)
        return replace(
            found, failure=Failure(first.code, first.message, first.hint, "", first.kept or KEPT, detail, first.exit)
        )

    def _on_its_branch(self, target: Target, held: list[TargetRecord], again: Again) -> OwnBranch | None:
        for attempt in range(1, self.attempts + 1):
            repository = self.world.repository.reread()
            with self._store(repository) as store:
                made = self._undelivered(repository)
                draft = branches.draft(
                    repository, store, self.far, target, made, lock_path=self.world.lock_path, when=self.world.when
                )
            if draft is None:
                return None
            if draft.wanted:
                pushed = self.far.push(draft.wanted)
                if not pushed.taken:
                    self._after(refusals.why(pushed), refusals.told(pushed.finished), attempt, held, again)
                    continue
                self._say(f"pushed {draft.tip[:7]} to {self.far.outward.remote}/{draft.branch}")
            record = next((one for one in held if one.target == target.name), None)
            url, note = self._proposed(draft, record)
            return OwnBranch(target.name, draft.branch, draft.tip, url, note)
        raise AssertionError("unreachable: the last attempt raises")

    def _proposed(self, draft: branches.Draft, record: TargetRecord | None) -> tuple[str, str]:
        """The address of the pull request, and a note."""
        wanted = self.deliver.deliver_mode is DeliverMode.PULL_REQUEST or self.deliver.api is not None
        if self.forge is None or not wanted:
            asked = self.deliver.deliver_mode is DeliverMode.PULL_REQUEST
            return "", "no API or no token is known, so open its pull request by hand" if asked else ""
        from directional_sync.render import pull_request

        name = draft.target.name
        title = pull_request.title(name, draft.changes)
        text = pull_request.text(name, draft.changes, record, marks=(BEGIN, END))
        return self.forge.propose(draft.branch, self.far.branch, title, text, draft.tip)

    def _bases_alone(self) -> None:
        """What was agreed on by targets that the branch says nothing of, and which ran. If not taken, it waits."""
        repository = self.world.repository.reread()
        targets = self.world.config.targets
        wanted = agreed.outgoing(self.far, repository, targets, self.kept, lock=False)
        wanted += agreed.notes_out(self.far, repository, targets)
        if wanted and self.far.push(wanted).taken:
            self._noted(repository, wanted)

    def _undelivered(self, repository: Repository) -> list[Between]:
        head = self.far.head
        return between.commits(repository.git, head, repository.head) if head else []

    def _noted(self, repository: Repository, wanted: Sequence[Wanted]) -> None:
        moves = agreed.told(self.far, repository, self.world.config.targets, [one.ref for one in wanted])
        if moves:
            repository.git.update_refs(moves, "directional-sync: pushed")

    def _delivered(
        self, blank: Delivered, repository: Repository, made: Sequence[Between], wanted: Sequence[Wanted], attempt: int
    ) -> Delivered:
        bases = {BASE_REF.format(target=name): name for name in self.targets}
        told = tuple(bases[one.ref] for one in wanted if one.ref in bases)
        own = sum(not one.target for one in made)
        notes = [f"{own} of the commits pushed {'is' if own == 1 else 'are'} not of a run"] if own else []
        if not self.own_refs:
            notes.append("the remote takes none of our refs, so what was agreed on stays in this clone")
        self._say(f"pushed {repository.head[:7]} to {self.far.where}")
        return replace(
            blank,
            commit=repository.head,
            pushed=len(made),
            attempts=attempt,
            agreed=told,
            notes=(*blank.notes, *notes),
        )

    def _what_is_kept(self) -> str:
        repository = self.world.repository.reread()
        number = len(self._undelivered(repository))
        branch = repository.branch.removeprefix("refs/heads/")
        return f"{number} commit{'' if number == 1 else 's'} of {branch} in this clone; the next run delivers them"

    def _store(self, repository: Repository) -> ObjectStore:
        return ObjectStore(repository, self.world.cache / "quarantine" / f"share-{host.new_id()}")

    def _say(self, message: str) -> None:
        self.world.tell(Event(EventType.PROGRESS, message))


def _joined(before: TargetRecord, after: TargetRecord) -> TargetRecord:
    """The record of a target that was run again. What it did to its far side the first time was done."""
    note = "made again on top of what came from the remote"
    found = replace(after, effects=(*before.effects, *after.effects), notes=(*after.notes, note))
    found = replace(found, duration_s=before.duration_s + after.duration_s)
    if after.outcome is Outcome.IN_SYNC and before.effects and before.success:
        return replace(found, outcome=before.outcome, message=before.message, counts=before.counts)
    return found
