"""Several refs of one upstream as one tree: the same on every machine, deepened as far as needed, never stuck."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.upstream.test_cache import HARMS, Harm
from tests.upstream.vendoring import git

from directional_sync.errors import RefusedError, SyncError
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.system.host import monotonic
from directional_sync.testing.faults import Fault
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Content, Upstream, empty
from directional_sync.upstream.cache import UpstreamCache
from directional_sync.upstream.merging import Merged, merge
from directional_sync.upstream.remotes import Remotes, Resolved

DEPTHS = (5, 20, 60)
"""A tenth of what is usual, so that small upstreams do."""
BASE = "refs/heads/18.0"
LINES = b"".join(b"line %d\n" % number for number in range(30))


def edited(number: int, text: bytes = b"changed", of: bytes = LINES) -> bytes:
    return of.replace(b"line %d\n" % number, b"%s %d\n" % (text, number))


def pull(number: int) -> str:
    return f"refs/pull/{number}/head"


@dataclass
class Yard:
    """An upstream on a server, and somebody who merges refs of it."""

    upstream: Upstream
    server: GitServer
    repository: Path
    home: Path
    looks: int = 0
    published: list[str] = field(default_factory=list)

    def propose(self, number: int, changes: dict[str, Content], onto: str = "18.0") -> str:
        """A pull request with one commit."""
        commit = self.upstream.commit(changes, f"Propose {number}", branch=f"pr-{number}", onto=onto)
        self.upstream.git("update-ref", pull(number), commit)
        self.upstream.delete(f"refs/heads/pr-{number}")
        return commit

    def squash(self, number: int, changes: dict[str, Content]) -> str:
        return self.upstream.commit(changes, f"Propose {number} (#{number})")

    def grow(self, count: int, branch: str = "18.0") -> None:
        """`count` commits that touch nothing of interest."""
        stream = []
        for number in range(count):
            start = b"from refs/heads/%s^0\n" % branch.encode() if number == 0 else b""
            stream.append(
                b"commit refs/heads/%s\ncommitter Ada <ada@example.org> %d +0000\ndata 1\nx\n%s"
                b"M 100644 inline grown.txt\ndata 8\n%08d\n" % (branch.encode(), 1_740_000_000 + number, start, number)
            )
        self.upstream.git("fast-import", "--quiet", given=b"".join(stream))

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def git_dir(self) -> Path:
        (found,) = self.cache.glob("*.git")
        return found

    def resolve(self, *refs: str) -> list[Resolved]:
        with closing(self.remotes()) as remotes:
            return list(remotes.resolve(self.server.url("up"), *refs))

    def remotes(self) -> Remotes:
        return Remotes({"PATH": os.environ["PATH"], "HOME": str(self.home)}, 0, monotonic() + 60)

    def merge(self, *refs: str, check: Callable[[ObjectStore, Merged], None] | None = None) -> Merged:
        return self.merge_tips(self.resolve(*refs), check)

    def merge_tips(
        self, tips: Sequence[Resolved], check: Callable[[ObjectStore, Merged], None] | None = None
    ) -> Merged:
        self.looks += 1
        repository = Repository.open(self.repository)
        self.server.reset()
        quarantine = self.home / f"quarantine-{self.looks}"
        with closing(self.remotes()) as remotes, ObjectStore(repository, quarantine) as store:
            try:
                found = merge(
                    UpstreamCache(self.cache, remotes, repository.hash_name), store, self.server.url("up"), tips
                )
                if check:
                    check(store, found)
            finally:
                assert not [*quarantine.glob("work-*")], "nothing is left behind"
        return found

    def files(self, *refs: str) -> dict[str, bytes]:
        """Path -> content of the merged tree."""
        found: dict[str, bytes] = {}

        def read(store: ObjectStore, merged: Merged) -> None:
            for path in store.git.run("ls-tree", "-r", "--name-only", merged.tree).decode().split():
                found[path] = store.git.run("cat-file", "blob", f"{merged.tree}:{path}")

        self.merge(*refs, check=read)
        return found

    def refused(self, *refs: str) -> RefusedError:
        with pytest.raises(RefusedError) as caught:
            self.merge(*refs)
        return caught.value


@pytest.fixture(params=["sha1"])
def yard(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    monkeypatch.setattr("directional_sync.upstream.cache._DEPTHS", DEPTHS)
    upstream = empty(tmp_path / "served" / "up.git", hash_name=request.param)
    upstream.commit({"a.txt": LINES, "b.txt": LINES, "grown.txt": b"0"}, "Begin")
    repository = tmp_path / "repository"
    git(tmp_path, "init", "-q", "-b", "main", f"--object-format={request.param}", str(repository))
    git(repository, "commit", "-q", "--allow-empty", "-m", "first")
    (tmp_path / "home").mkdir()
    with GitServer(tmp_path / "served") as server:
        yield Yard(upstream, server, repository, tmp_path / "home")


def test_P43_refs_are_merged_in_order_onto_the_base(yard: Yard) -> None:
    yard.propose(1, {"a.txt": edited(3), "new.txt": b"new\n"})
    yard.propose(2, {"a.txt": edited(25), "b.txt": None})
    yard.squash(9, {"a.txt": edited(14)})
    found = yard.files(BASE, pull(1), pull(2))
    assert found["a.txt"] == edited(25, of=edited(14, of=edited(3)))
    assert found["new.txt"] == b"new\n"
    assert "b.txt" not in found


def test_P43_the_tree_is_what_plain_git_makes_of_full_clones(yard: Yard, tmp_path: Path) -> None:
    yard.propose(1, {"a.txt": edited(3), "dir/x.txt": LINES})
    yard.squash(9, {"a.txt": None, "moved/a.txt": edited(14)})
    yard.propose(2, {"dir": None, "z.bin": bytes(range(256))})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(yard.upstream.path), str(clone))
    for number in (1, 2):
        git(clone, "fetch", "-q", "origin", pull(number))
        git(clone, "merge", "-q", "--no-edit", "FETCH_HEAD")
    found = yard.merge(BASE, pull(1), pull(2))
    assert found.tree == git(clone, "rev-parse", "HEAD^{tree}")
    assert found.included == ()


@pytest.mark.parametrize("yard", ["sha1", "sha256"], indirect=True)
def test_P43_the_commit_is_one_of_ours_and_the_tree_can_be_published(yard: Yard) -> None:
    tip = yard.propose(1, {"a.txt": edited(3)})
    base = yard.squash(9, {"b.txt": edited(14)})

    def check(store: ObjectStore, found: Merged) -> None:
        commit = store.read(found.commit).decode()
        assert f"parent {base}\nparent {tip}\n" in commit
        assert commit.count("directional-sync <directional-sync@localhost> 1735689660 +0000") == 2, (
            "the time of a parent"
        )
        assert not list(yard.git_dir.glob("objects/??")), "nothing loose in the cache"
        objects = yard.repository / ".git" / "objects"
        assert not any(path.name == found.tree[2:] for path in objects.rglob("*")), "not in the user's store"
        store.publish([found.tree], [])

    found = yard.merge(BASE, pull(1), check=check)
    kept = git(yard.repository, "commit-tree", found.tree, "-m", "kept")
    git(yard.repository, "update-ref", "refs/kept", kept)
    git(yard.repository, "fsck", "--full", "--strict")
    assert git(yard.repository, "rev-parse", "--is-shallow-repository") == "false"
    assert git(yard.repository, "cat-file", "-t", found.commit, check=False) == "", "the merge commit stays outside"


def test_refs_that_stand_on_the_base_need_no_commit_of_ours(yard: Yard) -> None:
    tip = yard.propose(1, {"a.txt": edited(3)})
    assert yard.merge(BASE, pull(1)).commit == tip
    assert yard.merge(BASE).commit == yard.upstream.head()
    assert yard.merge(BASE, tip).commit == tip, "by its id"


# the same everywhere


def _spoil_ref(git_dir: Path) -> None:
    (git_dir / "refs/upstream/merged/1").write_text("garbage\n")


HARMED: dict[str, Harm] = {
    **{name: HARMS[name] for name in ("bit flip in a pack", "pack missing", "seal garbled", "shallow missing")},
    "a ref of the merge spoilt": _spoil_ref,
}


def test_P43_fresh_warm_and_damaged_caches_give_the_same(yard: Yard) -> None:
    yard.grow(30)
    yard.propose(1, {"a.txt": edited(3)})
    yard.propose(2, {"b.txt": edited(3)})
    yard.grow(12)
    yard.squash(9, {"a.txt": edited(14)})
    first = yard.merge(BASE, pull(1), pull(2))
    assert not first.note
    assert yard.merge(BASE, pull(1), pull(2)) == first
    assert yard.server.count(command="fetch") == 0, "a second run fetches nothing"
    for harm in HARMED.values():
        harm(yard.git_dir)
        again = yard.merge(BASE, pull(1), pull(2))
        assert replace(again, note="") == first
        assert "fetched anew" in again.note
    shutil.rmtree(yard.cache)
    assert yard.merge(BASE, pull(1), pull(2)) == first


def test_P43_what_was_fetched_before_does_not_matter(yard: Yard) -> None:
    yard.propose(1, {"a.txt": edited(3)})
    yard.grow(30)
    tips = yard.resolve(BASE, pull(1))
    with closing(yard.remotes()) as remotes:
        cache = UpstreamCache(yard.cache, remotes, "sha1")
        cache.obtain(yard.server.url("up"), tips[0])
        shallow = yard.merge_tips(tips)
        cache.obtain(yard.server.url("up"), tips[1])
        after_one_alone = yard.merge_tips(tips)
        cache.obtain_history(yard.server.url("up"), tips, whole=True)
        assert not (yard.git_dir / "shallow").exists()
        whole = yard.merge_tips(tips)
    assert shallow == after_one_alone == whole
    assert yard.server.count(command="fetch") == 0, "the whole history is more than enough"


def test_P43_the_users_configuration_changes_nothing(yard: Yard, tmp_path: Path) -> None:
    yard.propose(1, {"a.txt": edited(3)})
    yard.squash(9, {"a.txt": None, "moved.txt": edited(14), ".gitattributes": b"* merge=evil\n"})
    first = yard.merge(BASE, pull(1))
    witness = tmp_path / "ran"
    (tmp_path / "attributes").write_text("* merge=evil -text\n")
    (yard.home / ".gitconfig").write_text(
        f"[merge]\n\trenames = false\n\trenameLimit = 1\n\tdefault = evil\n\tconflictStyle = diff3\n"
        f'[merge "evil"]\n\tdriver = touch {witness}; false\n[diff]\n\trenames = false\n\talgorithm = patience\n'
        f"[core]\n\tattributesFile = {tmp_path / 'attributes'}\n\tautocrlf = true\n"
    )
    shutil.copy(yard.home / ".gitconfig", yard.repository / ".git" / "config.extra")
    git(yard.repository, "config", "include.path", "config.extra")
    shutil.rmtree(yard.cache)
    assert yard.merge(BASE, pull(1)) == first
    assert not witness.exists()


def test_P43_attributes_of_the_upstream_change_nothing(yard: Yard, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    (yard.home / ".gitconfig").write_text(f'[merge "evil"]\n\tdriver = touch {witness}\n')
    attributes = ("merge=union", "merge=ours", "merge=binary", "-merge", "merge=evil", "text eol=crlf")
    names = [f"{number}.txt" for number in range(len(attributes))]
    lines = [f"{name} {attribute}\n" for name, attribute in zip(names, attributes, strict=True)]
    yard.squash(8, {".gitattributes": "".join(lines).encode(), **dict.fromkeys(names, LINES)})
    yard.propose(1, dict.fromkeys(names, edited(3)))
    yard.propose(2, dict.fromkeys(names, edited(14, b"elsewhere")))
    yard.squash(9, dict.fromkeys(names, edited(14)))
    found = yard.files(BASE, pull(1))
    assert {found[name] for name in names} == {edited(14, of=edited(3))}
    told = "\n".join(yard.refused(BASE, pull(2)).detail)
    assert all(f"Merge conflict in {name}" in told for name in names[:5])
    assert "0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 1 more" in yard.refused(BASE, pull(2)).message
    assert not witness.exists()


# deepening


@pytest.mark.parametrize(("behind", "steps"), [(3, 1), (10, 2), (50, 3), (100, 4)])
def test_P11_history_is_deepened_as_far_as_needed(yard: Yard, behind: int, steps: int) -> None:
    yard.grow(70)
    yard.propose(1, {"a.txt": edited(3)})
    yard.grow(behind)
    found = yard.files(BASE, pull(1))
    assert found["a.txt"] == edited(3) and found["grown.txt"] == b"%08d" % (behind - 1)
    assert steps <= yard.server.count(command="fetch") <= 2 * steps, "one question takes one request or two"
    assert (yard.git_dir / "shallow").exists() == (steps < 4), "everything only when less was not enough"
    yard.merge(BASE, pull(1))
    assert yard.server.count(command="fetch") == 0
    yard.squash(9, {"b.txt": edited(3)})
    assert yard.files(BASE, pull(1))["b.txt"] == edited(3)
    assert yard.server.count(command="fetch") <= 2, "how deep was enough is remembered"


def test_P11_a_nearer_fork_that_is_hidden_behind_the_boundary_is_found(yard: Yard) -> None:
    """An old fork is near by one way; the newest common commit only by a long one. A shallow look would take the
    old one, and see a conflict."""
    old = yard.upstream.head()
    yard.squash(7, {"a.txt": edited(3, b"first")})
    newest = yard.upstream.head()
    long_way = yard.upstream.commit({"x": b"x"}, branch="long", onto=newest)
    yard.grow(30, "long")
    yard.upstream.commit({"y": b"y"}, branch="18.0", onto=old)
    tree = yard.upstream.tree("long")
    both = yard.upstream.git(
        "commit-tree", tree, "-p", yard.upstream.head(), "-p", yard.upstream.head("long"), "-m", "m"
    )
    yard.upstream.git("update-ref", BASE, both)
    yard.upstream.commit({"a.txt": edited(3, b"second")}, "On top")
    side = yard.upstream.commit({"b.txt": edited(9)}, branch="side", onto=newest)
    proposed = yard.upstream.git("commit-tree", yard.upstream.tree(side), "-p", old, "-p", side, "-m", "m")
    yard.upstream.git("update-ref", pull(1), proposed)
    found = yard.files(BASE, pull(1))
    assert long_way and found["a.txt"] == edited(3, b"second") and found["b.txt"] == edited(9)


def test_P11_crossing_histories_are_merged_as_plain_git_does(yard: Yard, tmp_path: Path) -> None:
    yard.grow(15)
    left = yard.squash(7, {"a.txt": edited(3)})
    right = yard.propose(1, {"a.txt": edited(25)}, onto="18.0~1")
    tree = git(yard.upstream.path, "merge-tree", "--write-tree", left, right)
    for ref, parents in ((BASE, (left, right)), (pull(1), (right, left))):
        commit = yard.upstream.git("commit-tree", tree, "-p", parents[0], "-p", parents[1], "-m", ref)
        yard.upstream.git("update-ref", ref, commit)
    one = yard.upstream.commit({"b.txt": edited(3)}, "One")
    other = yard.propose(1, {"b.txt": edited(25)}, onto=pull(1))
    assert len(git(yard.upstream.path, "merge-base", "--all", one, other).split()) == 2
    found = yard.merge(BASE, pull(1))
    assert found.tree == git(yard.upstream.path, "merge-tree", "--write-tree", one, other)
    assert not (yard.git_dir / "shallow").exists(), "which fork is the nearest, only the whole history tells"
    assert yard.merge(BASE, pull(1)) == found
    assert yard.server.count(command="fetch") == 0


def test_P43_unrelated_histories_are_refused(yard: Yard) -> None:
    yard.grow(15)
    yard.propose(1, {"other.txt": b"other\n"}, onto="")
    error = yard.refused(BASE, pull(1))
    assert error.code == "E-MERGE-UNRELATED" and pull(1) in error.message
    yard.refused(BASE, pull(1))
    assert yard.server.count(command="fetch") == 0, "it does not cost the whole history twice"
    assert yard.merge(BASE).commit == yard.upstream.head()


def test_P43_a_connection_that_breaks_while_deepening_leaves_no_trap(yard: Yard) -> None:
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(1_000))
    yard.squash(7, {"noise": noise})
    yard.propose(1, {"a.txt": edited(3)})
    yard.squash(8, {"noise": b"quiet"})
    yard.grow(10)
    tips = yard.resolve(BASE, pull(1))
    yard.server.fault("up", Fault(cut_after=6_000))
    with pytest.raises(SyncError) as caught:
        yard.merge_tips(tips)
    assert caught.value.code == "E-UPSTREAM-CUT"
    yard.server.clear()
    assert yard.merge_tips(tips).tree


def test_something_that_is_no_commit_is_not_merged(yard: Yard) -> None:
    tree = yard.upstream.tree()
    with pytest.raises(SyncError) as caught:
        yard.merge(BASE, tree)
    assert caught.value.code == "E-UPSTREAM-REF"


# conflicts


def test_P43_a_conflict_names_ref_and_files_and_the_next_run_works(yard: Yard) -> None:
    yard.propose(1, {"a.txt": edited(3, b"\x1b[31mtheirs"), "b.txt": None})
    yard.propose(2, {"a.txt": edited(20)})
    yard.squash(9, {"a.txt": edited(3, b"ours"), "b.txt": edited(5)})
    error = yard.refused(BASE, pull(2), pull(1))
    assert error.code == "E-MERGE-CONFLICT"
    assert pull(1) in error.message and "a.txt, b.txt" in error.message and pull(2) not in error.message
    detail = "\n".join(error.detail)
    assert "ours 3\n=======\n<U+001B>[31mtheirs 3\n>>>>>>> refs/pull/1/head" in detail
    assert "deleted" in detail and "\x1b" not in detail
    assert yard.merge(BASE, pull(2)).tree
    yard.propose(1, {"a.txt": edited(10)})
    assert yard.merge(BASE, pull(2), pull(1)).tree
    assert sorted(path.name for path in yard.home.iterdir()) == ["cache"], "no quarantine stays"


def test_P43_long_conflicts_and_strange_names_are_cut_and_escaped(yard: Yard) -> None:
    name = "evil\x1b[2J\n\u202e" + "x" * 150
    yard.upstream.commit({name.replace("\n", "_"): b"0\n"})
    name = name.replace("\n", "_")
    yard.propose(1, {name: b"".join(b"t%d " % n * 200 + b"\n" for n in range(100))})
    yard.squash(9, {name: b"".join(b"o%d " % n * 200 + b"\n" for n in range(100))})
    error = yard.refused(BASE, pull(1))
    told = [error.message, *error.detail]
    assert len(error.detail) < 40 and all(len(line) < 500 for line in told)
    assert not any(char in line for line in told for char in "\x1b\n\u202e")
    assert any("more lines" in line for line in error.detail)


CLASHES: tuple[tuple[dict[str, Content], dict[str, Content], str], ...] = (
    ({"a.txt": b"\0bin1"}, {"a.txt": b"\0bin2"}, "binary"),
    ({"new": b"1\n"}, {"new": b"2\n"}, "add/add"),
    ({"b.txt": None}, {"b.txt": edited(3)}, "modify/delete"),
    ({"a.txt": None, "a.txt/inside": b"x\n"}, {"a.txt": edited(3)}, "a.txt"),
    ({"link": ("120000", b"a.txt")}, {"link": ("120000", b"b.txt")}, "link"),
    ({"sub": ("160000", b"1" * 40)}, {"sub": ("160000", b"2" * 40)}, "sub"),
)


def test_P43_conflicts_of_every_kind_are_refused(yard: Yard) -> None:
    begin = yard.upstream.head()
    for ours, theirs, word in CLASHES:
        yard.upstream.reset(begin)
        yard.propose(1, theirs)
        yard.squash(9, ours)
        error = yard.refused(BASE, pull(1))
        assert error.code == "E-MERGE-CONFLICT" and error.detail
        assert word in "\n".join([error.message, *error.detail])
    assert yard.merge(BASE).commit == yard.upstream.head()


# refs that bring nothing any more


def test_P43_refs_that_were_merged_upstream_are_named(yard: Yard) -> None:
    change: dict[str, Content] = {"a.txt": edited(3)}
    yard.propose(1, change)
    merged = yard.propose(2, {"a.txt": edited(25)})
    yard.propose(3, {"b.txt": edited(9)})
    yard.squash(1, change)
    joined = yard.upstream.git("merge-tree", "--write-tree", "18.0", merged)
    commit = yard.upstream.git("commit-tree", joined, "-p", yard.upstream.head(), "-p", merged, "-m", "Merge #2")
    yard.upstream.git("update-ref", BASE, commit)
    found = yard.merge(BASE, pull(1), pull(2), pull(3))
    assert found.included == (pull(1), pull(2))
    alone = yard.merge(BASE, pull(3))
    assert (alone.commit, alone.tree) == (found.commit, found.tree), "leaving them out changes nothing"
    nothing = yard.merge(BASE, pull(1), pull(2))
    assert (nothing.commit, nothing.included) == (yard.upstream.head(), (pull(1), pull(2)))


def test_a_squashed_ref_that_another_builds_on_is_still_of_use(yard: Yard) -> None:
    first: dict[str, Content] = {"a.txt": edited(3)}
    yard.propose(1, first)
    yard.propose(2, {"a.txt": edited(3, b"better")}, onto=pull(1))
    yard.squash(1, first)
    yard.squash(8, {"b.txt": edited(3)})
    assert yard.refused(BASE, pull(2)).code == "E-MERGE-CONFLICT"
    found = yard.merge(BASE, pull(1), pull(2))
    assert found.included == ()
    assert yard.files(BASE, pull(1), pull(2))["a.txt"] == edited(3, b"better")


def test_many_upstreams_are_merged_into_one_store_at_once(yard: Yard) -> None:
    yard.propose(1, {"a.txt": edited(3)})
    yard.squash(9, {"b.txt": edited(14)})
    expected = yard.merge(BASE, pull(1))
    tips = yard.resolve(BASE, pull(1))
    repository = Repository.open(yard.repository)
    with closing(yard.remotes()) as remotes, ObjectStore(repository, yard.home / "quarantine") as store:
        barrier = threading.Barrier(4)

        def one(number: int) -> Merged:
            cache = UpstreamCache(yard.home / f"cache-{number}", remotes, "sha1")
            barrier.wait()
            return merge(cache, store, yard.server.url("up"), tips)

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(one, range(4))) == {expected}
