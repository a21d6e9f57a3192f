"""Between reconcile and the gates: conflicts that content, policy or a person settle, with what has to be read for it.

First by content: what only one side has changed in a file is taken from it. Where both have changed the same, the
choice of a person counts, then the policy of the key; what is left waits. What is decided is pure (`core.uniting`,
`core.settle`); here the contents, times and names are looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from directional_sync.core.merge.values import Choice
from directional_sync.core.settle import Decision, settle
from directional_sync.core.uniting import (
    MERGE_BYTES_MAX,
    Contents,
    Joined,
    both_present,
    chosen,
    copy_name,
    entry_of,
    join,
    newer,
    rule,
    unmergeable,
)
from directional_sync.git import tree as trees
from directional_sync.model.plan import Conflict, Ending, Plan
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import OnConflict, OnDelete, Policy
from directional_sync.model.wish import Take, Wish
from directional_sync.run.base import globs
from directional_sync.run.world import Passage

_PORTION = 50
_RECORD = "it is one record, which is settled as a whole"
_TOO_LARGE = f"it is larger than {MERGE_BYTES_MAX:,} bytes"


def unite(at: Passage, plan: Plan, policy: Policy, whole: Mapping[str, Snapshot]) -> Plan:
    """The plan of a bidirectional target with as few conflicts as can be. New content is in the store afterwards."""
    table = _Table(at, policy, tuple(whole.values()), plan)
    for start in range(0, len(plan.conflicts), _PORTION):
        portion = plan.conflicts[start : start + _PORTION]
        for conflict, contents in _read(at, portion):
            table.decide(conflict, contents)
    return settle(plan, table.decisions, table.rest)


def _read(at: Passage, conflicts: Sequence[Conflict]) -> Iterator[tuple[Conflict, Contents | str]]:
    """Each with its contents, or with why they cannot be merged."""
    if at.target.records:
        # Only its endpoint knows how a record is written; another order of its fields would be another record.
        yield from ((conflict, unmergeable(conflict) or _RECORD) for conflict in conflicts)
        return
    fit = [conflict for conflict in conflicts if not unmergeable(conflict)]
    wanted = sorted({e.digest for c in fit for e in (c.base, c.repo, c.remote)})
    sizes = at.store.size_many(wanted)
    found = at.store.read_many([digest for digest in wanted if sizes.get(digest, 0) <= MERGE_BYTES_MAX])
    for conflict in conflicts:
        why = unmergeable(conflict)
        digests = [entry.digest for entry in (conflict.base, conflict.repo, conflict.remote)]
        if why:
            yield conflict, why
        elif all(digest in found for digest in digests):
            yield conflict, Contents(*(found[digest] for digest in digests))
        else:
            yield conflict, _TOO_LARGE if all(digest in sizes for digest in digests) else "a content is not at hand"


@dataclass
class _Table:
    """The decisions of one plan, one after the other, because names that are given away are taken."""

    at: Passage
    policy: Policy
    sides: tuple[Snapshot, ...]
    plan: Plan

    def __post_init__(self) -> None:
        self.decisions: dict[str, Decision] = {}
        self.rest: dict[str, Conflict] = {}
        changes = (*self.plan.repo, *self.plan.remote)
        self.taken = {change.key for change in changes} | {conflict.key for conflict in self.plan.conflicts}
        self.taken |= {held.key for held in self.plan.held}

    def decide(self, conflict: Conflict, contents: Contents | str) -> None:
        decision, why = self._decision(conflict, contents)
        if decision is not None:
            self.decisions[conflict.key] = decision
        else:
            self.rest[conflict.key] = why

    def _decision(self, conflict: Conflict, contents: Contents | str) -> tuple[Decision | None, Conflict]:
        wish = self.at.mode.wishes.get(conflict.key)
        if wish is not None:
            return self._wished(conflict, contents, wish)
        said = rule(self.policy, conflict.key)
        winner = self._winner(conflict, said)
        strict = self.policy.on_delete is OnDelete.STRICT
        joined = Joined(None, why=contents) if isinstance(contents, str) else None
        if joined is None and not isinstance(contents, str):
            joined = join(conflict, contents, winner=winner, strict=strict)
        assert joined is not None
        waiting = replace(conflict, why=joined.why, clashes=joined.clashes)
        if joined.content is not None:
            return self._merged(conflict, joined), waiting
        if said is OnConflict.STOP:
            return None, waiting
        if winner is not None:
            return Decision(Ending(winner.value), entry_of(winner, conflict)), waiting
        copy = self._copy(conflict)
        if not copy:
            return None, waiting
        return Decision(Ending.BOTH, conflict.repo, copy), waiting

    def _wished(self, conflict: Conflict, contents: Contents | str, wish: Wish) -> tuple[Decision | None, Conflict]:
        """What a person has decided, where the conflict is still what they saw."""
        if not wish.fits(conflict):
            return None, replace(conflict, why="it has changed since it was looked at")
        if wish.take in (Take.REPO, Take.REMOTE):
            return Decision(Ending(wish.take.value), entry_of(Choice(wish.take.value), conflict)), conflict
        if wish.take is Take.BOTH:
            copy = self._copy(conflict)
            why = replace(conflict, why="there are no two versions, or no name for the second among the target's paths")
            return (Decision(Ending.BOTH, conflict.repo, copy), conflict) if copy else (None, why)
        if wish.take is Take.CONTENT:
            mode = conflict.repo.mode or conflict.remote.mode
            return Decision(Ending.EDITED, Entry(self.at.store.write_blob(wish.content), mode)), conflict
        if isinstance(contents, str):
            return None, replace(conflict, why=contents)
        joined = chosen(conflict, contents, {name: Choice(side) for name, side in wish.clashes.items()})
        decision = self._merged(conflict, joined) if joined.content is not None else None
        return decision, replace(conflict, why=joined.why, clashes=joined.clashes)

    def _winner(self, conflict: Conflict, said: OnConflict) -> Choice | None:
        if said is OnConflict.REPO:
            return Choice.REPO
        if said is OnConflict.REMOTE:
            return Choice.REMOTE
        if said is OnConflict.NEWER and both_present(conflict):
            return newer(self._changed_here(conflict.key), self.sides[-1].times.get(conflict.key))
        return None

    def _merged(self, conflict: Conflict, joined: Joined) -> Decision:
        assert joined.content is not None
        after = Entry(self.at.store.write_blob(joined.content), joined.mode)
        ending = Ending.MERGED if joined.winner is None else Ending(joined.winner.value)
        return Decision(ending, after, note=joined.note)

    def _copy(self, conflict: Conflict) -> str:
        """A name for the far side's version; "" where there is no second version or no name."""
        if not both_present(conflict) or self.at.target.records:
            return ""
        name = copy_name(conflict.key, self._free, globs(self.at.target))
        self.taken |= {name}
        return name

    def _free(self, key: str) -> bool:
        if key in self.taken or self.sides[-1].why_unreadable(key) or key in self.sides[-1].grasp.aside:
            return False
        return all(trees.at(self.at.store, side, key).absent for side in self.sides)

    def _changed_here(self, key: str) -> float | None:
        """When the branch was given what it holds at `key`, as its author's clock said."""
        repository = self.at.world.repository
        if not self.at.target.git_commit:
            return None
        said = repository.git.attempt("log", "-1", "--format=%at", repository.head, "--", key).stdout
        return float(said) if said.strip().isdigit() else None
