"""The use cases that take runs back: rollback, undo, redo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from directional_sync import __version__
from directional_sync.core.trailers import Synced
from directional_sync.core.undoing import at_rest, to_redo, to_undo
from directional_sync.errors import RefusedError, SelectionError
from directional_sync.model.lifecycle import Event, EventType, Tell
from directional_sync.model.past import PastRun
from directional_sync.model.record import Summary
from directional_sync.model.target import Direction, Target
from directional_sync.past import history
from directional_sync.plugins import GONE
from directional_sync.system import host
from directional_sync.workspace import RunOptions, Selection, Workspace, select

if TYPE_CHECKING:
    from directional_sync.git.repository import Repository
    from directional_sync.run.rollback import Wanted

_KEPT = "nothing was changed"
_COMMITS_LOOKED_AT = 500
_SAMPLES = 12


@dataclass(frozen=True)
class Asked:
    """Which run is to be taken back, and of what."""

    run: str
    targets: tuple[str, ...] = ()
    """Names or globs; (): all that it has changed."""
    keep_later: bool = False


def undoable(workspace: Workspace, target: str | None) -> str:
    """The run that `undo` would take back. Raises SelectionError E-UNDO-NOTHING."""
    return _chosen(workspace, target, to_undo, "undo", "no run on this branch has changed anything that still stands")


def redoable(workspace: Workspace, target: str | None) -> str:
    """The undoing that `redo` would take back. Raises SelectionError E-UNDO-NOTHING."""
    return _chosen(workspace, target, to_redo, "redo", "nothing was undone, or another run came after it")


def _chosen(workspace: Workspace, target: str | None, choose: Any, verb: str, why: str) -> str:
    if target is not None:
        _known(workspace, target)
    found = choose(_past(workspace), target or "")
    if found is None:
        of = f" of {target}" if target else ""
        raise SelectionError(
            "E-UNDO-NOTHING", f"there is nothing{of} to {verb}: {why}", hint="see the runs: dsync log", kept=_KEPT
        )
    return str(found.run)


def _known(workspace: Workspace, target: str) -> None:
    if len(select(workspace, Selection((target,)))) > 1:
        raise SelectionError("E-SELECT", f"{target!r} means several targets", hint="name one of them")


def look_up(workspace: Workspace, asked: Asked) -> None:
    """Raises what `rollback` raises where there is no such run, or nothing of it that could be taken back here. Looks
    at no far side."""
    from directional_sync.git.repository import Repository

    _wanted(workspace, Repository.open(workspace.root), asked)


def rollback(
    workspace: Workspace, asked: Asked, options: RunOptions, expected: Mapping[str, str], tell: Tell
) -> Summary:
    """Takes one run back, or says what that would do. `expected`: target -> digest of the plan that was shown; {}: any.
    Raises SyncError with nothing changed where it cannot be done, and as `app.run`."""
    from directional_sync.run.rollback import undo
    from directional_sync.run.world import Mode
    from directional_sync.wiring import open_world, recorded, redacted

    if not options.dry_run:
        history(workspace).refuse_newer()
    started, begun = host.utc_now(), host.monotonic()
    mode = Mode(dry_run=options.dry_run, samples=_SAMPLES if options.dry_run else 0, expected=expected)
    with open_world(workspace, options, tell, gates=True, writes=not options.dry_run) as world:
        repository = world.repository.reread()  # what was left unfinished may have been finished just now
        wanted = _wanted(workspace, repository, asked)
        world.tell(Event(EventType.RUN_START, f"undo run {wanted.run}", data={"run": world.run, "undoes": wanted.run}))
        records = undo(replace(world, repository=repository), wanted, mode)
        branch = repository.branch.removeprefix("refs/heads/")
        summary = Summary(
            run=world.run,
            started=started,
            duration_s=host.monotonic() - begun,
            records=tuple(redacted(workspace, record) for record in records),
            dry_run=options.dry_run,
            command=options.command,
            version=__version__,
            base=f"{branch}@{repository.head[:7]}",
            undoes=wanted.run,
        )
        if not options.dry_run:
            summary = recorded(workspace, summary, world.tell)
        world.tell(Event(EventType.RUN_END, f"{summary.successful} ok, {summary.failed} failed", subject=summary))
    return summary


def _wanted(workspace: Workspace, repository: Repository, asked: Asked) -> Wanted:
    """What the run has done, by its commits on this branch and by its record."""
    from directional_sync.git.synced import synced
    from directional_sync.run.rollback import Wanted

    report = _report(workspace, repository, asked.run)
    run = str(report["run"])
    commits = tuple(synced(repository, repository.head, run=run))
    written = {str(one["target"]): _keys(one) for one in report["results"] if one.get("effects")}
    there = {name for one in commits for name in one.targets}
    elsewhere = [str(one["target"]) for one in report["results"] if one.get("commit") and one["target"] not in there]
    names = tuple(dict.fromkeys([*(n for one in reversed(commits) for n in one.targets), *written]))
    _refuse_what_is_not_here(run, names, elsewhere)
    chosen = tuple(name for name in names if _selected(name, asked.targets))
    _refuse_parts(run, names, chosen, commits)
    rests = dict.fromkeys(chosen, run)
    if report.get("undoes"):
        past = _past(workspace)
        rests = {name: at_rest(past, name, (run,)) for name in chosen}
    targets = tuple(_target(workspace, name) for name in chosen)
    return Wanted(run, targets, commits, written, {n: r for n, r in rests.items() if r}, asked.keep_later)


def _report(workspace: Workspace, repository: Repository, run: str) -> dict[str, Any]:
    """The record of the run; where there is none, as far as its commits on the branch tell. Raises SelectionError."""
    from directional_sync.git.synced import synced
    from directional_sync.render.rebuilt import reports

    try:
        return history(workspace).find(run)
    except SelectionError:
        commits = [one for one in synced(repository, repository.head) if any(_means(run, r) for r in one.runs)]
        found = reports(commits, {})
        if len(found) != 1:
            raise
        return found[0]


def _means(part: str, run: str) -> bool:
    return run.startswith(part) or run.endswith(part)


def _keys(result: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(effect["key"]) for effect in result["effects"] if effect.get("kind") == "done")


def _refuse_what_is_not_here(run: str, names: Sequence[str], elsewhere: Sequence[str]) -> None:
    if elsewhere:
        raise RefusedError(
            "E-UNDO-ELSEWHERE",
            f"what run {run[-8:]} committed of {', '.join(elsewhere)} is not on this branch",
            hint="switch to the branch that holds it, or name the targets that are to be undone here",
            kept=_KEPT,
        )
    if not names:
        raise SelectionError(
            "E-UNDO-NOTHING",
            f"run {run[-8:]} has changed nothing that could be undone",
            hint="see what it did: dsync show " + run[-8:],
            kept=_KEPT,
        )


def _refuse_parts(run: str, names: Sequence[str], chosen: Sequence[str], commits: Sequence[Synced]) -> None:
    if not chosen:
        hint = f"it has changed {', '.join(names)}"
        raise SelectionError("E-SELECT", f"run {run[-8:]} has changed none of these targets", hint=hint, kept=_KEPT)
    for one in commits:
        inside = [name for name in one.targets if name in chosen]
        if inside and len(inside) < len(one.targets):
            raise RefusedError(
                "E-UNDO-MIXED",
                f"commit {one.commit[:12]} holds {', '.join(one.targets)} together",
                hint=f"undo all of it: dsync rollback {run[-8:]}",
                kept=_KEPT,
            )


def _selected(name: str, patterns: Sequence[str]) -> bool:
    from fnmatch import fnmatchcase

    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _target(workspace: Workspace, name: str) -> Target:
    """One that the file no longer holds has no far side any more."""
    try:
        return workspace.config.target(name)
    except KeyError:
        return Target(name, Direction.PULL, GONE)


def _past(workspace: Workspace) -> list[PastRun]:
    """The runs that this branch holds, and those that wrote to far sides from this clone; newest first."""
    from directional_sync.git.repository import Repository
    from directional_sync.git.synced import synced

    repository = Repository.open(workspace.root)
    found: dict[str, PastRun] = {}
    for one in synced(repository, repository.head, limit=_COMMITS_LOOKED_AT):
        for run in one.runs:
            known = found.get(run, PastRun(run, one.undoes))
            found[run] = replace(known, targets=tuple(dict.fromkeys((*known.targets, *one.targets))))
    for past in history(workspace).changing():
        if past.run in found or past.far:
            found[past.run] = past
    return [found[run] for run in sorted(found, reverse=True)]
