"""What an undoing would bring back, judged for secrets: what was taken out for that reason must not come back by undo.

No other gate is asked. What an undoing writes was there before, just where it is to be again, and how much of it
goes is what a person has just asked for.
"""

from __future__ import annotations

from directional_sync.errors import RefusedError
from directional_sync.gates.base import READ_BYTES_MAX, Subject
from directional_sync.model.plan import Plan
from directional_sync.run.world import Passage

_SECRETS = "secrets"


def refuse_secrets(at: Passage, plan: Plan) -> None:
    """Raises RefusedError with the code of the gate, E-SECRET for one, when it does not pass."""
    if not plan.repo and not plan.remote:
        return
    subject = Subject(
        config=at.world.config,
        target=at.target,
        root=at.world.repository.root,
        environment=at.environment,
        plan=plan,
        entries=plan.repo,
        read=at.store.read,
        read_many=lambda digests: at.store.read_many(digests, bytes_max=READ_BYTES_MAX),
        size_many=at.store.size_many,
        cache=at.world.cache / "gates",
        today=at.world.today,
    )
    for verdict in (v for gate in at.world.gates if gate.name == _SECRETS for v in gate.judge(subject)):
        if not verdict.passed:
            raise RefusedError(
                verdict.code,
                f"undoing this would bring something back: {verdict.message}",
                hint=verdict.hint,
                place=at.target.name,
                kept="nothing was changed",
                detail=verdict.detail,
            )
