"""F79: submodules, LFS and nested repositories: never a hole, never a pointer where content was asked for."""

from __future__ import annotations

import pytest
from tests.vendoring.conftest import FILES
from tests.vendoring.vendored import Vendored, told

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.lfs_server import LfsFault, LfsStore
from directional_sync.testing.upstreams import Content, Upstream


def tied(small: Vendored, url: str = "../lib.git") -> Upstream:
    """Ties the upstream `lib` into `web` at `deps/lib`."""
    lib = small.add("lib", {"lib.py": b"one\n", "bin/run": ("100755", b"#!/bin/sh\n")})
    del small.upstreams["lib"]  # it is not vendored by itself
    tie(small.upstreams["web"], lib, url)
    return lib


def tie(web: Upstream, lib: Upstream, url: str = "../lib.git") -> None:
    said = f'[submodule "deps/lib"]\n\tpath = deps/lib\n\turl = {url}\n'.encode()
    web.commit({"deps/lib": ("160000", lib.head().encode()), ".gitmodules": said})


def modes(small: Vendored) -> set[str]:
    return {line.split()[0] for line in small.project.git("ls-tree", "-r", "HEAD").splitlines()}


def test_P20_submodules_are_left_out_with_a_note(small: Vendored) -> None:
    tied(small)
    small.configure()
    record = small.sync()
    assert "web: submodules are not taken along: deps/lib" in told(record)
    assert not [path for path in small.files("web") if path.startswith("deps")]
    assert modes(small) == {"100644", "100755"} and small.project.clean()
    small.rest()


@pytest.mark.parametrize("address", ["relative", "absolute"])
def test_P20_content_comes_along_follows_and_goes(small: Vendored, web: Upstream, address: str) -> None:
    url = "../lib.git" if address == "relative" else small.server.url("lib")
    lib = tied(small, url)
    small.configure(repositories={"web": {"submodules": "content"}})
    small.sync()
    assert {path for path in small.files("web") if path.startswith("deps")} == {"deps/lib/lib.py", "deps/lib/bin/run"}
    assert modes(small) == {"100644", "100755"}
    assert not list((small.project.root / "vendor").rglob(".git"))
    small.rest()
    lib.commit({"lib.py": b"two\n"})
    small.rest()  # not tied in yet
    tie(web, lib, url)
    small.sync()
    assert small.files("web")["deps/lib/lib.py"] == "two"
    web.commit({"deps/lib": None, ".gitmodules": None})
    small.sync()
    assert set(small.files("web")) == {*FILES, "NAME"} and not (small.project.root / "vendor/web/deps").exists()
    small.rest()


def test_P20_content_that_cannot_be_had_leaves_that_upstream_as_it_was(small: Vendored, web: Upstream) -> None:
    small.configure(submodules="content")
    small.sync()
    before = small.tree("web")
    lib = tied(small)
    lib.path.rename(lib.path.with_name("away"))
    small.first.commit({"README.md": b"newer\n"})
    record = small.try_()
    assert record.outcome is Outcome.FAILED and "lib" in told(record), told(record)
    assert small.tree("web") == before and small.files("crm")["README.md"] == "newer"


def test_P20_refuse_names_them_and_a_change_of_mind_is_a_change(small: Vendored) -> None:
    tied(small)
    small.configure(repositories={"web": {"submodules": "refuse"}})
    record = small.try_()
    assert "E-SUBMODULE" in told(record) and "deps/lib" in told(record) and set(small.lock()) == {"crm"}
    small.configure(repositories={"web": {"submodules": "content"}})
    small.sync()
    assert "deps/lib/lib.py" in small.files("web") and small.lock()["web"]["recipe"] == "submodules:content"
    small.configure(repositories={"web": {"submodules": "skip"}})
    assert small.status().rows[0].why.configured == ("web",)
    small.sync()
    assert "deps/lib/lib.py" not in small.files("web")


def test_P21_no_commit_of_another_repository_is_ever_committed(small: Vendored, web: Upstream) -> None:
    """A tie without `.gitmodules`, as `git add` of a nested clone makes it."""
    web.commit({"nested": ("160000", b"1" * 40)})
    small.sync()
    assert modes(small) == {"100644", "100755"} and not (small.project.root / "vendor/web/nested").exists()
    small.rest()


def test_P15_P21_a_clone_inside_the_vendored_folder_is_left_alone(small: Vendored, web: Upstream) -> None:
    small.sync()
    nested = small.project.root / "vendor/web/mine"
    small.project.git("init", "-q", str(nested))
    small.project.git("-C", str(nested), "commit", "-q", "--allow-empty", "-m", "only here")
    commit = small.project.git("-C", str(nested), "rev-parse", "HEAD")
    web.commit({"README.md": b"newer\n"})
    small.sync()
    assert small.files("web")["README.md"] == "newer"
    assert small.project.git("-C", str(nested), "rev-parse", "HEAD") == commit
    assert modes(small) == {"100644", "100755"}


# LFS

ATTRIBUTES: dict[str, Content] = {".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n"}


@pytest.fixture
def store(server: GitServer) -> LfsStore:
    assert server.lfs is not None
    return server.lfs


@pytest.fixture
def pointed(small: Vendored, web: Upstream, store: LfsStore) -> Vendored:
    web.commit({**ATTRIBUTES, "data/a.bin": store.put(b"the content\n")})
    return small


def test_P22_pointers_stay_pointers_with_a_note(pointed: Vendored, web: Upstream) -> None:
    record = pointed.sync()
    assert "LFS" in told(record) and "web" in told(record), told(record)
    assert pointed.files("web")["data/a.bin"].startswith("version https://git-lfs")
    assert pointed.tree("web") == web.tree()
    pointed.rest()


def test_P22_fetch_takes_the_content_and_follows_it(pointed: Vendored, web: Upstream, store: LfsStore) -> None:
    pointed.sync()
    pointed.configure(repositories={"web": {"lfs": "fetch"}})
    pointed.sync()
    assert pointed.files("web")["data/a.bin"] == "the content" and pointed.lock()["web"]["recipe"] == "lfs:fetch"
    assert pointed.project.clean(), "no filter of the upstream turns it into something else here"
    store.reset()
    pointed.rest()
    assert not store.asked
    web.commit({"data/a.bin": store.put(b"newer\n"), "README.md": b"newer\n"})
    pointed.sync()
    assert pointed.files("web")["data/a.bin"] == "newer"
    pointed.rest()


@pytest.mark.parametrize("fault", [LfsFault(status=503), LfsFault(status=404), LfsFault(status=401)])
def test_P22_content_that_cannot_be_had_is_an_error_and_never_a_pointer(
    pointed: Vendored, web: Upstream, store: LfsStore, fault: LfsFault
) -> None:
    pointed.configure(lfs="fetch")
    pointed.sync()
    before = pointed.tree("web")
    web.commit({"data/b.bin": store.put(b"more\n")})
    pointed.first.commit({"README.md": b"newer\n"})
    store.fault = fault
    record = pointed.try_()
    assert not record.success and "E-LFS" in told(record), told(record)
    assert pointed.tree("web") == before and pointed.files("crm")["README.md"] == "newer"
    store.fault = LfsFault()
    pointed.sync()
    assert pointed.files("web")["data/b.bin"] == "more"


def test_P22_refuse_names_the_files(pointed: Vendored) -> None:
    pointed.configure(lfs="refuse")
    record = pointed.try_()
    assert "E-LFS" in told(record) and "data/a.bin" in told(record) and set(pointed.lock()) == {"crm"}
