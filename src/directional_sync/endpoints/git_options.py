"""What can be said under `remote:` of a git target, and which repository goes where by it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from directional_sync.endpoints.base import Options
from directional_sync.errors import ConfigError, Problem
from directional_sync.git.addresses import BadAddress, check_name, check_ref, repository_name, way

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class GitOptions(Options):
    """`type: git`: repositories whose content is vendored."""

    url: str = Field(description="Where the repository is; `{name}` stands for each of `names`.")
    ref: str = Field("", description="Branch, tag, full ref or full commit id; without it HEAD's branch.")
    names: tuple[str, ...] = Field((), description="Which repositories; not needed for a single one.", strict=False)
    into: str = Field("", description="Folder for each repository, with `{name}`; without it the root of `outputs`.")
    concurrency: int = Field(8, ge=1, le=64, description="How many fetches run at once.")
    accept_rewrite: bool = Field(False, description="Take a branch whose history was rewritten (force-pushed).")
    accept_moved_tag: bool = Field(False, description="Take a tag that now names another commit.")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        _only_name(value, "url")
        _accepted(lambda: way(value.replace("{name}", "name")))
        return value

    @field_validator("ref")
    @classmethod
    def _ref(cls, value: str) -> str:
        if value in ("", "HEAD"):
            return ""
        _accepted(lambda: check_ref(value))
        return value

    @field_validator("names")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            _accepted(lambda name=name: check_name(name))  # type: ignore[misc]
        twice = [name for name, times in Counter(name.casefold() for name in value).items() if times > 1]
        if twice:
            raise PydanticCustomError("E-CONFIG", "names must differ, in more than case: {names}", {"names": twice[0]})
        return value

    @field_validator("into")
    @classmethod
    def _into(cls, value: str) -> str:
        _only_name(value, "into")
        path = value.rstrip("/")
        parts = path.split("/")
        if path and (
            any(p in ("", ".", "..") or p.lower() == ".git" for p in parts) or re.search(r"[\0-\x1f\\]", path)
        ):
            raise PydanticCustomError("E-CONFIG", "`into` must be a folder inside the repository, like `vendor/{name}`")
        return path

    @model_validator(mode="after")
    def _together(self) -> GitOptions:
        if "{name}" in self.url and not self.names:
            raise PydanticCustomError("E-CONFIG", "`url` has {name}, so `names` must say which")
        if len(self.names) > 1:
            for key in ("url", "into"):
                if "{name}" not in getattr(self, key) and (key == "url" or self.into):
                    raise PydanticCustomError("E-CONFIG", "with several names `{key}` needs {name}", {"key": key})
        return self


@dataclass(frozen=True, slots=True)
class Upstream:
    """One repository and its place."""

    name: str
    url: str
    into: str


def upstreams(options: GitOptions, outputs: Sequence[str]) -> tuple[Upstream, ...]:
    """Which repositories go where, by name. Raises ConfigError when that is not clear."""
    names = options.names or (repository_name(options.url),)
    into = options.into or _root_of(outputs, many=len(names) > 1)
    found = [
        Upstream(name, options.url.replace("{name}", name), into.replace("{name}", name)) for name in sorted(names)
    ]
    places = sorted(upstream.into.casefold() + "/" for upstream in found)
    for one, other in itertools.pairwise(places):
        if other.startswith(one):
            raise _unclear(f"two repositories would share the folder {one.rstrip('/')}")
    return tuple(found)


def _root_of(outputs: Sequence[str], *, many: bool) -> str:
    roots = [output.removesuffix("/**") for output in outputs if output.endswith("/**")]
    if len(roots) != 1 or len(outputs) != 1 or re.search(r"[*?\[\]{}!]", roots[0]):
        raise _unclear("`into` is needed, because `outputs` is not one folder (`folder/**`)")
    return roots[0] + ("/{name}" if many else "")


def _unclear(message: str) -> ConfigError:
    return ConfigError([Problem(message, hint="set `into`, like vendor/{name}")])


def _only_name(value: str, key: str) -> None:
    others = [found for found in _PLACEHOLDER.findall(value) if found != "name"]
    if others or value.count("{") != value.count("}") or value.count("{") != len(_PLACEHOLDER.findall(value)):
        raise PydanticCustomError("E-CONFIG", "the only placeholder in `{key}` is {name}", {"key": key})


def _accepted(check: Callable[[], object]) -> None:
    try:
        check()
    except BadAddress as error:
        raise PydanticCustomError(error.code, "{why}", {"why": str(error)}) from None
