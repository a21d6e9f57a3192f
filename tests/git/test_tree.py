"""Selecting, aligning and editing trees, held against git itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from directional_sync.core import globs as patterns
from directional_sync.errors import RefusedError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, FOLDER, GITLINK, LINK, Entry, Snapshot, Source

from .conftest import Folder
from .test_globs import GLOB, KEY

EASY = settings(max_examples=35, suppress_health_check=list(HealthCheck), deadline=None)


@pytest.fixture
def empty(store: ObjectStore) -> str:
    return trees.empty_tree(store.hash_name)


def entry(store: ObjectStore, text: str, mode: str = FILE) -> Entry:
    return Entry(store.write_blob(text.encode()), mode)


def build(store: ObjectStore, files: Mapping[str, str]) -> str:
    """A tree with these files: key -> content."""
    return trees.edit(
        store, trees.empty_tree(store.hash_name), {key: entry(store, text) for key, text in files.items()}
    )


def listed(folder: Folder, store: ObjectStore, tree: str) -> dict[str, Entry]:
    """What `git ls-tree -r` says is in the tree."""
    store.publish([tree], [])
    found = {}
    for line in folder.git("ls-tree", "-r", "-z", tree).split(b"\0")[:-1]:
        about, _, name = line.partition(b"\t")
        mode, _, digest = about.decode().split(" ")
        found[name.decode("utf-8", "surrogateescape")] = Entry(digest, mode)
    return found


def flat(store: ObjectStore, tree: str) -> dict[str, Entry]:
    return dict(trees.flatten(store, trees.select(store, tree, ["**"])).entries)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The trees asked for, one list for each round trip."""
    asked: list[list[str]] = []
    read = ObjectStore._read_trees

    def noting(self: ObjectStore, digests: list[str], *how: Any) -> object:
        digests = list(digests)
        asked.append(list(digests))
        return read(self, digests, *how)

    monkeypatch.setattr(ObjectStore, "_read_trees", noting)
    yield asked


# select

SHELF = {
    "x.json": "", "docs/a.json": "", "docs/.hidden": "", "docs/sub/b.md": "", "docs/sub/deep/b.md": "", "docs/b.md": "",
    "docs/[odd]": "", "report/one": "", "report/two/three": "", "other/report": "", "Docs/a.json": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("globs", "wanted"),
    [
        (["docs/**"], ["docs/"]),
        (["docs/"], ["docs/"]),
        (["docs"], ["docs/"]),
        (["docs/*.json"], ["docs/a.json"]),
        (["docs/*"], ["docs/.hidden", "docs/[odd]", "docs/a.json", "docs/b.md"]),
        (["docs/?.md"], ["docs/b.md"]),
        (["docs/[ab].*"], ["docs/a.json", "docs/b.md"]),
        (["docs/[!a].*"], ["docs/b.md"]),
        ([r"docs/\[odd\]"], ["docs/[odd]"]),
        (["docs/**/b.md"], ["docs/b.md", "docs/sub/b.md", "docs/sub/deep/b.md"]),
        (["**/report"], ["other/report"]),
        (["report"], ["report/"]),
        (["*/sub/**"], ["docs/sub/"]),
        (["x.json"], ["x.json"]),
        (["x.json/**", "x.json/y", "x.json/"], []),
        (["**"], ["Docs/", "docs/", "other/", "report/", "x.json"]),
        (["docs/sub/**", "docs/**"], ["docs/"]),
        (["docs/sub/**", "docs/*.md", "missing/**", "missing"], ["docs/b.md", "docs/sub/"]),
        (["./docs/b.md"], ["docs/b.md"]),
        ([""], []),
        ([], []),
    ],
)
def test_select(store: ObjectStore, globs: list[str], wanted: list[str]) -> None:
    found = trees.select(store, build(store, SHELF), globs)
    assert sorted(key + "/" * found.at(key).folder for key in found) == wanted


def test_select_opens_only_what_may_hold_something(store: ObjectStore, reads: list[list[str]]) -> None:
    tree = build(store, SHELF)
    reads.clear()
    trees.select(store, tree, ["docs/sub/**", "report/*", "x/y/z"])
    assert [len(level) for level in reads] == [1, 2]


def test_select_does_not_enter_a_submodule(store: ObjectStore, empty: str) -> None:
    link = Entry("1" * len(empty), GITLINK)
    tree = trees.edit(store, empty, {"sub": link})
    assert trees.select(store, tree, ["sub/**"]).entries == {}
    assert trees.select(store, tree, ["sub"]).entries == trees.select(store, tree, ["**"]).entries == {"sub": link}


def consistent(keys: list[str]) -> list[str]:
    """Without those that would be a file where another needs a folder."""
    return [key for key in keys if not any(other.startswith(f"{key}/") for other in keys)]


@EASY
@given(keys=st.lists(KEY, max_size=12, unique=True), globs=st.lists(GLOB, min_size=1, max_size=3))
def test_select_and_matches_agree(folder: Folder, keys: list[str], globs: list[str]) -> None:
    repository = folder.open()
    with ObjectStore(repository, repository.cache / "q") as store:
        files = dict.fromkeys(consistent(keys), "")
        found = trees.flatten(store, trees.select(store, build(store, files), globs))
        assert sorted(found) == sorted(key for key in files if patterns.matches(key, globs))


# edit


def test_edit_adds_changes_deletes(either: Folder, store: ObjectStore, empty: str) -> None:
    tree = build(store, {"a/b/c": "1", "a/d": "2", "e": "3"})
    changed = trees.edit(
        store,
        tree,
        {"a/b/c": ABSENT, "e": entry(store, "4", EXECUTABLE), "f/g": entry(store, "5", LINK), "none/at/all": ABSENT},
    )
    assert listed(either, store, changed) == flat(store, changed) == {
        "a/d": entry(store, "2"), "e": entry(store, "4", EXECUTABLE), "f/g": entry(store, "5", LINK),
    }  # fmt: skip
    assert trees.edit(store, changed, {"a/d": ABSENT, "e": ABSENT, "f/g": ABSENT}) == empty
    assert trees.edit(store, tree, {}) == tree


def test_edit_turns_files_into_folders_and_back(either: Folder, store: ObjectStore) -> None:
    tree = build(store, {"a/b": "1", "a/c/d": "2", "x": "3"})
    one = entry(store, "one")
    back = trees.edit(store, tree, {"a/b": ABSENT, "a/c/d": ABSENT, "a": one, "x": ABSENT, "x/y/z": one})
    assert listed(either, store, back) == {"a": one, "x/y/z": one}
    again = {"a": ABSENT, "a/b": entry(store, "1"), "a/c/d": entry(store, "2"), "x/y/z": ABSENT, "x": entry(store, "3")}
    assert trees.edit(store, back, again) == tree


def test_edit_grafts_folders(either: Folder, store: ObjectStore, empty: str) -> None:
    part = build(store, {"p/q": "1", "r": "2"})
    tree = build(store, {"a/b": "1", "c": "2"})
    graft = Entry(part, FOLDER)
    assert sorted(flat(store, trees.edit(store, tree, {"c": graft, "a/n/m": graft}))) == [
        "a/b", "a/n/m/p/q", "a/n/m/r", "c/p/q", "c/r",
    ]  # fmt: skip
    assert sorted(flat(store, trees.edit(store, tree, {"a": graft, "a/r": ABSENT, "a/s": entry(store, "3")}))) == [
        "a/p/q", "a/s", "c",
    ]  # fmt: skip
    assert sorted(flat(store, trees.edit(store, tree, {"a": ABSENT}))) == ["c"]
    assert sorted(flat(store, trees.edit(store, tree, {"a": Entry(empty, FOLDER)}))) == ["c"]


@pytest.mark.parametrize(
    "changes",
    [
        {"a": "new"},
        {"a": "new", "a/b": ""},
        {"c/d": "new"},
        {"n": "new", "n/m": "new"},
        {"a/b": "", "a": "x", "a/e": "x"},
    ],
)
def test_edit_never_drops_what_no_change_names(store: ObjectStore, changes: dict[str, str]) -> None:
    tree = build(store, {"a/b": "1", "a/x": "1", "c": "2"})
    with pytest.raises(RefusedError) as caught:
        trees.edit(store, tree, {key: entry(store, text) if text else ABSENT for key, text in changes.items()})
    assert caught.value.code == "E-TREE-CLASH"


def test_deleting_below_a_file_leaves_it(store: ObjectStore) -> None:
    tree = build(store, {"c": "2"})
    assert trees.edit(store, tree, {"c/d": ABSENT, "c/e/f": ABSENT}) == tree


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0b"])
def test_edit_refuses_what_no_tree_can_hold(store: ObjectStore, empty: str, key: str) -> None:
    with pytest.raises(RefusedError) as caught:
        trees.edit(store, empty, {key: entry(store, "1")})
    assert caught.value.code == "E-TREE-NAME"


def test_edit_takes_no_unreadable_or_foreign_entries(store: ObjectStore, empty: str) -> None:
    for wrong in (Entry(unreadable="why"), Entry("ab", FILE), Entry("a" * len(empty))):
        with pytest.raises(ValueError):
            trees.edit(store, empty, {"a": wrong})


def test_trees_are_sorted_as_git_sorts_them(either: Folder, store: ObjectStore) -> None:
    files = {"a": "", "a-b": "", "a.b": "", "a0": "", "ab": "", "d/x": "", "d-": "", "d.": "", "d0": "", "\udcff": ""}
    tree = build(store, files | {"e/x": "", "e.x/y": "", "é": "", "\U0001f600": "", "\uffff": ""})
    store.publish([tree], [])
    by_git = either.git("mktree", "-z", stdin=either.git("ls-tree", "-z", tree)).decode().strip()
    assert by_git == tree
    said = either.git("fsck", "--strict", "--full", tree)
    assert b"treeNotSorted" not in said


RAW = st.binary(min_size=1, max_size=3).filter(lambda raw: b"\0" not in raw and b"/" not in raw)
ODD = RAW.map(lambda raw: raw.decode("utf-8", "surrogateescape")).filter(lambda name: name not in (".", ".."))
WORD = st.sampled_from(["a", "b", "a-", "a.b", "a0", "é"]) | ODD
PATH = st.lists(WORD, min_size=1, max_size=3).map("/".join)
MODE = st.sampled_from([FILE, EXECUTABLE, LINK])
FILES = st.dictionaries(PATH, st.tuples(st.sampled_from("12"), MODE), max_size=12)


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
@EASY
@given(before=FILES, after=FILES)
def test_edit_is_what_git_would_make(make, tmp_path, hash_name: str, before, after) -> None:  # type: ignore[no-untyped-def]
    """From any set of files to any other, by the keys that differ: the same tree git builds from the second."""
    before = {key: before[key] for key in consistent(list(before))}
    after = {key: after[key] for key in consistent(list(after))}
    root = tmp_path / hash_name
    folder = Folder(root) if root.exists() else make(hash_name, hash_name=hash_name)
    repository = folder.open()
    with ObjectStore(repository, repository.cache / "q") as store:
        empty = trees.empty_tree(hash_name)
        first = {key: entry(store, text, mode) for key, (text, mode) in before.items()}
        second = {key: entry(store, text, mode) for key, (text, mode) in after.items()}
        start = trees.edit(store, empty, first)
        changes = {
            key: second.get(key, ABSENT) for key in first.keys() | second.keys() if first.get(key) != second.get(key)
        }
        result = trees.edit(store, start, changes)
        assert flat(store, result) == second
        assert trees.count(store, trees.select(store, result, ["**"])) == len(second)
        store.publish([result], [])
    lines = [f"{item.mode} {item.digest}\t{key}" for key, item in second.items()]
    stdin = "\0".join([*lines, ""]).encode("utf-8", "surrogateescape")
    git = repository.git.including({"GIT_INDEX_FILE": str(tmp_path / "index")}, {"core.protectNTFS": "false"})
    git.run("read-tree", "--empty")
    git.run("update-index", "-z", "--index-info", stdin=stdin if lines else b"")
    assume(len(git.run("ls-files", "-z").split(b"\0")) - 1 == len(second))  # git's index takes no .git
    assert git.run("write-tree").decode().strip() == result


def test_edit_reads_and_writes_only_along_the_way(store: ObjectStore, reads: list[list[str]], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    tree = build(store, {f"{one}/{two}/{three}": "" for one in "abcdef" for two in "abcdef" for three in "abc"})
    written: list[int] = []
    write = ObjectStore.write_trees
    monkeypatch.setattr(ObjectStore, "write_trees", lambda self, new: (written.append(len(new)), write(self, new))[1])
    graft = trees.select(store, tree, ["b/c"]).at("b/c")
    reads.clear()
    trees.edit(store, tree, {f"f/new/{number}": graft for number in range(30)})
    assert [len(level) for level in reads] == [1, 1]
    assert written == [3]


# align


def test_align_drops_what_is_equal_and_opens_what_differs(store: ObjectStore, empty: str) -> None:
    base = build(store, {"v/a/1": "x", "v/b/1": "x", "v/b/2": "y", "top": "t"})
    remote_part = trees.select(store, build(store, {"1": "x", "2": "changed", "3/4": "new"}), ["**"])
    remote = trees.edit(store, empty, dict(remote_part.entries))
    sides = (
        trees.select(store, base, ["v/**", "top"]),
        trees.select(store, base, ["v/*/**", "top"]),
        Snapshot(
            {"v/a": trees.select(store, base, ["v/a"]).at("v/a"), "v/b": Entry(remote, FOLDER), "top": ABSENT_TOP}
        ),
    )
    first, second, third = trees.align(store, *sides)
    assert dict(first.entries) == dict(second.entries) == {"v/b/2": entry(store, "y"), "top": entry(store, "t")}
    assert dict(third.entries) == {
        "v/b/2": entry(store, "changed"), "v/b/3/4": entry(store, "new"), "top": ABSENT_TOP,
    }  # fmt: skip


ABSENT_TOP = Entry("f" * 40, FILE)


def test_align_never_opens_what_is_equal(store: ObjectStore, reads: list[list[str]]) -> None:
    """One of 40 vendored repositories changed: only that one is opened, in one round trip for each level."""
    files = {f"v/r{repo}/m{part}/f{n}": f"{repo}{part}{n}" for repo in range(40) for part in range(5) for n in range(5)}
    before = build(store, files)
    after = trees.edit(store, before, {"v/r7/m3/f1": entry(store, "changed")})
    base, remote = (trees.select(store, tree, ["v/**"]) for tree in (before, after))
    apart = trees.select(store, after, [f"v/r{repo}/**" for repo in range(40)])
    for other in (remote, apart):
        reads.clear()
        result = trees.align(store, base, base, other)
        assert [len(set(level)) for level in reads] == [2, 2, 2] if other is remote else [1, 2, 2]
        assert [list(side) for side in result] == [["v/r7/m3/f1"]] * 3


def test_align_of_equals_reads_nothing(store: ObjectStore, reads: list[list[str]]) -> None:
    whole = trees.select(store, build(store, SHELF), ["**"])
    reads.clear()
    assert [dict(side.entries) for side in trees.align(store, whole, whole, whole)] == [{}, {}, {}]
    assert reads == []


def test_align_file_against_folder(store: ObjectStore) -> None:
    base = trees.select(store, build(store, {"a/b": "1"}), ["**"])
    repo = trees.select(store, build(store, {"a": "2"}), ["**"])
    first, second, third = trees.align(store, base, repo, Snapshot())
    assert (list(first), list(second), list(third)) == (["a/b"], ["a"], [])


def test_align_keeps_what_is_said_about_the_sides(store: ObjectStore) -> None:
    source = Source("one", "https://example.org/one.git")
    remote = Snapshot({}, {"x": "why"}, (source,), ("note",))
    _, _, third = trees.align(store, Snapshot(), Snapshot(), remote)
    assert third == remote


@pytest.mark.parametrize("prefix", [True, False])
def test_align_never_takes_unreadable_for_absent(store: ObjectStore, reads: list[list[str]], prefix: bool) -> None:
    tree = build(store, {"v/a/1": "", "v/a/2": "", "v/b/1": "old"})
    side = trees.select(store, tree, ["v/**"])
    good = {"v/b": trees.select(store, build(store, {"b/1": "new"}), ["b"]).at("b")}
    remote = Snapshot(good, {"v/a": "down"}) if prefix else Snapshot(good | {"v/a": Entry(unreadable="down")})
    reads.clear()
    first, second, third = trees.align(store, side, side, remote)
    assert list(first) == list(second) == list(third) == ["v/b/1"]
    assert third.why_unreadable("v/a/1") == third.at("v/a").unreadable == "down"
    assert sum(map(len, reads)) == 3


def test_entries_listed_inside_a_folder_win(store: ObjectStore) -> None:
    folder = trees.select(store, build(store, {"v/a/1": "x", "v/a/2": "x", "v/b/1": "x"}), ["v"])
    over = Snapshot({**folder.entries, "v/a/1": entry(store, "mine")})
    first, second, third = trees.align(store, folder, over, folder)
    assert dict(second.entries) == {"v/a/1": entry(store, "mine")}
    assert dict(first.entries) == dict(third.entries) == {"v/a/1": entry(store, "x")}


def test_keys_need_not_be_paths(store: ObjectStore) -> None:
    records = Snapshot({"a//b": Entry("1"), "/x/": Entry("2"), "": Entry("3"), "a": Entry("4")})
    other = Snapshot({"a//b": Entry("1"), "/x/": Entry("5")})
    first, second, third = trees.align(store, other, other, records)
    assert dict(third.entries) == {"/x/": Entry("2"), "": Entry("3"), "a": Entry("4")}
    assert dict(first.entries) == dict(second.entries) == {"/x/": Entry("5")}


@st.composite
def three(draw: st.DrawFn) -> list[tuple[dict[str, str], list[str]]]:
    """Three sides over few names, each closed up into folders at keys of its own."""
    key = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
    common = draw(st.dictionaries(key, st.sampled_from("12"), max_size=6))
    sides = []
    for _ in range(3):
        own = common | draw(st.dictionaries(key, st.sampled_from("12"), max_size=2))
        for gone in draw(st.lists(st.sampled_from(sorted(common) or ["a"]), max_size=2)):
            own.pop(gone, None)
        own = {name: own[name] for name in consistent(list(own))}
        globs = draw(
            st.sampled_from([["**"], ["*/*/**", "*", "*/*"], ["**/*"], ["a/**", "b/*/**", "b/*", "[!a]/**/*", "*"]])
        )
        sides.append((own, globs))
    return sides


@EASY
@given(sides=three())
def test_align_is_the_difference_of_the_flattened(folder: Folder, sides) -> None:  # type: ignore[no-untyped-def]
    repository = folder.open()
    with ObjectStore(repository, repository.cache / "q") as store:
        snapshots = [trees.select(store, build(store, files), globs) for files, globs in sides]
        flattened = [dict(trees.flatten(store, snapshot).entries) for snapshot in snapshots]
        keys = set().union(*flattened)
        differing = {key for key in keys if len({side.get(key) for side in flattened}) > 1}
        wanted = [{key: side[key] for key in differing if key in side} for side in flattened]
        assert [dict(side.entries) for side in trees.align(store, *snapshots)] == wanted


def test_flatten_and_count(store: ObjectStore) -> None:
    tree = build(store, {"a/b/1": "", "a/b/2": "", "c/b/1": "", "c/b/2": "", "d": ""})
    whole = trees.select(store, tree, ["**"])
    assert trees.count(store, whole) == len(trees.flatten(store, whole)) == 5
    assert sorted(trees.flatten(store, whole)) == sorted(["a/b/1", "a/b/2", "c/b/1", "c/b/2", "d"])
