"""The catalogue endpoint keeps the contract of endpoints, in each of the ways in which a catalogue is read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.project import make_project

from directional_sync.endpoints.base import Context, Endpoint
from directional_sync.endpoints.catalogue import endpoint as catalogue
from directional_sync.endpoints.catalogue.publish import document_of
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Direction, Target
from directional_sync.testing.catalogue_server import CatalogueService
from directional_sync.testing.conformance import CANARY, EndpointConformance


class Keyed:
    """The endpoint with the keys that the contract's tests use: files of the skill `item`, and the skill `spoilt`."""

    def __init__(self, inner: Endpoint) -> None:
        self._inner = inner
        self.capabilities = inner.capabilities
        self.apply, self.close = inner.apply, inner.close

    def __repr__(self) -> str:
        return repr(self._inner)

    def snapshot(self, prior: Snapshot) -> Snapshot:
        seen = self._inner.snapshot(prior)
        return replace(seen, unreadable={key.removeprefix("out/"): why for key, why in seen.unreadable.items()})


class Harness:
    """A catalogue over HTTP."""

    cannot: frozenset[str] = frozenset()

    def __init__(self, folder: Path, service: CatalogueService) -> None:
        self.folder = folder
        self.service = service
        service.token = CANARY
        service.skill("item")
        project = make_project(folder / "ours")
        project.commit()
        self.repository = Repository.open(project.root)
        self.objects = ObjectStore(self.repository, folder / "quarantine")

    def said(self) -> dict[str, object]:
        return {"url": self.service.url, "token": "TOKEN"}

    def open(self) -> Endpoint:
        options = catalogue.OPTIONS.model_validate(self.said())
        target = Target("t", Direction.PULL, "catalogue", options, outputs=("out/**",), retries=0, env=("TOKEN",))
        context = Context(
            target=target,
            objects=self.objects,
            git_dir=self.repository.common_dir,
            cache=self.folder / "cache",
            head=self.repository.head,
            tell=lambda event: None,
            environment={**os.environ, "TOKEN": CANARY},
        )
        return Keyed(catalogue.open(context))

    def put(self, key: str, content: bytes) -> None:
        if key == "spoilt":
            self.service.skill("spoilt")
        else:
            self.service.put(f"item/{key}", content)

    def remove(self, key: str) -> None:
        (self.service.folder / "item" / key).unlink()

    def spoil(self, key: str) -> None:
        self.service.deliver[f"{key}/SKILL.md"] = b"other"

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        flat = trees.flatten(self.objects, snapshot)
        found = {key.removeprefix("out/item/"): entry for key, entry in flat.entries.items()}
        return {key: entry for key, entry in found.items() if key != "SKILL.md"}


class InAFolder(Harness):
    def said(self) -> dict[str, object]:
        self.publish()
        return {"url": str(self.service.folder)}

    def publish(self) -> None:
        document = document_of(self.service.folder, judged=False)
        for path, content in self.service.deliver.items():
            (self.service.folder / path).write_bytes(content)
        (self.service.folder / "catalog.json").write_text(json.dumps(document))


class InARepository(InAFolder):
    def said(self) -> dict[str, object]:
        self.publish()
        upstream = make_project(self.service.folder)
        upstream.commit()
        return {"url": f"file://{upstream.root}", "via": "git", "ref": "main"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[CatalogueService]:
    with CatalogueService(tmp_path / "catalogue") as running:
        yield running


class TestHttp(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path, service: CatalogueService) -> Harness:
        return Harness(tmp_path, service)


class TestFolder(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path, service: CatalogueService) -> Harness:
        return InAFolder(tmp_path, service)


class TestRepository(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path, service: CatalogueService) -> Harness:
        return InARepository(tmp_path, service)
