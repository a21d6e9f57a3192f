"""Where the files are, which of them are meant, and what their keys in the repository are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from directional_sync.core import globs
from directional_sync.core.globs import Place
from directional_sync.endpoints.base import Context
from directional_sync.endpoints.temporary import PREFIX
from directional_sync.errors import ConfigError, Problem, RefusedError
from directional_sync.model.snapshot import Grasp
from directional_sync.model.target import Direction, Target
from directional_sync.model.values import kind_of

if TYPE_CHECKING:
    from directional_sync.endpoints.files.options import FilesOptions, SshFilesOptions

SSH = "SshFilesOptions"
"""Name of the class of options of folders on other machines."""
_MAGIC = re.compile(r"[*?\[\\]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")

_Include = Place | None | bool
"""True: everything below. None: nothing."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which names below one folder of the far side are meant."""

    includes: tuple[_Include, ...]
    excludes: tuple[Place, ...]

    @property
    def all(self) -> bool:
        """Whether everything below is meant."""
        return not self.excludes and all(place is True for place in self.includes)

    def file(self, name: str) -> bool:
        """Whether something that is no folder is meant."""
        if reserved(name) or any(place.step(name).file for place in self.excludes):
            return False
        return all(place is True or (isinstance(place, Place) and place.step(name).file) for place in self.includes)

    def folder(self, name: str) -> Scope | None:
        """What is meant in the folder `name`; None when nothing can be."""
        if reserved(name):
            return None
        steps = [place.step(name) for place in self.excludes]
        if any(step.folder for step in steps):
            return None
        includes = tuple(_inside(place, name) for place in self.includes)
        if any(place is None for place in includes):
            return None
        return Scope(includes, tuple(step.inside for step in steps if step.inside is not None))

    def names(self, path: str) -> bool:
        """Whether the file at `path`, relative to the folder, is meant."""
        folders, _, name = path.rpartition("/")
        at = self.inside(folders)
        return at is not None and at.file(name)

    def inside(self, path: str) -> Scope | None:
        """What is meant in the folder at `path`, "" for this one; None when nothing can be."""
        at: Scope | None = self
        for folder in path.split("/") if path else ():
            at = at.folder(folder) if at is not None else None
        return at


def _inside(place: _Include, name: str) -> _Include:
    if not isinstance(place, Place):
        return place
    step = place.step(name)
    return True if step.folder else step.inside


def reserved(name: str) -> bool:
    """git's own folder, however it is spelled, and temporary files of this program."""
    return name[:1] == "." and (name.casefold() == ".git" or name.startswith(PREFIX))


@dataclass(frozen=True, slots=True)
class Site:
    """One far side, as the file describes it."""

    url: str
    """As it may be shown."""
    folder: Path | None
    """Where it is on this machine; None for a store."""
    into: str
    scope: Scope
    grasp: Grasp

    def key(self, path: str) -> str:
        """The key in the repository of what lies at `path` under the url."""
        return f"{self.into}/{path}" if self.into and path else self.into or path

    def path(self, key: str) -> str:
        """The other way round; "" for a key that lies elsewhere."""
        if not self.into:
            return key
        return key[len(self.into) + 1 :] if key.startswith(f"{self.into}/") else ""


def site(options: FilesOptions, context: Context) -> Site:
    """Raises ConfigError when it is not clear which folder is meant, or when the folder and the repository overlap;
    RefusedError E-FILES-EXTERNAL when a folder would be written that this machine has not allowed."""
    target = context.target
    into = options.into or _root_of(target)
    _must_lie_inside(target, into)
    far = kind_of(options) == SSH
    url = _address(cast("SshFilesOptions", options)) if far else options.url
    folder = None if far else _folder(url, context.root)
    if folder is not None:
        _must_be_apart(folder, context)
        if target.direction is not Direction.PULL:
            _must_be_allowed(folder, context)
    never = [f"{_literally(into)}/{glob}" if into else glob for glob in options.exclude]
    aside = [path for path in (options.sentinel, options.keep_deleted) if path]
    never += [_literally(f"{into}/{path}" if into else path) for path in aside]
    lock = f"{context.config_path.rpartition('/')[0]}/sync.lock".lstrip("/") if context.config_path else ""
    never += [_literally(lock)] if lock else []
    only = [f"{_literally(into)}/{glob}" if into else glob for glob in options.paths]
    modes = options.modes and (far or folder is not None)
    links = options.symlinks not in ("skip", "materialise")
    return Site(
        url=url,
        folder=folder,
        into=into,
        scope=_scope(options, target, into, lock, aside),
        grasp=Grasp(tuple(only), tuple(never), modes=modes, links=links),
    )


def _address(options: SshFilesOptions) -> str:
    user = f"{options.user}@" if options.user else ""
    port = f":{options.port}" if options.port else ""
    return f"ssh://{user}{options.host}{port}{options.path}"


def _scope(options: FilesOptions, target: Target, into: str, lock: str, aside: list[str]) -> Scope:
    includes: list[_Include] = [globs.root(options.paths)] if options.paths else []
    if target.direction is not Direction.PULL:  # what it would hold beside belongs to somebody else
        at: _Include = globs.root((*target.inputs, *target.outputs))
        for name in into.split("/") if into else ():
            at = _inside(at, name)
        includes.append(at)
    own = [lock[len(into) + 1 :]] if into and lock.startswith(f"{into}/") else [lock] if lock and not into else []
    out = (*options.exclude, *(_literally(path) for path in (*aside, *own)))
    return Scope(tuple(includes), (globs.root(out),) if out else ())


def _root_of(target: Target) -> str:
    named = list(dict.fromkeys((*target.inputs, *target.outputs)))
    roots = [glob.removesuffix("/**").rstrip("/") for glob in named if not _MAGIC.search(glob.removesuffix("/**"))]
    if named == ["**"]:
        return ""
    if len(named) != 1 or len(roots) != 1:
        said = "inputs" if target.direction is Direction.PUSH else "outputs"
        raise _unclear(target, f"`into` is needed, because `{said}` is not one folder (`folder/**`)", "into: folder")
    return roots[0]


def _must_lie_inside(target: Target, into: str) -> None:
    for glob in (*target.inputs, *target.outputs):
        if into and not f"{glob}/".startswith(f"{into}/"):
            raise _unclear(
                target,
                f"`{glob}` names files outside of {into}, to which nothing at the url corresponds",
                f"set `into` to a folder that holds all of them, or write {into}/**",
            )


def _folder(url: str, root: Path) -> Path | None:
    if url.lower().startswith("file://"):
        return Path(unquote(re.sub(r"(?i)^file://(?:localhost)?", "", url)))
    if _SCHEME.match(url):
        return None
    return Path(os.path.normpath(root / url))


def _must_be_apart(folder: Path, context: Context) -> None:
    """However they are spelled: one inside the other would make this program sync what it writes."""
    far = Path(os.path.realpath(folder))
    for own in (context.root, context.git_dir):
        here = Path(os.path.realpath(own))
        if far == here or here in far.parents or far in here.parents:
            raise _unclear(
                context.target,
                f"the folder {folder} and this repository overlap",
                "the far side lies outside; files inside the repository need no sync",
            )


def _must_be_allowed(folder: Path, context: Context) -> None:
    """A file that comes with a repository must not be able to name folders of whoever runs it."""
    far = Path(os.path.realpath(folder))
    roots = [Path(os.path.realpath(root)) for root in context.external_roots()]
    if any(root == far or root in far.parents for root in roots):
        return
    raise RefusedError(
        "E-FILES-EXTERNAL",
        f"{context.target.name} would write into {folder}, which this machine has not allowed",
        place=str(context.target.place),
        hint=f"if that is meant: git config --local directional-sync.externalRoots {folder}  (never in CI)",
        kept="nothing was changed",
    )


def keeps_synced(target: Target, folder: str) -> ConfigError:
    """The error for a place for what is deleted that is itself kept equal."""
    problem = Problem(
        f"`keep_deleted` is {folder}, where files lie that both sides have agreed on",
        target.place.path,
        target.place.line,
        target.place.column,
        hint="name a folder that is used for nothing else: keep_deleted: .deleted",
        code="E-FILES-KEEP",
    )
    return ConfigError([problem], code="E-FILES-KEEP")


def _unclear(target: Target, message: str, hint: str) -> ConfigError:
    place = target.place
    return ConfigError([Problem(message, place.path, place.line, place.column, hint=hint)])


def _literally(path: str) -> str:
    """A glob that names exactly `path`, and all in it when it is a folder."""
    return re.sub(r"([*?\\[\]])", r"\\\1", path)


def folders_of(path: str) -> Iterator[str]:
    """The folders that `path` lies in, deepest first, without the root."""
    path = path.rpartition("/")[0]
    while path:
        yield path
        path = path.rpartition("/")[0]
