"""The contract of endpoints, over a settings file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sections.conftest import claude_md

from directional_sync.core.strict_json import dump
from directional_sync.endpoints.base import Context, Endpoint
from directional_sync.endpoints.sections import endpoint as sections
from directional_sync.endpoints.sections.keys import decode, encode
from directional_sync.endpoints.sections.options import PartOptions, SectionsOptions
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import FILE, Entry, Snapshot
from directional_sync.model.target import Direction, Target
from directional_sync.testing.conformance import CANARY, EndpointConformance
from directional_sync.testing.memory import MemoryObjects


class _Servers:
    """The endpoint without the name of its only part in its keys."""

    def __init__(self, inner: sections.Sections) -> None:
        self._inner = inner
        self.capabilities = inner.capabilities

    def __repr__(self) -> str:
        return repr(self._inner)

    def snapshot(self, prior: Snapshot) -> Snapshot:
        found = self._inner.snapshot(prior)
        return replace(found, entries={key.removeprefix("mcp_servers/"): one for key, one in found.entries.items()})

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        inner = [replace(change, key=f"mcp_servers/{encode(change.key)}") for change in changes]
        for effect, change in zip(self._inner.apply(inner), changes, strict=False):
            yield replace(effect, change=change)

    def close(self) -> None:
        self._inner.close()


class SettingsHarness:
    cannot: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        self.objects = MemoryObjects()
        self.folder = folder
        self.file = folder / "mcp.json"
        self.file.write_text(json.dumps({"theirs": CANARY, "mcpServers": {}}))

    def content(self, raw: bytes) -> bytes:
        return dump({"command": base64.b64encode(raw).decode()})

    def open(self) -> Endpoint:
        options = SectionsOptions(
            document="claude.md", parts=[PartOptions(section=17, mcp_servers=str(self.file))], sections="0-23"
        )
        made = sections.open(
            Context(
                target=Target(
                    "x", Direction.BIDIRECTIONAL, "sections", options=options, inputs=("claude.md",), records=True
                ),
                objects=self.objects,
                git_dir=self.folder,
                cache=self.folder / "cache",
                head="",
                tell=lambda event: None,
                environment={},
                external_roots=lambda: (self.folder,),
            )
        )
        made.translate(Snapshot({"claude.md": Entry(self.objects.write_blob(claude_md().encode()), FILE)}))
        return _Servers(made)

    def _edit(self, key: str, value: object) -> None:
        data = json.loads(self.file.read_text())
        if value is None:
            del data["mcpServers"][key]
        else:
            data["mcpServers"][key] = value
        self.file.write_text(json.dumps(data))

    def put(self, key: str, content: bytes) -> None:
        self._edit(key, {"command": base64.b64encode(content).decode(), "env": {}, "theirs": CANARY})

    def remove(self, key: str) -> None:
        self._edit(key, None)

    def spoil(self, key: str) -> None:
        self._edit(key, {"command": 7})

    def flat(self, snapshot: Snapshot) -> dict[str, Entry]:
        return {decode(key): entry for key, entry in snapshot.entries.items()}


class TestSettings(EndpointConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> SettingsHarness:
        return SettingsHarness(tmp_path)
