"""One repository of a git target: all that was said of it, defaults and exceptions put together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from directional_sync.errors import ConfigError, Problem
from directional_sync.model.surprise import Surprise
from directional_sync.upstream.addresses import repository_name

if TYPE_CHECKING:
    from directional_sync.endpoints.git.options import GitOptions


@dataclass(frozen=True, slots=True)
class Upstream:
    """One repository, its place, and what of it is wanted; each field as `git_options` says."""

    name: str
    url: str
    into: str
    ref: str = ""
    version: str = ""
    merge: tuple[str, ...] = ()
    subdir: str = ""
    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    submodules: str = "skip"
    lfs: str = "pointers"
    symlinks: str = "keep"
    max_size: int = 0
    patches: str = ""
    signed_by: str = ""
    pull_requests: str = ""
    accepts: frozenset[Surprise] = frozenset()

    @property
    def wanted(self) -> str:
        """What was asked for, for people."""
        return self.version or self.ref or "HEAD"


_NAMED = ("url", "into", "patches", "pull_requests")
"""Keys in which `{name}` is filled in."""
_PLAIN = (
    "ref", "version", "merge", "subdir", "paths", "exclude", "submodules", "lfs", "symlinks", "max_size", "signed_by",
)  # fmt: skip


def upstreams(options: GitOptions, names: Sequence[str], outputs: Sequence[str]) -> tuple[Upstream, ...]:
    """Which repositories go where, by name. `names`: as the file lists them or as they were discovered; (): the one
    that the URL names. Raises ConfigError when that is not clear."""
    chosen = names or (repository_name(options.url),)
    found = [_upstream(options, name, outputs, many=len(chosen) > 1) for name in sorted(chosen)]
    places = sorted(upstream.into.casefold() + "/" for upstream in found)
    for one, other in itertools.pairwise(places):
        if other.startswith(one):
            raise _unclear(f"two repositories would share the folder {one.rstrip('/')}")
    return tuple(found)


def patch_folder(options: GitOptions, name: str) -> str:
    """The folder for patches of the repository `name`; the usual one where the file says that there are none."""
    said = getattr(options.repositories.get(name), "patches", None) or options.patches or "patches/{name}"
    return str(said).replace("{name}", name)


def _upstream(options: GitOptions, name: str, outputs: Sequence[str], *, many: bool) -> Upstream:
    own = options.repositories.get(name)

    def said(key: str) -> Any:
        value = getattr(own, key, None)
        return getattr(options, key) if value is None else value

    given = {key: said(key) for key in (*_NAMED, *_PLAIN)}
    given |= {key: given[key].replace("{name}", name) for key in _NAMED}
    if own is not None and (own.ref is not None or own.version is not None):
        given |= {"ref": own.ref or "", "version": own.version or ""}  # an exception replaces both
    given["into"] = given["into"] or _root_of(outputs, many=many).replace("{name}", name)
    accepts = frozenset(one for one in Surprise if said(f"accept_{one.value}"))
    return Upstream(name=name, **given, rename=tuple(sorted(said("rename").items())), accepts=accepts)


def _root_of(outputs: Sequence[str], *, many: bool) -> str:
    roots = [output.removesuffix("/**") for output in outputs if output.endswith("/**")]
    if len(roots) != 1 or len(outputs) != 1 or re.search(r"[*?\[\]{}!]", roots[0]):
        raise _unclear("`into` is needed, because `outputs` is not one folder (`folder/**`)")
    return roots[0] + ("/{name}" if many else "")


def _unclear(message: str) -> ConfigError:
    return ConfigError([Problem(message, hint="set `into`, like vendor/{name}")])
