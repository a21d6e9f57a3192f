"""The use cases around runs that are over: listing them, showing one, how long and how well targets went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from directional_sync.errors import HostError
from directional_sync.workspace import Selection, Workspace, select

if TYPE_CHECKING:
    from directional_sync.model.past import Statistics
    from directional_sync.store.history import History


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and what people should know about the history that it comes from."""

    reports: list[dict[str, Any]]
    notes: tuple[str, ...] = ()


def history(workspace: Workspace) -> History:
    """The runs of this repository; where they were lost, as far as commits tell of them."""
    from directional_sync.store.history import History

    return History(workspace.state, lambda: _told_by_commits(workspace))


def log(workspace: Workspace, target: str | None, limit: int) -> Told:
    """Reports of past runs, newest first. Raises SelectionError, HostError."""
    if target is not None:
        select(workspace, Selection((target,)))
    kept = history(workspace)
    return Told(kept.newest(target, limit), tuple(kept.notes))


def show(workspace: Workspace, run: str) -> Told:
    """The report of one run, by either end of its id. Raises SelectionError, HostError."""
    kept = history(workspace)
    return Told([kept.find(run)], tuple(kept.notes))


def statistics(workspace: Workspace, target: str | None) -> list[Statistics]:
    """How long and how well each target went, those included that the file no longer holds. Raises SelectionError,
    HostError."""
    if target is not None:
        select(workspace, Selection((target,)))
    return history(workspace).statistics(target)


def _told_by_commits(workspace: Workspace) -> list[dict[str, Any]]:
    from directional_sync.git.repository import Repository
    from directional_sync.git.synced import synced
    from directional_sync.render.rebuilt import reports

    directions = {target.name: str(target.direction) for target in workspace.config.targets}
    try:
        return reports(synced(Repository.open(workspace.root), "HEAD", "--branches"), directions)
    except HostError:
        return []
