"""Puts the rooms together for one run: repository, lock, cache, gates, endpoints, redaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from directional_sync import plugins
from directional_sync.core.redact import Redactor
from directional_sync.endpoints.base import Context
from directional_sync.errors import HostError
from directional_sync.gates.standard import standard
from directional_sync.git.recovery import recover
from directional_sync.git.repository import Repository
from directional_sync.model.lifecycle import Event, EventType, Level, Skip, Tell
from directional_sync.model.plan import Plan
from directional_sync.model.record import Delivered, Summary, TargetRecord
from directional_sync.model.target import Target
from directional_sync.run.world import Mode, World
from directional_sync.store.ledger import TargetLedger
from directional_sync.system import host
from directional_sync.system.environment import credentials_for, environment_for
from directional_sync.system.lock import run_lock
from directional_sync.workspace import RunOptions, Workspace, redactor

if TYPE_CHECKING:
    from directional_sync.sharing.deliver import Delivery


@contextmanager
def open_world(workspace: Workspace, options: RunOptions, tell: Tell, *, gates: bool, writes: bool) -> Iterator[World]:
    """The repository, locked, and all that a target needs. What a killed run left is finished first when this one
    `writes`; one that only looks leaves it, since `status` is to show it."""

    repository = Repository.open(workspace.root)
    run = host.new_id()
    mask = redactor(workspace)
    quiet = _redacting(mask, tell)

    with _cache(workspace) as cache, _locked(workspace, options, run, waiting(quiet)) as locked:
        finished = recover(repository) if locked and writes else ""
        if finished:
            quiet(Event(EventType.PROGRESS, finished))
        yield World(
            repository=repository,
            cache=cache,
            config=workspace.config,
            gates=standard() if gates else (),
            open_endpoint=lambda context: plugins.open_endpoint(_trusted(context, repository, workspace.environ)),
            environment_for=lambda target: environment_for(target, workspace.environ),
            tell=quiet,
            run=run,
            when=host.utc_now(),
            lock_path=workspace.lock_path,
            ledger_for=lambda target: TargetLedger(workspace.state / "effects", target.name, run, mask),
            stop=options.stop,
        )


@dataclass(frozen=True)
class Way:
    """How the commits of one run leave this clone: not at all, or by a delivery."""

    world: World
    mode: Mode
    delivery: Delivery | None = None
    mask: Redactor = Redactor(())
    why_not: str = ""

    def begin(self) -> None:
        """Takes over what the remote has, what ran elsewhere among it. Raises SyncError, with nothing run."""
        if self.delivery is not None:
            self.delivery.begin()

    def in_environment(self, environment_for: Callable[[Target], Mapping[str, str]]) -> Way:
        """The same for targets that run in this environment."""
        return replace(self, world=replace(self.world, environment_for=environment_for))

    def carry(
        self,
        execute: Callable[[Sequence[Target], World, Mode], Sequence[TargetRecord]],
        targets: Sequence[Target],
        noting: Callable[[Sequence[TargetRecord]], None] | None = None,
    ) -> tuple[Sequence[TargetRecord], Delivered | None]:
        """Runs the targets and delivers what they made. `noting` is told what ran before anything leaves this clone,
        and again where something had to be made again. After `begin`."""
        if self.delivery is None:
            records = execute(targets, self.world, self.mode)
            if noting is not None:
                noting(records)
            return records, Delivered("", "", notes=(self.why_not,)) if self.why_not else None
        owed, self.delivery.owed = self.delivery.owed, set()
        records = execute(targets, self.world, self.mode)
        self.delivery.owed |= owed - {record.target for record in records}
        by_name = {target.name: target for target in (*self.world.config.targets, *targets)}
        self.delivery.noting = noting
        records, found = self.delivery.finish(
            records, lambda names: execute([by_name[name] for name in names], self.world, self.mode)
        )
        return records, self.mask.value(found)


@dataclass
class Noting:
    """Notes what ran where it travels with the repository, in time for the push that carries it. What was planned only
    and what was not due is no news."""

    workspace: Workspace
    account: Callable[[Sequence[TargetRecord]], Summary]
    failed: str = ""
    """Why the last note could not be written; a run that is not noted has run all the same."""

    def __call__(self, records: Sequence[TargetRecord]) -> None:
        from directional_sync.git import ran
        from directional_sync.render.report import report

        try:
            ran.note(Repository.open(self.workspace.root), report(self.account(records)))
            self.failed = ""
        except HostError as error:
            self.failed = f"{error.message} ({error.code})"


@contextmanager
def delivering(workspace: Workspace, options: RunOptions, world: World, mode: Mode) -> Iterator[Way]:
    """What the file and the options say about the way of commits. Raises SyncError, with nothing run."""
    deliver = workspace.config.deliver
    wanted = options.deliver if options.deliver is not None else deliver is not None and deliver.push
    if mode.dry_run or not wanted:
        yield Way(world, mode)
        return
    from directional_sync.model.target import Deliver
    from directional_sync.sharing.opening import NotThisBranchError, opened

    try:
        delivery = opened(world, deliver or Deliver(), workspace.environ, once=bool(mode.expected))
    except NotThisBranchError as why:
        yield Way(world, mode, why_not=f"not delivered: {why}")
        return
    leases = delivery.leases(options.lock_timeout_s)
    delivery.world = replace(world, turns=leases)
    try:
        yield Way(delivery.world, mode, delivery, redactor(workspace))
    finally:
        leases.release()


def _trusted(context: Context, repository: Repository, environ: Mapping[str, str]) -> Context:
    """The context with what is for the endpoint alone. Raises CredentialError E-ENV-MISSING."""
    names = plugins.credentials(context.target)
    own = credentials_for(context.target, names, environ) if names else {}
    return replace(
        context,
        environment={**context.environment, **own},
        external_roots=lambda: _external_roots(repository, environ),
    )


def _external_roots(repository: Repository, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders that the owner of this clone lets targets write into. A clone brings none, since its own
    configuration is not cloned; and in CI, where a step could set anything, there are none."""
    if environ.get("CI", "").lower() not in ("", "0", "false") or environ.get("GITHUB_ACTIONS") == "true":
        return ()
    said = repository.git.setting("directional-sync.externalRoots")
    return tuple(Path(root) for root in said.split(os.pathsep) if root.startswith("/"))


@contextmanager
def _cache(workspace: Workspace) -> Iterator[Path]:
    """Where disposable things go; a temporary folder when the repository cannot be written, so that a plan
    can be made of a read-only one."""
    folder = workspace.state / "cache"
    try:
        host.make_folder(folder)
        writable = os.access(folder, os.W_OK)
    except HostError:
        writable = False
    if writable:
        yield folder
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="dsync-") as temporary:
        yield Path(temporary)


@contextmanager
def _locked(workspace: Workspace, options: RunOptions, run: str, waiting: Callable[[str], None]) -> Iterator[bool]:
    """Holds the run lock; False where a dry run looks at a repository that cannot be written."""
    holder = {"command": options.command, "run": run}
    lock = run_lock(workspace.state, holder, timeout_s=options.lock_timeout_s, waiting=waiting)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
            held = True
        except HostError as error:
            if not options.dry_run or error.code not in ("E-READ-ONLY", "E-PERMISSION"):
                raise
            held = False
        yield held


def waiting(tell: Tell) -> Callable[[str], None]:
    """Says for whom a run waits."""
    return lambda who: tell(Event(EventType.PROGRESS, f"waiting for another run: {who}"))


def _redacting(mask: Redactor, tell: Tell) -> Tell:
    return lambda event: tell(mask.value(event))


def redacted(workspace: Workspace, record: TargetRecord) -> TargetRecord:
    """The record without known secrets, in names and in what differs too. Where a secret is suspected, what differs
    is left out as a whole: a plan is read in logs of CI too."""
    mask = redactor(workspace)
    suspected = any(verdict.code == "E-SECRET" and verdict.stops for verdict in record.verdicts)
    return replace(
        record,
        message=mask.text(record.message),
        verdicts=mask.value(tuple(replace(verdict, keys=()) for verdict in record.verdicts)),
        failure=mask.value(record.failure),
        also=mask.value(record.also),
        notes=mask.value(record.notes),
        effects=mask.value(record.effects),
        outputs_created=mask.value(record.outputs_created),
        samples=() if suspected else mask.value(record.samples),
        plan=_plan(record.plan, mask) if record.plan else None,
    )


def recorded(workspace: Workspace, summary: Summary, tell: Tell) -> Summary:
    """Keeps the record of the run, in the place of an earlier one of the same run; a run for which nothing was due
    leaves none. Where keeping it fails the run has happened all the same, and must be told of."""
    from directional_sync.past import history
    from directional_sync.render.report import report

    kept = replace(summary, records=tuple(r for r in summary.records if r.skip is not Skip.NOT_DUE))
    if summary.records and not kept.records:
        return summary
    runs = history(workspace)
    try:
        runs.add(report(kept))
    except HostError as error:
        return replace(summary, unrecorded=f"{error.message} ({error.code})")
    for note in runs.notes:
        tell(Event(EventType.PROGRESS, note, level=Level.WARNING))
    return summary


def _plan(plan: Plan, mask: Redactor) -> Plan:
    """The plan for people. Looking through all of its names at once is a hundred times quicker than one by one,
    and hardly ever finds anything."""
    keys = (item.key for part in (plan.repo, plan.remote, plan.agreed, plan.conflicts, plan.held) for item in part)
    names = "\n".join(keys)
    if mask.text(names) != names:
        return mask.value(plan)
    return replace(plan, preview=mask.text(plan.preview), notes=mask.value(plan.notes), held=mask.value(plan.held))
