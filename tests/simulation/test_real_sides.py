"""No history on real files and real git loses a line, each converges in one run, and planted faults are found."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.files.conftest import without_the_detector
from tests.simulation.real_sides import play, template

from directional_sync.endpoints.files.endpoint import FilesEndpoint
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect, EffectKind

__all__ = ["without_the_detector"]

HISTORIES = int(os.environ.get("DSYNC_REAL_HISTORIES", "60"))
"""Of the own variables of the tests: how many are played. The slow ones are 2,000 at least."""
PARTS = 4
SLOW_PARTS = 20


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("original"))


def _play(seeds: range, original: Path, tmp_path: Path) -> None:
    for seed in seeds:
        play(seed, original, tmp_path / str(seed))


@pytest.mark.parametrize("part", range(PARTS))
def test_real_histories(part: int, original: Path, tmp_path: Path) -> None:  # G4, I1, I2, I3, I6, I10
    each = HISTORIES // PARTS
    _play(range(part * each, (part + 1) * each), original, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("part", range(SLOW_PARTS))
def test_many_more_real_histories(part: int, original: Path, tmp_path: Path) -> None:  # G4
    each = max(2_000, HISTORIES) // SLOW_PARTS
    _play(range(10_000 + part * each, 10_000 + (part + 1) * each), original, tmp_path)


_usual = FilesEndpoint.apply


def _says_it_is_done(self: FilesEndpoint, changes: Sequence[Change]) -> Iterator[Effect]:
    """Does nothing, and says that it has."""
    yield from (Effect(change, EffectKind.DONE) for change in changes)


def _overwrites(self: FilesEndpoint, changes: Sequence[Change]) -> Iterator[Effect]:
    """Writes whatever is there."""
    for change in changes:
        place = self._site.folder / self._site.path(change.key)  # type: ignore[operator]
        if change.after.present and place.is_file():
            place.write_bytes(self._store.read(change.after.digest))
        yield from _usual(self, [change])


def _skips_the_last(self: FilesEndpoint, changes: Sequence[Change]) -> Iterator[Effect]:
    """Of several changes the last is said to be done as the one before it was."""
    *first, last = changes
    effects = list(_usual(self, first))
    yield from effects
    yield replace(effects[-1], change=last) if effects else next(_usual(self, [last]))


@pytest.mark.parametrize("fault", [_says_it_is_done, _overwrites, _skips_the_last])
def test_a_planted_fault_is_found(fault: object, original: Path, tmp_path: Path) -> None:  # G5
    with pytest.raises(AssertionError):
        for seed in range(150):
            play(seed, original, tmp_path / str(seed), replaced=fault)


def test_what_fails_can_be_played_again(original: Path, tmp_path: Path) -> None:
    assert play(3, original, tmp_path / "one") == play(3, original, tmp_path / "two")
