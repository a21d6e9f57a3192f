"""The use cases around conflicts that wait for a person: listing them, looking at one, settling them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from directional_sync import app
from directional_sync.errors import RefusedError, SelectionError
from directional_sync.model.lifecycle import Tell
from directional_sync.model.record import Summary
from directional_sync.model.target import Target
from directional_sync.model.wish import Waiting, Wish
from directional_sync.system import host
from directional_sync.workspace import RunOptions, Selection, Workspace, select

if TYPE_CHECKING:
    from directional_sync.core.merge.values import Clash
    from directional_sync.core.versions import Versions
    from directional_sync.git.objects import ObjectStore
    from directional_sync.git.repository import Repository


def waiting(workspace: Workspace, selection: Selection) -> list[tuple[Target, tuple[Waiting, ...]]]:
    """The conflicts that wait, by target, those without any left out. Asks no far side for anything: they are as the
    last run has found them. Raises SelectionError."""
    from directional_sync.run import parked

    with _store(workspace) as (repository, store):
        found = [(t, parked.read(repository, store, t.name).waiting) for t in select(workspace, selection)]
    return [(target, conflicts) for target, conflicts in found if conflicts]


def of_target(workspace: Workspace, name: str, keys: Sequence[str]) -> tuple[Target, tuple[Waiting, ...]]:
    """The conflicts of one target that `keys` mean: names, folders or globs; all of them without any. Raises
    SelectionError where that is none, or where `name` means several targets."""
    targets = select(workspace, Selection((name,)))
    if len(targets) > 1:
        names = ", ".join(target.name for target in targets)
        raise SelectionError("E-SELECT", f"{name!r} means several targets: {names}", hint="name one of them")
    found = waiting(workspace, Selection((name,)))
    conflicts = found[0][1] if found else ()
    for key in keys:
        if not any(_means(key, one) for one in conflicts):
            there = ", ".join(one.conflict.key for one in conflicts[:5]) or "none"
            hint = f"there are: {there}; they are as the last run has found them"
            raise SelectionError(
                "E-SELECT", f"no conflict that waits matches {key!r}", hint=hint, kept="nothing was run"
            )
    return targets[0], tuple(one for one in conflicts if not keys or any(_means(key, one) for key in keys))


def versions(workspace: Workspace, conflicts: Sequence[Waiting]) -> Iterator[Versions]:
    """The contents of each, one after the other."""
    from directional_sync.core.merge.kinds import kind_of
    from directional_sync.core.merge.merging import merge
    from directional_sync.core.uniting import MERGE_BYTES_MAX, unmergeable
    from directional_sync.core.versions import Versions

    with _store(workspace) as (_, store):
        for one in conflicts:
            sides = (one.conflict.base, one.conflict.repo, one.conflict.remote)
            found = store.read_many([side.digest for side in sides if side.present])
            base, repo, remote = (found.get(side.digest) for side in sides)
            clashes: tuple[Clash, ...] = ()
            small = all(content is not None and len(content) <= MERGE_BYTES_MAX for content in (base, repo, remote))
            fit = small and one.conflict.clashes and not unmergeable(replace(one.conflict, why=""))
            if fit and repo is not None and remote is not None:
                clashes = merge(base, repo, remote, kind_of(one.conflict.key, repo)).clashes
            yield Versions(one, base, repo, remote, clashes)


def resolve(
    workspace: Workspace, target: Target, wishes: Mapping[str, Wish], options: RunOptions, tell: Tell
) -> Summary:
    """Runs the target with what a person has decided; all that a run judges is judged. Raises as `app.run`, and
    RefusedError E-RESOLVE-NOTHING without wishes."""
    from directional_sync.run.world import Mode

    if not wishes:
        raise RefusedError("E-RESOLVE-NOTHING", f"no conflict of {target.name} waits", kept="nothing was run")
    mode = Mode(dry_run=options.dry_run, wishes=wishes, samples=12 if options.dry_run else 0)
    return app.run_in(workspace, (target,), options, mode, tell)


def _means(key: str, one: Waiting) -> bool:
    at = one.conflict.key
    return at == key or fnmatchcase(at, key) or at.startswith(key.rstrip("/") + "/")


@contextmanager
def _store(workspace: Workspace) -> Iterator[tuple[Repository, ObjectStore]]:
    from directional_sync.git.objects import ObjectStore
    from directional_sync.git.repository import Repository

    repository = Repository.open(workspace.root)
    with ObjectStore(repository, workspace.state / "cache" / "quarantine" / f"conflicts-{host.new_id()}") as store:
        yield repository, store
