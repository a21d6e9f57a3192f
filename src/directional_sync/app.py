"""The use cases, as plain functions, and the wiring of the rooms below. Every face (terminal, scripts, later a
dashboard) calls these and nothing further down."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from directional_sync import __version__
from directional_sync.errors import HostError, SelectionError, StalePlanError
from directional_sync.model.lifecycle import Event, EventType, Tell
from directional_sync.model.plan import FileDiff, Held, Side
from directional_sync.model.record import Summary, TargetRecord
from directional_sync.model.target import Config, Direction, Target
from directional_sync.system import host

if TYPE_CHECKING:
    from directional_sync.run.world import Mode, World
    from directional_sync.store.history import History, LastRun

_SAMPLES_IN_PLAN = 12
_SAMPLES_IN_DIFF = 5_000
STATE = "directional-sync"


@dataclass(frozen=True)
class Workspace:
    """One repository and its configuration, as a command found them."""

    root: Path
    config: Config
    environ: Mapping[str, str] = field(repr=False)

    @property
    def state(self) -> Path:
        """Everything that is ours beside refs: under the common git directory."""
        return host.common_dir(self.root) / STATE

    @property
    def lock_path(self) -> str:
        """`sync.lock` beside the YAML, relative to the root."""
        return str(Path(self.config.path).with_name("sync.lock"))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which targets a command means; the parts combine."""

    patterns: tuple[str, ...] = ()
    """Names or globs; a target matches any of them. (): all."""
    direction: Direction | None = None
    schedule: str | None = None
    """Only targets with exactly this cron expression."""


@dataclass(frozen=True)
class RunOptions:
    dry_run: bool = False
    verify: bool = False
    prove: bool = False
    plan_id: str = ""
    lock_timeout_s: float = 0.0
    allow_delete: int | None = None
    prefer: Side | None = None
    command: str = ""
    """The command line, for those who find the repository locked."""
    stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class TargetRow:
    target: Target
    last: LastRun | None
    next_run: str
    """RFC 3339, or "" without a schedule."""
    overdue: bool
    available: bool
    explain: str
    """The schedule in words."""


@dataclass(frozen=True)
class StatusRow:
    target: Target
    in_sync: bool | None
    """None: it could not be found out; `message` says why."""
    repo: int = 0
    """Keys that a run would write here."""
    remote: int = 0
    conflicts: int = 0
    held: tuple[Held, ...] = ()
    message: str = ""
    last: LastRun | None = None
    record: TargetRecord | None = None


@dataclass(frozen=True)
class Status:
    rows: tuple[StatusRow, ...]
    interrupted: str
    """"" or what a killed run left to finish."""
    score: int
    """How many keys differ, over all targets."""


def open_workspace(config_path: str | None, cwd: Path, environ: Mapping[str, str]) -> Workspace:
    """Raises ConfigError with every mistake in the file."""
    from directional_sync.config import load

    root = host.find_root(cwd) or cwd
    path = load.find(config_path, environ, root)
    return Workspace(root, load.load(path, root, environ), environ)


def select(workspace: Workspace, selection: Selection) -> tuple[Target, ...]:
    """The targets that `selection` means, in file order. Raises SelectionError when there are none."""
    from fnmatch import fnmatchcase

    names = [target.name for target in workspace.config.targets]
    for pattern in selection.patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            near = difflib.get_close_matches(pattern.strip("*"), names, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names)}"
            raise SelectionError("E-SELECT", f"no target matches {pattern!r}", hint=hint, kept="nothing was run")
    chosen = tuple(
        target
        for target in workspace.config.targets
        if (not selection.patterns or any(fnmatchcase(target.name, p) for p in selection.patterns))
        and (selection.direction is None or target.direction is selection.direction)
        and (selection.schedule is None or (target.schedule is not None and target.schedule.cron == selection.schedule))
    )
    if not chosen:
        raise SelectionError(
            "E-SELECT",
            "no target matches these filters together",
            hint="see all targets: dsync list",
            kept="nothing was run",
        )
    return chosen


def list_targets(workspace: Workspace, selection: Selection) -> list[TargetRow]:
    from directional_sync import plugins
    from directional_sync.config import cron

    last = _history(workspace).last_runs()
    now = host.utc_now()
    rows = []
    for target in select(workspace, selection):
        ran = last.get(target.name)
        following = cron.next_run(target.schedule, now) if target.schedule else ""
        due = cron.next_run(target.schedule, ran.started) if target.schedule and ran else ""
        words = cron.explain(target.schedule) if target.schedule else "by hand"
        rows.append(
            TargetRow(target, ran, following, bool(due) and due < now, plugins.available(target.endpoint), words)
        )
    return rows


def run(workspace: Workspace, selection: Selection, options: RunOptions, tell: Tell) -> Summary:
    """Plans or runs the selected targets. A dry run keeps its plan under `Summary.plan_id`; a real one is
    recorded. Raises SelectionError, LockHeldError, StalePlanError and HostError before anything is changed."""
    from directional_sync.run.world import Mode

    expected: Mapping[str, str] = {}
    if options.plan_id:
        from directional_sync.store import plans

        expected = plans.load(_plans(workspace), options.plan_id).digests
        selection = replace(selection, patterns=tuple(expected))
    mode = Mode(
        dry_run=options.dry_run,
        verify=options.verify,
        prove=options.prove,
        expected=expected,
        allow_delete=options.allow_delete,
        prefer=options.prefer,
        samples=_SAMPLES_IN_PLAN if options.dry_run else 0,
    )
    return _run(workspace, select(workspace, selection), options, mode, tell)


def _run(
    workspace: Workspace, targets: Sequence[Target], options: RunOptions, mode: Mode, tell: Tell, *, quiet: bool = False
) -> Summary:
    from directional_sync.execute.local import execute

    started, begun = host.utc_now(), host.monotonic()
    with _world(workspace, options, tell, gates=not quiet) as world:
        if mode.expected:
            _refuse_stale(execute(targets, replace(world, tell=lambda event: None), replace(mode, dry_run=True)))
        base = f"{world.repository.branch.removeprefix('refs/heads/')}@{world.repository.head[:7]}"
        world.tell(Event(EventType.RUN_START, f"{len(targets)} targets", data={"base": base, "dry_run": mode.dry_run}))
        records = execute(targets, world, mode)
        summary = Summary(
            run=world.run,
            started=started,
            duration_s=host.monotonic() - begun,
            records=tuple(_redacted(workspace, record) for record in records),
            dry_run=mode.dry_run,
            command=options.command,
            version=__version__,
            base=base,
            plan_id=_keep_plan(world, records) if mode.dry_run and not quiet else "",
        )
        if not mode.dry_run:
            _record(workspace, summary)
        world.tell(Event(EventType.RUN_END, f"{summary.successful} ok, {summary.failed} failed", subject=summary))
    return summary


def _refuse_stale(records: Sequence[TargetRecord]) -> None:
    """All plans are compared before the first is carried out, so that a stale one changes nothing at all."""
    stale = [r for r in records if r.failure is not None and r.failure.code == "E-PLAN-STALE"]
    if stale:
        raise StalePlanError(
            "E-PLAN-STALE",
            f"the plan for {', '.join(r.target for r in stale)} is no longer what would be done",
            kept="nothing was changed",
            hint="look at what changed and make a new plan: dsync plan",
        )


def status(workspace: Workspace, selection: Selection, options: RunOptions, tell: Tell) -> Status:
    """Drift of each target, by planning without gates. Changes nothing."""
    from directional_sync.git import transaction
    from directional_sync.git.repository import Repository
    from directional_sync.run.world import Mode

    interrupted = transaction.interrupted(Repository.open(workspace.root))
    summary = _run(workspace, select(workspace, selection), options, Mode(dry_run=True), tell, quiet=True)
    last = _history(workspace).last_runs()
    rows = tuple(_status_row(workspace.config.target(r.target), r, last.get(r.target)) for r in summary.records)
    score = sum(record.plan.drift_score for record in summary.records if record.plan is not None)
    return Status(rows, interrupted, score)


def _status_row(target: Target, record: TargetRecord, last: LastRun | None) -> StatusRow:
    plan = record.plan
    if plan is None or plan.opaque:
        return StatusRow(target, None, message=record.message, last=last, record=record)
    unread = record.failure is not None and not plan.conflicts
    known = None if unread else plan.drift_score == 0
    return StatusRow(
        target, known, len(plan.repo), len(plan.remote), len(plan.conflicts), plan.held, record.message, last, record
    )


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

    started, begun = host.utc_now(), host.monotonic()
    with _world(workspace, options, tell) as world:
        records = tuple(_redacted(workspace, inspect(target, world)) for target in select(workspace, selection))
    return Summary(world.run, started, host.monotonic() - begun, records, dry_run=True, version=__version__)


def recover(workspace: Workspace, options: RunOptions) -> str:
    """Finishes or undoes what a killed run left; "" when there is nothing."""
    from directional_sync.git import transaction
    from directional_sync.git.repository import Repository

    repository = Repository.open(workspace.root)
    with host.RunLock(workspace.state, {"command": options.command}, timeout_s=options.lock_timeout_s):
        return transaction.recover(repository)


def log(workspace: Workspace, target: str | None, limit: int) -> list[dict[str, Any]]:
    """Reports of past runs, newest first."""
    if target is not None:
        select(workspace, Selection((target,)))
    return _history(workspace).newest(target, limit)


def show(workspace: Workspace, run_prefix: str) -> dict[str, Any]:
    """The report of one run. Raises SelectionError."""
    return _history(workspace).find(run_prefix)


@contextmanager
def _world(workspace: Workspace, options: RunOptions, tell: Tell, *, gates: bool = True) -> Iterator[World]:
    """The repository, locked and recovered, and all that a target needs."""
    from directional_sync import plugins
    from directional_sync.gates.standard import standard
    from directional_sync.git import transaction
    from directional_sync.git.repository import Repository
    from directional_sync.run.world import World
    from directional_sync.system.environment import environment_for

    repository = Repository.open(workspace.root)
    run = host.new_id()
    quiet = _redacting(workspace, tell)

    def waiting(who: str) -> None:
        quiet(Event(EventType.PROGRESS, f"waiting for another run: {who}"))

    with _cache(workspace) as cache, _locked(workspace, options, run, waiting) as locked:
        finished = transaction.recover(repository) if locked else ""
        if finished:
            quiet(Event(EventType.PROGRESS, finished))
        yield World(
            repository=repository,
            cache=cache,
            config=workspace.config,
            gates=standard() if gates else (),
            open_endpoint=plugins.open_endpoint,
            environment_for=lambda target: environment_for(target, workspace.environ),
            tell=quiet,
            run=run,
            when=host.utc_now(),
            lock_path=workspace.lock_path,
            stop=options.stop,
        )


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
    with tempfile.TemporaryDirectory(prefix="dsync-") as temporary:
        yield Path(temporary)


@contextmanager
def _locked(workspace: Workspace, options: RunOptions, run: str, waiting: Callable[[str], None]) -> Iterator[bool]:
    """Holds the run lock; False where a dry run looks at a repository that cannot be written."""
    holder = {"command": options.command, "run": run}
    lock = host.RunLock(workspace.state, holder, timeout_s=options.lock_timeout_s, waiting=waiting)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
            held = True
        except HostError as error:
            if not options.dry_run or error.code not in ("E-READ-ONLY", "E-PERMISSION"):
                raise
            held = False
        yield held


def _redacting(workspace: Workspace, tell: Tell) -> Tell:
    from directional_sync.core.redact import Redactor

    redactor = Redactor(secrets_of(workspace))
    return lambda event: tell(redactor.value(event))


def _redacted(workspace: Workspace, record: TargetRecord) -> TargetRecord:
    """The record without known secrets, plan and samples included only as far as they are text for people."""
    from directional_sync.core.redact import Redactor

    redactor = Redactor(secrets_of(workspace))
    return replace(
        record,
        message=redactor.text(record.message),
        verdicts=tuple(redactor.value(verdict) for verdict in record.verdicts),
        failure=redactor.value(record.failure) if record.failure else None,
        notes=tuple(redactor.text(note) for note in record.notes),
        plan=replace(record.plan, preview=redactor.text(record.plan.preview)) if record.plan else None,
    )


def secrets_of(workspace: Workspace) -> tuple[str, ...]:
    """Values that must never be shown: expanded variables with secret-looking names, and whatever variables
    the targets hand to their programs."""
    handed = {name for target in workspace.config.targets for name in (*target.env, *target.env_vars)}
    values = [workspace.environ.get(name, "") for name in sorted(handed)]
    return tuple(value for value in (*workspace.config.secrets, *values) if len(value) >= 6)


def _keep_plan(world: World, records: Sequence[TargetRecord]) -> str:
    """The id under which the plan is kept; it is not kept (but named) where the state cannot be written."""
    from directional_sync.store import plans

    digests = {record.target: record.plan_digest for record in records if record.plan_digest}
    try:
        return plans.keep(world.cache / "plans", digests)
    except HostError:
        return plans.identity(digests)


def _plans(workspace: Workspace) -> Path:
    return workspace.state / "cache" / "plans"


def _history(workspace: Workspace) -> History:
    from directional_sync.store.history import History

    return History(workspace.state / "history")


def _record(workspace: Workspace, summary: Summary) -> None:
    from directional_sync.render.report import report

    _history(workspace).add(report(summary))
