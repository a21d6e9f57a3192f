"""Submodules: left out, refused, or their exact content in their place; and nowhere a way into this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.upstream.vendoring import git

from directional_sync.errors import RefusedError, RemoteError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import FOLDER, Entry, Snapshot
from directional_sync.system.host import monotonic
from directional_sync.testing.faults import Fault
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Content, Upstream, empty
from directional_sync.upstream import referrals
from directional_sync.upstream.addresses import BadAddress
from directional_sync.upstream.cache import UpstreamCache
from directional_sync.upstream.remotes import Remotes
from directional_sync.upstream.submodules import Filled, Submodules, fill


def modules(*said: tuple[str, str]) -> bytes:
    """A `.gitmodules` that says of each path its URL."""
    return "".join(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, url in said).encode()


def tie(commit: str) -> Content:
    return ("160000", commit.encode())


class Site:
    """A host with repositories, and one way to fill the upstream `top`."""

    def __init__(self, folder: Path, root: Path, server: GitServer) -> None:
        self.folder, self.root, self.server = folder, root, server
        self.cache = root / ".git" / "cache"
        self.runs = 0
        self.retries = 0

    def make(self, name: str, files: Mapping[str, Content]) -> Upstream:
        upstream = empty(self.folder / f"{name}.git")
        upstream.commit(files)
        return upstream

    def fill(self, how: Submodules = Submodules.CONTENT, url: str = "") -> tuple[Filled, dict[str, Entry]]:
        """What `fill` answers, and all files of its tree."""
        self.runs += 1
        url = url or self.server.url("top")
        repository = Repository.open(self.root)
        remotes = Remotes(_environment(self.root), self.retries, monotonic() + 30)
        cache = UpstreamCache(self.cache, remotes, repository.hash_name)
        with ObjectStore(repository, self.root / ".git" / f"quarantine-{self.runs}") as store:
            try:
                (resolved,) = remotes.resolve(url, "18.0")
                fetched = cache.obtain(url, resolved)
                store.borrow(fetched.objects)
                filled = fill(cache, store, url, store.tree_of(resolved.commit), fetched.gitlinks, how)
                files = trees.flatten(store, Snapshot({"": Entry(filled.tree, FOLDER)})).entries
                store.publish([filled.tree], [])
            finally:
                remotes.close()
        assert "160000" not in {entry.mode for entry in files.values()}
        assert git(self.root, "fsck", "--no-dangling", "--connectivity-only", filled.tree) == ""
        return filled, {key.lstrip("/"): entry for key, entry in files.items()}

    def read(self, entry: Entry) -> str:
        return git(self.root, "cat-file", "blob", entry.digest)

    def folders(self) -> list[str]:
        return sorted(str(path.relative_to(self.cache)) for path in self.cache.rglob("*.git"))


def _environment(root: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(root.parent)}


@pytest.fixture
def site(tmp_path: Path, repository: Path) -> Iterator[Site]:
    (tmp_path / "host").mkdir()
    with GitServer(tmp_path / "host") as server:
        yield Site(tmp_path / "host", repository, server)


def _with_one(site: Site, url: str = "../lib.git") -> tuple[Upstream, Upstream]:
    lib = site.make("lib", {"lib.py": b"one\n", "bin/run": ("100755", b"#!/bin/sh\n")})
    top = site.make("top", {"README": b"top\n", "deps/lib": tie(lib.head()), ".gitmodules": modules(("deps/lib", url))})
    return lib, top


def test_P20_skip_leaves_them_out_and_says_so(site: Site) -> None:
    _with_one(site)
    filled, files = site.fill(Submodules.SKIP)
    assert sorted(files) == [".gitmodules", "README"]
    assert filled.notes == ("submodules are not taken along: deps/lib",)
    assert len(site.folders()) == 1


def test_P20_refuse_names_them(site: Site) -> None:
    _with_one(site)
    with pytest.raises(RefusedError, match="deps/lib") as caught:
        site.fill(Submodules.REFUSE)
    assert caught.value.code == "E-SUBMODULE"


@pytest.mark.parametrize("how", Submodules)
def test_an_upstream_without_submodules_stays_as_it_is(site: Site, how: Submodules) -> None:
    top = site.make("top", {"README": b"top\n"})
    assert site.fill(how)[0] == Filled(top.tree())


def test_P20_content_is_what_the_tied_in_commit_holds(site: Site) -> None:
    lib, _ = _with_one(site)
    tied = lib.head()
    lib.commit({"lib.py": b"newer, and not tied in\n"})
    filled, files = site.fill()
    assert sorted(files) == [".gitmodules", "README", "deps/lib/bin/run", "deps/lib/lib.py"]
    assert site.read(files["deps/lib/lib.py"]) == "one" and files["deps/lib/bin/run"].mode == "100755"
    assert git(site.root, "rev-parse", f"{filled.tree}:deps/lib") == lib.tree(tied)
    assert filled.notes == (f"submodules were taken along: deps/lib@{tied[:12]}",)
    assert filled.urls == (site.server.url("lib"),)


def test_P20_a_second_time_nothing_is_fetched(site: Site) -> None:
    _with_one(site)
    first, _ = site.fill()
    site.server.reset()
    assert site.fill()[0] == first
    assert site.server.count("lib") == 0


def test_P20_submodules_of_submodules(site: Site) -> None:
    deep = site.make("group/deep", {"deep.txt": b"deep\n"}) if (site.folder / "group").mkdir() is None else None
    assert deep is not None
    lib = site.make("lib", {"x/deep": tie(deep.head()), ".gitmodules": modules(("x/deep", "./../group/deep"))})
    site.make(
        "top",
        {
            "a/lib": tie(lib.head()),
            "b": tie(lib.head()),
            ".gitmodules": modules(("a/lib", site.server.url("lib")), ("b", "../lib.git/")),
        },
    )
    filled, files = site.fill()
    assert {"a/lib/x/deep/deep.txt", "b/x/deep/deep.txt"} < set(files)
    assert len(filled.notes[0].split(",")) == 4


def test_P20_the_same_repository_at_two_commits(site: Site) -> None:
    lib = site.make("lib", {"v": b"1\n"})
    first = lib.head()
    second = lib.commit({"v": b"2\n"})
    site.make(
        "top",
        {"old": tie(first), "new": tie(second), ".gitmodules": modules(("old", "../lib"), ("new", "../lib"))},
    )
    _, files = site.fill()
    assert (site.read(files["old/v"]), site.read(files["new/v"])) == ("1", "2")
    site.server.reset()
    site.fill()
    assert site.server.count("lib") == 0


def test_P20_a_submodule_that_is_gone_later_takes_its_folder_and_its_cache_along(site: Site) -> None:
    _, top = _with_one(site)
    site.fill()
    assert len(site.folders()) == 2
    top.commit({"deps/lib": None, ".gitmodules": None})
    assert sorted(site.fill()[1]) == ["README"]
    assert len(site.folders()) == 1


def test_the_cache_of_an_upstream_takes_those_of_its_submodules_along(site: Site) -> None:
    _with_one(site)
    site.fill()
    cache = UpstreamCache(site.cache, Remotes({}, 0, monotonic()), "sha1")
    cache.forget_others([site.server.url("top")])
    assert len(site.folders()) == 2
    cache.forget_others([])
    assert list(site.cache.iterdir()) == []


def test_P20_a_submodule_that_moved_is_fetched_as_a_difference(site: Site) -> None:
    lib, top = _with_one(site)
    site.fill()
    top.commit({"deps/lib": tie(lib.commit({"lib.py": b"two\n"}))})
    _, files = site.fill()
    assert site.read(files["deps/lib/lib.py"]) == "two"
    assert len(site.folders()) == 2
    packs = list(site.cache.glob("*.inside/*/*.git/objects/pack/*.pack"))
    assert len(packs) == 2, "the second brought what is new only"


def test_an_empty_submodule_leaves_no_folder(site: Site) -> None:
    lib = empty(site.folder / "lib.git")
    commit = lib.commit_tree(lib.write("tree", b""))
    site.make("top", {"README": b"x", "lib": tie(commit), ".gitmodules": modules(("lib", "../lib"))})
    assert sorted(site.fill()[1]) == [".gitmodules", "README"]


# What cannot be had


def _code(site: Site, url: str = "") -> SyncError:
    with pytest.raises(SyncError) as caught:
        site.fill(url=url)
    assert caught.value.kept and caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        modules(("other", "../lib")),
        b'[submodule "x"]\n\tpath = deps/lib\n',
        modules(("deps/lib", "../lib")) + b'[submodule "again"]\n\tpath = deps/lib\n\turl = ../other\n',
    ],
    ids=["empty", "of another path", "without a URL", "two URLs"],
)
def test_a_tie_without_a_clear_entry_is_an_error(site: Site, text: bytes) -> None:
    _, top = _with_one(site)
    top.commit({".gitmodules": text})
    assert _code(site).code == "E-SUBMODULE-ENTRY"


def test_a_tie_without_gitmodules_is_an_error(site: Site) -> None:
    _, top = _with_one(site)
    top.commit({".gitmodules": None})
    assert _code(site).code == "E-SUBMODULE-ENTRY"


def test_a_submodule_that_is_gone_is_an_error_of_the_upstream(site: Site) -> None:
    _with_one(site)
    site.server.fault("lib", Fault(status=404))
    error = _code(site)
    assert error.code == "E-SUBMODULE-UNOBTAINABLE" and "E-UPSTREAM-GONE" in error.message
    assert "deps/lib" in error.message and not error.retryable
    site.server.clear()
    site.fill()


def test_a_submodule_that_asks_for_a_login_says_so_by_its_exit_status(site: Site) -> None:
    _with_one(site)
    site.server.fault("lib", Fault(user_password="a:b"))
    error = _code(site)
    assert (error.code, int(error.exit)) == ("E-SUBMODULE-UNOBTAINABLE", 4)


def test_a_hiccup_is_tried_again(site: Site) -> None:
    _with_one(site)
    site.retries = 2
    site.server.fault("lib", Fault(status=503, times=1))
    assert "deps/lib/lib.py" in site.fill()[1]


def test_a_commit_that_is_gone_is_told_apart_from_a_host_that_hands_out_tips_only(site: Site) -> None:
    lib, top = _with_one(site)
    lib.commit({"lib.py": b"newer\n"})
    site.server.fault("lib", Fault(old_protocol=True, tips_only=True))
    error = _code(site)
    assert error.code == "E-SUBMODULE-COMMIT" and "tips of branches and tags only" in error.message
    site.server.clear()
    top.commit({"deps/lib": tie("1" * 40)})
    error = _code(site)
    assert isinstance(error, RemoteError)
    assert error.code == "E-SUBMODULE-COMMIT" and "not there" in error.message


def test_a_tie_to_something_else_than_a_commit_is_an_error(site: Site) -> None:
    lib, top = _with_one(site)
    blob = lib.git("rev-parse", "18.0:lib.py")
    top.commit({"deps/lib": tie(blob)})
    error = _code(site)
    assert error.code in ("E-SUBMODULE-COMMIT", "E-SUBMODULE-UNOBTAINABLE") and "deps/lib" in error.message


def test_submodules_that_lead_back_are_refused(site: Site) -> None:
    lib, top = _with_one(site)
    lib.commit({"top": tie(top.head()), ".gitmodules": modules(("top", "../top"))})
    top.commit({"deps/lib": tie(lib.head())})
    error = _code(site)
    assert error.code == "E-SUBMODULE-LIMIT" and "leads back" in error.message


def test_submodules_deeper_than_the_limit_are_refused(site: Site) -> None:
    below = site.make("level0", {"x": b"y"})
    for number in range(1, 7):
        name = "top" if number == 6 else f"level{number}"
        below = site.make(name, {"s": tie(below.head()), ".gitmodules": modules(("s", f"../level{number - 1}"))})
    error = _code(site)
    assert error.code == "E-SUBMODULE-LIMIT" and "s/s/s/s/s/s" in error.message
    site.fill(url=site.server.url("level5"))


def test_more_submodules_than_the_limit_are_refused_before_any_is_fetched(site: Site) -> None:
    lib = site.make("lib", {"x": b"y"})
    paths = [f"s{number}" for number in range(201)]
    ties = {path: tie(lib.head()) for path in paths}
    site.make("top", {**ties, ".gitmodules": modules(*((path, "../lib") for path in paths))})
    assert _code(site).code == "E-SUBMODULE-LIMIT"
    assert site.server.count("lib") == 0


# T05: places where nobody may be sent


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c touch% /tmp/pwned", "file:///etc", "/etc", "-uhttps://x", "https://me:pw@example.org/x", "x/y",
     "../../x", "fd::17", "https://example.org/a\\rb", "../../../../x"],
)  # fmt: skip
def test_T05_a_hostile_url_is_refused_and_nothing_is_asked(site: Site, url: str) -> None:
    _, top = _with_one(site)
    blob = modules(("deps/lib", url.replace("\\r", "\r")))
    try:
        top.commit({".gitmodules": blob})
        error = _code(site)
    finally:
        assert site.server.count("lib") == 0
    assert error.code in ("E-SUBMODULE-URL", "E-UPSTREAM-FSCK", "E-SUBMODULE-ENTRY")
    assert "pw@" not in error.message and "\r" not in error.message


def test_T05_settings_other_than_path_and_url_do_nothing(site: Site, tmp_path: Path) -> None:
    _, top = _with_one(site)
    trap = tmp_path / "trap"
    extra = (
        f'[include]\n\tpath = {trap}\n[core]\n\tsshCommand = touch {trap}\n[submodule "deps/lib"]\n\tupdate = merge\n'
    )
    top.commit({".gitmodules": modules(("deps/lib", "../lib")) + extra.encode()})
    assert "deps/lib/lib.py" in site.fill()[1]
    assert not trap.exists()


def test_a_file_upstream_may_have_its_submodules_beside_it(site: Site) -> None:
    _with_one(site)
    assert "deps/lib/lib.py" in site.fill(url=f"file://{site.folder}/top.git")[1]


HTTPS, SSH, SCP, LOCAL = "https://host/a/b.git", "ssh://git@host/a/b.git", "git@host:a/b.git", "/srv/a/b.git"
ALLOWED = [
    (HTTPS, "https://other/x", "https://other/x"),
    (HTTPS, "../c.git", "https://host/a/c.git"),
    (HTTPS, "./../c.git/", "https://host/a/c.git"),
    (HTTPS, "../../c", "https://host/c"),
    (HTTPS + "/", "../c", "https://host/a/c"),
    (HTTPS, "git@other:x/y.git", "git@other:x/y.git"),
    (SSH, "../c", "ssh://git@host/a/c"),
    (SCP, "../c", "git@host:a/c"),
    (SCP, "../../c", "git@host:c"),
    ("git@host:/srv/a/b", "../c", "git@host:/srv/a/c"),
    ("git@[::2]:a/b", "../c", "git@[::2]:a/c"),
    (LOCAL, "../c", "/srv/a/c"),
    ("file:///srv/a/b", "../c", "file:///srv/a/c"),
    (LOCAL, "file:///srv/x", "file:///srv/x"),
    (LOCAL, "https://host/x", "https://host/x"),
    ("http://localhost:3000/a/b", "http://127.0.0.1:3001/x", "http://127.0.0.1:3001/x"),
]


@pytest.mark.parametrize(("sender", "named", "url"), ALLOWED)
def test_a_relative_url_is_read_as_git_reads_it(tmp_path: Path, sender: str, named: str, url: str) -> None:
    assert referrals.repository(sender, named) == url
    if named.startswith("."):
        (tmp_path / ".gitmodules").write_bytes(modules(("s", named)))
        git(tmp_path, "init", "-q")
        git(tmp_path, "remote", "add", "origin", sender)
        git(tmp_path, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},s")
        git(tmp_path, "submodule", "init")
        assert git(tmp_path, "config", "submodule.s.url") == url


@pytest.mark.parametrize(
    ("sender", "named"),
    [
        (HTTPS, "../../../c"), (SCP, "../../../c"), (LOCAL, "../../../../c"), (HTTPS, "../c/../../d"), (HTTPS, ".."),
        (HTTPS, "http://localhost/x"), (HTTPS, "http://LOCALHOST./x"), (HTTPS, "http://127.0.0.1:8080/x"),
        (HTTPS, "http://127.1/x"), (HTTPS, "http://2130706433/x"), (HTTPS, "http://0x7f000001/x"),
        (HTTPS, "http://[::1]/x"), (HTTPS, "http://[::ffff:127.0.0.1]/x"), (HTTPS, "http://0.0.0.0/x"),
        (HTTPS, "http://169.254.169.254/latest"), (HTTPS, "ssh://git@localhost/x"), (HTTPS, "git@127.0.0.1:x"),
        (HTTPS, "git://a.localhost/x"), (SSH, "file:///x"), (SCP, "/x"), (HTTPS, "file:///x"), (HTTPS, ""),
        (HTTPS, "https://h/x?y"), (HTTPS, "https://u@h/x"), (HTTPS, "git@[::1]:x"),
    ],
)  # fmt: skip
def test_T05_nobody_is_sent_out_of_the_host_or_into_this_machine(sender: str, named: str) -> None:
    with pytest.raises(BadAddress):
        referrals.repository(sender, named)


def test_links_for_downloads() -> None:
    for sender, link in [
        (HTTPS, "https://store.example.org/a?sig=b"), ("http://127.0.0.1:1/a", "http://localhost:2/a"),
        ("http://host/a", "http://host/b"), ("http://host/a", "https://other/b"),
    ]:  # fmt: skip
        assert referrals.download(sender, link) == link
    for sender, link in [
        (HTTPS, "http://host/a"), (HTTPS, "file:///etc/passwd"), (HTTPS, "https://u:p@host/a"), (HTTPS, "//host/a"),
        (HTTPS, "https://localhost/a"), (HTTPS, "https://host/a b"), (HTTPS, "https://host:x/a"), (HTTPS, "https:///a"),
        (HTTPS, "https://host/\r\nX: y"), (HTTPS, "https://[::1/a"), (HTTPS, "/a"),
    ]:  # fmt: skip
        with pytest.raises(BadAddress):
            referrals.download(sender, link)
