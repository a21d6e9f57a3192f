"""`sync.lock`: for each target the state on which both sides agreed, and each source it was resolved to.

The file travels with the branch, in the same commit as the content it describes. So a fresh clone, or a second
one, knows the base without having our refs: what it holds under a target's outputs is either exactly the tree
that the lock names (nobody edited it) or it was edited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from directional_sync.errors import ConfigError, Problem
from directional_sync.model.snapshot import Part, Source

_VERSION = 1
_KNOWN = frozenset({"name", "url", "ref", "asked", "kind", "commit", "tree", "into", "recipe", "merge"})
_ALWAYS = ("name", "url", "ref", "commit", "tree", "into")
_COMMENT = "Written by directional-sync. Do not edit: `dsync run` keeps it."


@dataclass(frozen=True, slots=True)
class LockedTarget:
    tree: str = ""
    """Object id of the tree that holds exactly the agreed entries of the target, from the repository root."""
    sources: tuple[Source, ...] = ()
    undone: str = ""
    """The run that was undone last: until somebody says so, no run does again what it did."""

    def source(self, name: str) -> Source | None:
        return next((source for source in self.sources if source.name == name), None)


@dataclass(frozen=True, slots=True)
class LockFile:
    targets: Mapping[str, LockedTarget] = field(default_factory=dict)

    def without(self, name: str) -> LockFile:
        return replace(self, targets={other: locked for other, locked in self.targets.items() if other != name})

    def with_target(self, name: str, locked: LockedTarget) -> LockFile:
        return replace(self, targets={**self.targets, name: locked})


def dump(lock: LockFile) -> bytes:
    """Deterministic: sorted, one field a line, so that a diff shows which source moved."""
    data = {
        "comment": _COMMENT,
        "version": _VERSION,
        "targets": {
            name: {
                "tree": locked.tree,
                **({"undone": locked.undone} if locked.undone else {}),
                "sources": [_source(source) for source in sorted(locked.sources, key=lambda s: s.name)],
            }
            for name, locked in sorted(lock.targets.items())
        },
    }
    return (json.dumps(data, indent=1, ensure_ascii=True) + "\n").encode()


def _source(source: Source) -> dict[str, Any]:
    """What is empty is left out, but for what every source has."""
    data: dict[str, Any] = {
        "name": source.name,
        "url": source.url,
        "ref": source.ref,
        "asked": source.asked,
        "kind": source.kind,
        "commit": source.commit,
        "tree": source.tree,
        "into": source.into,
        "recipe": source.recipe,
        "merged": [{"ref": part.ref, "commit": part.commit} for part in source.merged],
        "merge": source.merge,
    }
    return {key: value for key, value in data.items() if value or key in _ALWAYS}


def _read_source(data: Mapping[str, Any]) -> Source:
    texts: dict[str, Any] = {key: str(value) for key, value in data.items() if key != "merged"}
    if not texts.keys() <= _KNOWN:
        raise ValueError(f"unknown keys: {', '.join(sorted(texts.keys() - _KNOWN))}")
    return Source(**texts, merged=tuple(Part(str(one["ref"]), str(one["commit"])) for one in data.get("merged", ())))


def parse(content: bytes, path: str) -> LockFile:
    """The lock that `content` holds. Raises ConfigError E-LOCKFILE when it is broken or newer than us: a lock
    that cannot be read is never taken for an empty one."""
    try:
        data = json.loads(content)
        if data["version"] != _VERSION:
            raise _broken(path, f"{path} has version {data['version']!r}; this program reads version {_VERSION}")
        return LockFile(
            {
                str(name): LockedTarget(
                    str(item["tree"]),
                    tuple(_read_source(source) for source in item["sources"]),
                    str(item.get("undone", "")),
                )
                for name, item in data["targets"].items()
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(path, f"{path} cannot be read as a lock file: {error}") from error


def _broken(path: str, message: str) -> ConfigError:
    problem = Problem(message, path=path, code="E-LOCKFILE")
    return ConfigError([problem], code="E-LOCKFILE", hint=f"restore it: git checkout HEAD~1 -- {path}")
