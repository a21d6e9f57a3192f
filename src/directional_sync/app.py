"""The use cases, as plain functions. Every face (terminal, scripts, later a dashboard) calls these and nothing
further down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from directional_sync import __version__, plugins
from directional_sync.errors import HostError
from directional_sync.model.lifecycle import Event, EventType, Tell
from directional_sync.model.plan import FileDiff
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.model.target import Target
from directional_sync.system import host
from directional_sync.workspace import RunOptions, Selection, Workspace, open_workspace, select

if TYPE_CHECKING:
    from directional_sync.run.world import Mode, World
    from directional_sync.store.history import History

__all__ = ["RunOptions", "Selection", "Workspace", "open_workspace", "select"]

_SAMPLES_IN_PLAN = 12
_SAMPLES_IN_DIFF = 5_000
_ALL = 1_000_000_000
"""A limit of deletions that is none: a person has asked for exactly these."""


def run(workspace: Workspace, selection: Selection, options: RunOptions, tell: Tell) -> Summary:
    """Plans or runs the selected targets. A dry run keeps its plan under `Summary.plan_id`; a real one is
    recorded. Raises SelectionError, LockHeldError, StalePlanError and HostError before anything is changed."""
    from directional_sync.run.world import Mode

    expected: Mapping[str, str] = {}
    if options.plan_id:
        from directional_sync.git.repository import Repository
        from directional_sync.store import plans

        git = Repository.open(workspace.root).git
        kept = plans.load(_plans(workspace), options.plan_id, lambda head: git.is_ancestor(head, "HEAD"))
        expected, options = kept.digests, options.allowing(kept.allowed)
        selection = replace(selection, patterns=tuple(expected))
    mode = Mode(
        dry_run=options.dry_run,
        verify=options.verify,
        prove=options.prove,
        expected=expected,
        allow_delete=options.allow_delete,
        locked=options.locked,
        resume=options.resume,
        accepted=options.accepted,
        prefer=options.prefer,
        samples=_SAMPLES_IN_PLAN if options.dry_run else 0,
    )
    return _run(workspace, select(workspace, selection), options, mode, tell)


def run_in(
    workspace: Workspace,
    targets: Sequence[Target],
    options: RunOptions,
    mode: Mode,
    tell: Tell,
    *,
    judged: bool = True,
) -> Summary:
    """Runs these targets in that mode; keeps no plan. `judged`: with gates. Raises as `run`."""
    return _run(workspace, targets, options, mode, tell, quiet=True, judged=judged)


def _run(
    workspace: Workspace,
    targets: Sequence[Target],
    options: RunOptions,
    mode: Mode,
    tell: Tell,
    *,
    quiet: bool = False,
    judged: bool = True,
) -> Summary:
    from directional_sync.execute.local import execute, refuse_stale
    from directional_sync.wiring import Noting, delivering, open_world, recorded, redacted

    started, begun, picked = host.utc_now(), host.monotonic(), None
    if options.due:
        from directional_sync.timetable import pick

        picked = pick(workspace, targets)
        if not picked.chosen.firings:  # the usual answer, without a lock and without a trace
            return Summary(host.new_id(), started, 0.0, picked.skipped, mode.dry_run, options.command, __version__)
    if not mode.dry_run:
        _history(workspace).refuse_newer()
    with open_world(workspace, options, tell, gates=judged, writes=not mode.dry_run) as world, ExitStack() as stack:
        if mode.expected:
            refuse_stale(execute(targets, replace(world, tell=lambda event: None), replace(mode, dry_run=True)))
        with delivering(workspace, options, world, mode) as way:
            with picked.held_off(workspace) if picked is not None and not mode.dry_run else nullcontext():
                way.begin()
            if picked is not None:
                picked = pick(workspace, targets)  # another run may have answered meanwhile, here or elsewhere
                started = host.utc_now()  # it answers what fires up to now
                targets = [target for target in targets if target.name in picked.chosen.firings]
                stack.enter_context(picked.under_way(workspace, noted=not mode.dry_run))
                way = way.in_environment(picked.environment(world.environment_for))
            base = f"{world.repository.branch.removeprefix('refs/heads/')}@{world.repository.head[:7]}"
            begin = {"run": world.run, "base": base, "dry_run": mode.dry_run}
            world.tell(Event(EventType.RUN_START, f"{len(targets)} targets", data=begin))
            voice = _voice(workspace, mode)
            beginning = voice.begun(workspace, targets) if voice else None

            def account(records: Sequence[TargetRecord]) -> Summary:
                """What the run comes to, as far as it has come."""
                return Summary(
                    run=world.run,
                    started=started,
                    duration_s=host.monotonic() - begun,
                    records=tuple(redacted(workspace, one) for one in (picked.account(records) if picked else records)),
                    dry_run=mode.dry_run,
                    command=options.command,
                    version=__version__,
                    base=base,
                )

            noting = Noting(workspace, account) if options.carry and not mode.dry_run else None
            records, delivered = way.carry(execute, targets, noting)
        plan_id = _keep_plan(world, records, options) if mode.dry_run and not quiet else ""
        summary = replace(account(records), plan_id=plan_id, delivered=delivered)
        if not mode.dry_run and (summary.records or targets):
            summary = recorded(workspace, summary, world.tell)
        if noting is not None and noting.failed:
            summary = replace(summary, unrecorded=summary.unrecorded or noting.failed)
        world.tell(Event(EventType.RUN_END, f"{summary.successful} ok, {summary.failed} failed", subject=summary))
    # Once the repository is free again; who could not be told is a warning on the record.
    warnings = voice.ended(workspace, summary, beginning) if voice else ()
    return recorded(workspace, replace(summary, warnings=warnings), tell) if warnings else summary


def _voice(workspace: Workspace, mode: Mode) -> Any:
    """What tells people of a run; None where nobody is to be told."""
    if workspace.config.notify is None or mode.dry_run or mode.prune:
        return None
    from directional_sync import notifying

    return notifying


def diff(workspace: Workspace, name: str, options: RunOptions, tell: Tell) -> tuple[TargetRecord, tuple[FileDiff, ...]]:
    """What a run of one target would change, its conflicts, and what was edited here, with content."""
    from directional_sync.run.world import Mode

    targets = select(workspace, Selection((name,)))
    mode = Mode(dry_run=True, samples=_SAMPLES_IN_DIFF)
    record = _run(workspace, targets, options, mode, tell, quiet=True).records[0]
    return record, record.samples


def verify(workspace: Workspace, selection: Selection, options: RunOptions, tell: Tell) -> Summary:
    """Checks, verification and drift gates over what the branch holds now. Changes nothing."""
    from directional_sync.run.inspect import inspect
    from directional_sync.wiring import open_world, redacted

    started, begun = host.utc_now(), host.monotonic()
    with open_world(workspace, options, tell, gates=True, writes=False) as world:
        records = tuple(redacted(workspace, inspect(target, world)) for target in select(workspace, selection))
    return Summary(world.run, started, host.monotonic() - begun, records, dry_run=True, version=__version__)


def prune(workspace: Workspace, selection: Selection, options: RunOptions, tell: Tell) -> Summary:
    """Removes, in a commit for each target, what came from sources and targets that the file no longer holds; what
    was edited here since stays. Asks no far side for anything. Raises as `run`."""
    from directional_sync.run.orphans import SUBJECT
    from directional_sync.run.world import Mode

    named = [replace(t, git_commit_message=SUBJECT) for t in workspace.config.targets if plugins.pins(t.endpoint)]
    targets = (*named, *departed(workspace))
    selected = select(replace(workspace, config=replace(workspace.config, targets=targets)), selection)
    samples = _SAMPLES_IN_PLAN if options.dry_run else 0
    mode = Mode(dry_run=options.dry_run, locked=True, prune=True, allow_delete=_ALL, samples=samples)
    return _run(workspace, selected, options, mode, tell, quiet=True)


def departed(workspace: Workspace) -> tuple[Target, ...]:
    """Targets that the lock names and the file does not."""
    from directional_sync.git.objects import ObjectStore
    from directional_sync.git.repository import Repository
    from directional_sync.run import orphans

    repository = Repository.open(workspace.root)
    with ObjectStore(repository, workspace.state / "cache" / "quarantine" / f"departed-{host.new_id()}") as store:
        return orphans.departed(repository, store, workspace.lock_path, workspace.config)


def recover(workspace: Workspace, options: RunOptions, tell: Tell) -> str:
    """Finishes or undoes what a killed run left; "" when there is nothing."""
    from directional_sync.git import recovery
    from directional_sync.git.repository import Repository
    from directional_sync.system.lock import run_lock
    from directional_sync.wiring import waiting

    repository = Repository.open(workspace.root)
    holder = {"command": options.command}
    with run_lock(workspace.state, holder, timeout_s=options.lock_timeout_s, waiting=waiting(tell)):
        return recovery.recover(repository)


def _keep_plan(world: World, records: Sequence[TargetRecord], options: RunOptions) -> str:
    """The id under which the plan is kept; it is not kept (but named) where the state cannot be written. "" when no
    target came as far as a plan."""
    from directional_sync.store import plans

    digests = {record.target: record.plan_digest for record in records if record.plan_digest}
    if not digests:
        return ""
    try:
        return plans.keep(world.cache / "plans", digests, options.allowed, world.repository.head)
    except HostError:
        return plans.identity(digests, options.allowed, world.repository.head)


def _plans(workspace: Workspace) -> Path:
    return workspace.state / "cache" / "plans"


def _history(workspace: Workspace) -> History:
    from directional_sync.past import history

    return history(workspace)
