"""Subjects for gates: a plan over a small store of contents, made change by change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from directional_sync.gates.base import Subject
from directional_sync.model.plan import Change, Plan
from directional_sync.model.snapshot import ABSENT, FILE, Entry, Snapshot, Source
from directional_sync.model.target import Config, Direction, Policy, Safety, Target

_POLICY = Policy()
_SAFETY = Safety()
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass
class Bench:
    """Collects changes and makes the subject of them."""

    root: Path
    contents: dict[str, bytes] = field(default_factory=dict)
    repo: list[Change] = field(default_factory=list)
    remote: list[Change] = field(default_factory=list)

    def entry(self, content: bytes, mode: str = FILE) -> Entry:
        digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.contents[digest] = content
        return Entry(digest, mode)

    def add(self, key: str, content: bytes | str = b"", mode: str = FILE) -> Bench:
        raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        self.repo.append(Change(key, ABSENT, self.entry(raw or key.encode("utf-8", "surrogateescape"), mode)))
        return self

    def edit(self, key: str, before: bytes, after: bytes) -> Bench:
        self.repo.append(Change(key, self.entry(before), self.entry(after)))
        return self

    def delete(self, *keys: str, remote: bool = False) -> Bench:
        side = self.remote if remote else self.repo
        side.extend(Change(key, self.entry(b"was " + key.encode()), ABSENT) for key in keys)
        return self

    def subject(
        self,
        *,
        direction: Direction = Direction.PULL,
        outputs: tuple[str, ...] = ("**",),
        inputs: tuple[str, ...] = (),
        policy: Policy = _POLICY,
        safety: Safety = _SAFETY,
        secrets: tuple[str, ...] = (),
        sources: tuple[Source, ...] = (),
        target: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Subject:
        of_target = Target("oca", direction, "git", outputs=outputs, inputs=inputs, policy=policy, **(target or {}))
        config = Config((of_target,), safety, ".insightpulse/sync.yaml", "0" * 64, secrets=secrets)
        plan = Plan("oca", direction, tuple(self.repo), tuple(self.remote), sources=sources)
        before = Snapshot({change.key: change.before for change in self.repo if change.before.present})
        more.setdefault("repo", before)
        more.setdefault("environment", ENVIRONMENT)
        subject = Subject(config, of_target, self.root, plan=plan, read_many=self._read_many, size_many=self._size_many)
        return replace(subject, **more)

    def _read_many(self, digests: list[str]) -> Mapping[str, bytes]:
        return {digest: self.contents[digest] for digest in digests}

    def _size_many(self, digests: list[str]) -> Mapping[str, int]:
        return {digest: len(self.contents[digest]) for digest in digests}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
