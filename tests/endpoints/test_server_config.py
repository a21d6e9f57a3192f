"""The endpoint for live servers keeps the contract of endpoints: its items are a server's variables, one file each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.endpoints.test_git_and_command import OnARepository
from tests.server.machine import machine

from directional_sync.endpoints.base import Endpoint
from directional_sync.endpoints.server_config import endpoint as server_config
from directional_sync.model.snapshot import Entry, Snapshot
from directional_sync.model.target import Direction, Target
from directional_sync.testing.conformance import CANARY, EndpointConformance

NAMES = {"one": "addons_path", "two": "database", "deep/two": "database", "fine": "database", "spoilt": "environment"}
"""Where the contract's items lie: in the addons path, a setting of the database, and a variable of the process."""


class ServerHarness(OnARepository):
    """The far side is a folder with a configuration file and a process. An item is what a person put into one of the
    three places; its entry is there as long as the place holds something."""

    cannot = frozenset({"odd_names"})

    def _prepare(self) -> None:
        self.machine = machine(self.folder / "server")
        self.items: dict[str, bytes] = {}

    def open(self) -> Endpoint:
        self._lay()
        options = server_config.OPTIONS.model_validate({"path": str(self.machine.root), "environment": self._wanted})
        return server_config.open(self._context(Target("t", Direction.PULL, "server_config", options, retries=0)))

    @property
    def _wanted(self) -> str:
        return "process" if "spoilt" in self.items else "none"

    def put(self, key: str, content: bytes) -> None:
        self.items[key] = content

    def remove(self, key: str) -> None:
        del self.items[key]

    def spoil(self, key: str) -> None:
        assert NAMES[key] == "environment"
        self.machine.process(environ=b"\0" * 40)

    def _lay(self) -> None:
        said = {name: self.items.get(key, b"").decode("latin-1") for key, name in NAMES.items() if key in self.items}
        lines = [
            f"db_password = {CANARY}",
            *(f"addons_path = /{text}" for name, text in said.items() if name == "addons_path"),
        ]
        lines += [f"db_name = {text!r}" for name, text in said.items() if name == "database"]
        self.machine.conf("[options]\n" + "\n".join(lines) + "\n")

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        return dict(snapshot.entries)


class TestServerConfig(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> ServerHarness:
        return ServerHarness(tmp_path)

    def test_a_snapshot_shows_what_is_there_and_its_content_can_be_read(self, harness: Any) -> None:
        """Its content is not what was put there but a document of it."""
        endpoint = harness.open()
        found = harness.flat(endpoint.snapshot(Snapshot()))
        content = {key: harness.objects.read(entry.digest) for key, entry in found.items()}
        endpoint.close()
        assert sorted(content) == ["ADDONS_PATH.prod.txt", "DB_CONFIG.prod.txt"]
        assert b"db_password = <secret:db_password>" in content["DB_CONFIG.prod.txt"]

    def test_what_cannot_be_read_is_unreadable_and_never_absent(self, harness: Any) -> None:
        harness.put("fine", b"1")
        harness.put("spoilt", b"2")
        harness.spoil("spoilt")
        endpoint = harness.open()
        snapshot = endpoint.snapshot(Snapshot())
        endpoint.close()
        assert snapshot.at("ENV_VARS.prod.txt").unreadable and not snapshot.at("ENV_VARS.prod.txt").absent
        assert snapshot.at("DB_CONFIG.prod.txt").present

    def test_a_server_that_is_gone_is_an_error_and_not_an_empty_snapshot(self, harness: Any) -> None:
        endpoint = harness.open()
        shutil.rmtree(harness.machine.root)
        with pytest.raises(Exception, match="E-SERVER-PROCESS"):
            endpoint.snapshot(Snapshot())
        endpoint.close()
