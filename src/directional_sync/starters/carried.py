"""Files to begin with, made from the configuration of another vendoring tool that is already there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from directional_sync import starters
from directional_sync.config.find import PLACES, VARIABLE, name_of
from directional_sync.config.onramp import carry, gitmodules, grouping, places, writing
from directional_sync.config.onramp.base import Around, Carried, Found
from directional_sync.core import yaml12
from directional_sync.errors import ConfigError, HostError, InternalError, Problem
from directional_sync.git import layout, plumbing

_GITLINK = "160000"


@dataclass(frozen=True)
class Draft:
    """Everything that would be written, and what is to be told of it."""

    carried: Carried
    name: str
    """What the file that was read is called in messages."""
    config: str
    """Where the YAML goes, relative to the folder."""
    files: Mapping[str, bytes]
    """Path -> content, that of the YAML included."""


def draft(folder: Path, source: Path, into: str | None, config: str | None, environ: Mapping[str, str]) -> Draft:
    """The files for the repository at `folder` that do what the file `source` says. Paths in there are relative to
    the folder `into`, or, when that is None, to where the file lies. `config` and `environ` say where the YAML is
    looked for. Writes nothing. Raises ConfigError E-ONRAMP-READ, E-ONRAMP-INTO and what `carry.find` raises, and
    HostError when git cannot be asked."""
    name = name_of(source, folder)
    content = _content(source, name)
    found = carry.find(content, name, _around(folder, source, into, content))
    carried = grouping.carried(found, _shared(folder, found))
    place = _place(folder, config, environ)
    schema = os.path.relpath(starters.SCHEMA, str(Path(place).parent)).replace(os.sep, "/")
    text = writing.yaml(carried, name, schema if schema.startswith(".") else f"./{schema}")
    try:
        files = starters.complete(text.encode(), place)
    except ConfigError as error:
        told = [f"line {problem.line}: {problem.message}" for problem in error.problems]
        raise InternalError("E-INTERNAL", f"what was made of {name} is no valid YAML of ours", detail=told) from error
    return Draft(carried, name, place, files)


def write(folder: Path, made: Draft, *, force: bool) -> list[str]:
    """Writes the files; answers their paths. Raises as `starters.prepare`, and HostError E-INIT-EXISTS also for a
    YAML at the other place where it is looked for."""
    other = next((place for place in PLACES if place != made.config and (folder / place).exists()), None)
    if other is not None and made.config in PLACES and not force:
        raise HostError(
            "E-INIT-EXISTS",
            f"there is already a configuration: {other}",
            hint="see what would be written: dsync init --from FILE --print",
            kept="nothing was written",
        )
    return starters.write(folder, made.files, force=force)


def _content(source: Path, name: str) -> bytes:
    try:
        with source.open("rb") as file:
            return file.read(yaml12.BYTES_MAX + 1)
    except OSError as error:
        problem = Problem(f"the file cannot be read: {error.strerror}", name, code="E-ONRAMP-READ")
        raise ConfigError([problem], code="E-ONRAMP-READ") from error


def _place(folder: Path, config: str | None, environ: Mapping[str, str]) -> str:
    """Where the YAML is looked for, relative to `folder`."""
    named = config or environ.get(VARIABLE)
    return name_of(folder / named, folder) if named else PLACES[0]


def _around(folder: Path, source: Path, into: str | None, content: bytes) -> Around:
    root = layout.find_root(source.parent)
    about = Around(_base(folder, source, into))
    if root is None or not gitmodules.looks_so(content.decode("utf-8", "replace")):
        return about
    elsewhere = root != (layout.find_root(folder) or folder.resolve())
    return Around(about.folder, _origin(root), _gitlinks(root), elsewhere)


def _base(folder: Path, source: Path, into: str | None) -> str:
    if into is None:
        beside = os.path.relpath(source.parent.resolve(), folder.resolve()).replace(os.sep, "/")
        return "" if beside.split("/")[0] in ("..", ".") else beside
    if into.strip("./") == "" and not into.startswith(("/", "..")):
        return ""
    try:
        return places.folder("", into)
    except places.Unfit as unfit:
        problem = Problem(f"--into {into}: {unfit}", code="E-ONRAMP-INTO", hint="--into vendor")
        raise ConfigError([problem], code="E-ONRAMP-INTO") from None


def _origin(root: Path) -> str:
    words = ("config", "--local", "--null", "--get", "remote.origin.url")
    finished = plumbing.start(words, env=plumbing.isolated(), cwd=root)
    return finished.stdout.decode("utf-8", "replace").rstrip("\0") if finished.status == 0 else ""


def _gitlinks(root: Path) -> dict[str, str]:
    """Path -> commit of the submodules in the index."""
    words = ("ls-files", "--stage", "-z")
    finished = plumbing.start(words, env=plumbing.isolated(), cwd=root)
    if finished.status:
        raise plumbing.failed(words, finished)
    entries = (line.partition(b"\t") for line in finished.stdout.split(b"\0") if line.startswith(_GITLINK.encode()))
    return {path.decode("utf-8", "replace"): about.split()[1].decode("ascii") for about, _, path in entries}


def _shared(folder: Path, found: Found) -> set[str]:
    """Those folders around the repositories in which there is something else too."""
    return {
        parent
        for parent, names in grouping.parents(found).items()
        if (folder / parent).is_dir() and not {entry.name for entry in (folder / parent).iterdir()} <= names
    }
