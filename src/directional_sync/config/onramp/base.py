"""What the formats have in common: the repositories that a file names, and what could not be taken along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

REPOSITORIES_MAX = 2_000
"""How many repositories one file may name."""


class Format(StrEnum):
    """The configurations that can be read, by the tool they are for."""

    GIT_AGGREGATOR = "git-aggregator"
    VCSTOOL = "vcstool"
    VENDIR = "vendir"
    WEST = "west"
    GITMODULES = "git submodule"


class Fate(StrEnum):
    """What became of something that could not be taken along as it was."""

    LOST = "lost"
    """It has no effect any more, and had one."""
    CHANGED = "changed"
    """It is there in another form, and a person should know in which."""
    NEEDLESS = "needless"
    """It has no effect any more, and needs none."""


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Something in the file that was not carried over as it is."""

    what: str
    """The construct, by the words of its own tool."""
    why: str
    instead: str = ""
    """What to do about it; "" when there is nothing to be done."""
    line: int = 0
    """1-based; 0 when it has no place in the file."""
    of: str = ""
    """The folder of the repository it is about, as the file has it; "" when it is about the whole file."""
    fate: Fate = Fate.LOST


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository and what is wanted of it, in the words of `remote:` of a git target."""

    url: str
    into: str
    """Folder, relative to the root of this repository, normalised."""
    of: str
    """The folder as the file has it."""
    line: int
    ref: str = ""
    version: str = ""
    merge: tuple[str, ...] = ()
    subdir: str = ""
    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    submodules: str = ""
    lfs: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a format module made of a file."""

    format: Format
    repositories: tuple[Repository, ...]
    left_over: tuple[LeftOver, ...]


@dataclass(frozen=True)
class Around:
    """What a file means depends on where it is."""

    folder: str = ""
    """Paths in the file are relative to this folder of the repository; "" is its root."""
    origin: str = ""
    """The address that this repository itself came from; "" when it is not known."""
    gitlinks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Path -> commit of the submodules in the index."""
    elsewhere: bool = False
    """Whether the file lies in another repository than the one that is to have what it names."""


@dataclass(frozen=True)
class Target:
    """One git target to be written."""

    name: str
    remote: Mapping[str, Any]
    """The keys under `remote:`, in the order in which they are written."""
    outputs: tuple[str, ...]
    repositories: tuple[Repository, ...]
    """What it stands for."""
    paused: bool = False


@dataclass(frozen=True)
class Carried:
    """The whole of a file, as targets and as what is left over of it."""

    format: Format
    targets: tuple[Target, ...]
    left_over: tuple[LeftOver, ...]
