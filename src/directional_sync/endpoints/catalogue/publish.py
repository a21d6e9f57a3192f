"""A folder of skills, looked at: whether each keeps the rules, and the catalogue document that names them all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from directional_sync.core import names, skills
from directional_sync.core.skills import FILE, Mistake, Skill
from directional_sync.endpoints.catalogue.document import FILE_BYTES_MAX, FORMAT
from directional_sync.errors import HostError
from directional_sync.system.host import host_errors

_EXECUTABLE = 0o100


@dataclass(frozen=True)
class Looked:
    """One skill in a folder."""

    name: str
    skill: Skill
    mistakes: tuple[Mistake, ...] = ()
    """What is wrong with its SKILL.md, or with its folder."""


def look(folder: Path) -> tuple[Looked, ...]:
    """Every folder right in `folder`, by name; hidden ones are left out. Raises HostError when it cannot be read."""
    if not folder.is_dir():
        raise HostError(
            "E-SKILLS-FOLDER",
            f"{folder} is no folder",
            hint="name the folder in which the skills' folders lie",
            kept="nothing was changed",
        )
    with host_errors(folder):
        found = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return tuple(_looked(path) for path in found)


def _looked(path: Path) -> Looked:
    file = path / FILE
    if not file.is_file():
        return Looked(path.name, Skill(), (Mistake(f"the folder has no {FILE}"),))
    with host_errors(file), file.open("rb") as opened:
        skill = skills.parse(opened.read(skills.BYTES_MAX + 1), path.name)
    return Looked(path.name, skill, skill.mistakes)


def document_of(folder: Path, *, judged: bool = True) -> dict[str, Any]:
    """The catalogue document for the skills in `folder`: the version of each is that in its `metadata`, else made of
    its content. Raises HostError E-SKILL when a skill breaks the rules (unless they are not `judged`), or a file cannot
    be published."""
    return {"format": FORMAT, "skills": [_listed(folder, one, judged) for one in look(folder)]}


def _listed(folder: Path, looked: Looked, judged: bool) -> dict[str, Any]:
    if looked.mistakes and judged:
        raise _unfit(f"{looked.name}: {looked.mistakes[0]}", [f"{looked.name}: {one}" for one in looked.mistakes])
    files = [_file(folder / looked.name, path) for path in _files(folder / looked.name)]
    total = sha256("".join(f"{file['path']} {file['sha256']}\n" for file in files).encode()).hexdigest()
    fields = looked.skill.fields
    metadata = fields.get("metadata")
    said = metadata.get("version", "") if isinstance(metadata, dict) else ""
    about = {"name": looked.name, "version": str(said) or f"0+{total[:12]}"}
    description = fields.get("description")
    return {**about, **({"description": description} if isinstance(description, str) else {}), "files": files}


def _files(folder: Path) -> Iterator[str]:
    """Paths of all files in it, sorted; what git and editors leave is left out."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
        inside = Path(place).relative_to(folder)
        found += [(inside / name).as_posix() for name in files if name != ".DS_Store"]
    yield from sorted(found)


def _file(folder: Path, path: str) -> dict[str, Any]:
    place = folder / path
    wrong = [code for code in names.path_codes(path) if code != "E-NAME-WINDOWS"]
    if place.is_symlink() or not place.is_file():
        raise _unfit(f"{place} is no regular file", [])
    if wrong:
        raise _unfit(f"{place} is a name {names.WHAT[wrong[0]]}", [])
    with host_errors(place), place.open("rb") as opened:
        content = opened.read(FILE_BYTES_MAX + 1)
        executable = bool(os.fstat(opened.fileno()).st_mode & _EXECUTABLE)
    if len(content) > FILE_BYTES_MAX:
        raise _unfit(f"{place} has more than {FILE_BYTES_MAX:,} bytes", [])
    file: dict[str, Any] = {"path": path, "sha256": sha256(content).hexdigest(), "size": len(content)}
    return {**file, "executable": True} if executable else file


def schema() -> dict[str, Any]:
    """The published JSON schema of catalogue documents."""
    text = resources.files("directional_sync").joinpath("schemas/catalogue.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _unfit(message: str, detail: list[str]) -> HostError:
    hint = "mend it and look again: dsync skills FOLDER"
    return HostError("E-SKILL", message, hint=hint, kept="nothing was written", detail=detail)
