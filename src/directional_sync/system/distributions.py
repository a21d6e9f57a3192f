"""Installed packages as files: a digest over all that one has installed, and whether a module is among it. Nothing of a
package is run for that."""

from __future__ import annotations

import hashlib
from importlib.machinery import PathFinder
from importlib.metadata import Distribution
from pathlib import Path

_NOTES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files beside the package in which an installer notes how and where it was installed."""


def digest(distribution: Distribution) -> str:
    """sha256 over the names and bytes of all installed files, in hex; the same on every machine for the same package.
    "" when its files are not known. Raises OSError when one cannot be read."""
    files = _files(distribution)
    if not files:
        return ""
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def outside(distribution: Distribution, module: str) -> str:
    """The first file that importing `module` would run and that the package has not installed itself: then its digest
    says nothing of it (an editable installation, or another package of that name before it on the path). "" when there
    is none."""
    own = {path.resolve() for path in _files(distribution).values()}
    parts, where = module.split("."), None
    for number in range(1, len(parts) + 1):
        name = ".".join(parts[:number])
        found = PathFinder.find_spec(name, where)
        if found is None:
            return name
        if found.origin is not None and Path(found.origin).resolve() not in own:
            return found.origin
        where = found.submodule_search_locations
    return ""


def _files(distribution: Distribution) -> dict[str, Path]:
    found = {}
    for file in distribution.files or ():
        noted = file.parent.name.endswith(".dist-info") and file.name in _NOTES
        if not noted and file.suffix != ".pyc" and file.parts[:1] != ("..",):
            found[file.as_posix()] = Path(str(distribution.locate_file(file)))
    return found
