"""The endpoint keeps the contract of all endpoints. It cannot write, so the harness is the service itself."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from tests.rest.listed import Listed, Paged, told

from directional_sync.endpoints.base import Endpoint, Objects
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Policy
from directional_sync.testing.conformance import CANARY, EndpointConformance
from directional_sync.testing.memory import MemoryObjects

_BEFORE, _AFTER = "things/", "/it.json"


class Plain(MemoryObjects):
    """Reads items as the content that the harness has put into them."""

    def read(self, digest: str) -> bytes:
        import json

        value: dict[str, Any] = json.loads(super().read(digest))
        return base64.b64decode(value["content"])


class RestHarness:
    cannot = frozenset({"unreadable"})
    """A list is read as a whole, or the whole target fails: no single item is ever unreadable."""

    def __init__(self, service: Paged, folder: Path) -> None:
        self.objects: Objects = Plain()
        self._content: dict[str, bytes] = {}
        self._service = service
        self._listed = Listed(
            service,
            folder,
            {"into": f"{_BEFORE}{{key}}{_AFTER}", "token": "THE_TOKEN", "items": "things"},
            policy=Policy(allow_empty=True),
            environment={"THE_TOKEN": CANARY},
            objects=self.objects,  # type: ignore[arg-type]
        )
        self._publish()

    def _publish(self) -> None:
        things = [{"id": key, "content": base64.b64encode(item).decode()} for key, item in self._content.items()]
        self._service.answers = [told({"things": things, "total": len(things)})]

    def open(self) -> Endpoint:
        return self._listed.open()

    def put(self, key: str, content: bytes) -> None:
        self._content[key] = content
        self._publish()

    def remove(self, key: str) -> None:
        del self._content[key]
        self._publish()

    def spoil(self, key: str) -> None:
        raise NotImplementedError

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        return {
            unquote(name.removeprefix(_BEFORE).removesuffix(_AFTER)): entry for name, entry in snapshot.entries.items()
        }


@pytest.fixture
def service() -> Iterator[Paged]:
    with Paged() as found:
        yield found


class TestRest(EndpointConformance):
    @pytest.fixture
    def harness(self, service: Paged, tmp_path: Path) -> RestHarness:
        return RestHarness(service, tmp_path)


def test_the_far_side_is_never_written(service: Paged, tmp_path: Path) -> None:
    harness = RestHarness(service, tmp_path)
    with closing(harness.open()) as endpoint:
        assert not endpoint.capabilities.writes and endpoint.capabilities.previews
        endpoint.snapshot(Snapshot())
    assert {asked.method for asked in service.heard} == {"GET"}
