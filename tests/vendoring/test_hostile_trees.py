"""Trees that would do harm where they are checked out: refused with every name, before anything is written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

import pytest
from tests.vendoring.vendored import Dsync, Vendored, told

from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.upstreams import Content, Upstream, tree_bytes

Plant = Callable[[Upstream], object]


def _raw(*path: str) -> Plant:
    """A file at a path that no honest git would write: its parts as they are, even with slashes or dots in them."""

    def plant(upstream: Upstream) -> None:
        mode, digest = "100644", upstream.write("blob", b"#!/bin/sh\nevil\n")
        for part in reversed(path):
            digest = upstream.write("tree", tree_bytes([(mode, part.encode("utf-8", "surrogateescape"), digest)]))
            mode = "40000"
        upstream.commit_tree(digest)

    return plant


def _put(changes: dict[str, Content]) -> Plant:
    return lambda upstream: upstream.commit(changes)


def _modules(name: str, url: str) -> Plant:
    return _put({".gitmodules": f'[submodule "{name}"]\n\tpath = x\n\turl = {url}\n'.encode()})


def _link(target: str, at: str = "doc/link") -> Plant:
    return lambda upstream: upstream.commit({at: ("120000", target.encode())})


def _through(upstream: Upstream) -> None:
    """`a` is a link, and `A/x` a file that would be written through it where case does not count."""
    upstream.commit({"a": ("120000", b"doc"), "A/x": b"evil\n"})


CASES: dict[str, tuple[Plant, tuple[str, ...], tuple[str, ...]]] = {
    # P23
    "files that differ in case": (
        _put({"doc/Case": b"1", "doc/case": b"2"}),
        ("E-NAME-COLLISION",),
        ("doc/Case", "doc/case"),
    ),
    "folders that differ in case": (_put({"Doc/guide.md": b"1"}), ("E-NAME-COLLISION",), ("Doc", "doc")),
    "accents in two encodings": (_put({"caf\u00e9": b"1", "cafe\u0301": b"2"}), ("E-NAME-COLLISION",), ("caf",)),
    # P24
    "absolute link": (_link("/etc/passwd"), ("E-LINK-ABSOLUTE",), ("doc/link", "/etc/passwd")),
    "link out of the folder": (_link("../../crm/README.md"), ("E-LINK-ESCAPES",), ("doc/link",)),
    "link out of the repository": (_link("../../../../x"), ("E-LINK-ESCAPES",), ("doc/link",)),
    "link into git's folder": (_link("../.git/config"), ("E-LINK-GIT", "E-LINK-ESCAPES"), ("doc/link",)),
    "link to nothing at all": (_link(" \n"), ("E-LINK-TARGET", "E-LINK-"), ("doc/link",)),
    "link and a file through it": (_through, ("E-LINK-THROUGH", "E-NAME-COLLISION"), ("A/x",)),
    "link in the place of .gitattributes": (
        _link("README.md", ".gitattributes"),
        ("E-LINK-GIT", "E-UPSTREAM-FSCK"),
        (".gitattributes",),
    ),
    # P25
    "git's folder": (_raw(".git", "hooks", "post-checkout"), ("E-UPSTREAM-FSCK",), ("hasDotgit",)),
    "git's folder in capitals": (_raw("x", ".GIT", "config"), ("E-UPSTREAM-FSCK", "E-NAME-GIT"), ()),
    "git's short name": (_raw("git~1", "config"), ("E-UPSTREAM-FSCK", "E-NAME-GIT"), ()),
    "git's name with a dot": (_raw(".git.", "config"), ("E-UPSTREAM-FSCK", "E-NAME-GIT"), ()),
    "git's name with something unseen": (_raw(".g\u200cit", "config"), ("E-UPSTREAM-FSCK", "E-NAME-GIT"), ()),
    "two dots": (_raw("..", "x"), ("E-UPSTREAM-FSCK",), ("hasDotdot",)),
    "slash in a name": (_raw("../../x"), ("E-UPSTREAM-FSCK",), ("fullPathname",)),
    "backslash": (_raw("a\\..\\..\\x"), ("E-NAME-BACKSLASH",), ()),
    "line end in a name": (_raw("a\nb"), ("E-NAME-CONTROL",), ()),
    "long name": (_put({"x" * 300: b""}), ("E-NAME-LONG",), ()),
    "long path": (_put({"/".join(["x" * 200] * 25): b""}), ("E-NAME-LONG", "E-UPSTREAM-FSCK"), ()),
    "option as a submodule's address": (
        _modules("x", "--upload-pack=touch /tmp/x"),
        ("E-UPSTREAM-FSCK",),
        ("gitmodulesUrl",),
    ),
    "submodule's name that climbs": (
        _modules("../../x", "https://h.test/x"),
        ("E-UPSTREAM-FSCK",),
        ("gitmodulesName",),
    ),
}
"""What is planted, the codes of which one is told, and the words that must be told too."""


@pytest.mark.parametrize("what", CASES)
def test_P23_P24_P25_harm_is_refused_before_anything_is_written(
    small: Vendored, web: Upstream, dsync: Dsync, what: str
) -> None:
    plant, codes, words = CASES[what]
    small.sync()
    before = (small.project.head, small.stamps())
    plant(web)
    for command in ("plan", "run"):
        said = dsync(command, "--show=all")
        assert said.status in (1, 6) and any(code in said.text for code in codes), said
        assert all(word in said.text for word in words), said
        assert "\x1b" not in said.out and "a\nb" not in said.out
    assert (small.project.head, small.stamps()) == before and small.project.clean()
    assert not (small.project.root / ".git/hooks/post-checkout").exists()


@pytest.mark.parametrize("what", ["files that differ in case", "absolute link", "git's folder"])
def test_P23_P24_P25_harm_on_the_first_sync_leaves_nothing(small: Vendored, web: Upstream, what: str) -> None:
    CASES[what][0](web)
    small.configure(names=["web"])
    record = small.try_()
    assert record.outcome is Outcome.REFUSED and any(code in told(record) for code in CASES[what][1])
    assert not (small.project.root / "vendor").exists()
    assert "sync.lock" not in small.project.files()


def test_P24_links_that_stay_inside_come_along(small: Vendored, web: Upstream) -> None:
    links = {"doc/link": b"guide.md", "doc/up": b"../README.md", "folder": b"sale_a", "dangling": b"doc/later.md"}
    web.commit({path: ("120000", target) for path, target in links.items()})
    small.sync()
    for path, target in links.items():
        assert os.readlink(small.project.root / "vendor/web" / path) == target.decode()  # noqa: PTH115
    small.rest()


def test_P24_a_cycle_of_links_is_no_trap(small: Vendored, web: Upstream) -> None:
    web.commit({"doc/a": ("120000", b"b"), "doc/b": ("120000", b"a")})
    record = small.try_()
    if record.success:
        small.rest()
    else:
        assert "E-LINK-" in told(record) and not (small.project.root / "vendor").exists()


def test_P24_a_file_becomes_a_link_and_a_folder_a_file(small: Vendored, web: Upstream) -> None:
    small.sync()
    web.commit({"doc": None, "README.md": None})
    web.commit({"doc": b"a file now\n", "README.md": ("120000", b"LICENSE")})
    small.sync()
    root = small.project.root / "vendor/web"
    assert (root / "doc").read_text() == "a file now\n" and (root / "README.md").readlink().name == "LICENSE"
    small.rest()


@pytest.mark.parametrize("umask", [0o077, 0o000, 0o022])
def test_P26_modes_are_the_upstreams_whatever_the_umask(small: Vendored, web: Upstream, umask: int) -> None:
    old = os.umask(umask)
    try:
        small.sync()
    finally:
        os.umask(old)
    assert small.tree("web") == web.tree()
    script, plain = (small.project.root / "vendor/web/sale_a" / name for name in ("run.sh", "__init__.py"))
    assert stat.S_IMODE(script.stat().st_mode) == 0o777 & ~umask
    assert stat.S_IMODE(plain.stat().st_mode) == 0o666 & ~umask
    assert small.project.clean()
    small.rest()


def test_P26_a_mode_that_changes_upstream_changes_here(small: Vendored, web: Upstream) -> None:
    small.sync()
    web.commit({"sale_a/run.sh": b"#!/bin/sh\nexit 0\n", "README.md": ("100755", b"# Modules\n")})
    record = small.sync()
    assert record.counts.changed == 2
    modes = small.project.git("ls-tree", "-r", "HEAD", "vendor/web/README.md", "vendor/web/sale_a/run.sh").splitlines()
    assert [line.split()[0] for line in modes] == ["100755", "100644"]
    assert os.access(small.project.root / "vendor/web/README.md", os.X_OK)
    small.rest()


def test_P29_a_file_over_the_limit_stops_with_a_list(small: Vendored, web: Upstream, dsync: Dsync) -> None:
    small.sync()
    text = (small.project.root / "sync.yaml").read_text()
    small.project.write("sync.yaml", f"{text}safety: {{max_file_bytes: 2000}}\n")
    small.project.commit("Limit")
    web.commit({"big.bin": b"x" * 2_001, "bigger.bin": b"x" * 3_000, "fits.bin": b"x" * 2_000})
    before = small.project.head
    said = dsync("run")
    assert said.status == 6 and "E-SIZE" in said.text, said
    assert "big.bin" in said.text and "bigger.bin" in said.text and "fits.bin" not in said.text
    assert small.project.head == before and small.project.clean()
