"""Which skills of a catalogue are wanted, and where they go: by what the file says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from directional_sync.endpoints.catalogue import trouble
from directional_sync.endpoints.catalogue.document import Listed
from directional_sync.errors import ConfigError, Problem, SyncError
from directional_sync.model.snapshot import Source

if TYPE_CHECKING:
    from directional_sync.endpoints.catalogue.options import CatalogueOptions

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Choice:
    """What of the catalogue is to be taken."""

    skills: tuple[Listed, ...]
    failed: Mapping[str, SyncError] = field(default_factory=dict)
    """Name -> why a skill that is asked for is not taken; what is installed of it stays."""
    notes: tuple[str, ...] = ()


def root_of(options: CatalogueOptions, outputs: Sequence[str]) -> str:
    """The folder of the skills' folders. Raises ConfigError when that is not clear."""
    if options.into:
        return options.into
    roots = [output.removesuffix("/**") for output in outputs if output.endswith("/**")]
    if len(roots) != 1 or len(outputs) != 1 or _MAGIC.search(roots[0]):
        message = "`into` is needed, because `outputs` is not one folder (`folder/**`)"
        raise ConfigError([Problem(message, hint="set `into`, like docs/skills")])
    return roots[0]


def asked_for(options: CatalogueOptions, name: str) -> bool:
    """Whether the file wants the skill of this name."""
    return any(fnmatchcase(name, glob) for glob in options.names) and not any(
        fnmatchcase(name, glob) for glob in options.exclude
    )


def choose(options: CatalogueOptions, listed: Sequence[Listed], before: Mapping[str, Source]) -> Choice:
    """`before`: name -> what was agreed last time."""
    failed: dict[str, SyncError] = {}
    notes: list[str] = []
    taken = []
    for skill in listed:
        if not asked_for(options, skill.name):
            continue
        error = _trouble(options, skill, before.get(skill.name), notes)
        if error is not None:
            failed[skill.name] = error
        else:
            taken.append(skill)
    there = {skill.name for skill in listed}
    for name in (*options.names, *options.versions):
        if not _MAGIC.search(name) and name not in there and asked_for(options, name):
            failed[name] = trouble.missing(name)
    return Choice(tuple(taken), failed, tuple(notes))


def _trouble(options: CatalogueOptions, skill: Listed, before: Source | None, notes: list[str]) -> SyncError | None:
    wanted = options.versions.get(skill.name, "")
    if wanted and skill.version != wanted:
        return trouble.other_version(skill, wanted)
    if options.max_size and skill.size > options.max_size:
        return trouble.too_large(skill, options.max_size)
    if before is not None and before.ref == skill.version and before.commit != skill.digest:
        if wanted:
            return trouble.moved_version(skill)
        notes.append(f"{skill.name}: other content than before under the same version {skill.version}")
    return None
