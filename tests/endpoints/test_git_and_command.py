"""The built-in endpoints keep the contract of endpoints, on real upstreams and real programs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.project import Project, make_project

from directional_sync.endpoints.base import Context, Endpoint
from directional_sync.endpoints.command import endpoint as command
from directional_sync.endpoints.git import endpoint as git
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Direction, Target
from directional_sync.testing.conformance import CANARY, EndpointConformance


class OnARepository:
    """A real repository whose object store takes the content; keys lie under `out/`."""

    cannot: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        self.project = make_project(folder / "ours")
        self.folder = folder
        self._prepare()
        self.project.commit()
        self.repository = Repository.open(self.project.root)
        self.objects = ObjectStore(self.repository, folder / "quarantine")

    def _prepare(self) -> None: ...

    def _context(self, target: Target) -> Context:
        return Context(
            target=target,
            objects=self.objects,
            git_dir=self.repository.common_dir,
            cache=self.folder / "cache",
            head=self.repository.head,
            tell=lambda event: None,
            environment={**os.environ, "TOKEN": CANARY, "SOURCE": str(self.folder / "source")},
            run="r",
        )

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        flat = trees.flatten(self.objects, snapshot)
        return {key.removeprefix("out/"): entry for key, entry in flat.entries.items()}


class Keyed:
    """An endpoint whose keys are seen without `out/`, as the contract's tests name them."""

    def __init__(self, inner: Endpoint) -> None:
        self._inner = inner
        self.capabilities = inner.capabilities
        self.apply, self.close = inner.apply, inner.close

    def __repr__(self) -> str:
        return repr(self._inner)

    def snapshot(self, prior: Snapshot) -> Snapshot:
        seen = self._inner.snapshot(prior)
        return replace(seen, unreadable={key.removeprefix("out/"): why for key, why in seen.unreadable.items()})


class GitHarness(OnARepository):
    """One upstream holds everything but the item `spoilt`, which is an upstream of its own."""

    def _prepare(self) -> None:
        self.upstream = make_project(self.folder / "upstream")
        self.upstream.commit()
        self.spoilt: Project | None = None

    def open(self) -> Endpoint:
        options = git.OPTIONS.model_validate({"url": f"file://{self.upstream.root}", "ref": "main", "into": "out"})
        if self.spoilt is not None:
            url = f"file://{self.folder}/{{name}}"
            names = {"url": url, "ref": "main", "into": "out/{name}", "names": ("upstream", "spoilt")}
            options = git.OPTIONS.model_validate(names)
        target = Target("t", Direction.PULL, "git", options, outputs=("out/**",), retries=0)
        return Keyed(git.open(self._context(target)))

    def put(self, key: str, content: bytes) -> None:
        if key == "spoilt":
            self.spoilt = make_project(self.folder / "spoilt")
        place = self.spoilt if key == "spoilt" and self.spoilt else self.upstream
        place.write(key, content)
        place.commit()

    def remove(self, key: str) -> None:
        (self.upstream.root / key).unlink()
        self.upstream.commit()

    def spoil(self, key: str) -> None:
        assert self.spoilt is not None
        self.spoilt.root.rename(self.folder / "moved away")


class TestGit(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> GitHarness:
        return GitHarness(tmp_path)


class CommandHarness(OnARepository):
    """A program that copies a folder to `out/`, and cannot copy what it may not read."""

    def _prepare(self) -> None:
        self.source = self.folder / "source"
        self.source.mkdir()
        script = '#!/bin/sh\nset -eu\nrm -rf out\nmkdir out\ncp -R "$SOURCE"/. out/\n'
        self.project.write("copy.sh", script, mode=0o755)

    def open(self) -> Endpoint:
        options = command.OPTIONS.model_validate({"entrypoint": "copy.sh"})
        target = Target("t", Direction.PULL, "command", options, outputs=("out/**",), env=("SOURCE", "TOKEN"))
        return Keyed(command.open(self._context(target)))

    def put(self, key: str, content: bytes) -> None:
        path = self.source / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, key: str) -> None:
        (self.source / key).unlink()

    def spoil(self, key: str) -> None:
        """In place of a file the program leaves something that is none."""
        (self.source / key).unlink()
        os.mkfifo(self.source / key)


class TestCommand(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> CommandHarness:
        harness = CommandHarness(tmp_path)
        # A program's special file replaces an item that the branch has; a new one git would not list at all.
        harness.project.write("out/spoilt", b"2")
        harness.project.commit()
        harness.repository = harness.repository.reread()
        return harness
