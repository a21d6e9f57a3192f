"""The in-memory endpoint keeps the contract, so that tests above it stand on firm ground; and the contract's
tests can fail, which is shown on endpoints that break it on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from directional_sync.endpoints.base import Endpoint
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect, EffectKind
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.testing.conformance import EndpointConformance
from directional_sync.testing.memory import FarSide, Memory, MemoryObjects


class MemoryHarness:
    cannot: frozenset[str] = frozenset()

    def __init__(self, kind: type[Memory] = Memory) -> None:
        self.objects = MemoryObjects()
        self.far = FarSide()
        self._kind = kind

    def open(self) -> Endpoint:
        return self._kind(self.far, self.objects)

    def put(self, key: str, content: bytes) -> None:
        self.far.items[key] = content

    def remove(self, key: str) -> None:
        del self.far.items[key]

    def spoil(self, key: str) -> None:
        self.far.unreadable[key] = "permission denied"

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        return dict(snapshot.entries)


class TestMemory(EndpointConformance):
    @pytest.fixture
    def harness(self) -> MemoryHarness:
        return MemoryHarness()


class HidesUnreadable(Memory):
    def snapshot(self, prior: Snapshot) -> Snapshot:
        seen = super().snapshot(prior)
        return Snapshot({key: entry for key, entry in seen.entries.items() if not entry.unreadable})


class Overwrites(Memory):
    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        for change in changes:
            self._far.items[change.key] = self._objects.read(change.after.digest)
            yield Effect(change, EffectKind.DONE)


class TrustsPrior(Memory):
    def snapshot(self, prior: Snapshot) -> Snapshot:
        return prior if len(prior) else super().snapshot(prior)


class ShowsCredential(Memory):
    def __repr__(self) -> str:
        from directional_sync.testing.conformance import CANARY

        return f"<endpoint {CANARY}>"


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (HidesUnreadable, "test_what_cannot_be_read_is_unreadable_and_never_absent"),
        (Overwrites, "test_a_change_whose_before_no_longer_holds_is_stale_and_writes_nothing"),
        (TrustsPrior, "test_a_snapshot_does_not_depend_on_the_prior_one"),
        (ShowsCredential, "test_no_credential_shows"),
    ],
)
def test_an_endpoint_that_breaks_the_contract_is_caught(kind: type[Memory], test: str) -> None:
    with pytest.raises(AssertionError):
        getattr(EndpointConformance(), test)(MemoryHarness(kind))
