"""Asking the gates, and telling what they answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from directional_sync.gates.base import Subject
from directional_sync.git.listing import listing
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Event, EventType, Level
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.target import Target
from directional_sync.run.scan import Scan, sizes
from directional_sync.run.world import Mode, World


def judge_commands(
    world: World, target: Target, phase: Phase, environment: Mapping[str, str], root: Path
) -> tuple[Verdict, ...]:
    """The verdicts of a phase whose gates are commands: PRE in the user's tree, POST in a checkout."""
    subject = Subject(config=world.config, target=target, root=root, environment=environment, today=world.today)
    return _judge(world, target, phase, subject)


def judge_plan(
    world: World, target: Target, mode: Mode, seen: Scan, store: ObjectStore, environment: Mapping[str, str]
) -> tuple[Verdict, ...]:
    subject = Subject(
        config=world.config,
        target=target,
        root=world.repository.root,
        environment=environment,
        plan=seen.plan,
        base=seen.differing["base"],
        repo=seen.differing["repo"],
        remote=seen.differing["remote"],
        sizes=sizes(seen, store),
        read=store.read,
        read_many=store.read_many,
        size_many=store.size_many,
        allow_delete=mode.allow_delete,
        listing=lambda folders: listing(store, seen.tree, folders),
        cache=world.cache / "gates",
        today=world.today,
    )
    return _judge(world, target, Phase.PLAN, subject)


def _judge(world: World, target: Target, phase: Phase, subject: Subject) -> tuple[Verdict, ...]:
    verdicts: list[Verdict] = []
    for gate in world.gates:
        if gate.phase is phase:
            for verdict in gate.judge(subject):
                verdicts.append(verdict)
                world.tell(_event(target, verdict))
    return tuple(verdicts)


def _event(target: Target, verdict: Verdict) -> Event:
    kind = EventType.GUARD if verdict.phase is Phase.PLAN else EventType.CHECK
    level = Level.WARNING if verdict.warning else Level.DEBUG
    data = {"gate": verdict.gate, "phase": str(verdict.phase), "passed": verdict.passed, "code": verdict.code}
    return Event(
        kind, f"{verdict.gate}: {verdict.message}", target.name, level if verdict.passed else Level.ERROR, data, verdict
    )


def refusal(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The first verdict that stops the target."""
    return next((verdict for verdict in verdicts if not verdict.passed), None)


def needs_checkout(world: World, target: Target) -> bool:
    """Whether anything will look at a checkout of the staged tree."""
    safety = world.config.safety
    return bool(target.verification or safety.post_sync_checks or safety.drift_gates)
