"""What the git endpoint sees of many upstreams, and what that costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.upstream.vendoring import Vendoring, git

from directional_sync.errors import SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import FOLDER, Snapshot
from directional_sync.testing.faults import Fault
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build


def test_P01_a_fresh_look_holds_every_upstreams_tree(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    counted = []
    seen = vendoring.look(check=lambda store, snapshot: counted.append(trees.count(store, snapshot)))
    assert {key: (entry.digest, entry.mode) for key, entry in seen.entries.items()} == {
        f"vendor/{name}": (upstream.tree(), FOLDER) for name, upstream in upstreams.items()
    }
    assert [(s.name, s.ref, s.commit, s.tree, s.into) for s in seen.sources] == [
        (name, "refs/heads/18.0", upstream.head(), upstream.tree(), f"vendor/{name}")
        for name, upstream in sorted(upstreams.items())
    ]
    assert counted[0] == sum(len(u.git("ls-tree", "-r", "18.0").splitlines()) for u in upstreams.values())
    assert not seen.unreadable and not seen.notes
    assert len(vendoring.changes()) == 3


def test_upstream_commits_never_enter_the_users_repository(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    vendoring.look()
    assert not (vendoring.root / ".git" / "shallow").exists()
    for upstream in upstreams.values():
        assert git(vendoring.root, "cat-file", "-t", upstream.head(), check=False) == ""
        assert git(vendoring.root, "cat-file", "-t", upstream.tree()) == "tree"
    git(vendoring.root, "fsck", "--strict", "--full")


def test_P02_thirty_upstreams_unchanged_cost_one_request_each_and_no_program(
    tmp_path: Path, vendoring: Vendoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build(tmp_path / "thirty", repositories=30, modules=100)
    modules = sum(u.git("ls-tree", "-r", "--name-only", "18.0").count("__manifest__.py") for u in made.values())
    assert modules >= 100
    with GitServer(tmp_path / "thirty") as server:
        vendoring.options |= {"url": server.url("{name}"), "names": list(made)}
        first = vendoring.look()
        assert len(first.entries) == 30 and server.count(command="fetch") == 30
        server.reset()
        monkeypatch.setattr("directional_sync.system.programs.Programs.run", _no_program)
        again = vendoring.look()
        assert again == first and again.digest == first.digest
        assert len(server.asked) == 30 and server.count(command="ls-refs") == 30
        assert server.connections <= 16
        assert vendoring.changes() == []


def _no_program(*arguments: object, **options: object) -> None:
    raise AssertionError(f"a program was started: {arguments[1]}")


def test_P03_one_changed_upstream_is_the_only_one_fetched(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    first = vendoring.look()
    name, upstream = next(iter(upstreams.items()))
    old = upstream.head()
    new = upstream.commit({"README.md": b"new\n"})
    server.reset()
    seen = vendoring.look()
    assert [(a.repository, a.command) for a in server.asked if a.command == "fetch"][-1] == (name, "fetch")
    assert {a.repository for a in server.asked if a.command != "ls-refs"} == {name}
    assert seen.at(f"vendor/{name}").digest == upstream.tree() != first.at(f"vendor/{name}").digest
    assert vendoring.changes() == [f"{name} {old[:7]}..{new[:7]}"]


def test_an_incremental_fetch_carries_only_what_is_new(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    upstream = next(iter(upstreams.values()))
    upstream.commit({"big.bin": bytes(range(256)) * 4000 + upstream.head().encode() * 5000})
    vendoring.look()
    packs = set(vendoring.cache.rglob("*.pack"))
    upstream.commit({"README.md": b"small\n"})
    vendoring.look()
    assert sum(pack.stat().st_size for pack in set(vendoring.cache.rglob("*.pack")) - packs) < 3000


def test_a_look_that_is_not_agreed_to_is_not_fetched_twice(vendoring: Vendoring, server: GitServer) -> None:
    first = vendoring.look(agree=False)
    server.reset()
    again = vendoring.look(agree=False)
    assert again == first
    assert server.count(command="fetch") == 0


def test_what_is_refused_leaves_nothing_in_the_users_object_store(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    before = sorted(str(path) for path in (vendoring.root / ".git" / "objects").rglob("*"))
    vendoring.look(agree=False)
    assert sorted(str(path) for path in (vendoring.root / ".git" / "objects").rglob("*")) == before


def test_content_is_readable_through_the_store_it_was_given(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    name, _ = next(iter(upstreams.items()))

    def check(store: ObjectStore, seen: Snapshot) -> None:
        flat = trees.flatten(store, seen)
        entry = flat.entries[f"vendor/{name}/README.md"]
        assert store.read(entry.digest).startswith(f"# {name}".encode())
        assert sum(e.mode == "100755" for e in flat.entries.values()) == 6

    vendoring.look(check=check)


def test_P09_without_a_ref_the_default_branch_is_followed_and_its_change_is_told(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    del vendoring.options["ref"]
    vendoring.look()
    name, upstream = next(iter(upstreams.items()))
    upstream.git("branch", "19.0", upstream.head())
    upstream.git("symbolic-ref", "HEAD", "refs/heads/19.0")
    seen = vendoring.look()
    assert next(s.ref for s in seen.sources if s.name == name) == "refs/heads/19.0"
    assert any("is now 19.0, it was 18.0 (E-UPSTREAM-DEFAULT-BRANCH)" in note for note in seen.notes)


def test_a_single_repository_needs_no_names(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    name, upstream = next(iter(upstreams.items()))
    vendoring.options = {"url": server.url(name)}
    seen = vendoring.look()
    assert {key: entry.digest for key, entry in seen.entries.items()} == {"vendor": upstream.tree()}
    assert seen.sources[0].name == name


@pytest.mark.parametrize("annotated", [False, True])
def test_a_tag_is_resolved_to_its_commit(vendoring: Vendoring, upstreams: dict[str, Upstream], annotated: bool) -> None:
    for upstream in upstreams.values():
        upstream.tag("v1", annotated=annotated)
    vendoring.options["ref"] = "v1"
    seen = vendoring.look()
    assert {(s.ref, s.commit) for s in seen.sources} == {("refs/tags/v1", u.head()) for u in upstreams.values()}


def test_P11_a_commit_is_taken_by_its_id_without_asking_again(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    name, upstream = next(iter(upstreams.items()))
    old, tree = upstream.head(), upstream.tree()
    upstream.commit({"README.md": b"newer\n"})
    vendoring.options |= {"names": [name], "ref": old}
    assert vendoring.look().at(f"vendor/{name}").digest == tree
    server.reset()
    vendoring.look()
    assert server.asked == ()


def test_P11_a_commit_id_that_is_nowhere_is_said_so(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    vendoring.options["ref"] = "1" * 40
    with pytest.raises(SyncError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-COMMIT-GONE"


def test_a_branch_wins_over_a_tag_of_the_same_name_and_a_note_says_so(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    for upstream in upstreams.values():
        upstream.tag("18.0", upstream.commit({"x": b"y"}, branch="other"))
    seen = vendoring.look()
    assert {s.ref for s in seen.sources} == {"refs/heads/18.0"}
    assert len([note for note in seen.notes if "branch and a tag" in note]) == 3


def test_a_longer_branch_name_is_not_mistaken_for_the_shorter(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    for upstream in upstreams.values():
        upstream.commit({"x": b"y"}, branch="18.0-ocabot-merge-pr-1")
    assert {s.commit for s in vendoring.look().sources} == {u.head() for u in upstreams.values()}


def test_P20_submodules_are_left_out_with_a_note(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    name, upstream = next(iter(upstreams.items()))
    upstream.commit(
        {"deps/one": ("160000", b"1" * 40), "deps/two": ("160000", b"2" * 40), "lib/x/y": ("160000", b"3" * 40),
         "lib/x/z": b"stays", ".gitmodules": b'[submodule "one"]\n\tpath = deps/one\n\turl = https://example.org/x\n'}
    )  # fmt: skip

    def check(store: ObjectStore, seen: Snapshot) -> None:
        flat = trees.flatten(store, seen).entries
        assert not [key for key, entry in flat.items() if entry.mode == "160000"]
        assert f"vendor/{name}/lib/x/z" in flat
        assert not [key for key in flat if "/deps/" in key]

    seen = vendoring.look(check=check)
    assert [note for note in seen.notes if "submodules are not taken along: deps/one, deps/two, lib/x/y" in note]
    assert vendoring.look().digest == seen.digest


def test_an_upstream_that_moved_and_came_back_is_seen_as_it_is(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    vendoring.options["accept_rewrite"] = True
    first = vendoring.look()
    upstream = next(iter(upstreams.values()))
    old = upstream.head()
    upstream.commit({"README.md": b"other\n"})
    vendoring.look()
    upstream.reset(old)
    assert vendoring.look().digest == first.digest


def test_it_declares_what_it_does(vendoring: Vendoring) -> None:
    from directional_sync.endpoints.git.endpoint import GitEndpoint

    assert not GitEndpoint.capabilities.writes and GitEndpoint.capabilities.previews


@pytest.mark.parametrize("way", ["file-url", "plain-path"])
def test_upstreams_on_this_machine(
    tmp_path: Path, vendoring: Vendoring, upstreams: dict[str, Upstream], way: str
) -> None:
    folder = tmp_path / "upstreams"
    vendoring.options["url"] = f"{'file://' if way == 'file-url' else ''}{folder}/{{name}}.git"
    seen = vendoring.look()
    assert {entry.digest for entry in seen.entries.values()} == {u.tree() for u in upstreams.values()}
    upstream = next(iter(upstreams.values()))
    upstream.commit({"README.md": b"new\n"})
    seen = vendoring.look()
    assert upstream.tree() in {entry.digest for entry in seen.entries.values()}
    assert not seen.notes


def test_a_host_of_the_older_protocol(vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer) -> None:
    for name in upstreams:
        server.fault(name, Fault(old_protocol=True))
    seen = vendoring.look()
    assert {entry.digest for entry in seen.entries.values()} == {u.tree() for u in upstreams.values()}


def test_each_upstream_that_cannot_be_had_comes_with_its_advice(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    first, second, _ = upstreams.values()
    vendoring.look()
    first.commit({"x": b"1"}, onto="")
    second.path.rename(second.path.with_suffix(".away"))
    seen = vendoring.look()
    assert f"--accept-rewrite {first.name}" in seen.advice[f"vendor/{first.name}"]
    assert "check the spelling" in seen.advice[f"vendor/{second.name}"]
    assert replace(seen, advice={}) == seen and replace(seen, advice={}).digest == seen.digest
