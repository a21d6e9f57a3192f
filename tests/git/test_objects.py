"""Objects as git knows them: written into the quarantine, read from everywhere, published whole or not at all."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directional_sync.errors import HostError
from directional_sync.git import objects as module
from directional_sync.git import quarantine
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore, TreeItem, hash_object
from directional_sync.model.snapshot import EXECUTABLE, FILE, LINK, Entry
from directional_sync.system import process
from directional_sync.system.process import Dialogue

from .conftest import Folder

Make = Callable[..., Folder]
WHEN = "2026-03-29T03:00:00+02:00"
ADA = ("Ada", "ada@example.org")


def everything(root: Path) -> dict[str, bytes]:
    """Each file below `root` with its content."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_ids_are_those_of_git(either: Folder) -> None:
    name = either.open().hash_name
    for content in (b"", b"text\n", bytes(range(256)) * 300):
        said = either.git("hash-object", "--stdin", "-t", "blob", stdin=content).decode().strip()
        assert hash_object("blob", content, name) == said


def test_what_was_written_is_read_and_nothing_reaches_the_repository(either: Folder, store: ObjectStore) -> None:
    either.commit(a=b"1")
    before = everything(either.root)
    blob = store.write_blob(b"new\0\xff\n")
    assert store.read(blob) == b"new\0\xff\n"
    tree = trees.edit(store, store.tree_of(either.text("rev-parse", "HEAD")), {"b/c": Entry(blob, FILE)})
    assert [item.name for item in store.read_trees([tree])[tree]] == ["a", "b"]
    now = everything(either.root)
    inside = {name for name in now if name.startswith(".git/directional-sync/cache/quarantine/")}
    assert inside and {name: now[name] for name in now if name not in inside} == before
    store.close()
    assert everything(either.root) == before
    store.close()


def test_many_blobs_at_once_are_those_that_were_given(store: ObjectStore) -> None:
    contents = [b"%d" % (number % 40) for number in range(60)]
    digests = store.write_blobs(contents)
    assert [store.read(digest) for digest in digests] == contents
    assert store.write_blobs(contents) == digests
    assert store.write_blobs([]) == []


def test_reading_alone_makes_no_quarantine(either: Folder, store: ObjectStore) -> None:
    head = either.text("rev-parse", "HEAD")
    assert store.tree_of(head) == trees.empty_tree(store.hash_name)
    assert store.has_many([head, hash_object("blob", b"none", store.hash_name)]) == {head}
    assert not (either.root / ".git" / "directional-sync").exists()


def test_missing_objects_are_key_errors_and_the_store_works_on(store: ObjectStore) -> None:
    here = store.write_blob(b"here")
    gone = hash_object("blob", b"gone", store.hash_name)
    for call in (
        lambda: store.read(gone),
        lambda: store.read_trees([gone]),
        lambda: store.read_trees([here]),
        lambda: store.tree_of(here),
        lambda: store.tree_of(""),
        lambda: store.read("HEAD"),
        lambda: store.read(f"{here}\ncontents {here}"),
        lambda: store.read(here[:10]),
    ):
        with pytest.raises(KeyError):
            call()
        assert store.read_many([here]) == {here: b"here"}
    assert store.size_many([gone, here]) == {here: 4}
    assert store.read_many([here, gone, here]) == {here: b"here"}
    assert store.has_many(["HEAD", "", here]) == {here}


def test_threads_may_share_a_store(store: ObjectStore) -> None:
    def work(number: int) -> bool:
        contents = {store.write_blob(b"%d %d" % (number, turn)): b"%d %d" % (number, turn) for turn in range(20)}
        return all(store.read(digest) == content for digest, content in contents.items())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))


def test_many_and_big_objects_without_deadlock(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far more questions and answers than fit into the pipes between the two processes."""
    monkeypatch.setattr(module, "_AT_ONCE", 3_000)
    contents = {store.write_blob(content): content for content in (b"x" * 3_000_000, b"", b"\n", b"y" * 70_000)}
    gone = [hash_object("blob", b"%d" % number, store.hash_name) for number in range(10_000)]
    assert store.has_many([*gone, *contents]) == set(contents)
    many = [digest for digest in contents for _ in range(3)]
    assert store.read_many(many) == contents
    assert store.size_many(contents) == {digest: len(content) for digest, content in contents.items()}


def test_of_big_objects_the_beginning_or_parts_can_be_read(store: ObjectStore) -> None:
    content = bytes(range(256)) * 20_000
    big, small = store.write_blob(content), store.write_blob(b"small\n")
    assert store.read_many([big, small, big], bytes_max=10) == {big: content[:10], small: b"small\n"}
    with closing(store.parts(big)) as parts:
        assert len(next(parts)) < len(content)  # and leave the rest
    parts = list(store.parts(big))
    assert b"".join(parts) == content and len(parts) > 1
    with pytest.raises(KeyError):
        next(store.parts(hash_object("blob", b"gone", store.hash_name)))
    assert store.read(small) == b"small\n"


def test_a_dialogue_survives_any_amount_sent_ahead(folder: Folder) -> None:
    git = folder.open().git
    head = folder.text("rev-parse", "HEAD")
    with git.dialogue("cat-file", "--batch-command", "--buffer") as dialogue:
        for _ in range(40):
            dialogue.send(f"contents {head}\n".encode() * 1_000)
        dialogue.send(b"flush\n")
        for _ in range(40_000):
            size = int(dialogue.read_line().split()[2])
            assert dialogue.read_exactly(size + 1).endswith(b"Begin\n\n")


def test_a_child_that_dies_is_an_error_not_a_wait(folder: Folder) -> None:
    git = folder.open().git
    dialogue = git.dialogue("cat-file", "--batch-command", "--no-such-option")
    with pytest.raises(HostError) as caught:
        dialogue.read_line()
    assert caught.value.code == "E-PROGRAM-ENDED" and "no-such-option" in " ".join(caught.value.detail)
    dialogue.close()
    silent = Dialogue(["sleep", "60"], env=os.environ, timeout_s=0.05)
    with pytest.raises(HostError) as caught:
        silent.read_line()
    assert caught.value.code == "E-PROGRAM-TIMEOUT"
    silent.close()


def test_a_short_program_is_held_to_its_time() -> None:
    with pytest.raises(HostError) as caught:
        process.capture(["sleep", "60"], env=os.environ, timeout_s=0.05)
    assert caught.value.code == "E-PROGRAM-TIMEOUT"
    with pytest.raises(HostError) as caught:
        process.capture(["no-such-program-here"], env=os.environ)
    assert caught.value.code == "E-PROGRAM-MISSING"
    done = process.capture(["sh", "-c", "cat; echo no >&2; exit 3"], env=os.environ, stdin=b"x" * 500_000)
    assert (done.status, len(done.stdout), done.stderr) == (3, 500_000, b"no\n") and done.duration_s > 0


NAMES = [
    b"plain",
    b"a b",
    b"new\nline",
    b'quo"te',
    b"back\\slash",
    b"tail\r",
    b"\xff\xfe",
    "é".encode(),
    b"#x:y",
    b"-dash",
]


@pytest.mark.parametrize("copies", [1, 40])
def test_files_are_stored_raw_whatever_their_names(
    either: Folder, store: ObjectStore, tmp_path: Path, copies: int
) -> None:
    either.write(".gitattributes", b"* text=auto ident filter=x\n")
    paths = []
    for number in range(copies):
        for name in NAMES:
            content = name + b"\r\n$Id$\n" + str(number % 7).encode()
            paths.append(either.write(b"%d/" % number + name, content))
    digests = store.write_files(paths)
    found = store.read_many(digests)
    assert [found[digest] for digest in digests] == [path.read_bytes() for path in paths]
    assert store.write_files(paths) == digests
    assert store.write_files([]) == []


def test_big_files_are_not_held_in_memory(either: Folder, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "_READ_WHOLE_BYTES", 1_000)
    monkeypatch.setattr(quarantine, "_PART_BYTES", 700)
    paths = [either.write(f"f{number}", bytes([number]) * size) for number, size in enumerate((0, 999, 1001, 5_000))]
    digests = store.write_files(paths)
    assert list(store.read_many(digests).values()) == [path.read_bytes() for path in paths]


def test_a_file_that_changes_while_it_is_read_is_an_error(either: Folder) -> None:
    path = either.write("f", b"x" * 100)
    content = quarantine.Content(None, path, 100)
    with pytest.raises(HostError) as caught:
        b"".join(content.parts("sha1", hash_object("blob", b"y" * 100, "sha1")))
    assert caught.value.code == "E-IO" and caught.value.retryable


def test_an_unreadable_file_is_an_error(either: Folder, store: ObjectStore) -> None:
    with pytest.raises(HostError):
        store.write_files([either.root / "missing"])
    with pytest.raises(HostError):
        store.write_files([either.root] * 20)


def test_a_commit_is_what_git_would_make(either: Folder, store: ObjectStore) -> None:
    tree, parent = store.tree_of(either.text("rev-parse", "HEAD")), either.text("rev-parse", "HEAD")
    digest = store.write_commit(tree, [parent], "Änder\n\nBody", author=("A <d>\na", "a@b\n"), when=WHEN)
    environment = {"GIT_AUTHOR_DATE": WHEN, "GIT_COMMITTER_DATE": WHEN}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "A da", f"GIT_{role}_EMAIL": "a@b"}
    command = ["git", "commit-tree", tree, "-p", parent, "-m", "Änder\n\nBody"]
    said = subprocess.run(command, cwd=either.root, env={**os.environ, **environment}, capture_output=True, check=True)
    assert said.stdout.decode().strip() == digest
    assert b"1774746000 +0200" in store.read(digest)


ITEM = st.tuples(
    st.sampled_from([FILE, EXECUTABLE, LINK, "040000", "160000", "100664"]),
    st.binary(min_size=1, max_size=6).filter(lambda name: b"\0" not in name and b"/" not in name),
    st.binary(min_size=20, max_size=20),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(ITEM, max_size=8))
def test_trees_are_parsed_exactly(folder: Folder, items: list[tuple[str, bytes, bytes]]) -> None:
    content = b"".join(b"%s %s\0%s" % (mode.lstrip("0").encode(), name, raw) for mode, name, raw in items)
    store = ObjectStore(folder.open(), folder.root / "never-made")
    wanted = tuple(TreeItem(mode, name.decode("utf-8", "surrogateescape"), raw.hex()) for mode, name, raw in items)
    assert store._trees.list("x", content) == wanted
    if content:
        with pytest.raises(HostError):
            store._trees.list("x", content[:-1])
