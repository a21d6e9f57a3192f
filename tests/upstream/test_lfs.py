"""Git LFS: pointers are told from other files, and where content is asked for, it is that content or an error."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.upstream.vendoring import git

from directional_sync.errors import RefusedError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore, hash_object
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import FOLDER, Entry, Snapshot
from directional_sync.system.host import monotonic
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.lfs_server import TOKEN, LfsFault, LfsStore, pointer_text
from directional_sync.testing.upstreams import Content, Upstream, empty
from directional_sync.upstream.cache import UpstreamCache
from directional_sync.upstream.lfs import Lfs, Pointer, pointer, smudge
from directional_sync.upstream.remotes import Remotes

ATTRIBUTES = {".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n"}
OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"


class Site:
    """An upstream `top` with its LFS store, and one way to smudge it."""

    def __init__(self, root: Path, upstream: Upstream, store: LfsStore, server: GitServer) -> None:
        self.root, self.upstream, self.store, self.server = root, upstream, store, server
        self.cache = root / ".git" / "cache"
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(root.parent)}
        self.retries = self.runs = 0

    def smudge(
        self,
        how: Lfs = Lfs.FETCH,
        *,
        url: str = "",
        unchanged: str = "",
        size_bytes_max: int = 0,
        also: Sequence[str] = (),
    ) -> tuple[str, tuple[str, ...]]:
        """What `smudge` answers; its tree is in the repository then."""
        self.runs += 1
        url = url or self.server.url("top")
        repository = Repository.open(self.root)
        remotes = Remotes(self.environment, self.retries, monotonic() + 30)
        cache = UpstreamCache(self.cache, remotes, repository.hash_name)
        with ObjectStore(repository, self.root / ".git" / f"quarantine-{self.runs}") as store:
            try:
                store.borrow(self.upstream.path / "objects")
                folder, tree = cache.beside(url, "lfs"), self.upstream.tree()
                new, notes = smudge(
                    store,
                    remotes,
                    folder,
                    url,
                    tree,
                    how,
                    also=also,
                    unchanged=unchanged,
                    size_bytes_max=size_bytes_max,
                )
                store.publish([new], [])
            finally:
                remotes.close()
        assert not list(self.cache.rglob("*.part"))
        return new, notes

    def files(self, tree: str) -> dict[str, Entry]:
        repository = Repository.open(self.root)
        with ObjectStore(repository, self.root / ".git" / "quarantine-files") as store:
            found = trees.flatten(store, Snapshot({"": Entry(tree, FOLDER)})).entries
        return {key.lstrip("/"): entry for key, entry in found.items()}

    def read(self, tree: str, path: str) -> bytes:
        return git(self.root, "cat-file", "blob", f"{tree}:{path}").encode()

    def error(self, **what: object) -> SyncError:
        with pytest.raises(SyncError) as caught:
            self.smudge(**what)  # type: ignore[arg-type]
        assert caught.value.kept and caught.value.hint
        assert TOKEN not in f"{caught.value!r} {caught.value.detail}"
        return caught.value

    def kept(self) -> list[str]:
        return sorted(path.name for path in self.cache.glob("*.lfs/*"))


@pytest.fixture
def site(tmp_path: Path, repository: Path) -> Iterator[Site]:
    store = LfsStore(tmp_path / "content")
    upstream = empty(tmp_path / "host" / "top.git")
    with GitServer(tmp_path / "host", lfs=store) as server:
        yield Site(repository, upstream, store, server)


def _commit(site: Site, content: bytes = b"the content", **others: bytes) -> str:
    """Commits one pointer and other files; answers the object id of the content."""
    files: dict[str, Content] = {**ATTRIBUTES, "data/a.bin": site.store.put(content), "README": b"top\n", **others}
    site.upstream.commit(files)
    return hashlib.sha256(content).hexdigest()


# What a pointer is

GOOD = pointer_text(OID, 12345)
EXTENDED = GOOD.replace(b"oid", b"ext-0-foo sha256:" + b"1" * 64 + b"\noid", 1)
READ: dict[str, tuple[bytes, bool]] = {
    "as git-lfs writes it": (GOOD, True),
    "without the last line end": (GOOD[:-1], True),
    "with Windows' line ends": (GOOD.replace(b"\n", b"\r\n"), True),
    "with blank lines at the end": (GOOD + b"\n\n", True),
    "with blank lines before and between": (b"\n" + GOOD.replace(b"\n", b"\n\n"), True),
    "of the first versions": (GOOD.replace(b"https://git-lfs.github.com/spec/v1", b"http://git-media.io/v/2"), True),
    "of an old version": (GOOD.replace(b"git-lfs.github", b"hawser.github"), True),
    "with an extension": (EXTENDED, True),
    "of a version to come": (GOOD.replace(b"spec/v1", b"spec/v2"), False),
    "without a size": (GOOD[: GOOD.index(b"size")], False),
    "with a negative size": (GOOD.replace(b"size ", b"size -"), False),
    "with an id too short": (GOOD.replace(OID.encode(), OID[:-1].encode()), False),
    "with another hash": (GOOD.replace(b"sha256:", b"sha1:"), False),
    "in another order": (b"version https://git-lfs.github.com/spec/v1\nsize 1\noid sha256:" + OID.encode(), False),
    "with a line too many": (GOOD + b"x y\n", False),
    "with text before it": (b"x\n" + GOOD, False),
    "with a merge conflict in it": (GOOD.replace(b"oid", b"<<<<<<< HEAD\noid", 1), False),
    "too long": (GOOD + b"\n" * 1000, False),
    "empty": (b"", False),
    "not text": (b"\xff" * 130, False),
}


@pytest.mark.parametrize("kind", READ)
def test_P22_pointers_are_read_as_git_lfs_reads_them(kind: str) -> None:
    content, good = READ[kind]
    assert pointer(content) == (Pointer(OID, 12345, kind == "with an extension") if good else None)


# The three ways


def test_P22_pointers_stay_with_a_note(site: Site) -> None:
    _commit(site)
    tree, notes = site.smudge(Lfs.POINTERS)
    assert tree == site.upstream.tree()
    assert notes == ("these are Git LFS pointers, without their content: data/a.bin",)
    assert site.store.asked == () and site.kept() == []


def test_P22_pointers_are_refused_by_name(site: Site) -> None:
    _commit(site)
    error = site.error(how=Lfs.REFUSE)
    assert error.code == "E-LFS-REFUSED" and "data/a.bin" in error.message


@pytest.mark.parametrize("how", Lfs)
def test_an_upstream_without_pointers_stays_as_it_is(site: Site, how: Lfs) -> None:
    site.upstream.commit({**ATTRIBUTES, "README": b"x" * 500, "no.bin": b"version https://other.example.org\n" * 9})
    assert site.smudge(how) == (site.upstream.tree(), ())
    assert site.store.asked == ()


def test_P22_content_takes_the_place_of_its_pointers(site: Site) -> None:
    big = os.urandom(40_000)
    pointers = {"x/tool.bin": ("100755", site.store.put(big)), "x/again.bin": site.store.put(big)}
    site.upstream.commit({**ATTRIBUTES, **pointers, "a.bin": site.store.put(b"small"), "link": ("120000", GOOD)})
    tree, notes = site.smudge()
    files = site.files(tree)
    assert {path: entry.mode for path, entry in files.items()} == {
        ".gitattributes": "100644", "x/tool.bin": "100755", "x/again.bin": "100644", "a.bin": "100644", "link": "120000"
    }  # fmt: skip
    assert files["x/tool.bin"].digest == files["x/again.bin"].digest
    assert git(site.root, "cat-file", "-s", files["x/tool.bin"].digest) == "40000"
    assert site.read(tree, "a.bin") == b"small" and site.read(tree, "link") == GOOD.strip()
    assert notes[0] == "content was taken from Git LFS: a.bin, x/again.bin, x/tool.bin"
    assert notes[1].startswith("where git-lfs is installed") and notes[1].endswith(": .gitattributes")
    assert sorted(kind for kind, _ in site.store.asked) == ["batch", "batch", "get", "get"]


def test_P22_pointers_are_found_without_their_attributes(site: Site) -> None:
    site.upstream.commit({"a.dat": site.store.put(b"content")})
    assert site.read(site.smudge()[0], "a.dat") == b"content"


def test_P22_a_second_time_nothing_is_asked(site: Site) -> None:
    _commit(site)
    first = site.smudge()
    site.store.reset()
    assert site.smudge() == first
    assert site.store.asked == ()


def test_only_what_is_new_is_downloaded_and_what_is_old_goes(site: Site) -> None:
    old = _commit(site)
    site.upstream.commit({"kept.bin": site.store.put(b"kept")})
    site.smudge()
    site.store.reset()
    new = _commit(site, b"other content")
    tree, _ = site.smudge()
    assert site.store.asked == (("batch", new), ("get", new))
    assert site.read(tree, "data/a.bin") == b"other content" and site.read(tree, "kept.bin") == b"kept"
    assert site.kept() == sorted([new, hashlib.sha256(b"kept").hexdigest()]) and old not in site.kept()
    site.upstream.commit({"kept.bin": None, "data/a.bin": None})
    site.smudge()
    assert site.kept() == []


def test_content_in_the_cache_is_not_trusted(site: Site) -> None:
    oid = _commit(site)
    site.smudge()
    (path,) = site.cache.glob(f"*.lfs/{oid}")
    path.write_bytes(b"the CONTENT")
    assert site.read(site.smudge()[0], "data/a.bin") == b"the content"
    path.write_bytes(b"the content and more")
    assert site.read(site.smudge()[0], "data/a.bin") == b"the content"


def test_what_is_the_same_as_last_time_is_not_looked_at_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _commit(site, **{"src/one.py": b"#" * 200, "src/two.py": b"%" * 200})
    before, _ = site.smudge()
    site.upstream.commit({"src/two.py": b"'" * 200})
    looked: list[str] = []
    size_many = ObjectStore.size_many
    monkeypatch.setattr(ObjectStore, "size_many", lambda self, some: size_many(self, looked.extend(some) or some))
    tree, _ = site.smudge(unchanged=before)
    assert len(set(looked)) == 3, "the pointer, its attributes and the file that changed"
    assert tree == site.smudge()[0]


def test_empty_content_needs_no_server(site: Site) -> None:
    site.upstream.commit({"empty.bin": pointer_text(hashlib.sha256().hexdigest(), 0), "x": b"y"})
    tree, _ = site.smudge()
    assert site.read(tree, "empty.bin") == b"" and site.store.asked == ()


def test_a_file_that_only_begins_like_a_pointer_stays_with_a_note(site: Site) -> None:
    _commit(site, **{"broken.bin": READ["with a merge conflict in it"][0]})
    tree, notes = site.smudge()
    assert notes[0] == "these begin like Git LFS pointers, but are none: broken.bin"
    assert site.files(tree)["broken.bin"].digest == site.files(site.smudge(Lfs.POINTERS)[0])["broken.bin"].digest


def test_more_than_a_batch(site: Site) -> None:
    site.upstream.commit({f"{n}.bin": site.store.put(b"content %d" % n) for n in range(130)})
    tree, notes = site.smudge()
    assert site.read(tree, "129.bin") == b"content 129"
    assert notes == ("content was taken from Git LFS: 0.bin, 1.bin, 10.bin, ... (130 files)",)


def test_content_that_is_too_large_to_be_read_whole(site: Site) -> None:
    content = bytes(17_000_000)
    _commit(site, content)
    entry = site.files(site.smudge()[0])["data/a.bin"]
    assert entry.digest == hash_object("blob", content, "sha1")


# What goes wrong

WRONG: dict[str, tuple[LfsFault, str]] = {
    "no LFS there": (LfsFault(batch_status=404), "E-LFS-GONE"),
    "private": (LfsFault(user_password="me:secret"), "E-LFS-AUTH"),
    "forbidden": (LfsFault(batch_status=403), "E-LFS-AUTH"),
    "broken": (LfsFault(batch_status=500), "E-LFS-UNREACHABLE"),
    "out of quota": (LfsFault(batch_status=509), "E-LFS-UNREACHABLE"),
    "moved": (LfsFault(batch_status=301), "E-LFS-ANSWER"),
    "teapot": (LfsFault(batch_status=418), "E-LFS-ANSWER"),
    "object missing": (LfsFault(object_error=404), "E-LFS-GONE"),
    "object removed": (LfsFault(object_error=410), "E-LFS-GONE"),
    "object invalid": (LfsFault(object_error=422), "E-LFS-GONE"),
    "object broken": (LfsFault(object_error=500), "E-LFS-UNREACHABLE"),
    "page": (LfsFault(answer=b"<!doctype html>"), "E-LFS-ANSWER"),
    "list": (LfsFault(answer=b"[]"), "E-LFS-ANSWER"),
    "nothing said": (LfsFault(answer=b'{"objects": []}'), "E-LFS-ANSWER"),
    "no action": (LfsFault(answer=b'{"objects": [{"oid": "OID", "size": 11}]}'), "E-LFS-ANSWER"),
    "odd error": (LfsFault(answer=b'{"objects": [{"oid": "OID", "error": {}}]}'), "E-LFS-ANSWER"),
    "nested": (LfsFault(answer=b"[" * 100_000), "E-LFS-ANSWER"),
    "other transfer": (LfsFault(answer=b'{"transfer": "tus", "objects": []}'), "E-LFS-ANSWER"),
    "other hash": (LfsFault(answer=b'{"hash_algo": "sha512", "objects": []}'), "E-LFS-ANSWER"),
    "header with a line break": (
        LfsFault(
            answer=b'{"objects": [{"oid": "OID", "actions": {"download": {"href": "http://127.0.0.1:1/",'
            b' "header": {"a": "b\\r\\nc: d"}}}}]}'
        ),
        "E-LFS-ANSWER",
    ),
    "link to a file": (LfsFault(href="file:///etc/passwd"), "E-LFS-ANSWER"),
    "link with a password": (LfsFault(href="http://me:pw@127.0.0.1:1/{oid}"), "E-LFS-ANSWER"),
    "link that is none": (LfsFault(href="http://[::1/{oid}"), "E-LFS-ANSWER"),
    "nobody at the link": (LfsFault(href="http://127.0.0.1:1/{oid}"), "E-LFS-UNREACHABLE"),
    "download missing": (LfsFault(status=404), "E-LFS-GONE"),
    "download forbidden": (LfsFault(status=403), "E-LFS-AUTH"),
    "download broken": (LfsFault(status=503), "E-LFS-UNREACHABLE"),
    "redirect to a file": (LfsFault(redirect="file:///etc/passwd"), "E-LFS-ANSWER"),
    "redirect to nowhere": (LfsFault(redirect="http://[::1/"), "E-LFS-ANSWER"),
    "redirects without end": (LfsFault(redirect="/lfs-objects/{oid}"), "E-LFS-ANSWER"),
    "wrong bytes": (LfsFault(flip=True), "E-LFS-CORRUPT"),
    "too short": (LfsFault(shorter=True), "E-LFS-CORRUPT"),
    "too long": (LfsFault(longer=True), "E-LFS-CORRUPT"),
    "cut": (LfsFault(cut_after=5), "E-LFS-UNREACHABLE"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_P22_content_that_cannot_be_had_is_an_error_and_never_a_pointer(site: Site, kind: str) -> None:
    oid = _commit(site)
    fault, code = WRONG[kind]
    site.store.fault = LfsFault(**{**_fields(fault), "answer": fault.answer.replace(b"OID", oid.encode())})
    error = site.error()
    assert error.code == code, error.message
    assert int(error.exit) == (4 if code == "E-LFS-AUTH" else 1)
    assert "/etc/passwd" not in error.message and "pw@" not in error.message and "\x1b" not in error.message
    assert site.kept() == []
    site.store.fault = LfsFault()
    assert site.read(site.smudge()[0], "data/a.bin") == b"the content"


def _fields(fault: LfsFault) -> dict[str, object]:
    return {name: getattr(fault, name) for name in fault.__dataclass_fields__}


@pytest.mark.parametrize("kind", ["broken", "object broken", "download broken", "wrong bytes", "cut"])
def test_a_hiccup_is_tried_again(site: Site, kind: str) -> None:
    _commit(site)
    site.retries = 2
    site.store.fault = LfsFault(**{**_fields(WRONG[kind][0]), "times": 1})  # type: ignore[arg-type]
    assert site.read(site.smudge()[0], "data/a.bin") == b"the content"


def test_a_retry_asks_only_for_what_is_missing(site: Site) -> None:
    site.upstream.commit({f"{n}.bin": site.store.put(b"content %d" % n) for n in range(6)})
    site.retries = 1
    site.store.fault = LfsFault(cut_after=3, times=1)
    site.smudge()
    assert [kind for kind, _ in site.store.asked].count("get") == 7


def test_all_that_is_missing_is_told(site: Site) -> None:
    pointers: dict[str, Content] = {f"{n}.bin": site.store.put(b"content %d" % n) for n in range(3)}
    site.upstream.commit({**pointers, "gone.bin": pointer_text("1" * 64, 5), "lost.bin": pointer_text("2" * 64, 5)})
    error = site.error()
    assert error.code == "E-LFS-GONE" and "(and 1 more)" in error.message
    assert "gone.bin" in error.detail[0] and "lost.bin" in error.detail[1]
    site.store.reset()
    site.error()
    assert [kind for kind, _ in site.store.asked] == ["batch", "batch"], "what came is kept for the next try"


def test_what_the_upstream_lacks_is_asked_for_where_its_submodules_are(site: Site, tmp_path: Path) -> None:
    theirs = LfsStore(tmp_path / "theirs")
    site.upstream.commit({"a.bin": site.store.put(b"ours"), "deps/lib/b.bin": theirs.put(b"theirs")})
    assert site.error().code == "E-LFS-GONE"
    with GitServer(tmp_path / "host", lfs=theirs) as other:
        site.store.fault = LfsFault(batch_status=404, times=1)
        tree, _ = site.smudge(also=["ssh://git@host/x", other.url("lib")])
        assert site.read(tree, "a.bin") == b"ours" and site.read(tree, "deps/lib/b.bin") == b"theirs"
        assert [kind for kind, _ in theirs.asked] == ["batch", "get"]
        site.upstream.commit({"lost.bin": pointer_text("2" * 64, 5)})
        error = site.error(also=[other.url("lib")])
    assert error.code == "E-LFS-GONE" and "lost.bin" in error.message


def test_one_content_with_two_sizes_and_extensions_are_not_guessed_at(site: Site) -> None:
    oid = _commit(site)
    site.upstream.commit({"b.bin": pointer_text(oid, 12)})
    assert site.error().code == "E-LFS-UNSUPPORTED"
    site.upstream.commit({"b.bin": EXTENDED})
    assert site.error().code == "E-LFS-UNSUPPORTED"


def test_a_size_limit_holds_before_anything_is_asked(site: Site) -> None:
    _commit(site)
    with pytest.raises(RefusedError) as caught:
        site.smudge(size_bytes_max=10)
    assert caught.value.code == "E-LFS-SIZE" and site.store.asked == ()
    site.smudge(size_bytes_max=11)


def test_an_upstream_that_is_a_folder_has_no_server_to_ask(site: Site) -> None:
    _commit(site)
    assert site.error(url=f"file://{site.upstream.path}").code == "E-LFS-UNSUPPORTED"
    assert site.smudge(Lfs.POINTERS, url=f"file://{site.upstream.path}")[0] == site.upstream.tree()


# Who learns what


def test_credential_helpers_are_asked_for_the_batch_and_nobody_else_hears_what_they_say(
    site: Site, tmp_path: Path
) -> None:
    helper = tmp_path / "helper"
    helper.write_text('#!/bin/sh\n[ "$1" = get ] && echo username=me && echo password=secret-CANARY\nexit 0\n')
    helper.chmod(0o700)
    (tmp_path / ".gitconfig").write_text(f'[credential]\n\thelper = "{helper}"\n')
    _commit(site)
    with GitServer(tmp_path / "host", lfs=LfsStore(tmp_path / "content")) as other:
        assert other.lfs is not None
        site.store.fault = LfsFault(
            user_password="me:secret-CANARY", href=f"http://localhost:{other.port}/lfs-objects/{{oid}}"
        )
        tree, _ = site.smudge()
        (headers,) = other.lfs.headers
    assert site.read(tree, "data/a.bin") == b"the content"
    assert headers["x-token"] == TOKEN and "authorization" not in headers
    assert headers["host"] == f"localhost:{other.port}", "a host of the answer's choosing is not sent"


def test_a_redirect_is_followed_without_the_headers_of_the_link(site: Site, tmp_path: Path) -> None:
    _commit(site)
    with GitServer(tmp_path / "host", lfs=LfsStore(tmp_path / "content")) as other:
        assert other.lfs is not None
        site.store.fault = LfsFault(redirect=f"http://127.0.0.1:{other.port}/lfs-objects/{{oid}}?signature=CANARY")
        tree, _ = site.smudge()
        (headers,) = other.lfs.headers
        assert "x-token" not in headers
        assert site.read(tree, "data/a.bin") == b"the content"
        site.cache.rename(tmp_path / "away")
        other.lfs.fault = LfsFault(status=404)
        error = site.error()
    assert error.code == "E-LFS-GONE" and "CANARY" not in f"{error!r} {error.__cause__!r}"
