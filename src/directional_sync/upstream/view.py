"""What of an upstream is taken: one folder of it, some paths of it, without others, some of them renamed.

A *view* goes from tree to tree, in this order: `subdir` becomes the root, `paths` and `exclude` choose (globs relative
to that root, by the rules of `core.globs`), `rename` moves, and what is left is held against the rules for symbolic
links and size. A folder that is taken as it is is never opened, unless links or sizes are asked for.

An upstream of which nothing is left is an error, always: a folder that was renamed there must not look like a wish to
delete everything here.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from directional_sync.core import globs
from directional_sync.errors import RefusedError, RemoteError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import ABSENT, FOLDER, GITLINK, LINK, Entry
from directional_sync.upstream.addresses import BadAddress, shown
from directional_sync.upstream.complaints import KEPT
from directional_sync.upstream.paths import check_renames

_TOLD_MAX = 5
_NEAR_AMONG = 5_000
_KINDS = {LINK: "a symbolic link", GITLINK: "a submodule", FOLDER: "a folder"}


class Symlinks(StrEnum):
    """What becomes of symbolic links."""

    KEEP = "keep"
    SKIP = "skip"
    """They are left out."""
    REFUSE = "refuse"
    """An upstream that holds one is not taken."""


@dataclass(frozen=True, slots=True)
class View:
    """What of an upstream is taken; without arguments all of it. The parts have passed their checks below."""

    subdir: str = ""
    """The folder that becomes the root."""
    paths: tuple[str, ...] = ()
    """Globs; without any everything is taken."""
    exclude: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    """(file or folder, its new place), both as paths from the root that `subdir` leaves. All sources are taken out
    before the first is put at its place, so that two can change places."""
    symlinks: Symlinks = Symlinks.KEEP
    max_bytes: int = 0
    """Of all files together; 0 for no limit."""

    @property
    def whole(self) -> bool:
        """Whether the tree is taken as it is, unseen: nothing is left out, moved or asked about."""
        return self == View()

    @property
    def digest(self) -> str:
        """ "" when whole, else 16 hex digits that change when what is said changes in meaning."""
        if self.whole:
            return ""
        told = {
            "subdir": self.subdir.rstrip("/"),
            "paths": sorted(set(self.paths)),
            "exclude": sorted(set(self.exclude)),
            "rename": sorted(set(self.rename)),
            "symlinks": self.symlinks if self.symlinks is not Symlinks.KEEP else "",
            "max_bytes": self.max_bytes,
        }
        # What is not said is left out, so that a key added to this program changes no digest.
        text = json.dumps({key: value for key, value in told.items() if value}, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def seen(store: ObjectStore, tree: str, view: View, name: str) -> str:
    """The tree that `view` leaves of `tree`; `name` is the upstream's, for messages. The new trees are in the store
    afterwards. Raises RemoteError E-VIEW-SUBDIR, E-VIEW-EMPTY or E-VIEW-RENAME when the upstream is not what the view
    expects, RefusedError E-VIEW-LINK or E-VIEW-SIZE when it is not allowed, KeyError when a tree or file is nowhere."""
    if view.whole:
        return tree
    if view.subdir:
        tree = _folder(store, tree, view.subdir.rstrip("/"), name)
    if view.paths or view.exclude:
        base = trees.empty_tree(store.hash_name) if view.paths else tree
        tree = trees.edit(store, base, _chosen(store, tree, view))
    _must_hold_something(store, tree, view, name)
    if view.rename:
        tree = _renamed(store, tree, view.rename, name)
    if view.symlinks is not Symlinks.KEEP or view.max_bytes:
        tree = _allowed(store, tree, view, name)
        _must_hold_something(store, tree, view, name)
    return tree


# The folder


def _folder(store: ObjectStore, tree: str, path: str, name: str) -> str:
    above, digest = "", tree
    for at, entry in _way(store, tree, path):
        if not entry.folder:
            raise _no_folder(store, digest, path, above, entry, name)
        above, digest = at, entry.digest
    return digest


def _no_folder(store: ObjectStore, digest: str, path: str, above: str, entry: Entry, name: str) -> RemoteError:
    part = path[len(above) :].strip("/").partition("/")[0]
    where = f"in {shown(above)}" if above else "at its root"
    part = shown(part)
    why = f"{part} {where} is {_KINDS.get(entry.mode, 'a file')}" if entry.present else f"there is no {part} {where}"
    folders = [item.name for item in store.read_trees([digest])[digest] if item.mode == FOLDER]
    return RemoteError(
        "E-VIEW-SUBDIR",
        f"{name} has no folder {shown(path)}: {why}",
        hint=_near(part, folders, above) or "set `subdir` to a folder that is there",
        kept=KEPT,
    )


def _way(store: ObjectStore, tree: str, path: str) -> Iterator[tuple[str, Entry]]:
    """Each step of the way to `path`, with what is there; the last one is the first that is no folder, or `path`."""
    at, entry = "", Entry(tree, FOLDER)
    for part in path.split("/"):
        if not entry.folder:
            return
        there = {item.name: Entry(item.digest, item.mode) for item in store.read_trees([entry.digest])[entry.digest]}
        at, entry = (f"{at}/{part}" if at else part), there.get(part, ABSENT)
        yield at, entry


def _near(wanted: str, names: Sequence[str], above: str = "") -> str:
    close = difflib.get_close_matches(wanted, names[:_NEAR_AMONG], n=3, cutoff=0.5)
    return f"near names there: {', '.join(shown(f'{above}/{found}'.lstrip('/')) for found in close)}" if close else ""


# Paths and exclusions


def _chosen(store: ObjectStore, tree: str, view: View) -> dict[str, Entry]:
    """The changes that lead to what the globs leave: from nothing when there are `paths`, else from `tree`."""
    found: dict[str, Entry] = {}
    keep = globs.root(view.paths) if view.paths else None
    drop = globs.root(view.exclude) if view.exclude else None
    level: list[tuple[str, str, globs.Place | None, globs.Place | None]] = [("", tree, keep, drop)]
    while level:
        opened = store.read_trees([digest for _, digest, _, _ in level])
        below = []
        for prefix, digest, keep, drop in level:
            # Without `keep` all that is here is kept already; without `drop` nothing from here on is left out.
            for item in opened[digest]:
                key, folder = prefix + item.name, item.mode == FOLDER
                out = drop.step(item.name) if drop is not None else None
                if out is not None and (out.folder if folder else out.file):
                    if keep is None:
                        found[key] = ABSENT
                    continue
                step = keep.step(item.name) if keep is not None else None
                kept = step is None or (step.folder if folder else step.file)
                if step is not None and kept:
                    found[key] = Entry(item.digest, item.mode)
                inner_keep = None if kept or step is None else step.inside
                inner_drop = out.inside if out is not None else None
                if folder and (inner_drop is not None if kept else inner_keep is not None):
                    below.append((f"{key}/", item.digest, inner_keep, inner_drop))
        level = below
    return found


def _must_hold_something(store: ObjectStore, tree: str, view: View, name: str) -> None:
    if tree != trees.empty_tree(store.hash_name):
        return
    keys = [key for key in ("paths", "exclude") if getattr(view, key)]
    keys += ["symlinks"] if view.symlinks is Symlinks.SKIP else []
    said = " and ".join(f"`{key}`" for key in keys) or "`subdir`"
    what = (
        "match nothing" if keys == ["paths"] else "leave nothing" if keys[1:] or "paths" in keys else "leaves nothing"
    )
    inside = f" in {shown(view.subdir)}" if view.subdir else ""
    raise RemoteError(
        "E-VIEW-EMPTY",
        f"{said} {what} of {name}{inside}",
        hint="look at what the upstream holds now, and correct the globs; to stop vendoring it, take it out of `names`",
        kept=KEPT,
    )


# Renaming


def _renamed(store: ObjectStore, tree: str, pairs: Sequence[tuple[str, str]], name: str) -> str:
    try:
        check_renames(pairs)
    except BadAddress as error:
        raise RefusedError("E-VIEW-RENAME", f"{name}: {error}", hint="correct `rename`", kept=KEPT) from None
    moved = {target: _source(store, tree, source, name) for source, target in pairs}
    without = trees.edit(store, tree, {source: ABSENT for source, _ in pairs})
    for source, target in pairs:
        *_, (at, entry) = _way(store, without, target)
        if entry.present:
            there = _KINDS.get(entry.mode, "a file")
            raise RemoteError(
                "E-VIEW-RENAME",
                f"{shown(source)} of {name} cannot become {shown(target)}: {shown(at)} is {there} there",
                hint="choose another place in `rename`, or leave out what is there by `exclude`",
                kept=KEPT,
            )
    return trees.edit(store, without, moved)


def _source(store: ObjectStore, tree: str, path: str, name: str) -> Entry:
    above, digest = "", tree
    for at, entry in _way(store, tree, path):
        if at == path and entry.present:
            return entry
        if entry.folder:
            above, digest = at, entry.digest
    names = [item.name for item in store.read_trees([digest])[digest]]
    hint = _near(path[len(above) :].strip("/").partition("/")[0], names, above)
    raise RemoteError(
        "E-VIEW-RENAME",
        f"{name} has no {shown(path)} to rename",
        hint=hint or "take it out of `rename`, or see whether `paths` and `exclude` leave it",
        kept=KEPT,
    )


# Links and size


def _allowed(store: ObjectStore, tree: str, view: View, name: str) -> str:
    files = dict(trees.flatten(store, trees.select(store, tree, ("**",))).entries)
    links = sorted(key for key, entry in files.items() if entry.mode == LINK)
    if links and view.symlinks is Symlinks.REFUSE:
        count = f"{len(links):,} symbolic links" if links[1:] else "a symbolic link"
        raise RefusedError(
            "E-VIEW-LINK",
            f"{name} holds {count}: {_listed(links)}",
            hint="leave them out by `symlinks: skip` or `exclude`, or take them by `symlinks: keep`",
            kept=KEPT,
        )
    if links and view.symlinks is Symlinks.SKIP:
        tree = trees.edit(store, tree, dict.fromkeys(links, ABSENT))
        files = {key: entry for key, entry in files.items() if entry.mode != LINK}
    if view.max_bytes:
        _weigh(store, files, view.max_bytes, name)
    return tree


def _weigh(store: ObjectStore, files: Mapping[str, Entry], bytes_max: int, name: str) -> None:
    blobs = {key: entry.digest for key, entry in files.items() if entry.mode != GITLINK}
    sizes = store.size_many(blobs.values())
    weights = {key: sizes[digest] for key, digest in blobs.items()}
    total = sum(weights.values())
    if total <= bytes_max:
        return
    largest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:_TOLD_MAX]
    raise RefusedError(
        "E-VIEW-SIZE",
        f"{name} has {total:,} bytes in {len(weights):,} files, more than `max_size` {bytes_max:,}",
        hint="leave out what is not needed by `paths` or `exclude`, or raise `max_size`",
        kept=KEPT,
        detail=[f"{size:,} bytes: {shown(key)}" for key, size in largest],
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:_TOLD_MAX]) + (", ..." if names[_TOLD_MAX:] else "")
