"""Repositories -> targets: those of one owner together, as long as what is written means exactly the same.

The target says what most of its repositories have in common; what one of them has of its own stands under
`repositories`. No two targets share a folder, and neither do two repositories of one.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from directional_sync.config.onramp.base import Carried, Found, LeftOver, Repository, Target
from directional_sync.config.onramp.places import dollars, free
from directional_sync.config.schema_parts import TARGET_NAME_MAX
from directional_sync.upstream.addresses import BadAddress, check_name, repository_name

_ENDINGS = (".git", "", "/", ".git/")
_OVERRIDES = ("merge", "subdir", "paths", "exclude", "submodules", "lfs")
_ENOUGH = 3
"""So many repositories of one owner are one target whatever else they have in common."""
_OVERLAP = "name another folder for one of the two"


def carried(found: Found, shared: Collection[str] = ()) -> Carried:
    """The targets for what was found. `shared`: folders in which there is more than these repositories, so that no
    target may have the whole of them."""
    kept, told = _apart(found.repositories)
    folders = Counter(_parent(one).casefold() for one in kept)
    families = _families(kept)
    taken: set[str] = set()
    targets = tuple(_target(family, folders, {one.casefold() for one in shared}, taken) for family in families)
    return Carried(found.format, targets, (*found.left_over, *told))


def parents(found: Found) -> dict[str, set[str]]:
    """The folders that hold those of the repositories, other than the root -> the names in there."""
    held: dict[str, set[str]] = {}
    for one in found.repositories:
        held.setdefault(_parent(one), set()).add(one.into.rpartition("/")[2])
    held.pop("", None)
    return held


@dataclass
class _Node:
    """One folder in the tree of all that were taken."""

    inside: dict[str, _Node] = field(default_factory=dict)
    whose: Repository | None = None


def _apart(repositories: Iterable[Repository]) -> tuple[list[Repository], list[LeftOver]]:
    """Those that share no folder with one before them, and what is to be told of the others."""
    root, kept, told = _Node(), [], []
    for one in repositories:
        node, other = root, None
        for part in one.into.casefold().split("/"):
            node = node.inside.setdefault(part, _Node())
            other = other or node.whose
        if other is None and not node.inside:
            node.whose = one
            kept.append(one)
            continue
        beside = other or _any(node)
        why = f"its folder and that of `{beside.of}` (line {beside.line}) lie one in the other" if beside else "taken"
        told.append(LeftOver("the repository", why, _OVERLAP, one.line, one.of))
    return kept, told


def _any(node: _Node) -> Repository | None:
    while node.whose is None and node.inside:
        node = next(iter(node.inside.values()))
    return node.whose


@dataclass
class _Family:
    """Repositories of one owner whose URLs differ in the name alone."""

    before: str
    """Of the URL, what stands before the name; the whole URL for one that cannot be grouped."""
    after: str
    members: dict[str, Repository] = field(default_factory=dict)
    """By name; there are no two that differ in case only."""
    paused: bool = False


def _families(repositories: Sequence[Repository]) -> list[_Family]:
    found: list[_Family] = []
    known: dict[tuple[Any, ...], list[_Family]] = {}
    for one in repositories:
        before, name, after = _parted(one.url)
        key = (before, after, one.paused, bool(one.version), bool(one.ref))
        fitting = [family for family in known.get(key, ()) if name.casefold() not in family.members]
        family = fitting[0] if name and fitting else _Family(before, after, paused=one.paused)
        if not fitting or not name:
            found.append(family)
        if name and not fitting:
            known.setdefault(key, []).append(family)
        family.members[name.casefold()] = one
    return [one for family in found for one in _worth_it(family)]


def _worth_it(family: _Family) -> list[_Family]:
    """The family, or each of a few members for itself when they have neither folder nor ref in common."""
    members = family.members.items()
    shared = _most([_pattern(repository_name(one.url), one) for _, one in members])
    if len(members) >= _ENOUGH or shared or _most([one.ref or one.version for _, one in members]):
        return [family]
    return [_Family(family.before, family.after, {name: one}, family.paused) for name, one in members]


def _parted(url: str) -> tuple[str, str, str]:
    """A URL around the name of its repository; (url, "", "") when that is no name for `{name}`."""
    name = repository_name(url)
    try:
        check_name(name)
    except BadAddress:
        return url, "", ""
    for ending in _ENDINGS:
        if url.endswith(name + ending):
            return url[: len(url) - len(name + ending)], name, ending
    return url, "", ""


def _target(family: _Family, folders: Counter[str], shared: Collection[str], taken: set[str]) -> Target:
    members = tuple(family.members.values())
    if len(members) == 1:
        remote = {"url": members[0].url, **_settings(members[0]), "into": members[0].into}
        outputs: tuple[str, ...] = (f"{members[0].into}/**",)
        return Target(_name(repository_name(members[0].url), taken), remote, outputs, members, family.paused)
    names = [repository_name(one.url) for one in members]
    remote, own = _in_common(names, members)
    parent = remote["into"].removesuffix("{name}").rstrip("/")
    remote = {"url": f"{family.before}{{name}}{family.after}", **remote, "names": names}
    if own:
        remote["repositories"] = own
    whole = f"{parent}/**"
    alone = parent and folders[parent.casefold()] == len(members) and parent.casefold() not in shared
    if alone and not any("into" in each for each in own.values()) and free(whole) and not _beneath(parent, folders):
        outputs = (whole,)
    else:
        outputs = tuple(f"{one.into}/**" for one in members)
    return Target(_name(_owner(family.before), taken), remote, outputs, members, family.paused)


def _beneath(parent: str, folders: Counter[str]) -> bool:
    """Whether other repositories lie further down in `parent`."""
    return any(folder.startswith(f"{parent.casefold()}/") for folder in folders)


def _in_common(names: Sequence[str], members: Sequence[Repository]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What the target says, and what its repositories say for themselves."""
    settings = [_settings(one) for one in members]
    patterns = [_pattern(name, one) for name, one in zip(names, members, strict=True)]
    into = _most([pattern for pattern in patterns if pattern]) or f"{_around(members)}/{{name}}".lstrip("/")
    remote: dict[str, Any] = {}
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key in ("ref", "version"):
        if key in settings[0] and (most := _most([each[key] for each in settings])):
            remote[key] = most
    for key in _OVERRIDES:
        if settings[0].get(key) and all(each.get(key) == settings[0][key] for each in settings):
            remote[key] = settings[0][key]
    remote["into"] = into
    for name, each, pattern, one in zip(names, settings, patterns, members, strict=True):
        own[name] = {key: value for key, value in each.items() if remote.get(key) != value}
        if pattern != into:
            own[name]["into"] = one.into
    return remote, {name: each for name, each in own.items() if each}


def _settings(one: Repository) -> dict[str, Any]:
    """The keys that say what is taken of the repository, those with a value."""
    found: dict[str, Any] = {"ref": one.ref, "version": one.version}
    for key in _OVERRIDES:
        value = getattr(one, key)
        found[key] = list(value) if isinstance(value, tuple) else value
    found["subdir"] = dollars(one.subdir)
    return {key: value for key, value in found.items() if value}


def _pattern(name: str, one: Repository) -> str:
    """`into` with `{name}`, when the folder is called as the repository is; else ""."""
    return one.into.removesuffix(name) + "{name}" if f"/{one.into}".endswith(f"/{name}") else ""


def _most(values: Sequence[str]) -> str:
    """What more than one of them has, the most frequent and first; "" when there is no such thing, so that nothing is
    made the rule that is an exception everywhere."""
    [(most, times)] = Counter(values).most_common(1) or [("", 0)]
    return most if times > 1 else ""


def _around(members: Sequence[Repository]) -> str:
    """The folder that all of them lie in."""
    parts = [_parent(one).split("/") for one in members]
    return "/".join(
        each[0] for each in itertools.takewhile(lambda each: len(set(each)) == 1, zip(*parts, strict=False))
    )


def _parent(one: Repository) -> str:
    return one.into.rpartition("/")[0]


def _owner(before: str) -> str:
    """The last part of what stands before the name in a URL."""
    return re.sub(r"\$+\{?(\w+)\}?", r"\1", before).rstrip("/:").replace(":", "/").rpartition("/")[2]


def _name(wanted: str, taken: set[str]) -> str:
    """A name for a target that no other has, not even in another case."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "-", wanted).lstrip("_.-")[: TARGET_NAME_MAX - 6] or "vendored"
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name.casefold())
    return name
