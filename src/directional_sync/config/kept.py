"""The file as it was checked last time: the same frozen values, when nothing that they depend on has changed.

Checking the file takes several times as long as all that a run does when no upstream has moved: most of it is the
library of the models. So what a full reading came to is kept in the state folder, for its owner only, and believed
while the bytes of the file, the variables that it refers to, and this program (its version, and the stamps of its
own files) are the same. Any doubt, however small, means a full reading.

Nothing is kept when the file refers to a variable that is set and could be a secret, nor what would not come back
exactly as it was. The options of endpoints by third parties are not kept, so a run with such an endpoint reads the
file in full; the others get theirs as `model.values.Values`, with the names and values of the model's fields.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import directional_sync
from directional_sync import plugins
from directional_sync.config.find import name_of
from directional_sync.errors import HostError
from directional_sync.model import target as model
from directional_sync.model.target import Config
from directional_sync.model.values import Values, kind_of

FILE = "config.json"
_FORM = 4
_PUBLIC = frozenset({"HOME", "USER", "LOGNAME", "LANG", "PWD", "TMPDIR", "TZ"})
_ROOMS = ("", "config", "core", "endpoints", "git", "model", "service", "upstream")
"""Where the files are that decide what a checked file is."""
_BYTES_MAX = 4_000_000
_OTHERS = 0o077
_ENUMS = {
    "direction": model.Direction,
    "on_conflict": model.OnConflict,
    "on_delete": model.OnDelete,
    "catchup": model.Catchup,
    "read_only": lambda said: None if said is None else model.ReadOnly(said),
    "on_read_only": model.OnReadOnly,
    "approve": model.Approve,
    "hidden_text": model.HiddenText,
    "deliver_mode": model.DeliverMode,
    "dialect": model.ForgeKind,
}

_OF_NOTIFY = ("Notify", "Channel", "Ping", "Silence")


def recall(path: Path, root: Path, environ: Mapping[str, str], cache: Path, *, glance: bool = False) -> Config:
    """What `load.load` answers. `glance`: for those who only show it; targets whose endpoint is not of this program
    may have `None` for options. `cache` is a folder; nothing is kept when it does not exist or cannot be written.
    Raises ConfigError as `load` does."""
    kept = cache / FILE
    digest = ""
    with contextlib.suppress(OSError):  # reading it in full says what is wrong with it
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(_BYTES_MAX)).hexdigest()
        found = _recalled(kept, name_of(path, root), digest, environ)
        if found is not None and (glance or _complete(found)):
            return found
    from directional_sync.config.load import load

    config = load(path, root, environ)
    if config.digest == digest and cache.is_dir():
        _keep(kept, config, environ)
    return config


def _recalled(kept: Path, name: str, digest: str, environ: Mapping[str, str]) -> Config | None:
    try:
        with kept.open("rb") as file:
            about = os.fstat(file.fileno())
            if about.st_uid != os.geteuid() or about.st_mode & _OTHERS:
                return None
            seal, _, content = file.read().partition(b"\n")
        if seal != _seal(content):
            return None
        found = json.loads(content)
        if (found["program"], found["path"], found["digest"]) != (_program(), name, digest):
            return None
        if any(value != (environ.get(variable) or None) for variable, value in found["variables"].items()):
            return None
        config: Config = _value(found["config"])
        return config
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _complete(config: Config) -> bool:
    """Whether a run may go by it: no target lacks its options."""
    return all(plugins.built_in(target.endpoint) for target in config.targets)


def _keep(kept: Path, config: Config, environ: Mapping[str, str]) -> None:
    variables = {name: environ.get(name) or None for name in config.variables}
    if config.secrets or any(value and name not in _PUBLIC for name, value in variables.items()):
        return
    from directional_sync.system import host

    config = replace(
        config,
        targets=tuple(
            target if plugins.built_in(target.endpoint) else replace(target, options=None) for target in config.targets
        ),
    )
    about = {"program": _program(), "path": config.path, "digest": config.digest, "variables": variables}
    with contextlib.suppress(HostError, OSError, TypeError, ValueError, KeyError):
        content = json.dumps({**about, "config": _plain(config)}, allow_nan=False).encode()
        if _same(_value(json.loads(content)["config"]), config):
            host.atomic_write(kept, _seal(content) + b"\n" + content)


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _rooms(package: str) -> list[str]:
    """The folders that what is read from the file, and how, depends on; each endpoint has one of its own."""
    with os.scandir(os.path.join(package, "endpoints")) as found:  # noqa: PTH118
        own = sorted(entry.name for entry in found if entry.is_dir() and not entry.name.startswith("_"))
    return [*_ROOMS, *(f"endpoints/{name}" for name in own)]


def _program() -> str:
    """This program as it is installed: another one may check otherwise, or understand other keys."""
    total = hashlib.sha256(f"{_FORM} {directional_sync.__version__}".encode())
    package = os.path.dirname(directional_sync.__file__)  # noqa: PTH120 (a stamp of each file, as fast as can be)
    for room in _rooms(package):
        with os.scandir(os.path.join(package, room)) as found:  # noqa: PTH118
            for file in sorted((entry for entry in found if entry.name.endswith(".py")), key=lambda entry: entry.name):
                about = file.stat()
                total.update(f"{room}/{file.name} {about.st_size} {about.st_ctime_ns}\n".encode())
    return total.hexdigest()


def _plain(value: Any) -> Any:
    """Frozen values as JSON: ["name of the class", {fields that are not as by default}], and so on for each kind.
    Raises TypeError for what has no such form."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple | list):
        return [type(value).__name__, [_plain(item) for item in value]]
    if isinstance(value, dict):
        return ["dict", {key: _plain(item) for key, item in value.items()}]
    if is_dataclass(value) and not isinstance(value, type):
        given = {field.name: (getattr(value, field.name), field.default) for field in fields(value)}
        return [type(value).__name__, {name: _plain(now) for name, (now, usual) in given.items() if now != usual}]
    if isinstance(value, Values) or hasattr(type(value), "model_fields"):
        return ["Values", kind_of(value), {name: _plain(item) for name, item in value}]
    raise TypeError(type(value).__name__)


def _value(kept: Any) -> Any:
    if not isinstance(kept, list):
        return kept
    kind, content = kept[0], kept[-1]
    if kind == "tuple":
        return tuple([_value(item) for item in content])
    if kind == "list":
        return [_value(item) for item in content]
    given = {name: _value(item) for name, item in content.items()}
    if kind == "dict":
        return given
    if kind == "Values":
        return Values(kept[1], given)
    if kind in _OF_NOTIFY:
        return _notify(kind, given)
    enums = {name: _ENUMS[name](item) for name, item in given.items() if name in _ENUMS and item is not None}
    return getattr(model, kind)(**{**given, **enums})


def _notify(kind: str, given: Mapping[str, Any]) -> Any:
    """A part of the section `notify`, whose values are loaded where there is one."""
    from directional_sync.model import notify

    enums: dict[str, Any] = {}
    if kind == "Channel":
        enums = {"means": notify.Means(given["means"])}
        if "topics" in given:
            enums["topics"] = tuple(notify.Topic(topic) for topic in given["topics"])
    return getattr(notify, kind)(**{**given, **enums})


def _same(recalled: Any, read: Any) -> bool:
    """Whether what comes back is what was kept, to the type of each part."""
    if isinstance(recalled, Values):
        now, then = dict(recalled), dict(read)
        pure = isinstance(read, Values) or only_fields(type(read))
        return pure and now.keys() == then.keys() and all(_same(now[name], then[name]) for name in then)
    if type(recalled) is not type(read):
        return False
    if isinstance(read, tuple | list):
        return len(recalled) == len(read) and all(map(_same, recalled, read))
    if isinstance(read, dict):
        return recalled.keys() == read.keys() and all(_same(recalled[key], read[key]) for key in read)
    if is_dataclass(read):
        return all(_same(getattr(recalled, field.name), getattr(read, field.name)) for field in fields(read))
    return bool(recalled == read)


def only_fields(kind: type[Any]) -> bool:
    """Whether a model has nothing beside its fields that others could use: no method, property or hidden state."""
    own = [vars(base) for base in kind.__mro__ if not base.__module__.startswith(("pydantic", "builtins", "typing"))]
    known = {"model_config", *kind.model_fields}
    public = {name for names in own for name in names if not name.startswith("_")}
    return public <= known and not getattr(kind, "__private_attributes__", None)
