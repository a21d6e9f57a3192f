"""The gates every run has, in the order in which they are asked: cheap and telling ones first."""

from __future__ import annotations

from directional_sync.gates.base import Gate
from directional_sync.gates.command import Checks, DriftGates, Verify
from directional_sync.gates.links import Links
from directional_sync.gates.names import Names
from directional_sync.gates.plan import Declared, Deletions, Emptied, Protected
from directional_sync.gates.secrets import Secrets
from directional_sync.gates.size import Size
from directional_sync.model.record import Phase


def standard() -> tuple[Gate, ...]:
    """New gates for one run: they remember what they have compiled and what they have already said."""
    return (
        Checks(Phase.PRE),
        Emptied(),
        Deletions(),
        Names(),
        Links(),
        Declared(),
        Protected(),
        Size(),
        Secrets(),
        Checks(Phase.POST),
        Verify(),
        DriftGates(),
    )
