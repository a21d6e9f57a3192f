"""Trees as snapshots, and changes as trees.

Trees are read level by level, each level in one batch, and only where something has to be told apart: a
folder that is equal on all sides is never opened. New trees are computed here; only they are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from directional_sync.core import globs as patterns
from directional_sync.errors import RefusedError
from directional_sync.git.objects import ObjectStore, hash_object
from directional_sync.model.snapshot import ABSENT, FOLDER, Entry, Snapshot


def empty_tree(hash_name: str) -> str:
    """The id of the tree without entries, which every repository knows."""
    return hash_object("tree", b"", hash_name)


def select(store: ObjectStore, tree: str, globs: Sequence[str]) -> Snapshot:
    """What of `tree` the globs name (see `core.globs`). A folder that is named as a whole is one entry, not
    opened. Raises KeyError when the tree, or one on the way, is nowhere."""
    found: dict[str, Entry] = {}
    level = [("", tree, patterns.root(tuple(globs)))]
    while level:
        opened = store.open_trees([digest for _, digest, _ in level])
        below = []
        for prefix, digest, place in level:
            for name, entry in opened[digest].items():
                step = place.step(name)
                if step.folder if entry.folder else step.file:
                    found[prefix + name] = entry
                elif entry.folder and step.inside is not None:
                    below.append((f"{prefix}{name}/", entry.digest, step.inside))
        level = below
    return Snapshot(found)


def at(store: ObjectStore, snapshot: Snapshot, key: str) -> Entry:
    """What the snapshot holds at exactly `key`, also where that lies in a folder that is not opened. Raises KeyError
    when a tree on the way is nowhere."""
    inside = {found[len(key) + 1 :]: entry for found, entry in snapshot.entries.items() if found.startswith(f"{key}/")}
    if inside:
        return Entry(edit(store, empty_tree(store.hash_name), inside), FOLDER)
    above = key
    below: list[str] = []
    while above and above not in snapshot.entries:
        above, _, name = above.rpartition("/")
        below.insert(0, name)
    entry = snapshot.entries.get(above, ABSENT)
    for name in below:
        entry = store.open_trees([entry.digest])[entry.digest].get(name, ABSENT) if entry.folder else ABSENT
    return entry


def opened(store: ObjectStore, tree: str) -> Snapshot:
    """What lies directly in `tree`, its folders not opened. Raises KeyError when it is nowhere."""
    return Snapshot(store.open_trees([tree])[tree])


def flatten(store: ObjectStore, snapshot: Snapshot) -> Snapshot:
    """The same with every folder opened. Raises KeyError when a tree is nowhere."""
    found = {key: entry for key, entry in snapshot.entries.items() if entry.mode != FOLDER}
    level = [(key, entry.digest) for key, entry in snapshot.entries.items() if entry.mode == FOLDER]
    while level:
        opened = store.open_trees([digest for _, digest in level])
        below = []
        for key, digest in level:
            for name, entry in opened[digest].items():
                if entry.mode == FOLDER:
                    below.append((f"{key}/{name}", entry.digest))
                else:
                    found.setdefault(f"{key}/{name}", entry)
        level = below
    return replace(snapshot, entries=found)


def digests(store: ObjectStore, snapshot: Snapshot) -> set[str]:
    """The ids of all contents, those inside folders included. Raises KeyError when a tree is nowhere."""
    found = {entry.digest for entry in snapshot.entries.values() if entry.mode != FOLDER}
    level = {entry.digest for entry in snapshot.entries.values() if entry.mode == FOLDER}
    while level:
        below: set[str] = set()
        for items in store.open_trees(level).values():
            found.update([entry.digest for entry in items.values() if entry.mode != FOLDER])
            below.update([entry.digest for entry in items.values() if entry.mode == FOLDER])
        level = below
    return found


def count(store: ObjectStore, snapshot: Snapshot) -> int:
    """How many entries there are, those inside folders included and the folders themselves not."""
    entries = snapshot.entries.values()
    total = sum(not entry.folder for entry in entries)
    level: dict[str, int] = {}
    for entry in entries:
        if entry.folder:
            level[entry.digest] = level.get(entry.digest, 0) + 1
    while level:
        below: dict[str, int] = {}
        for digest, items in store.read_trees(list(level)).items():
            times = level[digest]
            for item in items:
                if item.mode == FOLDER:
                    below[item.digest] = below.get(item.digest, 0) + times
                else:
                    total += times
        level = below
    return total


def align(store: ObjectStore, base: Snapshot, repo: Snapshot, remote: Snapshot) -> tuple[Snapshot, Snapshot, Snapshot]:
    """The same three without what is equal in all of them, and without folders: each is opened just as far
    as the three differ. Nothing is opened at or under a key that repo or remote could not read. Raises KeyError
    when a tree is nowhere."""
    sides = [_Side.of(snapshot) for snapshot in (base, repo, remote)]
    blind = [side.snapshot for side in sides[1:] if side.snapshot.unreadable]
    # A folder deeper down waits until those above it have been looked at: opening one may bring its like.
    depth = 0
    while any(side.folders for side in sides):
        keys = dict.fromkeys(key for side in sides for key in side.folders.pop(depth, ()))
        depth += 1
        differing = []
        for key in keys:
            if _settled(key, sides) or any(snapshot.why_unreadable(key) for snapshot in blind):
                for side in sides:
                    side.entries.pop(key, None)
            else:
                differing.append(key)
        both = [(side, key) for side in sides for key in differing if side.has_folder(key)]
        opened = store.open_trees([side.entries[key].digest for side, key in both])
        for side, key in both:
            side.replace_folder(key, opened[side.entries[key].digest], depth)
    found = _differing(*(side.entries for side in sides))
    first, second, third = (replace(side.snapshot, entries=part) for side, part in zip(sides, found, strict=True))
    return first, second, third


def _settled(key: str, sides: Sequence[_Side]) -> bool:
    """Equal on all sides, with nothing in it that is listed apart."""
    first, second, third = (side.entries.get(key) for side in sides)
    return first == second == third and not any(key in side.over for side in sides)


@dataclass
class _Side:
    """One side while it is being aligned."""

    snapshot: Snapshot
    entries: dict[str, Entry]
    folders: dict[int, list[str]]
    """Depth -> keys of folders not looked at yet."""
    over: set[str]
    """Folders in whose inside this side also holds entries of its own, which win."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> _Side:
        """A single unreadable entry hides what other sides hold below it: it becomes an unreadable prefix."""
        entries = dict(snapshot.entries)
        hidden = {key: entry.unreadable for key, entry in entries.items() if entry.unreadable}
        if hidden:
            snapshot = replace(snapshot, unreadable={**snapshot.unreadable, **hidden})
            for key in hidden:
                del entries[key]
        folders: dict[int, list[str]] = {}
        every = {key for key, entry in entries.items() if entry.mode == FOLDER}
        for key in every:
            folders.setdefault(key.count("/"), []).append(key)
        over: set[str] = set()
        if every:
            for key in entries:
                parent = key.rpartition("/")[0]
                while parent:
                    if parent in every:
                        over.add(parent)
                    parent = parent.rpartition("/")[0]
        return cls(snapshot, entries, folders, over)

    def has_folder(self, key: str) -> bool:
        entry = self.entries.get(key)
        return entry is not None and entry.folder

    def replace_folder(self, key: str, items: Mapping[str, Entry], depth: int) -> None:
        """`depth` is that of the items."""
        if key in self.over:
            inner = {found[len(key) + 1 :].partition("/")[0] for found in self.entries if found.startswith(f"{key}/")}
            self.over.update(f"{key}/{name}" for name in inner)
        del self.entries[key]
        entries = self.entries
        for name, entry in items.items():
            child = f"{key}/{name}"
            if child in entries:
                continue
            entries[child] = entry
            if entry.mode == FOLDER:
                self.folders.setdefault(depth, []).append(child)


def _differing(*sides: dict[str, Entry]) -> tuple[dict[str, Entry], ...]:
    first, second, third = sides
    keys = []
    for key in first.keys() | second.keys() | third.keys():
        one, two, three = first.get(key), second.get(key), third.get(key)
        if (one is not two and one != two) or two != three:  # the entries of trees are mostly the very same
            keys.append(key)
    return tuple({key: side[key] for key in keys if key in side} for side in sides)


def edit(store: ObjectStore, tree: str, changes: Mapping[str, Entry]) -> str:
    """The id of `tree` after the changes: each key becomes its entry; absent ones are deleted, as are folders
    that become empty; a folder entry takes the place of whatever is there.

    No file or folder disappears but by a change that names it: raises RefusedError E-TREE-CLASH when a key
    would have to be a file and a folder at once, and E-TREE-NAME for a key that no tree can hold. Raises KeyError
    when a tree is nowhere. The new trees are in the store afterwards."""
    top = _Node(folder=tree)
    _plant(top, changes)
    levels = _unfold(store, top)
    written: dict[str, bytes] = {}
    for level in reversed(levels):
        for node in level:
            node.settle(store.hash_name, written)
    store.write_trees(list(written.values()))
    return top.result.digest if top.result is not None else empty_tree(store.hash_name)


@dataclass(slots=True)
class _Node:
    """One path that changes, or that has changes below it."""

    path: str = ""
    own: Entry | None = None
    """The change at this very path."""
    before: Entry | None = None
    """What is there now."""
    folder: str = ""
    """The tree that the changes below start from; "" when from nothing."""
    children: dict[str, _Node] = field(default_factory=dict)
    items: Mapping[str, Entry] = field(default_factory=dict)
    """What is in `folder`."""
    result: Entry | None = None
    """What will be there."""

    def start(self) -> str:
        """The tree that the changes below apply to. A file that comes here must find it empty afterwards."""
        there = self.before if self.own is None or _is_file(self.own) else self.own
        return there.digest if there is not None and there.folder else ""

    def settle(self, hash_name: str, written: dict[str, bytes]) -> None:
        """Finds `result`; the nodes below have theirs. Adds a new tree to `written`."""
        if not self.children and self.own is not None:
            self._settle_leaf(hash_name)
            return
        items = dict(self.items)
        for name, child in self.children.items():
            if not child.children:
                child._settle_leaf(hash_name)
            if child.result is not None:
                items[name] = child.result
            else:
                items.pop(name, None)
        built = None
        if items:
            content = _serialise(items)
            digest = hash_object("tree", content, hash_name)
            if digest != self.folder:
                written[digest] = content
            built = Entry(digest, FOLDER)
        file = self.before if self.own is None else self.own
        if file is not None and _is_file(file):
            if built is not None:
                raise _clash(self.path)
            built = file
        self.result = built

    def _settle_leaf(self, hash_name: str) -> None:
        own = self.own or ABSENT
        if own.unreadable or (own.present and (not own.mode or len(own.digest) != _WIDTH[hash_name])):
            raise ValueError(f"{self.path!r} cannot become {own!r}")
        if _is_file(own) and self.before is not None and self.before.folder:
            raise _clash(self.path)
        nothing = own.absent or (own.folder and own.digest == empty_tree(hash_name))
        self.result = None if nothing else own


_WIDTH = {"sha1": 40, "sha256": 64}


def _plant(top: _Node, changes: Mapping[str, Entry]) -> None:
    folders = {"": top}
    for key, entry in changes.items():
        parent, _, name = key.rpartition("/")
        node = folders.get(parent) if parent or key == name else None
        if node is None:
            node = top
            for part in parent.split("/"):
                node = _child(node, part, key)
            folders[parent] = node
        _child(node, name, key).own = entry


def _child(node: _Node, name: str, key: str) -> _Node:
    found = node.children.get(name)
    if found is None:
        if not name or name in (".", "..") or "\0" in name:
            raise RefusedError("E-TREE-NAME", f"{key!r} cannot be a path in a repository", kept="nothing was changed")
        found = node.children[name] = _Node(f"{node.path}/{name}" if node.path else name)
    return found


def _unfold(store: ObjectStore, top: _Node) -> list[list[_Node]]:
    """The nodes with changes below them, level by level from the top, with what is there now."""
    levels, level = [], [top]
    while level:
        levels.append(level)
        opened = store.open_trees([node.folder for node in level if node.folder])
        below = []
        for node in level:
            node.items = opened[node.folder] if node.folder else {}
            for name, child in node.children.items():
                child.before = node.items.get(name)
                if child.children:
                    child.folder = child.start()
                    below.append(child)
        level = below
    return levels


def _is_file(entry: Entry) -> bool:
    return entry.present and not entry.folder


def _clash(path: str) -> RefusedError:
    return RefusedError(
        "E-TREE-CLASH",
        f"{path} would have to be a file and a folder at once",
        hint="delete or rename one of the two",
        kept="nothing was changed",
    )


def _serialise(items: Mapping[str, Entry]) -> bytes:
    """A tree as git writes it: in byte order of the names, folders as if their names ended in a slash."""
    lines = []
    for name, entry in items.items():
        raw = name.encode("utf-8", "surrogateescape")
        line = b"%s %s\0%s" % (entry.mode.lstrip("0").encode("ascii"), raw, bytes.fromhex(entry.digest))
        lines.append((raw + b"/" if entry.folder else raw, line))
    lines.sort()
    return b"".join([line for _, line in lines])
