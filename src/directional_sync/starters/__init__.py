"""Files to begin with: a commented YAML, its schema for editors, the runner script and the workflow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from directional_sync.errors import ConfigError, HostError, Problem
from directional_sync.system import host

CONFIG = ".insightpulse/sync.yaml"
SCHEMA = ".insightpulse/sync.schema.json"
SCRIPT = "scripts/sync_directional.py"
WORKFLOW = ".github/workflows/directional-sync.yml"

_FILE_MODE, _PROGRAM_MODE = 0o644, 0o755


def names() -> tuple[str, ...]:
    """The starters there are."""
    return tuple(sorted(p.name for p in resources.files(__name__).iterdir() if p.joinpath("sync.yaml").is_file()))


def prepare(folder: Path, starter: str, *, force: bool) -> list[str]:
    """Writes the starter's files into the repository at `folder`; answers the paths written, relative to it.
    A file that is already as it should be is left alone. Raises ConfigError E-STARTER for an unknown starter and
    HostError E-INIT-EXISTS, before anything is written, when a file differs and `force` is not given."""
    return write(folder, contents(starter), force=force)


def write(folder: Path, files: Mapping[str, bytes], *, force: bool) -> list[str]:
    """Writes these files, by their paths relative to `folder`; the rest is as for `prepare`."""
    outdated = {path: content for path, content in files.items() if _current(folder / path) != content}
    taken = [path for path in outdated if (folder / path).exists() or (folder / path).is_symlink()]
    if taken and not force:
        raise HostError(
            "E-INIT-EXISTS",
            f"{taken[0]} is already there" + (f", and {len(taken) - 1} more" if len(taken) > 1 else ""),
            hint="look at the difference with `dsync init` in an empty folder, or overwrite: dsync init --force",
            kept="nothing was written",
            detail=taken,
        )
    for path, content in outdated.items():
        with host.host_errors(folder / path):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
        host.atomic_write(folder / path, content, _PROGRAM_MODE if path == SCRIPT else _FILE_MODE)
    return list(outdated)


def contents(starter: str) -> dict[str, bytes]:
    """Path -> content of every file of a starter. The same for every machine and environment."""
    if not re.fullmatch(r"[a-z0-9_-]+", starter) or starter not in names():
        hint = f"there are: {', '.join(names())}"
        raise ConfigError([Problem(f"there is no starter {starter!r}", hint=hint, code="E-STARTER")], code="E-STARTER")
    return complete(resources.files(__name__).joinpath(starter, "sync.yaml").read_bytes(), CONFIG)


def complete(yaml: bytes, config: str) -> dict[str, bytes]:
    """Path -> content of every file that goes with the file `yaml` at the path `config`. Raises ConfigError."""
    from directional_sync.config.load import read
    from directional_sync.config.schema import json_schema
    from directional_sync.render.workflow import workflow

    return {
        config: yaml,
        SCHEMA: (json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n").encode(),
        SCRIPT: resources.files(__name__).joinpath("sync_directional.py").read_bytes(),
        WORKFLOW: workflow(read(yaml, config, {})).encode(),
    }


def _current(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None
