"""Where the file is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from directional_sync.errors import ConfigError, Problem

VARIABLE = "DIRECTIONAL_SYNC_CONFIG"
PLACES = (".insightpulse/sync.yaml", "sync.yaml")


def find(explicit: str | None, environ: Mapping[str, str], root: Path) -> Path:
    """The file: `explicit`, else $DIRECTIONAL_SYNC_CONFIG (both relative to the current folder or to `root`), else
    the first of PLACES under `root`. Raises ConfigError E-CONFIG-MISSING."""
    for named, source in ((explicit, "--config"), (environ.get(VARIABLE), f"${VARIABLE}")):
        if named:
            for candidate in (Path(named).absolute(), root / named):
                if candidate.exists():
                    return candidate
            problem = Problem(f"there is no file {named} ({source})", code="E-CONFIG-MISSING", hint="check the path")
            raise ConfigError([problem], code="E-CONFIG-MISSING")
    for place in PLACES:
        if (root / place).exists():
            return root / place
    message = f"there is no configuration here: neither {' nor '.join(PLACES)}"
    raise ConfigError([Problem(message, code="E-CONFIG-MISSING", hint="dsync init")], code="E-CONFIG-MISSING")


def name_of(path: Path, root: Path) -> str:
    """How the file is called in messages: relative to `root` when it lies in there."""
    try:
        return path.absolute().relative_to(root.absolute()).as_posix()
    except ValueError:
        return str(path)
