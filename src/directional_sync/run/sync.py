"""One target, walked through its steps.

    checking   the user's own checks, in the user's tree
    scanning   snapshots of both sides, and the base
    planning   reconcile
    judging    the built-in gates over the plan            <- a dry run ends here
               what they refuse of single sources is held, and the rest is judged again
    staging    the new tree, in a quarantine
    verifying  checks, verification and drift gates in a checkout of that tree
    applying   effects on the far side
    committing branch, base, lock and work tree, all or nothing
    proving    the next plan is empty

`sync`, `_walk` and, from staging on, `carry.carry_out` hold the ifs; what they call takes values and returns values.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from directional_sync.endpoints.base import NotHere, Tidying
from directional_sync.errors import StalePlanError, SyncError
from directional_sync.model.lifecycle import Outcome, Skip, Step
from directional_sync.model.record import Phase, TargetRecord
from directional_sync.model.target import Direction, Target
from directional_sync.run import account
from directional_sync.run.glance import Glance, look, passage, same_branch
from directional_sync.run.hold import judge
from directional_sync.run.judge import judge_commands, refusal
from directional_sync.run.samples import samples
from directional_sync.run.scan import Scan, foreseen
from directional_sync.run.world import Laps, Mode, Passage, Resting, World
from directional_sync.system import host

Early = Callable[[Laps], Glance | None]


def sync(target: Target, world: World, mode: Mode, early: Early = lambda laps: None) -> TargetRecord:
    """Carries one target out, as far as the mode goes. Never raises: whatever happens is in the record. `early` answers
    what was seen of it before its turn, and notes how long that took."""
    started, laps = host.monotonic(), Laps(host.monotonic)
    try:
        record = _passage(target, world, mode, laps, early)
    except Resting as rest:
        record = account.resting(target, rest.undone)
    except NotHere as error:
        record = account.skipped(target, Skip.ELSEWHERE, str(error))
    except SyncError as error:
        record = account.failed(target, error)
    except Exception as error:
        record = account.our_bug(target, error)
    laps.begin(None)
    return replace(record, duration_s=host.monotonic() - started, steps=tuple(laps.taken.items()))


def _passage(target: Target, world: World, mode: Mode, laps: Laps, early: Early) -> TargetRecord:
    """Once, and once more when somebody committed while we worked: a pull can be made again as a whole on top of
    it, while what was done on a far side cannot be done twice."""
    if target.direction is not Direction.PULL and not (mode.dry_run or mode.prune):
        world.turns.take(target)
    for last in (False, True):
        try:
            with ExitStack() as stack:
                seen = None if last else early(laps)
                if seen is not None:
                    return _walk(seen.at, seen, stack.enter_context(seen.stack))
                now = replace(world, repository=same_branch(world))
                return _walk(passage(target, now, mode, laps, stack), None, stack)
        except StalePlanError as error:
            if last or not error.retryable or mode.expected or target.direction is not Direction.PULL:
                raise
    raise AssertionError("unreachable")


def _walk(at: Passage, early: Glance | None, stack: ExitStack) -> TargetRecord:
    target, mode = at.target, at.mode
    at.step(Step.CHECKING)
    verdicts = judge_commands(at.world, target, Phase.PRE, at.environment, at.world.repository.root)
    if refusal(verdicts) and not mode.dry_run:
        return account.refused(target, verdicts, None)  # a script must not run when a check forbids it

    seen, endpoint = (early.seen, early.endpoint) if early is not None else look(at, stack)

    at.step(Step.JUDGING)
    seen, judged = judge(at, seen)
    seen = foreseen(seen, endpoint) if mode.dry_run else seen
    verdicts += judged
    _refuse_other_plan(at, seen)
    leaking = any(verdict.code == "E-SECRET" and verdict.stops for verdict in verdicts)
    shown = () if leaking else samples(seen, at.store, mode.samples)  # the finding names the line, masked
    if refusal(verdicts):
        return replace(account.refused(target, verdicts, seen.plan), samples=shown)
    done = Outcome.IN_SYNC if seen.idle else Outcome.PLANNED if mode.dry_run else Outcome.SYNCED
    record = replace(account.ended(target, seen.plan, seen.base.snapshot.sources, verdicts, done), samples=shown)
    if isinstance(endpoint, Tidying) and not mode.dry_run:
        endpoint.tidy()
    if (mode.dry_run or seen.idle) and not mode.verify:
        return record

    # Most runs end above, and what follows takes longer to load than they take.
    from directional_sync.run.carry import carry_out

    return carry_out(at, seen, endpoint, record)


def _refuse_other_plan(at: Passage, seen: Scan) -> None:
    expected = at.mode.expected.get(at.target.name)
    if expected is not None and expected != seen.plan.digest:
        raise StalePlanError(
            "E-PLAN-STALE",
            f"the plan for {at.target.name} is no longer what would be done",
            kept="nothing was changed",
            hint="look at what changed and make a new plan: dsync plan",
        )
