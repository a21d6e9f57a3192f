"""Publishing: what a commit needs comes into the repository, whole or not at all, and nothing else does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from directional_sync.errors import HostError
from directional_sync.git import objects as module
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore, hash_object
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import EXECUTABLE, FILE, Entry

from .conftest import Folder

Make = Callable[..., Folder]
WHEN = "2026-03-29T03:00:00+02:00"
ADA = ("Ada", "ada@example.org")


def all_objects(folder: Folder) -> set[str]:
    said = folder.text("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(said.split())


def grow(store: ObjectStore, head: str, amount: int, tag: str) -> tuple[str, str]:
    """(tree, commit) with `amount` new files on top of `head`."""
    changes = {f"new/{tag}/{n}": Entry(store.write_blob(f"{tag} {n}".encode()), EXECUTABLE) for n in range(amount)}
    tree = trees.edit(store, store.tree_of(head), changes)
    return tree, store.write_commit(tree, [head], "Grow", author=ADA, when=WHEN)


@pytest.mark.parametrize("amount", [1, 90, 300])
def test_publishing_brings_what_is_reachable_and_nothing_else(either: Folder, store: ObjectStore, amount: int) -> None:
    either.commit(a=b"1")
    head = either.text("rev-parse", "HEAD")
    stray = store.write_blob(b"not reachable")
    _, commit = grow(store, head, amount, "one")
    before = all_objects(either)
    store.publish([commit], [head])
    new = all_objects(either) - before
    assert commit in new and stray not in new
    assert len(new) == amount + 4  # commit, three folders
    store.close()
    either.git("fsck", "--strict", "--connectivity-only", commit)
    either.git("read-tree", commit)
    packs = list((either.root / ".git" / "objects" / "pack").glob("*.pack"))
    assert len(packs) == (1 if amount >= 100 else 0)
    assert not list((either.root / ".git" / "objects").rglob("tmp*"))
    assert "dangling" in either.git("fsck", "--strict", "--full").decode()


def test_a_year_of_small_runs_leaves_no_packs(either: Folder) -> None:
    head = either.text("rev-parse", "HEAD")
    repository = either.open()
    for day in range(5):
        with ObjectStore(repository, repository.cache / str(day)) as store:
            _, head = grow(store, head, 2, str(day))
            store.publish([head], [repository.head if day == 0 else either.text("rev-parse", "tip")])
        either.git("update-ref", "refs/tags/tip", head)
    assert list((either.root / ".git" / "objects" / "pack").iterdir()) == []
    assert either.text("rev-list", "--count", "tip") == "6"


def test_publishing_a_tree_from_a_borrowed_store(either: Folder, store: ObjectStore, make: Make) -> None:
    name = "sha256" if store.hash_name == "sha256" else "sha1"
    other = make("other: #1\n", hash_name=name)
    upstream = other.commit(**{f"f{number}": b"%d" % number for number in range(120)})
    borrowed = other.root / ".git" / "objects"
    with pytest.raises(KeyError):
        store.tree_of(upstream)
    store.borrow(borrowed)
    store.borrow(borrowed)
    tree = store.tree_of(upstream)
    before = all_objects(either)
    store.publish([tree, ""], [either.text("rev-parse", "HEAD")])
    assert len(all_objects(either) - before) == 121
    store.publish([tree], [either.text("rev-parse", "HEAD")])
    assert store.has_many([tree]) == {tree}


def test_known_that_is_not_in_the_repository_itself_hides_nothing(
    either: Folder, store: ObjectStore, make: Make
) -> None:
    """Only what the repository itself has may be left out, or the published objects would not be complete."""
    other = make("other", hash_name=store.hash_name)
    upstream = other.commit(a=b"1")
    store.borrow(other.root / ".git" / "objects")
    store.publish([store.tree_of(upstream)], [upstream, store.tree_of(upstream)])
    assert store.tree_of(upstream) in all_objects(either)


def test_publishing_what_is_not_complete_publishes_nothing(either: Folder, store: ObjectStore) -> None:
    gone = hash_object("blob", b"gone", store.hash_name)
    tree = trees.edit(store, trees.empty_tree(store.hash_name), {"a": Entry(gone, FILE)})
    before = all_objects(either)
    with pytest.raises(HostError):
        store.publish([tree], [])
    assert all_objects(either) == before


@pytest.mark.parametrize("amount", [10, 150])
def test_publishing_cut_short_leaves_complete_objects_only(
    either: Folder, store: ObjectStore, amount: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F20: at whichever file the handing over ends, git finds no broken object and no ref has moved."""
    head = either.text("rev-parse", "HEAD")
    _, commit = grow(store, head, amount, "x")
    whole = module.files.hand_over
    for limit in range(2):
        left = iter(range(limit))

        def hand_over(source: Path, target: Path, left=left) -> None:  # type: ignore[no-untyped-def]
            if next(left, None) is None:
                raise HostError("E-DISK-FULL", "no room")
            whole(source, target)

        monkeypatch.setattr(module.files, "hand_over", hand_over)
        if amount >= 100:
            with pytest.raises(HostError):
                store.publish([commit], [head])
            assert commit not in all_objects(either)
        either.git("fsck", "--strict", "--full")
    monkeypatch.undo()
    store.publish([commit], [head])
    assert commit in all_objects(either)
    either.git("fsck", "--strict", "--full")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks the system which file a descriptor is")
def test_published_objects_are_synced_to_disk(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    repository = folder.open()
    with ObjectStore(repository, repository.cache / "q") as store:
        _, commit = grow(store, repository.head, 150, "x")
        assert synced == []
        store.publish([commit], [repository.head])
    kinds = [path.suffix for path in synced]
    assert ".pack" in kinds and kinds.index(".idx") > kinds.index(".pack")
    assert folder.root / ".git" / "objects" / "pack" in synced


def test_handing_over_across_file_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("only one file system here")
    source = shm / f"directional-sync-test-{os.getpid()}"
    source.write_bytes(b"x" * 10)
    module.files.hand_over(source, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"x" * 10 and not source.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_linked_work_tree_publishes_into_the_common_store(folder: Folder, tmp_path: Path) -> None:
    folder.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    repository = Repository.open(tmp_path / "linked")
    with ObjectStore(repository, repository.cache / "q") as store:
        _, commit = grow(store, repository.head, 3, "x")
        store.publish([commit], [repository.head])
    assert commit in all_objects(folder)


def test_a_shallow_clone_reads_and_publishes(folder: Folder, tmp_path: Path) -> None:
    folder.commit(a=b"1")
    folder.commit(a=b"2")
    folder.git("clone", "-q", "--depth=1", f"file://{folder.root}", str(tmp_path / "shallow"))
    repository = Repository.open(tmp_path / "shallow")
    with ObjectStore(repository, repository.cache / "q") as store:
        _, commit = grow(store, repository.head, 3, "x")
        store.publish([commit], [repository.head])
    clone = Folder(tmp_path / "shallow")
    clone.git("update-ref", "refs/heads/main", commit)
    clone.git("fsck", "--strict", "--full")


def test_a_partial_clone_reads_what_was_promised_and_asks_for_nothing_else(folder: Folder, tmp_path: Path) -> None:
    folder.commit(a=b"1", b=b"2")
    folder.git("config", "uploadpack.allowFilter", "true")
    folder.git("config", "uploadpack.allowAnySHA1InWant", "true")
    options = ("--filter=blob:none", "--no-checkout")
    folder.git("clone", "-q", *options, f"file://{folder.root}", str(tmp_path / "partial"))
    clone = Folder(tmp_path / "partial")
    repository = clone.open()
    assert repository.partial
    blob = folder.text("rev-parse", "HEAD:a")
    with ObjectStore(repository, repository.cache / "q") as store:
        assert store.has_many([blob, repository.head]) == {repository.head}
        _, commit = grow(store, repository.head, 3, "x")
        store.publish([commit], [repository.head])
        assert store.has_many([blob]) == set()
        assert store.read(blob) == b"1"
    clone.git("update-ref", "refs/heads/main", commit)
    clone.git("fsck", "--connectivity-only")


def test_reading_what_was_promised_runs_nothing_the_repository_names(folder: Folder, tmp_path: Path) -> None:
    """T43: rather than starting a program of the configuration's choosing, the object counts as missing."""
    folder.commit(a=b"1")
    folder.git("config", "uploadpack.allowFilter", "true")
    folder.git("config", "uploadpack.allowAnySHA1InWant", "true")
    folder.git("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{folder.root}", str(tmp_path / "partial"))
    trap = tmp_path / "trap"
    trap.write_text(f'#!/bin/sh\ntouch {tmp_path}/sprung\nexec git-upload-pack "$@"\n')
    trap.chmod(0o755)
    clone = Folder(tmp_path / "partial")
    clone.git("config", "remote.origin.uploadpack", str(trap))
    repository = clone.open()
    with ObjectStore(repository, repository.cache / "q") as store:
        with pytest.raises((KeyError, HostError)):
            store.read(folder.text("rev-parse", "HEAD:a"))
        assert store.tree_of(repository.head)
    assert not (tmp_path / "sprung").exists()
