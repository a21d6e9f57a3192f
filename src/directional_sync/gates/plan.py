"""Gates over what a plan would do to each side: where it writes, what it must never write, how much it removes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from directional_sync.core import globs
from directional_sync.core.escape import one_line
from directional_sync.gates.base import Subject
from directional_sync.model.plan import Change, Plan, Side, Sign, moves
from directional_sync.model.record import Phase, Verdict
from directional_sync.model.snapshot import Snapshot
from directional_sync.model.target import Direction, Limit, ReadOnly, Target

SHOWN = 20
"""How many findings a verdict lists."""

_MAGIC = frozenset("*?[\\")
_PROTECTED = (".github/workflows/**", ".github/actions/**", ".gitmodules", "scripts/sync_directional.py")


@dataclass(frozen=True)
class Declared:
    """Nothing is written outside what the target declares."""

    name: str = "declared paths"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        changes = _plan(subject).repo
        if not changes:
            return []
        allowed = writable(subject.target)
        # Most targets declare whole folders, and those need no matching of globs.
        folders = tuple(glob[:-2] for glob in allowed if glob.endswith("/**") and not _MAGIC.intersection(glob[:-3]))
        outside = [
            change.key
            for change in changes
            if not change.key.startswith(folders) and not globs.matches(change.key, allowed)
        ]
        if not outside:
            return [Verdict(self.name, self.phase, True, f"{counted(len(changes), 'path')}, all declared")]
        message = f"{counted(len(outside), 'path')} outside the declared outputs would be written"
        hint = "add the path to `outputs`, or keep the source from delivering it"
        keys = tuple(outside)
        return [Verdict(self.name, self.phase, False, message, "E-GUARD-UNDECLARED", listed(keys), hint, keys=keys)]


@dataclass(frozen=True)
class Protected:
    """What steers this program, CI or git is written by people only."""

    name: str = "protected paths"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        safety = subject.config.safety
        file = subject.config.path
        lock, approved = (f"{file.rpartition('/')[0]}/{name}".lstrip("/") for name in ("sync.lock", "approved.yaml"))
        # Folded, because one letter of another case is the same file for half of those who check it out.
        protected = tuple(glob.casefold() for glob in (*_PROTECTED, file, lock, approved, *safety.protected) if glob)
        found = [
            change.key
            for change in _plan(subject).repo
            if globs.matches(change.key.casefold(), protected) and not globs.matches(change.key, safety.allow_protected)
        ]
        if not found:
            return []
        message = f"{counted(len(found), 'protected path')} would be written"
        hint = "if a source may write there, name the path under safety.allow_protected"
        keys = tuple(found)
        return [Verdict(self.name, self.phase, False, message, "E-GUARD-PROTECTED", listed(keys), hint, keys=keys)]


@dataclass(frozen=True)
class Deletions:
    """No more is removed from a side than `policy.max_delete` says. A moved entry is not removed."""

    name: str = "deletions"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        plan = _plan(subject)
        sides = ((Side.REPO, subject.entries or plan.repo, subject.repo), (Side.REMOTE, plan.remote, subject.remote))
        return [
            verdict
            for side, changes, snapshot in sides
            for verdict in self._judge_side(subject, side, changes, snapshot)
        ]

    def _judge_side(
        self, subject: Subject, side: Side, changes: Sequence[Change], snapshot: Snapshot
    ) -> Iterator[Verdict]:
        removed = [change.key for change in changes if change.sign is Sign.DELETE]
        if not removed:
            return
        moved = set() if _plan(subject).records else {source for source, _ in moves(tuple(changes))}
        removed = [key for key in removed if key not in moved]
        total = max(subject.sizes.get(side, len(snapshot)), len(removed))
        policy = subject.target.policy.max_delete
        most = max(_most(policy, total), subject.allow_delete or 0)
        if len(removed) <= most:
            yield Verdict(self.name, self.phase, True, f"{side}: {len(removed)} of {total} entries would be removed")
            return
        share = f"{100 * len(removed) / total:.0f} %"
        message = f"{side}: {len(removed)} of {total} entries would be removed ({share}, limit {_limit(policy)})"
        hint = f"check the source, then: dsync run {subject.target.name} --allow-delete {len(removed)}"
        yield Verdict(self.name, self.phase, False, message, "E-GUARD-DELETE", listed(removed), hint)


@dataclass(frozen=True)
class Emptied:
    """A side that held entries and now holds none is not believed: it is more likely unreachable than empty. Nor is a
    single source of a side."""

    name: str = "emptied side"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        plan = _plan(subject)
        held = sum(entry.present for entry in subject.base.entries.values())
        if subject.target.policy.allow_empty or not held:
            return []
        removed = max(sum(change.sign is Sign.DELETE for change in side) for side in (plan.repo, plan.remote))
        if subject.allow_delete is not None and removed <= subject.allow_delete:
            return []  # a person has counted them
        sides = {Side.REPO: subject.repo, Side.REMOTE: subject.remote}
        whole = [self._verdict(side, held) for side in _sources(plan.direction) if _empty(subject, side, sides[side])]
        return whole or [*self._single(subject, plan)]

    def _single(self, subject: Subject, plan: Plan) -> Iterator[Verdict]:
        for place in subject.emptied:
            gone = [c.key for c in plan.repo if c.sign is Sign.DELETE and c.key.startswith(f"{place}/")]
            if len(gone) <= (subject.allow_delete or 0):
                continue
            message = f"{one_line(place, 200)}: all of its {counted(len(gone), 'entry', 'entries')} are gone"
            hint = f"look at its source; if it is meant to be empty: dsync run {subject.target.name} --allow-delete "
            keys, code = tuple(gone), "E-GUARD-EMPTIED"
            yield Verdict(self.name, self.phase, False, message, code, listed(gone), f"{hint}{len(gone)}", keys=keys)

    def _verdict(self, side: Side, held: int) -> Verdict:
        message = f"{side}: all of its {counted(held, 'entry', 'entries')} are gone"
        hint = "if it is meant to be empty, set policy.allow_empty (and max_delete) for this target"
        return Verdict(self.name, self.phase, False, message, "E-GUARD-EMPTIED", (), hint)


@dataclass(frozen=True)
class Closed:
    """The read-only side of a target is not written."""

    name: str = "read-only side"
    phase: Phase = Phase.PLAN

    def judge(self, subject: Subject) -> list[Verdict]:
        plan, side = _plan(subject), subject.target.policy.read_only
        if side is None:
            return []
        changes = (subject.entries or plan.repo) if side is ReadOnly.REPO else plan.remote
        if not changes:
            return []
        keys = [change.key for change in changes]
        message = f"{side}: {counted(len(keys), 'entry', 'entries')} would be written there"
        hint = "take the edits back on the other side, or set policy.on_read_only to hold or revert"
        return [Verdict(self.name, self.phase, False, message, "E-GUARD-READ-ONLY", listed(keys), hint)]


def writable(target: Target) -> tuple[str, ...]:
    """The globs under which the target may write into the repository."""
    if target.direction is Direction.PULL:
        return target.outputs
    return (*target.inputs, *target.outputs) if target.direction is Direction.BIDIRECTIONAL else ()


def listed(keys: Sequence[str]) -> tuple[str, ...]:
    """The first few keys, safe to show, and how many more there are."""
    shown = [one_line(key, 200) for key in keys[:SHOWN]]
    return (*shown, f"and {len(keys) - SHOWN} more") if len(keys) > SHOWN else tuple(shown)


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 path", "2 paths", "40,000 paths"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _plan(subject: Subject) -> Plan:
    if subject.plan is None:
        raise ValueError("a gate of the phase PLAN was asked without a plan")
    return subject.plan


def _most(limit: Limit, total: int) -> float:
    bounds = [float(total)]
    if limit.share is not None:
        bounds.append(limit.share * total + 1e-9)
    if limit.count is not None:
        bounds.append(limit.count)
    return min(bounds)


def _limit(limit: Limit) -> str:
    share = f"{100 * limit.share:g} %" if limit.share is not None else ""
    return " or ".join(part for part in (share, "" if limit.count is None else str(limit.count)) if part)


def _sources(direction: Direction) -> tuple[Side, ...]:
    """The sides whose content is believed. A destination that was emptied loses nothing by being filled."""
    if direction is Direction.BIDIRECTIONAL:
        return (Side.REPO, Side.REMOTE)
    return (Side.REMOTE,) if direction is Direction.PULL else (Side.REPO,)


def _empty(subject: Subject, side: Side, snapshot: Snapshot) -> bool:
    """Whether the side was looked at as a whole and holds nothing. Without its size nobody knows: what is
    equal on all sides is not in the snapshot. A plan that deletes nothing comes without sizes."""
    return (
        subject.sizes.get(side) == 0
        and not snapshot.unreadable
        and not any(entry.present or entry.unreadable for entry in snapshot.entries.values())
    )
