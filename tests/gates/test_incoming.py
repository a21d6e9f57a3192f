"""What gates read of the content that comes in: all of it, in portions that fit into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from directional_sync.gates import incoming
from directional_sync.gates.base import Subject
from directional_sync.model.plan import Change, Plan
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, FOLDER, GITLINK, LINK, Entry
from directional_sync.model.target import Config, Direction, Safety, Target

CONTENT = {f"{number:040x}": bytes([number]) * number for number in range(1, 9)}


def subject(*changes: Change, most: int = 5) -> tuple[Subject, list[int]]:
    """One whose `read_many` stops after `most` bytes of each; and how many digests were asked for each time."""
    asked: list[int] = []

    def read_many(digests: list[str]) -> dict[str, bytes]:
        asked.append(len(digests))
        return {digest: CONTENT[digest][:most] for digest in digests if digest in CONTENT}

    plan = Plan("t", Direction.PULL, repo=changes)
    given: dict[str, Any] = {"read": CONTENT.__getitem__, "read_many": read_many}
    sizes = {digest: len(content) for digest, content in CONTENT.items()}
    target, config = Target("t", Direction.PULL, "git"), Config((), Safety(), "sync.yaml", "")
    return Subject(config, target, Path(), plan=plan, size_many=lambda digests: sizes, **given), asked


def change(number: int, before: int = 0, mode: str = FILE) -> Change:
    old = Entry(f"{before:040x}", FILE) if before else ABSENT
    return Change(f"k{number}", old, Entry(f"{number:040x}", mode))


def test_only_files_that_come_in_are_looked_at() -> None:
    gone = Change("gone", Entry(f"{1:040x}", FILE), ABSENT)
    changes = (gone, change(1), change(2, mode=EXECUTABLE), *(change(3, mode=mode) for mode in (LINK, GITLINK, FOLDER)))
    found, _ = subject(*changes)
    assert [one.after.mode for one in incoming.incoming(found)] == [FILE, EXECUTABLE]


def test_what_is_longer_than_the_limit_is_read_to_its_last_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "READ_BYTES_MAX", 5)
    changes = [change(8, before=3), change(2)]
    found, _ = subject(*changes)
    got = [(len(before), len(after)) for _, before, after in incoming.contents(found, changes)]
    assert got == [(3, 8), (0, 2)]


def test_portions_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "_BYTES_AT_ONCE", 7)
    changes = [change(number) for number in range(1, 6)]
    found, asked = subject(*changes, most=100)
    assert [after for _, _, after in incoming.contents(found, changes)] == [CONTENT[f"{n:040x}"] for n in range(1, 6)]
    assert asked == [3, 1, 1]


def test_what_cannot_be_read_is_told() -> None:
    missing = Change("x", ABSENT, Entry("f" * 40, FILE))
    found, _ = subject(missing)
    with pytest.raises(KeyError):
        list(incoming.contents(found, [missing]))
