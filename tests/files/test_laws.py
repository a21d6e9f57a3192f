"""Laws of carrying changes into a folder, over random trees."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from directional_sync.endpoints.files.deeds import Deed
from directional_sync.endpoints.files.placing import Manner, Placing
from directional_sync.git.objects import ObjectStore
from directional_sync.model.plan import Change
from directional_sync.model.record import EffectKind
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, Entry
from directional_sync.system.reach import Reach

Tree = Mapping[str, tuple[bytes, bool]]
"""Path -> content, and whether it is executable."""

NAMES = st.sampled_from(["a", "b", "A"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.tuples(st.sampled_from([b"", b"1", b"two"]), st.booleans())


def _fits(tree: Tree) -> dict[str, tuple[bytes, bool]]:
    """Without files that would have to be folders, too."""
    return {path: file for path, file in tree.items() if not any(other.startswith(f"{path}/") for other in tree)}


TREES = st.dictionaries(PATHS, FILES, max_size=6).map(_fits)


class Store:
    """Contents by digest, as far as placing asks for them."""

    hash_name = "sha1"

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def entry(self, file: tuple[bytes, bool]) -> Entry:
        content, executable = file
        digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.contents[digest] = content
        return Entry(digest, EXECUTABLE if executable else FILE)

    def read(self, digest: str) -> bytes:
        return self.contents[digest]

    def read_many(self, digests: Iterable[str]) -> dict[str, bytes]:
        return {digest: self.contents[digest] for digest in digests}

    def size_many(self, digests: Iterable[str]) -> dict[str, int]:
        return {digest: len(self.contents[digest]) for digest in digests}


def put(root: Path, tree: Tree) -> None:
    for path, (content, executable) in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
        (root / path).chmod(0o755 if executable else 0o644)


def there(root: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in root.rglob("*")
        if path.is_file()
    }


def deeds(store: Store, before: Tree, after: Tree) -> list[Deed]:
    found = []
    for path in sorted({*before, *after}):
        old = store.entry(before[path]) if path in before else ABSENT
        new = store.entry(after[path]) if path in after else ABSENT
        if old != new:
            found.append(Deed(path, Change(path, old, new)))
    return found


def apply(root: Path, store: Store, changes: list[Deed], **manner: Any) -> dict[str, EffectKind]:
    with Reach(root) as reach:
        placing = Placing(reach, cast(ObjectStore, store), Manner(token="t", **manner))
        return {effect.change.key: effect.kind for effect in placing.apply(changes, set())}


@settings(max_examples=60)
@given(before=TREES, after=TREES, portion=st.integers(1, 3))
def test_afterwards_it_is_what_was_wanted_and_a_second_time_changes_nothing(
    before: Tree, after: Tree, portion: int
) -> None:
    """B17, B18, B21, B23, whatever is carried in one portion."""
    from unittest.mock import patch

    store = Store()
    changes = deeds(store, before, after)
    with tempfile.TemporaryDirectory() as folder, patch("directional_sync.endpoints.files.placing._PORTION", portion):
        root = Path(folder)
        put(root, before)
        kinds = apply(root, store, changes)
        assert set(kinds.values()) <= {EffectKind.DONE}
        assert there(root) == after
        empty = [path for path in root.rglob("*") if path.is_dir() and not any(path.iterdir())]
        assert empty == []
        assert set(apply(root, store, changes).values()) <= {EffectKind.DONE}
        assert there(root) == after


@settings(max_examples=60)
@given(before=TREES, after=TREES, edits=TREES)
def test_what_somebody_else_has_written_is_never_lost(before: Tree, after: Tree, edits: Tree) -> None:
    """F31: what does not hold the content that the plan saw is as it was afterwards, whatever else is done."""
    store = Store()
    changes = deeds(store, before, after)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        put(root, before)
        edited = {}
        for path, (_, executable) in edits.items():
            if any(part.is_file() for part in (root / path).parents if root in part.parents):
                continue
            if not (root / path).is_dir():
                edited[path] = (b"somebody else's", executable)
        put(root, _fits(edited))
        apply(root, store, changes)
        found = there(root)
        for path, file in _fits(edited).items():
            assert found.get(path) == file


@settings(max_examples=40)
@given(before=TREES, after=TREES)
def test_with_keep_deleted_nothing_that_was_deleted_is_gone(before: Tree, after: Tree) -> None:
    store = Store()
    changes = deeds(store, before, after)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        put(root, before)
        apply(root, store, changes, keep_deleted=".kept")
        kept = [content for path, (content, _) in there(root).items() if path.startswith(".kept/")]
        for deed in changes:
            if deed.after.absent:
                assert store.contents[deed.before.digest] in kept
