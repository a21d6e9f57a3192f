"""Which tool a file is for: by what is in it first, and by its name where that leaves it open."""

from __future__ import annotations

import re
from types import ModuleType

from directional_sync.config.onramp import aggregator, gitmodules, repos, vendir, west
from directional_sync.config.onramp.base import Format
from directional_sync.core.yaml12 import Document

READERS: dict[Format, ModuleType] = {
    Format.GIT_AGGREGATOR: aggregator,
    Format.VCSTOOL: repos,
    Format.VENDIR: vendir,
    Format.WEST: west,
    Format.GITMODULES: gitmodules,
}
KNOWN = (
    "repos.yaml of git-aggregator, .repos of vcstool and vcs2l, vendir.yml of vendir, west.yml of west, .gitmodules "
    "of git"
)
_NAMES = {
    Format.GITMODULES: re.compile(r"\.gitmodules"),
    Format.WEST: re.compile(r"west([-_.].*)?\.ya?ml"),
    Format.VENDIR: re.compile(r"vendir([-_.].*)?\.ya?ml"),
    Format.VCSTOOL: re.compile(r".*\.repos"),
    Format.GIT_AGGREGATOR: re.compile(r"repos\.ya?ml"),
}


def by_name(name: str) -> Format | None:
    """What a file of this name usually is."""
    last = name.rpartition("/")[2]
    return next((format for format, pattern in _NAMES.items() if pattern.fullmatch(last)), None)


def by_content(document: Document) -> list[Format]:
    """What the data could be, of the formats that are YAML."""
    return [format for format, module in READERS.items() if module is not gitmodules and module.looks_so(document.data)]
