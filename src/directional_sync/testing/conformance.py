"""The contract of endpoints as a test class. Every built-in endpoint runs it, and so should yours:

    class TestMine(EndpointConformance):
        @pytest.fixture
        def harness(self, tmp_path): return MyHarness(tmp_path)

A *harness* knows the far side without the endpoint: it puts items there, takes them away and makes them
unreadable, as people and services do. A weakness is a named knob of the harness (`cannot`), never a missing test.

Where keys are records, content is not any bytes: such a harness has `content(raw)`, which makes of any bytes content as
the endpoint names it, another one for other bytes; `put` is given the raw bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from directional_sync.endpoints.base import Endpoint, Objects
from directional_sync.model.plan import Change
from directional_sync.model.record import EffectKind
from directional_sync.model.snapshot import ABSENT, EMPTY, FILE, Entry, Snapshot

CANARY = "canary-Zq81-never-shown"
"""Harnesses put this where their endpoint takes its credential."""


class Harness(Protocol):
    objects: Objects
    cannot: frozenset[str]
    """Named weaknesses: `odd_names` (keys with spaces, unicode, case), `unreadable` (cannot be provoked)."""

    def open(self) -> Endpoint:
        """A newly opened endpoint on the same far side."""

    def put(self, key: str, content: bytes) -> None: ...

    def remove(self, key: str) -> None: ...

    def spoil(self, key: str) -> None:
        """Makes the item, or the part of the far side that holds it, impossible to look at."""

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        """The snapshot's entries with unopened folders opened."""


ODD_NAMES = ("Case", "case2", "spa ce", "ünï", "-dash", "a.b/c d/e", "quote'\"", "$HOME")


def _skip(harness: Harness, knob: str) -> None:
    if knob in harness.cannot:
        import pytest

        pytest.skip(f"declared weakness: {knob}")


def _made(harness: Harness, raw: bytes) -> bytes:
    """The content that stands for these bytes on this far side."""
    content: Callable[[bytes], bytes] | None = getattr(harness, "content", None)
    return raw if content is None else content(raw)


class EndpointConformance:
    """Subclass it and give it a fixture `harness`."""

    def test_a_snapshot_shows_what_is_there_and_its_content_can_be_read(self, harness: Harness) -> None:
        harness.put("one", b"1\n")
        harness.put("deep/two", b"two\x00binary")
        endpoint = harness.open()
        try:
            found = harness.flat(endpoint.snapshot(EMPTY))
            content = {key: harness.objects.read(entry.digest) for key, entry in found.items()}
        finally:
            endpoint.close()
        assert content == {"one": _made(harness, b"1\n"), "deep/two": _made(harness, b"two\x00binary")}

    def test_two_snapshots_without_a_change_are_equal(self, harness: Harness) -> None:
        harness.put("one", b"1")
        harness.put("two", b"2")
        first, second = self._digest(harness), self._digest(harness)
        assert first == second

    def test_a_snapshot_does_not_depend_on_the_prior_one(self, harness: Harness) -> None:
        harness.put("one", b"1")
        endpoint = harness.open()
        before = endpoint.snapshot(EMPTY)
        endpoint.close()
        harness.put("one", b"2")
        fresh, knowing = self._digest(harness), self._digest(harness, before)
        assert fresh == knowing
        assert fresh != before.digest

    def test_every_change_of_the_far_side_shows(self, harness: Harness) -> None:
        harness.put("one", b"same size")
        seen = [self._digest(harness)]
        steps: list[Callable[[], None]] = [
            lambda: harness.put("one", b"size same"),
            lambda: harness.put("two", b"2"),
            lambda: harness.remove("one"),
        ]
        for step in steps:
            step()
            seen.append(self._digest(harness))
        assert len(set(seen)) == len(seen)

    def test_names_survive(self, harness: Harness) -> None:
        _skip(harness, "odd_names")
        for name in ODD_NAMES:
            harness.put(name, name.encode())
        endpoint = harness.open()
        found = harness.flat(endpoint.snapshot(EMPTY))
        endpoint.close()
        assert sorted(found) == sorted(ODD_NAMES)

    def test_what_cannot_be_read_is_unreadable_and_never_absent(self, harness: Harness) -> None:
        _skip(harness, "unreadable")
        harness.put("fine", b"1")
        harness.put("spoilt", b"2")
        harness.spoil("spoilt")
        endpoint = harness.open()
        snapshot = endpoint.snapshot(EMPTY)
        endpoint.close()
        assert snapshot.at("spoilt").unreadable
        assert not snapshot.at("spoilt").absent

    def test_applying_nothing_does_nothing(self, harness: Harness) -> None:
        harness.put("one", b"1")
        before = self._digest(harness)
        endpoint = harness.open()
        assert list(endpoint.apply([])) == []
        endpoint.close()
        assert self._digest(harness) == before

    def test_closing_twice_is_fine(self, harness: Harness) -> None:
        endpoint = harness.open()
        endpoint.close()
        endpoint.close()

    def test_no_credential_shows(self, harness: Harness) -> None:
        endpoint = harness.open()
        shown = repr(endpoint) + str(endpoint) + repr(endpoint.snapshot(EMPTY))
        endpoint.close()
        assert CANARY not in shown

    def test_what_was_applied_is_what_a_snapshot_shows(self, harness: Harness) -> None:
        self._needs_writes(harness)
        harness.put("old", b"1")
        harness.put("gone", b"2")
        endpoint = harness.open()
        now = harness.flat(endpoint.snapshot(EMPTY))
        new, changed = self._entry(harness, b"new"), self._entry(harness, b"changed")
        changes = [
            Change("gone", now["gone"], ABSENT),
            Change("new", ABSENT, new),
            Change("old", now["old"], changed),
        ]
        assert [effect.kind for effect in endpoint.apply(changes)] == [EffectKind.DONE] * 3
        after = harness.flat(endpoint.snapshot(EMPTY))
        assert {key: entry.digest for key, entry in after.items()} == {"new": new.digest, "old": changed.digest}
        again = [effect.kind for effect in endpoint.apply(changes)]
        assert set(again) <= {EffectKind.DONE, EffectKind.STALE}
        assert harness.flat(endpoint.snapshot(EMPTY)) == after
        endpoint.close()

    def test_a_change_whose_before_no_longer_holds_is_stale_and_writes_nothing(self, harness: Harness) -> None:
        self._needs_writes(harness)
        harness.put("one", b"1")
        endpoint = harness.open()
        now = harness.flat(endpoint.snapshot(EMPTY))
        harness.put("one", b"edited by somebody")
        edited = self._digest(harness)
        [effect] = endpoint.apply([Change("one", now["one"], self._entry(harness, b"ours"))])
        endpoint.close()
        assert effect.kind is EffectKind.STALE
        assert self._digest(harness) == edited

    def _digest(self, harness: Harness, prior: Snapshot = EMPTY) -> str:
        endpoint = harness.open()
        try:
            return endpoint.snapshot(prior).digest
        finally:
            endpoint.close()

    def _needs_writes(self, harness: Harness) -> None:
        endpoint = harness.open()
        endpoint.close()
        if not endpoint.capabilities.writes:
            import pytest

            pytest.skip("declared: this endpoint does not write")

    def _entry(self, harness: Harness, content: bytes) -> Entry:
        return Entry(harness.objects.write_blob(_made(harness, content)), FILE)
