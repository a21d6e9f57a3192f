"""What of an upstream is taken: examples in tables, then any tree and any view against a naive reading of the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.git.test_globs import GLOB, KEY
from tests.upstream.vendoring import git

from directional_sync.core import globs
from directional_sync.errors import RefusedError, RemoteError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import EXECUTABLE, FILE, GITLINK, LINK, Entry
from directional_sync.upstream.addresses import BadAddress
from directional_sync.upstream.paths import check_glob, check_inside, check_renames
from directional_sync.upstream.view import Symlinks, View, seen

Files = Mapping[str, str]
"""Path -> content; `-> TARGET` is a symbolic link, `!` an executable file, `@` a submodule."""

UPSTREAM: Files = {
    "README.rst": "read", "LICENSE": "free", "run.sh": "!run", "current": "-> addons",
    "addons/sale/__init__.py": "sale", "addons/sale/static/description/icon.png": "icon" * 50,
    "addons/sale/static/src/a.js": "js", "addons/sale_stock/__init__.py": "stock", "addons/web/__init__.py": "web",
    "addons/web/latest": "-> __init__.py", "doc/index.md": "doc", "doc/img/x.png": "png",
}  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository for all: what is written is named by its content."""
    root = tmp_path_factory.mktemp("repository")
    git(root, "init", "-q", "-b", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return root


@pytest.fixture(scope="module")
def store(repository: Path) -> Iterator[ObjectStore]:
    found = Repository.open(repository)
    with ObjectStore(found, found.cache / "quarantine") as made:
        yield made


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trees that were asked for."""
    asked: list[str] = []
    read = ObjectStore._read_trees

    def noting(self: ObjectStore, digests: list[str], *how: Any) -> object:
        digests = list(digests)
        asked.extend(dict.fromkeys(digests))
        return read(self, digests, *how)

    monkeypatch.setattr(ObjectStore, "_read_trees", noting)
    return asked


def build(store: ObjectStore, files: Files) -> str:
    entries = {key: _entry(store, text) for key, text in files.items()}
    return trees.edit(store, trees.empty_tree(store.hash_name), entries)


def _entry(store: ObjectStore, text: str) -> Entry:
    if text.startswith("@"):
        return Entry("1" * 40, GITLINK)
    mode = LINK if text.startswith("-> ") else EXECUTABLE if text.startswith("!") else FILE
    return Entry(store.write_blob(text.removeprefix("-> ").encode()), mode)


def flat(store: ObjectStore, tree: str) -> dict[str, Entry]:
    return dict(trees.flatten(store, trees.select(store, tree, ["**"])).entries)


def names(files: Files, *prefixes: str) -> set[str]:
    return {name for name in files if name.startswith(prefixes)}


ADDONS = {name.removeprefix("addons/") for name in names(UPSTREAM, "addons/")}
ICON = "addons/sale/static/description/icon.png"


@pytest.mark.parametrize(
    ("view", "left"),
    [
        (View(), set(UPSTREAM)),
        (View(subdir="addons"), ADDONS),
        (View(subdir="addons/"), ADDONS),
        (View(subdir="addons/sale/static"), {"description/icon.png", "src/a.js"}),
        (View(paths=("addons/**",)), names(UPSTREAM, "addons/")),
        (View(paths=("addons",)), names(UPSTREAM, "addons/")),
        (View(paths=("README.rst", "doc/*")), {"README.rst", "doc/index.md"}),
        (View(paths=("nowhere/**", "LICENSE")), {"LICENSE"}),
        (View(subdir="addons", paths=("sale*/**",)), ADDONS - {"web/__init__.py", "web/latest"}),
        (View(exclude=("**/static/description/**",)), set(UPSTREAM) - {ICON}),
        (View(exclude=("addons", "doc/")), {"README.rst", "LICENSE", "run.sh", "current"}),
        (View(exclude=("nothing/like/this",)), set(UPSTREAM)),
        (View(paths=("addons/sale/**",), exclude=("**/*.js", ICON)), {"addons/sale/__init__.py"}),
        (View(paths=("doc/index.md",), exclude=("addons/**",)), {"doc/index.md"}),
        (View(paths=("doc/**", "LICENSE"), exclude=("doc",)), {"LICENSE"}),
        (View(symlinks=Symlinks.SKIP), set(UPSTREAM) - {"current", "addons/web/latest"}),
        (View(paths=("doc/**",), symlinks=Symlinks.REFUSE), {"doc/index.md", "doc/img/x.png"}),
        (View(subdir="doc", rename=(("index.md", "README.md"),)), {"README.md", "img/x.png"}),
        (View(subdir="doc", rename=(("img", "static/img"),)), {"index.md", "static/img/x.png"}),
        (View(subdir="doc", rename=(("img/x.png", "img"),)), {"index.md", "img"}),
        (View(subdir="doc", rename=(("img", "img/img"),)), {"index.md", "img/img/x.png"}),
        (View(subdir="doc", rename=(("img", "index.md"), ("index.md", "img"))), {"index.md/x.png", "img"}),
        (View(paths=("doc/**",), exclude=("doc/img",), rename=(("doc/index.md", "doc/img"),)), {"doc/img"}),
        (View(paths=("LICENSE",), max_bytes=4), {"LICENSE"}),
        (View(max_bytes=1_000_000), set(UPSTREAM)),
    ],
)  # fmt: skip
def test_what_is_left(store: ObjectStore, view: View, left: set[str]) -> None:
    assert set(flat(store, seen(store, build(store, UPSTREAM), view, "web"))) == left


def test_content_and_modes_stay_and_git_can_read_the_result(store: ObjectStore, repository: Path) -> None:
    view = View(paths=("run.sh", "current", "doc/**"), rename=(("run.sh", "bin/run"),))
    tree = seen(store, build(store, UPSTREAM), view, "web")
    store.publish([tree], [])
    listed = [line.split() for line in git(repository, "ls-tree", "-r", tree).splitlines()]
    assert [(mode, path) for mode, _, _, path in listed] == [
        (EXECUTABLE, "bin/run"), (LINK, "current"), (FILE, "doc/img/x.png"), (FILE, "doc/index.md"),
    ]  # fmt: skip
    assert git(repository, "show", f"{tree}:bin/run") == "!run"
    assert git(repository, "fsck", "--strict", "--no-dangling") == ""


@pytest.mark.parametrize(
    ("view", "code", "words"),
    [
        (View(subdir="addon"), "E-VIEW-SUBDIR", ["web has no folder addon: there is no addon at its root", "addons"]),
        (View(subdir="addons/sal"), "E-VIEW-SUBDIR", ["there is no sal in addons", "addons/sale"]),
        (View(subdir="addons/gone/deep"), "E-VIEW-SUBDIR", ["there is no gone in addons"]),
        (View(subdir="LICENSE"), "E-VIEW-SUBDIR", ["LICENSE at its root is a file"]),
        (View(subdir="current/sale"), "E-VIEW-SUBDIR", ["current at its root is a symbolic link"]),
        (View(paths=("nowhere/**",)), "E-VIEW-EMPTY", ["`paths` match nothing of web"]),
        (View(subdir="doc", paths=("addons/**",)), "E-VIEW-EMPTY", ["`paths` match nothing of web in doc"]),
        (View(exclude=("**",)), "E-VIEW-EMPTY", ["`exclude` leaves nothing of web"]),
        (View(paths=("doc/**",), exclude=("doc/**",)), "E-VIEW-EMPTY", ["`paths` and `exclude` leave nothing"]),
        (View(paths=("current",), symlinks=Symlinks.SKIP), "E-VIEW-EMPTY", ["`paths` and `symlinks` leave nothing"]),
        (View(rename=(("README.md", "x"),)), "E-VIEW-RENAME", ["web has no README.md to rename", "there: README.rst"]),
        (View(rename=(("LICENSE/x", "x"),)), "E-VIEW-RENAME", ["web has no LICENSE/x to rename"]),
        (View(exclude=("doc",), rename=(("doc/index.md", "x"),)), "E-VIEW-RENAME", ["no doc/index.md"]),
        (View(rename=(("LICENSE", "README.rst"),)), "E-VIEW-RENAME", ["become README.rst: README.rst is a file there"]),
        (View(rename=(("LICENSE", "doc"),)), "E-VIEW-RENAME", ["cannot become doc: doc is a folder there"]),
        (View(rename=(("LICENSE", "README.rst/x"),)), "E-VIEW-RENAME", ["README.rst is a file there"]),
        (View(rename=(("LICENSE", "current/x"),)), "E-VIEW-RENAME", ["current is a symbolic link there"]),
        (View(rename=(("LICENSE", "../x"),)), "E-VIEW-RENAME", ["leads outside"]),
        (View(rename=(("LICENSE", "x"), ("README.rst", "x/y"))), "E-VIEW-RENAME", ["overlap"]),
        (View(symlinks=Symlinks.REFUSE), "E-VIEW-LINK", ["2 symbolic links: addons/web/latest, current"]),
        (View(paths=("current",), symlinks=Symlinks.REFUSE), "E-VIEW-LINK", ["holds a symbolic link: current"]),
        (View(subdir="addons", max_bytes=200), "E-VIEW-SIZE", ["225 bytes in 6 files, more than `max_size` 200"]),
    ],
)  # fmt: skip
def test_what_the_upstream_does_not_allow(store: ObjectStore, view: View, code: str, words: list[str]) -> None:
    with pytest.raises(SyncError) as caught:
        seen(store, build(store, UPSTREAM), view, "web")
    assert caught.value.code == code and caught.value.kept
    assert all(word in f"{caught.value.message}; {caught.value.hint}" for word in words), caught.value


def test_too_large_lists_the_largest_and_counts_copies_each(store: ObjectStore) -> None:
    files = {f"{number}.bin": "x" * 10 for number in range(3)} | {"big": "y" * 50, "a": "", "b": "", "c": ""}
    tree = build(store, files)
    assert seen(store, tree, View(max_bytes=80), "web") == tree
    with pytest.raises(RefusedError, match="80 bytes in 7 files") as caught:
        seen(store, tree, View(max_bytes=79), "web")
    assert caught.value.detail == (
        "50 bytes: big", "10 bytes: 0.bin", "10 bytes: 1.bin", "10 bytes: 2.bin", "0 bytes: a",
    )  # fmt: skip


def test_names_from_there_are_made_harmless_in_messages(store: ObjectStore) -> None:
    tree = build(store, {"addons\x1b[31m\n": "-> x", "x": "x"})
    for view in (View(symlinks=Symlinks.REFUSE), View(subdir="addons")):
        with pytest.raises(SyncError) as caught:
            seen(store, tree, view, "web")
        assert (caught.value.message + caught.value.hint).isprintable()


def test_submodules_weigh_nothing_and_are_no_links(store: ObjectStore) -> None:
    tree = build(store, {"sub": "@", "a": "a"})
    assert seen(store, tree, View(symlinks=Symlinks.REFUSE, max_bytes=1), "web") == tree


def test_a_whole_view_opens_nothing(store: ObjectStore, opened: list[str]) -> None:
    unknown = "f" * 40
    assert View().whole and seen(store, unknown, View(), "web") == unknown
    assert opened == []


def test_only_what_must_be_told_apart_is_opened(store: ObjectStore, opened: list[str]) -> None:
    tree = build(store, UPSTREAM)
    for view, count in [
        (View(subdir="addons"), 1),
        (View(subdir="addons/sale"), 2),
        (View(paths=("addons/**", "doc/**")), 1),
        (View(paths=("addons/sale*/**",)), 2),
        (View(exclude=("doc/img/**",)), 2),
        (View(paths=("addons/**",), exclude=("doc/**",)), 1),
        (View(paths=("addons/**",), exclude=("addons/*/static/description",)), 6),
        (View(paths=("doc/**",), exclude=("**/*.js",)), 3),
    ]:
        opened.clear()
        seen(store, tree, view, "web")
        assert len(set(opened) - {trees.empty_tree("sha1")}) == count, view


def test_a_tree_that_is_nowhere_is_not_taken_for_empty(store: ObjectStore) -> None:
    with pytest.raises(KeyError):
        seen(store, "f" * 40, View(exclude=("x",)), "web")
    lost = trees.edit(store, build(store, UPSTREAM), {"lost": Entry("f" * 40, FILE)})
    with pytest.raises(KeyError):
        seen(store, lost, View(max_bytes=1_000_000), "web")


def test_the_digest_tells_meaning_apart() -> None:
    assert View().digest == ""
    views = [
        View(subdir="a"), View(subdir="b"), View(paths=("a",)), View(exclude=("a",)), View(paths=("a", "b")),
        View(rename=(("a", "b"),)), View(rename=(("b", "a"),)), View(symlinks=Symlinks.SKIP),
        View(symlinks=Symlinks.REFUSE), View(max_bytes=1), View(subdir="a", max_bytes=1),
    ]  # fmt: skip
    assert len({view.digest for view in views}) == len(views) and not any(view.whole for view in views)
    assert View(subdir="a/", paths=("b", "a")).digest == View(subdir="a", paths=("a", "b", "a")).digest
    # It stands in lock files: a change of this value makes every repository look reconfigured.
    assert View(subdir="addons", exclude=("**/x",)).digest == "b4272838d83798cd"


# Any tree, any view: the rules read naively, on path -> entry.


def naive(files: dict[str, Entry], view: View, sizes: Mapping[str, int]) -> dict[str, Entry] | str:
    """What is left, or the code of the error."""
    if view.subdir:
        files = {
            key[len(view.subdir) + 1 :]: entry for key, entry in files.items() if key.startswith(f"{view.subdir}/")
        }
        if not files:
            return "E-VIEW-SUBDIR"
    if view.paths:
        files = {key: entry for key, entry in files.items() if globs.matches(key, view.paths)}
    files = {key: entry for key, entry in files.items() if not globs.matches(key, view.exclude)}
    if not files:
        return "E-VIEW-EMPTY"
    moved = {}
    for source, target in view.rename:
        below = {key: entry for key, entry in files.items() if key == source or key.startswith(f"{source}/")}
        if not below:
            return "E-VIEW-RENAME"
        moved.update({target + key[len(source) :]: (key, entry) for key, entry in below.items()})
    files = {key: entry for key, entry in files.items() if key not in {key for key, _ in moved.values()}}
    for _, target in view.rename:
        if any(f"{key}/".startswith(f"{target}/") or f"{target}/".startswith(f"{key}/") for key in files):
            return "E-VIEW-RENAME"
    files |= {key: entry for key, (_, entry) in moved.items()}
    links = [key for key, entry in files.items() if entry.mode == LINK]
    if view.symlinks is Symlinks.REFUSE and links:
        return "E-VIEW-LINK"
    if view.symlinks is Symlinks.SKIP:
        files = {key: entry for key, entry in files.items() if key not in links}
    if view.max_bytes and sum(sizes[entry.digest] for entry in files.values()) > view.max_bytes:
        return "E-VIEW-SIZE"
    return files or "E-VIEW-EMPTY"


def _unfolded(files: dict[str, str]) -> dict[str, str]:
    """Without those that would have to be a folder and a file at once."""
    return {key: text for key, text in files.items() if not any(other.startswith(f"{key}/") for other in files)}


TREES = st.dictionaries(KEY, st.sampled_from(["one", "two", "!x", "-> a"]), min_size=1, max_size=14).map(_unfolded)
PLACES = st.sampled_from(["new", "new/b", "neu", "a/neu", "a", "b/a"])
PAIR = st.tuples(KEY, PLACES)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, str], View]:
    """A tree and a view, most of them such that something is found."""
    files = draw(TREES)
    known = st.sampled_from(sorted(files))
    subdir = draw(st.one_of(st.just(""), st.just(""), st.just(""), known.map(lambda key: key.rpartition("/")[0]), KEY))
    inside = st.sampled_from(sorted(key.removeprefix(f"{subdir}/") for key in files))
    literal = inside.map(lambda key: re.sub(r"([\[\]])", r"\\\1", key))
    top = literal.map(lambda key: key.partition("/")[0] + "/**")
    glob = st.one_of(literal, top, literal.map(lambda key: "**/" + key.rpartition("/")[2]), GLOB)
    moved = st.tuples(inside, PLACES)
    view = View(
        subdir,
        tuple(draw(st.one_of(st.just([]), st.lists(glob, min_size=1, max_size=4)))),
        tuple(draw(st.one_of(st.just([]), st.lists(st.one_of(literal, GLOB), max_size=2)))),
        tuple(draw(st.one_of(st.just([]), st.lists(st.one_of(moved, moved, moved, PAIR), min_size=1, max_size=2)))),
        draw(st.sampled_from(Symlinks)),
        draw(st.sampled_from([0, 0, 5, 20])),
    )
    try:
        check_renames(view.rename)
    except BadAddress:
        view = View(view.subdir, view.paths, view.exclude, (), view.symlinks, view.max_bytes)
    return files, view


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(case=cases())
def test_a_view_is_what_the_rules_say_on_plain_lists(store: ObjectStore, case: tuple[dict[str, str], View]) -> None:
    files, view = case
    tree = build(store, files)
    entries = flat(store, tree)
    wanted = naive(entries, view, store.size_many(entry.digest for entry in entries.values()))
    try:
        found: dict[str, Entry] | str = flat(store, seen(store, tree, view, "web"))
    except (RemoteError, RefusedError) as error:
        found = error.code
    assert found == wanted
    if view.whole:
        assert seen(store, tree, view, "web") == tree


@pytest.mark.parametrize(
    ("glob", "why"),
    [
        ("", "empty"), ("/a", "relative"), ("~/a", "relative"), ("C:/a", "relative"), ("a/../b", "outside"),
        ("./a", "empty part"), ("a//b", "empty part"), ("a\\b", "backslash"), ("a\n", "control"), (".git/**", "git"),
        ("a/.GIT/x", "git"), ("!a/**", "exclude"), ("*.{png,jpg}", "braces"),
    ],
)  # fmt: skip
def test_globs_that_cannot_be_meant(glob: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why) as caught:
        check_glob(glob)
    assert caught.value.code == "E-CONFIG" and str(caught.value).isprintable()


def test_globs_and_paths_that_are_accepted() -> None:
    for text in (
        "a",
        "a/",
        "**",
        "**/static/description/**",
        ".github/*",
        "a b/é?.py",
        "[!a]*",
        ".gitignore",
        "{name}",
    ):
        check_glob(text)
    for text in ("addons", "addons/", "README.rst", ".gitignore", "a{b,c}"):
        check_inside(text)


@pytest.mark.parametrize("path", ["", "..", "a/..", "/etc", ".git", "a/.git/hooks", "a/./b", "a\x00", "a\\b"])
def test_paths_that_lead_elsewhere(path: str) -> None:
    with pytest.raises(BadAddress):
        check_inside(path)


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([("a", "a")], "itself"),
        ([("a", "b"), ("a/b", "c")], "a and a/b in `rename` overlap"),
        ([("a", "x"), ("b", "x")], "x and x in `rename` overlap"),
        ([("a", "x/y"), ("b", "x"), ("c", "x-y")], "x and x/y in `rename` overlap"),
        ([("a/", "x")], "slash"),
        ([("a", "../x")], "outside"),
    ],
)
def test_renames_that_contradict_each_other(pairs: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(BadAddress, match=why):
        check_renames(pairs)
    check_renames([("a", "b"), ("b", "a"), ("c", "c-d"), ("d", "c/x")])
