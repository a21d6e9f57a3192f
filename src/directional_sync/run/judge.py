"""Asking the gates, and telling what they answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from directional_sync.gates.base import READ_BYTES_MAX, Subject
from directional_sync.git import tree as trees
from directional_sync.git.listing import listing
from directional_sync.model.approval import Approvals
from directional_sync.model.lifecycle import Event, EventType, Level
from directional_sync.model.plan import Sign
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.target import Target
from directional_sync.run.scan import Scan, sizes
from directional_sync.run.world import Passage, World

if TYPE_CHECKING:
    from directional_sync.git.rehearsal import Rehearsal

Verdicts = tuple[Verdict, ...]
Environment = Mapping[str, str]


def judge_commands(
    world: World,
    target: Target,
    phase: Phase,
    environment: Environment,
    root: Path,
    rehearsal: Rehearsal | None = None,
) -> Verdicts:
    """The verdicts of a phase whose gates are commands: PRE in the user's tree, POST in a checkout."""
    subject = Subject(world.config, target, root, environment, today=world.today, rehearsal=rehearsal)
    return _judge(world, phase, subject)


def judge_plan(at: Passage, seen: Scan) -> Verdicts:
    """The verdicts of the built-in gates over the plan."""
    subject = Subject(
        config=at.world.config,
        target=at.target,
        root=at.world.repository.root,
        environment=at.environment,
        plan=replace(seen.plan, repo=seen.written),
        entries=seen.plan.repo,
        base=seen.differing["base"],
        repo=seen.differing["repo"],
        remote=seen.differing["remote"],
        sizes=sizes(seen, at.store),
        emptied=_emptied(at, seen),
        read=at.store.read,
        read_many=lambda digests: at.store.read_many(digests, bytes_max=READ_BYTES_MAX),
        size_many=at.store.size_many,
        allow_delete=at.mode.allow_delete,
        listing=lambda folders: listing(at.store, seen.tree, folders),
        approvals=lambda: _approvals(at),
        cache=at.world.cache / "gates",
        today=at.world.today,
    )
    return _judge(at.world, Phase.PLAN, subject)


def _emptied(at: Passage, seen: Scan) -> tuple[str, ...]:
    """The places that `Subject.emptied` names."""
    if at.target.records or at.mode.prune or not any(change.sign is Sign.DELETE for change in seen.plan.repo):
        return ()
    remote, nothing = seen.whole["remote"], trees.empty_tree(at.store.hash_name)
    filled: set[str] = set()
    for key, entry in remote.entries.items():
        while entry.digest != nothing and key and key not in filled:
            filled.add(key)
            key = key.rpartition("/")[0]
    before = {source.into for source in seen.base.snapshot.sources}
    return tuple(
        source.into
        for source in remote.sources
        if source.into in before - filled and source.into and not remote.why_unreadable(source.into)
    )


def _approvals(at: Passage) -> Approvals:
    """As the branch holds them: what is not committed nobody could review."""
    from directional_sync.core import approvals

    path = approvals.path_beside(at.world.lock_path)
    found = trees.select(at.store, at.store.tree_of(at.world.repository.head), (path,)).entries.get(path)
    return approvals.parse(at.store.read(found.digest)) if found is not None and not found.folder else Approvals()


def _judge(world: World, phase: Phase, subject: Subject) -> Verdicts:
    verdicts: list[Verdict] = []
    for gate in world.gates:
        if gate.phase is phase:
            for verdict in gate.judge(subject):
                verdicts.append(verdict)
                world.tell(_event(subject.target, verdict))
    return tuple(verdicts)


def _event(target: Target, verdict: Verdict) -> Event:
    kind = EventType.GUARD if verdict.phase is Phase.PLAN else EventType.CHECK
    level = Level.WARNING if verdict.warning else Level.DEBUG
    verdict = replace(verdict, keys=(), asks=())  # nobody is shown these
    data = {"gate": verdict.gate, "phase": str(verdict.phase), "passed": verdict.passed, "code": verdict.code}
    return Event(
        kind, f"{verdict.gate}: {verdict.message}", target.name, level if verdict.passed else Level.ERROR, data, verdict
    )


def refusal(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The first verdict that stops the target."""
    return next((verdict for verdict in verdicts if verdict.stops), None)


def needs_checkout(world: World, target: Target) -> bool:
    """Whether anything will look at a checkout of the staged tree."""
    safety = world.config.safety
    return bool(target.verification or safety.post_sync_checks or safety.drift_gates)
