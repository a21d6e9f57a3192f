"""The far side of one part: its entries as records, and the files that change for another record."""

from __future__ import annotations

from dataclasses import dataclass, field

from directional_sync.core import skills
from directional_sync.core.sections.files import (
    Unread,
    fields,
    new_fields,
    owned_only,
    put_fields,
    put_settings,
    settings,
)
from directional_sync.core.sections.form import NAME, Record, Unsayable
from directional_sync.endpoints.sections.holding import Holding, Unreachable
from directional_sync.endpoints.sections.parts import Far, Part

_YAML = (".yaml", ".yml")
_ENDINGS = (*_YAML, ".md")


@dataclass(frozen=True)
class Look:
    """What a part holds."""

    entries: dict[str, Record | Unread] = field(default_factory=dict)
    unread: str = ""
    """Why nothing at all could be looked at."""
    files: dict[str, str] = field(default_factory=dict)
    """Name -> path, where entries have files of their own."""


@dataclass(frozen=True, slots=True)
class Write:
    """One file that changes."""

    path: str
    before: bytes | None
    after: bytes | None


def look(part: Part, holding: Holding, *, may_be_missing: bool) -> Look:
    """`may_be_missing`: a file or folder that is not there holds nothing; elsewhere it may be an unmounted disk."""
    try:
        found = _settings(part, holding) if part.far is Far.SETTINGS else _files(part, holding)
    except Unreachable as error:
        return Look(unread=f"{holding.shown(part.place)}: {error}")
    if found is None:
        missing = f"{holding.shown(part.place)} is not there"
        return Look() if may_be_missing else Look(unread=missing)
    return Look({name: _sayable(part, name, said) for name, said in found.entries.items()}, found.unread, found.files)


def _settings(part: Part, holding: Holding) -> Look | None:
    content = holding.read(part.place)
    if content is None:
        return None
    found = settings(content, part.at, part.kinds)
    if isinstance(found, Unread):
        return Look(unread=_told(holding.shown(part.place), found))
    return Look(found)


def _told(path: str, unread: Unread) -> str:
    return f"{path}:{unread.line}: {unread.why}" if unread.line else f"{path}: {unread.why}"


def _files(part: Part, holding: Holding) -> Look | None:
    names = holding.names(part.place)
    if names is None:
        return None
    paths: dict[str, str] = {}
    entries: dict[str, Record | Unread] = {}
    for found in names:
        name, path = found, f"{part.place}/{found}/{skills.FILE}"
        if part.far is Far.FOLDER:
            name, dot, ending = found.rpartition(".")
            path = f"{part.place}/{found}"
            if dot + ending.lower() not in _ENDINGS or not name:
                continue
        if name in paths:
            entries[name] = Unread(f"it has two files, {paths[name].rpartition('/')[2]} and {found}")
            continue
        try:
            content = holding.read(path)
        except Unreachable as error:
            entries[name], paths[name] = Unread(f"{holding.shown(path)}: {error}"), path
            continue
        if content is None:
            continue
        said = fields(content, part.kinds, front=_front(path))
        entries[name] = Unread(_told(holding.shown(path), said)) if isinstance(said, Unread) else said
        paths[name] = path
    return Look(entries, files=paths)


def _front(path: str) -> bool:
    return path.lower().endswith(".md")


def _sayable(part: Part, name: str, said: Record | Unread) -> Record | Unread:
    if isinstance(said, Unread):
        return said
    if not said:
        fields_said = ", ".join(f"`{key}`" for key in part.kinds)
        return Unread(f"it has none of {fields_said}, so the document could say nothing of it")
    if not NAME.fullmatch(name):
        return Unread("its name has no form in the document: letters, digits and . _ / + - without spaces")
    try:
        for key, value in said.items():
            part.form.write(key, value)
    except Unsayable as error:
        return Unread(str(error))
    return said


def name_mistake(part: Part, name: str) -> str:
    """Why an entry of this name could not exist on the far side; "" when it could."""
    if part.far is Far.SETTINGS:
        return ""
    if part.far is Far.SKILLS:
        return skills.name_mistake(name)
    return "a file cannot be called so" if "/" in name or "@" in name else ""


def writes(part: Part, holding: Holding, found: Look, name: str, record: Record | None) -> Write:
    """The file that changes so that the entry says `record`; None: so that it is gone. Raises Unsayable, and
    Unreachable."""
    path = part.place if part.far is Far.SETTINGS else found.files.get(name, "")
    if not path:
        path = _new_path(part, found, name)
    before = holding.read(path)
    if part.far is Far.SETTINGS:
        after = put_settings(b"{}\n" if before is None else before, part.at, name, record, part.kinds)
        return Write(path, before, after)
    if record is None:
        _must_be_bare(part, holding, path, before, name)
        return Write(path, before, None)
    if before is None:
        return Write(path, None, new_fields(name, record, part.kinds, front=_front(path)))
    return Write(path, before, put_fields(before, record, part.kinds, front=_front(path)))


def _new_path(part: Part, found: Look, name: str) -> str:
    if part.far is Far.SKILLS:
        return f"{part.place}/{name}/{skills.FILE}"
    endings = [path[path.rindex(".") :].lower() for path in found.files.values()]
    ending = max(_ENDINGS, key=lambda one: (endings.count(one), one == ".yaml"))
    return f"{part.place}/{name}{ending}"


def _must_be_bare(part: Part, holding: Holding, path: str, before: bytes | None, name: str) -> None:
    """Raises Unsayable where more would be lost than the document knows of."""
    if before is None:
        return
    beside = [one for one in holding.names(path.rpartition("/")[0]) or () if one != skills.FILE]
    alone = part.far is not Far.SKILLS or not beside
    if not alone or not owned_only(before, name, part.kinds, front=_front(path)):
        where = path.rpartition("/")[0] if part.far is Far.SKILLS else path
        raise Unsayable(f"{holding.shown(where)} holds more than the document says; remove it yourself if it is to go")
