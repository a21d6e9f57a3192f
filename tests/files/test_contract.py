"""The files endpoint keeps the contract of endpoints, on a folder, on an S3 service, and on another store of fsspec."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.files.conftest import KEY, S3, SECRET, stand_in_for_ssh
from tests.project import make_project

from directional_sync.endpoints.base import Context, Endpoint
from directional_sync.endpoints.files import endpoint as files
from directional_sync.endpoints.files.options import SshFilesOptions
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Direction, Target
from directional_sync.testing.conformance import EndpointConformance


class Keyed:
    """An endpoint whose keys are seen without `out/`, as the contract's tests name them."""

    def __init__(self, inner: Endpoint) -> None:
        self._inner = inner
        self.capabilities = inner.capabilities
        self.close = inner.close

    def __repr__(self) -> str:
        return repr(self._inner)

    def snapshot(self, prior: Snapshot) -> Snapshot:
        return _renamed(self._inner.snapshot(prior), lambda key: key.removeprefix("out/"))

    def apply(self, changes: Any) -> Any:
        back = {f"out/{change.key}": change for change in changes}
        for effect in self._inner.apply([Change(key, c.before, c.after) for key, c in back.items()]):
            yield replace(effect, change=back[effect.change.key])


def _renamed(seen: Snapshot, name: Any) -> Snapshot:
    return replace(
        seen,
        entries={name(key): entry for key, entry in seen.entries.items()},
        unreadable={name(key): why for key, why in seen.unreadable.items()},
    )


class FilesHarness:
    """A real repository whose object store takes the content."""

    cannot: frozenset[str] = frozenset()
    options: dict[str, Any]
    environment: dict[str, str]

    def __init__(self, folder: Path, direction: Direction = Direction.BIDIRECTIONAL) -> None:
        self.project = make_project(folder / "ours")
        self.project.commit()
        self.folder, self.direction = folder, direction
        self.repository = Repository.open(self.project.root)
        self.objects = ObjectStore(self.repository, folder / "quarantine")
        self.environment = {**os.environ}
        self.options = {}

    def open(self) -> Endpoint:
        model = SshFilesOptions if "host" in self.options else files.OPTIONS
        options = model.model_validate({"into": "out", **self.options})
        pull = self.direction is Direction.PULL
        sides = {"outputs": ("out/**",)} if pull else {"inputs": ("out/**",)}
        target = Target("t", self.direction, "files", options, retries=0, **sides)
        context = Context(
            target=target,
            objects=self.objects,
            git_dir=self.repository.common_dir,
            root=self.project.root,
            cache=self.folder / "cache",
            head=self.repository.head,
            tell=lambda event: None,
            environment=self.environment,
            external_roots=lambda: (self.folder,),
            run="r",
        )
        return Keyed(files.open(context))

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        return dict(trees.flatten(self.objects, snapshot).entries)


class FolderHarness(FilesHarness):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.far = folder / "far"
        self.far.mkdir()
        self.options = {"url": str(self.far)}
        if os.geteuid() == 0:
            self.cannot = frozenset()

    def put(self, key: str, content: bytes) -> None:
        path = self.far / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, key: str) -> None:
        (self.far / key).unlink()

    def spoil(self, key: str) -> None:
        """In its place comes something that is no file: permissions would not keep root out."""
        (self.far / key).unlink()
        os.mkfifo(self.far / key)


class S3Harness(FilesHarness):
    def __init__(self, folder: Path, s3: S3) -> None:
        super().__init__(folder)
        self.s3, self.bucket = s3, s3.bucket()
        self.environment |= {"KEY_ID": KEY, "SECRET_KEY": SECRET}
        self.options = {
            "url": f"s3://{self.bucket}/some/prefix",
            "endpoint_url": s3.url,
            "key": "KEY_ID",
            "secret": "SECRET_KEY",
        }

    cannot = frozenset({"unreadable"})  # permission is given or refused for a bucket as a whole there

    def put(self, key: str, content: bytes) -> None:
        self.s3.put(self.bucket, f"some/prefix/{key}", content)

    def remove(self, key: str) -> None:
        self.s3.client.delete_object(Bucket=self.bucket, Key=f"some/prefix/{key}")

    def spoil(self, key: str) -> None:
        raise NotImplementedError


class MemoryStoreHarness(FilesHarness):
    """A store without conditions and without ETags."""

    cannot = frozenset({"unreadable"})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        fsspec = pytest.importorskip("fsspec", reason="stores need the extra remotes")
        self.fs = fsspec.filesystem("memory")
        self.fs.store.clear()
        self.fs.makedirs("/bucket", exist_ok=True)
        self.options = {"url": "memory://bucket/prefix"}

    def put(self, key: str, content: bytes) -> None:
        self.fs.pipe_file(f"/bucket/prefix/{key}", content)

    def remove(self, key: str) -> None:
        self.fs.rm_file(f"/bucket/prefix/{key}")

    def spoil(self, key: str) -> None:
        raise NotImplementedError


class MachineHarness(FolderHarness):
    """The same folder, reached by what stands for ssh: a shell that is given the same words."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.options = {"host": "example", "path": str(self.far)}
        self.environment["PATH"] = f"{stand_in_for_ssh(folder / 'bin')}:{os.environ['PATH']}"


class TestMachine(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> MachineHarness:
        return MachineHarness(tmp_path)


class TestFolder(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> FolderHarness:
        return FolderHarness(tmp_path)


class TestS3(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path, s3: S3) -> S3Harness:
        return S3Harness(tmp_path, s3)


class TestMemoryStore(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> MemoryStoreHarness:
        return MemoryStoreHarness(tmp_path)
