"""Plans kept under their id, so that exactly one of them can be carried out later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from directional_sync.errors import StalePlanError
from directional_sync.system import host

_KEPT = 50
_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class KeptPlan:
    id: str
    made: str
    digests: Mapping[str, str]
    """Target name -> digest of its plan, in the order of the run."""
    allowed: Mapping[str, Any] = field(default_factory=dict)
    """What a person had allowed when it was made, as JSON: without it the same plan would not come about."""
    head: str = ""
    """The commit of the branch when it was made."""


def identity(digests: Mapping[str, str], allowed: Mapping[str, Any], head: str) -> str:
    """The id of the plan of a run: eight hex digits over all that is kept of it. What a person has read and names again
    is thereby what is carried out: nobody can put other words into its file."""
    text = json.dumps([list(digests.items()), allowed, head], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]


def keep(folder: Path, digests: Mapping[str, str], allowed: Mapping[str, Any] | None = None, head: str = "") -> str:
    """Notes the plan under `folder`; answers its id. The newest 50 are kept. Raises HostError."""
    words = dict(allowed or {})
    plan = identity(digests, words, head)
    note = {"id": plan, "made": host.utc_now(), "digests": dict(digests), "allowed": words, "head": head}
    host.atomic_write(folder / f"{plan}.json", json.dumps(note, indent=1).encode())
    for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return plan


def load(folder: Path, plan: str, follows: Callable[[str], bool] = lambda head: True) -> KeptPlan:
    """The kept plan with that id. `follows`: whether the branch goes on from a commit. Raises StalePlanError:
    E-PLAN-UNKNOWN when there is none, or what is kept is not what the id stands for; E-PLAN-STALE for one that was made
    in another repository, or on commits that are gone from this branch."""
    try:
        note = json.loads((folder / f"{plan}.json").read_bytes()) if plan.isalnum() else {}
        digests = {str(name): str(digest) for name, digest in note["digests"].items()}
        if not digests:
            raise ValueError("it names no target, and none must not come to mean all")
        kept = KeptPlan(plan, note["made"], digests, dict(note["allowed"]), str(note["head"]))
        if plan != identity(kept.digests, kept.allowed, kept.head):
            raise ValueError("it was changed since")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise StalePlanError(
            "E-PLAN-UNKNOWN",
            f"there is no kept plan {plan!r}",
            hint="make one: dsync plan",
            kept="nothing was changed",
        ) from None
    if follows(kept.head):
        return kept
    raise StalePlanError(
        "E-PLAN-STALE",
        f"plan {plan} was made in another repository, or on commits that this branch does not hold",
        hint="make one here: dsync plan",
        kept="nothing was changed",
    )
