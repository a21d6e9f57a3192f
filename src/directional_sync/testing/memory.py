"""An endpoint whose far side is a dictionary, and an object store to go with it: for tests of everything above."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from directional_sync.endpoints.base import Capabilities, Objects
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect, EffectKind
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Snapshot


@dataclass
class MemoryObjects:
    """An object store in memory; ids are those that git gives."""

    blobs: dict[str, bytes] = field(default_factory=dict)

    def write_blob(self, content: bytes) -> str:
        digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.blobs[digest] = content
        return digest

    def write_blobs(self, contents: Sequence[bytes]) -> list[str]:
        return [self.write_blob(content) for content in contents]

    def write_files(self, paths: Sequence[Path]) -> list[str]:
        return [self.write_blob(path.read_bytes()) for path in paths]

    def read(self, digest: str) -> bytes:
        return self.blobs[digest]

    def borrow(self, objects_dir: Path) -> None:
        raise NotImplementedError("there are no folders of objects in memory")


@dataclass
class FarSide:
    """What the endpoint stands for; tests edit it as people and services would."""

    items: dict[str, bytes] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Key -> reason why it cannot be looked at."""
    failing: dict[str, str] = field(default_factory=dict)
    """Key -> what a write to it answers."""
    writes: int = 0


class Memory:
    """The endpoint itself."""

    capabilities = Capabilities(writes=True, previews=True)

    def __init__(self, far: FarSide, objects: Objects) -> None:
        self._far = far
        self._objects = objects

    def snapshot(self, prior: Snapshot) -> Snapshot:
        present = {key: Entry(self._objects.write_blob(item), FILE) for key, item in self._far.items.items()}
        unread = {key: Entry(unreadable=reason) for key, reason in self._far.unreadable.items()}
        return Snapshot({**present, **unread})

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        for change in changes:
            yield self._one(change)

    def _one(self, change: Change) -> Effect:
        now = self.snapshot(Snapshot()).at(change.key)
        if now == change.after:
            return Effect(change, EffectKind.DONE, "already so")
        if now != change.before:
            return Effect(change, EffectKind.STALE, "it is no longer what was expected")
        if change.key in self._far.failing:
            return Effect(change, EffectKind.FAILED, self._far.failing[change.key])
        self._far.writes += 1
        if change.after == ABSENT:
            del self._far.items[change.key]
        else:
            self._far.items[change.key] = self._objects.read(change.after.digest)
        return Effect(change, EffectKind.DONE)

    def close(self) -> None:
        """Nothing to let go of."""
