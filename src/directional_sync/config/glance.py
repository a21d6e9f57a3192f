"""The file for those who only show it: the frozen values as they were checked last time, when nothing has changed.

Checking the file takes several times as long as everything else that `list` does. So what a full reading came to
is kept, without the options of endpoints, in the state folder, and believed while the file's bytes, this program
and the variables that the file refers to are the same. A run never looks at it.

Nothing is kept when the file refers to a variable that is set and could be a secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from directional_sync import __version__
from directional_sync.config.find import name_of
from directional_sync.errors import HostError
from directional_sync.model import target as model
from directional_sync.model.target import Config

FILE = "config.json"
_FORM = f"1 {__version__}"
_PUBLIC = frozenset({"HOME", "USER", "LOGNAME", "LANG", "PWD", "TMPDIR", "TZ"})
_BYTES_MAX = 4_000_000


def glance(path: Path, root: Path, environ: Mapping[str, str], cache: Path) -> Config:
    """What `load.load` answers, with `None` for the options of every target. `cache` is a folder; nothing is
    kept when it does not exist or cannot be written. Raises ConfigError as `load` does."""
    kept = cache / FILE
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(_BYTES_MAX)).hexdigest()
        found = _recall(kept, name_of(path, root), digest, environ)
        if found is not None:
            return found
    except OSError:
        digest = ""  # reading it in full says what is wrong with it
    from directional_sync.config.load import load

    config = load(path, root, environ)
    if cache.is_dir() and config.digest == digest:
        _keep(kept, config, environ)
    return config


def _recall(kept: Path, name: str, digest: str, environ: Mapping[str, str]) -> Config | None:
    try:
        found = json.loads(kept.read_bytes())
        if (found["form"], found["path"], found["digest"]) != (_FORM, name, digest):
            return None
        if any(value != (environ.get(variable) or None) for variable, value in found["variables"].items()):
            return None
        config: Config = _value(found["config"])
        return config
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(kept: Path, config: Config, environ: Mapping[str, str]) -> None:
    variables = {name: environ.get(name) or None for name in config.variables}
    if config.secrets or any(value and name not in _PUBLIC for name, value in variables.items()):
        return
    from directional_sync.system import host

    content = {"form": _FORM, "path": config.path, "digest": config.digest, "variables": variables}
    with contextlib.suppress(HostError, OSError, TypeError, ValueError):
        host.atomic_write(kept, json.dumps({**content, "config": _plain(config)}, allow_nan=False).encode())


def _plain(value: Any) -> Any:
    """Frozen values as JSON: [name of the class, fields that are not as by default]."""
    if is_dataclass(value) and not isinstance(value, type):
        given = {}
        for field in fields(value):
            item = getattr(value, field.name)
            if field.name != "options" and (item != field.default):
                given[field.name] = _plain(item)
        return {"": type(value).__name__, **given}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return {"": "Mapping", "items": dict(value)} if isinstance(value, dict) else value


def _value(kept: Any) -> Any:
    if isinstance(kept, list):
        return tuple(_value(item) for item in kept)
    if not isinstance(kept, dict):
        return kept
    if kept[""] == "Mapping":
        return kept["items"]
    given = {name: _value(item) for name, item in kept.items() if name}
    if "direction" in given:
        given["direction"] = model.Direction(given["direction"])
    if kept[""] == "Policy":
        kinds = {"on_conflict": model.OnConflict, "on_delete": model.OnDelete}
        given |= {name: kinds[name](item) for name, item in given.items() if name in kinds}
    return getattr(model, kept[""])(**given)
