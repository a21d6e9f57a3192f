"""A catalogue of skills on loopback, made of a folder and able to misbehave: for tests of what reads catalogues.

with CatalogueService(folder) as service:          # folder/<skill>/SKILL.md
    service.url                                     # http://127.0.0.1:.../catalog.json
    service.deliver["pdf/SKILL.md"] = b"other"      # not what the document promises
    service.misbehave(Mishap(status=503), times=1)
    service.downloads()                             # paths of files that were asked for
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from directional_sync.endpoints.catalogue.publish import document_of
from directional_sync.testing.service import Asked, LoopbackService, Told

DOCUMENT = "/catalog.json"


class CatalogueService(LoopbackService):
    """Serves what the folder holds when it is asked."""

    def __init__(self, folder: Path, *, token: str = "") -> None:
        self.folder = folder
        self.token = token
        """What every request must bring as a bearer token; "" for none."""
        self.deliver: dict[str, bytes] = {}
        """Path in the folder -> what is delivered in place of what is there."""
        self.edit: Callable[[dict[str, Any]], Any] = lambda document: document
        """What becomes of the document before it is sent."""
        super().__init__()

    @property
    def url(self) -> str:
        return f"{super().url}{DOCUMENT}"

    def put(self, path: str, content: bytes | str, *, mode: int = 0o644) -> None:
        """Writes a file of a skill: `pdf/SKILL.md`."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)

    def skill(self, name: str, *, version: str = "1.0", text: str = "Do it well.", **fields: str) -> None:
        """Writes the SKILL.md of a skill; `fields` are added to its frontmatter as they are written."""
        more = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items())
        head = f'name: {name}\ndescription: Does {name}.\nmetadata: {{version: "{version}"}}\n{more}'
        self.put(f"{name}/SKILL.md", f"---\n{head}---\n{text}\n")

    def downloads(self) -> list[str]:
        """Paths in the folder that were asked for, in order."""
        return [unquote(asked.path[1:]) for asked in self.heard if asked.path != DOCUMENT]

    def answer(self, asked: Asked) -> Told:
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return Told.json({"message": "who are you?"}, 401)
        if asked.path == DOCUMENT:
            return Told.json(self.edit(document_of(self.folder, judged=False)))
        path = unquote(asked.path[1:])
        if path in self.deliver:
            return Told(200, self.deliver[path])
        file = self.folder / path
        if ".." in path.split("/") or not file.is_file():
            return Told.json({"message": "not found"}, 404)
        return Told(200, file.read_bytes(), {"Content-Type": "application/octet-stream"})
