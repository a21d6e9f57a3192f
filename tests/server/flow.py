"""A repository with a target that documents a server, and what tests ask about it."""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.project import Project

from directional_sync.model.record import TargetRecord

INTO = "docs/runtime"
ADDONS, DATABASE, ENVIRONMENT = "ADDONS_PATH.prod.txt", "DB_CONFIG.prod.txt", "ENV_VARS.prod.txt"


@dataclass
class Flow:
    project: Project
    remote: dict[str, Any]
    """What is said under `remote:` beside type and into."""
    target: dict[str, Any] = field(default_factory=dict)

    def configure(self, **remote: Any) -> None:
        """Writes and commits the file; `remote` adds to or replaces what is said there. None takes a key out."""
        self.remote |= remote
        said = {key: value for key, value in self.remote.items() if value is not None}
        target = {
            "direction": "pull",
            "remote": {"type": "server_config", "into": INTO, **said},
            "outputs": [f"{INTO}/**"],
            "retries": 0,
            **self.target,
        }
        self.project.configure(yaml.safe_dump({"targets": {"live": target}}, sort_keys=False))

    def sync(self, **options: Any) -> TargetRecord:
        """A run that must succeed."""
        record = self.project.one(**options)
        assert record.success, (record.message, record.failure)
        return record

    def fail(self, **options: Any) -> TargetRecord:
        record = self.project.one(**options)
        assert not record.success and record.failure is not None, record.message
        return record

    def text(self, name: str) -> str:
        """A file as committed; "" when there is none."""
        return self.project.files(under=INTO).get(f"{INTO}/{name}", "")

    def lines(self, name: str) -> list[str]:
        """Its lines, without the head."""
        return [line for line in self.text(name).splitlines() if not line.startswith("# ")]


def everything(folder: Path) -> bytes:
    """All bytes of all files below, git's compressed objects opened."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found.append(content)
            if path.suffix == ".pack":
                found += unpacked(content)
            elif "objects" in path.parts:
                found += inflated(content)
    return b"\n".join(found)


def inflated(content: bytes) -> list[bytes]:
    try:
        return [zlib.decompress(content)]
    except zlib.error:
        return []


def unpacked(pack: bytes) -> list[bytes]:
    """Every deflated stream in a pack."""
    found = []
    at = pack.find(b"\x78")
    while at >= 0:
        stream = zlib.decompressobj()
        with contextlib.suppress(zlib.error):
            found.append(stream.decompress(pack[at:]))
        at = pack.find(b"\x78", at + 1)
    return found
