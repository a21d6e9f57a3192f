"""The cache is disposable: whatever happens to it, the next look is right, and says so when it had to start over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.upstream.vendoring import Vendoring, git

from directional_sync.endpoints.base import Context
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build

Harm = Callable[[Path], None]


def _flip(pattern: str) -> Harm:
    def harm(git_dir: Path) -> None:
        path = next(git_dir.glob(pattern))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.chmod(0o600)
        path.write_bytes(content)

    return harm


def _cut(pattern: str) -> Harm:
    def harm(git_dir: Path) -> None:
        path = next(git_dir.glob(pattern))
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-30])

    return harm


def _remove(pattern: str) -> Harm:
    return lambda git_dir: next(git_dir.glob(pattern)).unlink()


def _lie(git_dir: Path) -> None:
    seal = json.loads((git_dir / "seal.json").read_bytes())
    (git_dir / "seal.json").write_text(json.dumps({**seal, "tip": "1" * 40}))
    (git_dir / "refs/upstream/current").write_text("1" * 40 + "\n")


def _bare_bones(git_dir: Path) -> None:
    shutil.rmtree(git_dir / "objects")


def _a_file(git_dir: Path) -> None:
    shutil.rmtree(git_dir)
    git_dir.write_text("?")


HARMS: dict[str, Harm] = {
    "bit flip in a pack": _flip("objects/pack/*.pack"),
    "bit flip in an index": _flip("objects/pack/*.idx"),
    "pack cut short": _cut("objects/pack/*.pack"),
    "pack missing": _remove("objects/pack/*.pack"),
    "index missing": _remove("objects/pack/*.idx"),
    "ref missing": _remove("refs/upstream/current"),
    "shallow missing": _remove("shallow"),
    "config missing": _remove("config"),
    "HEAD missing": _remove("HEAD"),
    "seal missing": _remove("seal.json"),
    "seal garbled": lambda git_dir: (git_dir / "seal.json").write_text("[1, 2") and None,
    "seal of another kind": lambda git_dir: (git_dir / "seal.json").write_text("[]") and None,
    "wrong commit": _lie,
    "objects gone": _bare_bones,
    "a file in its place": _a_file,
    "hostile config": lambda git_dir: (
        (git_dir / "config").write_text("[core]\n\tsshCommand = x\n\tbare = true\n") and None
    ),
}


@pytest.mark.parametrize("kind", HARMS)
def test_F66_P34_a_damaged_cache_is_fetched_anew_and_noted(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, kind: str
) -> None:
    name, upstream = next(iter(upstreams.items()))
    vendoring.options["names"] = [name]
    vendoring.look(agree=False)
    (git_dir,) = vendoring.cache.glob("*.git")
    HARMS[kind](git_dir)
    server.reset()
    seen = vendoring.look(agree=False)
    assert seen.at(f"vendor/{name}").digest == upstream.tree()
    assert any("fetched anew" in note for note in seen.notes)
    assert server.count(command="fetch") == 1
    assert not vendoring.look(agree=False).notes


def test_F66_damage_does_not_hinder_the_next_change(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    name, upstream = next(iter(upstreams.items()))
    vendoring.options["names"] = [name]
    vendoring.look()
    (git_dir,) = vendoring.cache.glob("*.git")
    _flip("objects/pack/*.pack")(git_dir)
    upstream.commit({"README.md": b"new\n"})
    seen = vendoring.look()
    assert seen.at(f"vendor/{name}").digest == upstream.tree()
    git(vendoring.root, "fsck", "--full", "--strict")


def test_the_cache_may_vanish_between_runs(vendoring: Vendoring, server: GitServer) -> None:
    first = vendoring.look()
    shutil.rmtree(vendoring.cache)
    server.reset()
    assert vendoring.look() == first
    assert server.count(command="fetch") == 0, "the user's own store has it all"
    assert not first.notes


@pytest.mark.parametrize(
    "lock", ["shallow.lock", "refs/upstream/current.lock", "objects/pack/tmp_pack_abc", "HEAD.lock"]
)
def test_F06_what_a_killed_fetch_left_behind_does_not_lock_out(
    vendoring: Vendoring, upstreams: dict[str, Upstream], lock: str
) -> None:
    name, upstream = next(iter(upstreams.items()))
    vendoring.options["names"] = [name]
    vendoring.look()
    (git_dir,) = vendoring.cache.glob("*.git")
    (git_dir / lock).write_bytes(b"half")
    upstream.commit({"README.md": b"new\n"})
    assert vendoring.look().at(f"vendor/{name}").digest == upstream.tree()


def test_many_changes_do_not_pile_up_packs(
    vendoring: Vendoring, upstreams: dict[str, Upstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directional_sync.upstream.cache._PACKS_MAX", 3)
    name, upstream = next(iter(upstreams.items()))
    vendoring.options["names"] = [name]
    for number in range(8):
        upstream.commit({"README.md": b"%d\n" % number})
        seen = vendoring.look()
        assert seen.at(f"vendor/{name}").digest == upstream.tree() and not seen.notes
        assert len(list(vendoring.cache.rglob("*.pack"))) <= 4


def test_what_is_no_longer_wanted_is_forgotten(vendoring: Vendoring) -> None:
    vendoring.look()
    assert len(list(vendoring.cache.glob("*.git"))) == 3
    vendoring.options["names"] = vendoring.options["names"][:1]
    vendoring.look()
    assert len(list(vendoring.cache.iterdir())) == 2  # a folder and its lock


def test_P35_two_looks_at_once_share_a_cache(
    tmp_path: Path, vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    def look(number: int) -> str:
        own = Vendoring(vendoring.root, vendoring.home, vendoring.options, looks=100 * number)
        return own.look(agree=False).digest

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(look, range(4)))) == 1


def test_sha256_repositories(tmp_path: Path, vendoring: Vendoring, server: GitServer) -> None:
    from directional_sync.testing.upstreams import empty

    upstream = empty(tmp_path / "upstreams" / "long.git", hash_name="sha256")
    upstream.commit({"a": b"1\n"})
    vendoring.options["names"] = ["long"]
    with pytest.raises(Exception, match="another hash"):
        vendoring.look()
    root = tmp_path / "long-root"
    root.mkdir()
    git(root, "init", "-q", "-b", "main", "--object-format=sha256")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    long = Vendoring(root, vendoring.home, vendoring.options)
    assert long.look().at("vendor/long").digest == upstream.tree()
    upstream.commit({"a": b"2\n"})
    assert long.look().at("vendor/long").digest == upstream.tree()


def test_upstreams_are_made_the_same_everywhere(tmp_path: Path) -> None:
    one, other = build(tmp_path / "one", repositories=2), build(tmp_path / "other", repositories=2)
    assert [u.head() for u in one.values()] == [u.head() for u in other.values()]


def test_who_judges_is_told_before_content_comes_and_only_then(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched_before: list[int] = []
    context = Vendoring._context

    def listening(self: Vendoring, *arguments: Any) -> Context:
        return replace(context(self, *arguments), expect=lambda: fetched_before.append(server.count(command="fetch")))

    monkeypatch.setattr(Vendoring, "_context", listening)
    vendoring.look()
    assert fetched_before == [0]
    vendoring.look()
    assert fetched_before == [0], "nothing has moved"
    next(iter(upstreams.values())).commit({"new": b"new\n"}, "Move")
    vendoring.look()
    assert len(fetched_before) == 2
