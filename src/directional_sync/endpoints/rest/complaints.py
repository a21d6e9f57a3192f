"""What is wrong with a list that a service delivers, as one error each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from directional_sync.core.escape import one_line
from directional_sync.errors import RefusedError, RemoteError, SyncError

KEPT = "nothing was taken from it, and what the repository holds stays as it is"
_SAID_MAX = 400


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of being wrong."""

    code: str
    hint: str
    family: type[SyncError] = RemoteError
    retryable: bool = False


SHAPE = Kind(
    "E-REST-SHAPE",
    "compare the paths in the file with what the service answers now; it may have been given another form",
)
INCOMPLETE = Kind(
    "E-REST-INCOMPLETE", "the next run reads it again; if it stays so, say how the list ends: `pagination`"
)
SHIFTED = Kind(
    "E-REST-SHIFTED",
    "the next run reads it again; larger pages or a fixed order (`query`) leave less room for it",
    retryable=True,
)
KEY = Kind("E-REST-KEY", "name by `key` what tells the items apart: a path, or a template like {owner}-{name}")
EMPTY = Kind("E-REST-EMPTY", "if it is meant to be empty, set policy.allow_empty for this target", RefusedError)
TOO_MANY = Kind("E-REST-TOO-MANY", "raise `max_items` if the list is really that long, or ask for less by `query`")
ECHOED = Kind("E-REST-ECHOED", "leave out the part that holds it: `drop`; and make a new credential", RefusedError)


def complaint(kind: Kind, message: str, *, hint: str = "", detail: Sequence[str] = ()) -> SyncError:
    """The error of this kind. What a service said is made fit for a line; `hint` takes the place of the usual one."""
    return kind.family(
        kind.code,
        one_line(message, _SAID_MAX),
        hint=hint or kind.hint,
        kept=KEPT,
        detail=[one_line(line, _SAID_MAX) for line in detail],
        retryable=kind.retryable,
    )
