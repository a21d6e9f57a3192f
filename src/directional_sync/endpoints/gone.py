"""The far side of a target that the file no longer holds: nothing is there any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.errors import InternalError
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import EMPTY, Snapshot


def open(context: Context) -> Endpoint:
    return Gone()


class Gone:
    capabilities = Capabilities(writes=False, previews=True)

    def snapshot(self, prior: Snapshot) -> Snapshot:
        return EMPTY

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        if changes:
            raise InternalError("E-INTERNAL", "there is no far side to write to")
        return iter(())

    def close(self) -> None:
        pass
