"""Carrying over as the tests of it do it: what is written, and what it means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import Field

from directional_sync import plugins
from directional_sync.config import load
from directional_sync.config.onramp import carry, grouping, writing
from directional_sync.config.onramp.base import Around, Carried, Repository
from directional_sync.core import yaml12
from directional_sync.endpoints.git.options import GitOptions

COMMIT = "3f2b1c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
AROUND = Around("", "https://git.example.com/group/sub/app.git", {"libs/one": COMMIT, "libs/the third": COMMIT})
NEW = {"version", "merge", "paths", "exclude", "subdir", "submodules", "lfs", "repositories"}


class WithNewKeys(GitOptions):
    """The options with all keys that may be written, for as long as some of them are not there."""

    version: str = ""
    merge: list[str] = Field(default_factory=list)
    paths: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)
    subdir: str = ""
    submodules: str = "skip"
    lfs: str = "pointers"
    repositories: dict[str, dict[str, Any]] = Field(default_factory=dict)


@contextmanager
def knowing_all_keys() -> Iterator[None]:
    """With the real options as soon as they know the keys."""
    real = plugins.options_model
    model = GitOptions if GitOptions.model_fields.keys() >= NEW else WithNewKeys
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "options_model", lambda name: model if name == "git" else real(name))
        yield


def carry_over(content: bytes | str, name: str, around: Around = AROUND) -> Carried:
    return grouping.carried(carry.find(content.encode() if isinstance(content, str) else content, name, around))


def written(carried: Carried) -> dict[str, Any]:
    """What the YAML says, after it has passed every check of the file."""
    text = writing.yaml(carried, "f", "./sync.schema.json").encode()
    load.read(text, ".insightpulse/sync.yaml", {})
    data: dict[str, Any] = yaml12.read(text, "f").data["targets"]
    return data


def meant(targets: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Folder -> what is in there by what is written, by the rules of names, `{name}` and overrides."""
    found: dict[str, tuple[Any, ...]] = {}
    keys = ("ref", "version", "merge", "subdir", "paths", "exclude", "submodules", "lfs")
    for target in targets.values():
        remote = target["remote"]
        for name in remote.get("names", [""]):
            one = {**remote, **remote.get("repositories", {}).get(name, {})}
            into = one["into"].replace("{name}", name)
            assert into not in found
            found[into] = (one["url"].replace("{name}", name), *(one.get(key) for key in keys), "paused" in target)
    return found


def wished(repositories: tuple[Repository, ...]) -> dict[str, tuple[Any, ...]]:
    """The same, by what was found."""

    def given(one: Repository, key: str) -> Any:
        value = getattr(one, key)
        return (list(value) if isinstance(value, tuple) else value) or None

    keys = ("ref", "version", "merge", "subdir", "paths", "exclude", "submodules", "lfs")
    return {one.into: (one.url, *(given(one, key) for key in keys), one.paused) for one in repositories}
