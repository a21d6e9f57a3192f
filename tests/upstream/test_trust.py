"""Upstreams that rewrite, move tags, or attack; credentials; and configurations that would change what git does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.upstream.vendoring import Vendoring, git

from directional_sync.errors import CredentialError, RefusedError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import Snapshot
from directional_sync.testing.faults import Fault
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, empty, tree_bytes

TOKEN = "ghp_0123456789abcdefCANARY"


def _only(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> tuple[str, Upstream]:
    name, upstream = next(iter(upstreams.items()))
    vendoring.options["names"] = [name]
    return name, upstream


# History


def test_P05_a_force_pushed_branch_is_not_taken_silently(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    name, upstream = _only(vendoring, upstreams)
    upstream.commit({"README.md": b"second\n"})
    vendoring.look()
    old = upstream.head()
    new = upstream.commit({"README.md": b"instead\n"}, onto="18.0~1")
    cached = sorted(path.name for path in vendoring.cache.rglob("*.pack"))
    with pytest.raises(RefusedError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-REWRITE"
    assert old[:10] in caught.value.message and new[:10] in caught.value.message
    assert [line for line in caught.value.detail if line.startswith(f"dropped: {old[:7]}")]
    assert f"--accept-rewrite {name}" in caught.value.hint
    assert sorted(path.name for path in vendoring.cache.rglob("*.pack")) == cached
    vendoring.options["accept_rewrite"] = True
    seen = vendoring.look()
    assert seen.at(f"vendor/{name}").digest == upstream.tree()
    assert any("was rewritten" in note for note in seen.notes)


def test_P05_only_the_rewritten_one_of_many_is_held(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    vendoring.look()
    first, second, _ = upstreams.values()
    first.commit({"x": b"1"}, onto="")
    second.commit({"x": b"1"})
    seen = vendoring.look()
    assert [reason.partition(":")[0] for reason in seen.unreadable.values()] == ["E-UPSTREAM-REWRITE"]
    assert seen.at(f"vendor/{second.name}").digest == second.tree()


def test_T45_an_upstream_that_goes_back_is_a_rewrite(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    _, upstream = _only(vendoring, upstreams)
    upstream.commit({"README.md": b"second\n"})
    vendoring.look()
    upstream.reset("18.0~1")
    with pytest.raises(RefusedError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-REWRITE"


def test_a_merge_of_an_older_branch_is_no_rewrite(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    name, upstream = _only(vendoring, upstreams)
    side = upstream.commit({"side": b"1"}, branch="side", onto="18.0")
    upstream.commit({"README.md": b"second\n"})
    vendoring.look()
    old = upstream.head()
    merge = upstream.git("commit-tree", upstream.tree(), "-p", side, "-p", old, "-m", "merge")
    upstream.git("update-ref", "refs/heads/18.0", merge)
    assert {s.commit for s in vendoring.look().sources} == {merge}
    assert name


@pytest.mark.parametrize("steps", ["forward", "rewrite", "back"])
def test_P05_without_raw_requests_history_is_told_by_git(
    tmp_path: Path, vendoring: Vendoring, upstreams: dict[str, Upstream], steps: str
) -> None:
    _, upstream = _only(vendoring, upstreams)
    vendoring.options["url"] = f"file://{tmp_path}/upstreams/{{name}}.git"
    upstream.commit({"README.md": b"second\n"})
    vendoring.look()
    if steps == "forward":
        for number in range(5):
            upstream.commit({"README.md": b"%d\n" % number})
    elif steps == "rewrite":
        upstream.commit({"README.md": b"instead\n"}, onto="18.0~1")
    else:
        upstream.reset("18.0~1")
    if steps == "forward":
        seen = vendoring.look()
        assert {s.commit for s in seen.sources} == {upstream.head()} and not seen.notes
    else:
        with pytest.raises(RefusedError) as caught:
            vendoring.look()
        assert caught.value.code == "E-UPSTREAM-REWRITE"


def test_where_history_cannot_be_compared_a_note_says_so(
    tmp_path: Path, vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    import shutil

    _, upstream = _only(vendoring, upstreams)
    vendoring.options["url"] = f"file://{tmp_path}/upstreams/{{name}}.git"
    vendoring.look()
    shutil.rmtree(vendoring.cache)
    upstream.commit({"README.md": b"second\n"})
    assert any("cannot be told" in note for note in vendoring.look().notes)


@pytest.mark.parametrize("annotated", [False, True])
def test_P04_a_moved_tag_is_not_taken_silently(
    vendoring: Vendoring, upstreams: dict[str, Upstream], annotated: bool
) -> None:
    name, upstream = _only(vendoring, upstreams)
    upstream.tag("v1", annotated=annotated)
    vendoring.options["ref"] = "v1"
    vendoring.look()
    old = upstream.head()
    new = upstream.commit({"README.md": b"evil\n"})
    upstream.tag("v1", annotated=annotated)
    with pytest.raises(RefusedError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-TAG-MOVED"
    assert old[:10] in caught.value.message and new[:10] in caught.value.message
    vendoring.options["accept_moved_tag"] = True
    seen = vendoring.look()
    assert seen.at(f"vendor/{name}").digest == upstream.tree()
    assert any("as it was accepted" in note for note in seen.notes)


def test_P49_another_tag_in_the_file_is_no_moved_tag(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    _, upstream = _only(vendoring, upstreams)
    upstream.tag("v1")
    vendoring.options["ref"] = "v1"
    vendoring.look()
    new = upstream.commit({"README.md": b"next\n"})
    upstream.tag("v2")
    vendoring.options["ref"] = "v2"
    assert [s.commit for s in vendoring.look().sources] == [new]


# Hostile trees

NAMES: dict[str, bytes] = {
    "dot-git": b".git",
    "upper": b".GIT",
    "mixed": b".Git",
    "short-name": b"git~1",
    "zero-width": ".g\u200cit".encode(),
    "zero-width-end": ".git\u200c".encode(),
    "dot": b".",
    "dot-dot": b"..",
    "trailing-space": b".git ",
    "trailing-dot": b".git.",
    "stream": b".git::$INDEX_ALLOCATION",
}


def _under(upstream: Upstream, name: bytes, mode: str = "40000") -> str:
    """A commit whose root tree has an entry of this name, with a hook inside when it is a folder."""
    blob = upstream.write("blob", b"#!/bin/sh\necho owned\n")
    hooks = upstream.write("tree", tree_bytes([("100755", b"post-checkout", blob)]))
    inner = upstream.write("tree", tree_bytes([("40000", b"hooks", hooks)]))
    target = inner if mode == "40000" else blob
    return upstream.commit_tree(upstream.write("tree", tree_bytes([(mode, name, target)])))


@pytest.mark.parametrize("mode", ["40000", "100644", "120000"])
def test_T01_T02_names_that_reach_git_are_refused_before_anything_is_taken(
    tmp_path: Path, vendoring: Vendoring, upstreams: dict[str, Upstream], mode: str
) -> None:
    evil = {name: empty(tmp_path / "upstreams" / f"{name}.git") for name in NAMES}
    for name, upstream in evil.items():
        _under(upstream, NAMES[name], mode)
    good = next(iter(upstreams))
    vendoring.options["names"] = [good, *NAMES]
    seen = vendoring.look()
    assert {into: reason.partition(":")[0] for into, reason in seen.unreadable.items()} == {
        f"vendor/{name}": "E-UPSTREAM-FSCK" for name in NAMES
    }
    assert all("has" in reason for reason in seen.unreadable.values()), "the finding is named"
    assert list(seen.entries) == [f"vendor/{good}"]
    for upstream in evil.values():
        assert git(vendoring.root, "cat-file", "-t", upstream.tree(), check=False) == ""


def _duplicate(upstream: Upstream, blob: str) -> str:
    return upstream.write("tree", tree_bytes([("100644", b"a", blob), ("100644", b"a", blob)]))


def _unsorted(upstream: Upstream, blob: str) -> str:
    return upstream.write("tree", tree_bytes([("100644", b"b", blob), ("100644", b"a", blob)]))


def _with_slash(upstream: Upstream, blob: str) -> str:
    return upstream.write("tree", tree_bytes([("100644", b"a/b", blob)]))


def _modules_link(upstream: Upstream, blob: str) -> str:
    return upstream.write("tree", tree_bytes([("120000", b".gitmodules", blob)]))


def _modules_url(upstream: Upstream, blob: str) -> str:
    evil = upstream.write("blob", b'[submodule "x"]\n\tpath = x\n\turl = -uevil\n')
    return upstream.write("tree", tree_bytes([("100644", b".gitmodules", evil)]))


@pytest.mark.parametrize("make", [_duplicate, _unsorted, _with_slash, _modules_link, _modules_url])
def test_T05_trees_that_git_would_read_in_two_ways_are_refused(
    vendoring: Vendoring, upstreams: dict[str, Upstream], make: object
) -> None:
    _, upstream = _only(vendoring, upstreams)
    upstream.commit_tree(make(upstream, upstream.write("blob", b"../x")))  # type: ignore[operator]
    with pytest.raises(RefusedError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-FSCK"


def test_T04_links_that_escape_pass_the_fetch_and_are_left_to_the_gates_as_they_are(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    name, upstream = _only(vendoring, upstreams)
    upstream.commit({"out": ("120000", b"/etc/passwd"), "up": ("120000", b"../../../x")})

    def check(store: ObjectStore, seen: Snapshot) -> None:
        flat = trees.flatten(store, seen).entries
        assert (flat[f"vendor/{name}/out"].mode, store.read(flat[f"vendor/{name}/out"].digest)) == (
            "120000",
            b"/etc/passwd",
        )

    vendoring.look(check=check)


def test_harmless_old_sins_are_tolerated(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    name, upstream = _only(vendoring, upstreams)
    blob = upstream.write("blob", b"old\n")
    inner = upstream.write("tree", tree_bytes([("100644", b"a", blob)]))
    tree = upstream.write("tree", tree_bytes([("040000", b"folder", inner)]))
    commit = upstream.write(
        "commit", f"tree {tree}\nauthor A<a@b> 1 +0000\ncommitter A <a@b> 01 +051800\n\nx\n".encode()
    )
    upstream.git("update-ref", "refs/heads/18.0", commit)
    assert vendoring.look().at(f"vendor/{name}").digest == tree


def test_T07_what_a_host_says_cannot_steer_a_terminal(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    _, upstream = _only(vendoring, upstreams)
    blob = upstream.write("blob", b"x")
    upstream.commit_tree(upstream.write("tree", tree_bytes([("100644", b"a\x1b[31m/b", blob)])))
    with pytest.raises(SyncError) as caught:
        vendoring.look()
    assert "\x1b" not in vendoring.text(caught.value)


# Credentials


def _helper(vendoring: Vendoring, tmp_path: Path, password: str) -> None:
    script = tmp_path / "helper.sh"
    script.write_text(
        f"#!/bin/sh\ntest \"$1\" = get && printf 'username=me\\npassword={password}\\n'\necho $1 >> {tmp_path}/asked\n"
    )
    script.chmod(0o755)
    (vendoring.home / ".gitconfig").write_text(f'[credential]\n\thelper = "{script}"\n')


def test_a_private_upstream_is_had_with_the_users_credential_helper(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, tmp_path: Path
) -> None:
    _helper(vendoring, tmp_path, TOKEN)
    for name in upstreams:
        server.fault(name, Fault(user_password=f"me:{TOKEN}"))
    seen = vendoring.look()
    assert not seen.unreadable
    (tmp_path / "asked").unlink()
    server.reset()
    again = vendoring.look()
    assert again == seen
    assert (tmp_path / "asked").read_text() == "get\n", "one question for all repositories of a host"
    assert len(server.asked) <= 2 * len(upstreams) + 2
    upstream = next(iter(upstreams.values()))
    upstream.commit({"README.md": b"instead\n"}, onto="")
    assert "E-UPSTREAM-REWRITE" in "".join(vendoring.look().unreadable.values())


@pytest.mark.parametrize("right", [True, False])
def test_P37_a_token_is_in_nothing_that_is_said(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, tmp_path: Path, right: bool
) -> None:
    _helper(vendoring, tmp_path, TOKEN)
    vendoring.environment["OCA_TOKEN"] = TOKEN
    for name in upstreams:
        server.fault(name, Fault(user_password=f"me:{TOKEN if right else 'other'}"))
    said: Snapshot | BaseException
    if right:
        said = vendoring.look()
    else:
        with pytest.raises(CredentialError) as caught:
            vendoring.look()
        said = caught.value
        assert caught.value.code == "E-UPSTREAM-AUTH"
    assert TOKEN not in vendoring.text(said)
    for path in (vendoring.root / ".git").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


def test_P37_a_token_that_the_users_configuration_puts_into_urls_is_not_repeated(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer
) -> None:
    base = f"http://127.0.0.1:{server.port}/"
    with_token = base.replace("http://", f"http://me:{TOKEN}@")
    (vendoring.home / ".gitconfig").write_text(f'[url "{with_token}"]\n\tinsteadOf = {base}\n')
    for name in upstreams:
        server.fault(name, Fault(user_password="me:other"))
    with pytest.raises(SyncError) as caught:
        vendoring.look()
    assert TOKEN not in vendoring.text(caught.value)


# Configuration


HOSTILE = """
[core]
    hooksPath = {trap}
    fsmonitor = {trap}/run
    askPass = {trap}/run
    sshCommand = {trap}/run
    gitProxy = {trap}/run
    autocrlf = true
    alternateRefsCommand = {trap}/run
[url "ext::{trap}/run %S "]
    insteadOf = {prefix}
[protocol "ext"]
    allow = always
[fetch]
    fsckObjects = false
    prune = true
    pruneTags = true
    recurseSubmodules = true
    output = compact
    writeCommitGraph = true
[fetch "fsck"]
    hasDotgit = ignore
    hasDotdot = ignore
[transfer]
    fsckObjects = false
    hideRefs = refs/upstream
[submodule]
    recurse = true
[gc]
    auto = 1
[maintenance]
    auto = true
[commit]
    gpgSign = true
[alias]
    fetch = !{trap}/run
    ls-tree = !{trap}/run
[uploadpack]
    packObjectsHook = {trap}/run
"""


def _trap(vendoring: Vendoring, tmp_path: Path, prefix: str) -> Path:
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("run", "reference-transaction", "post-checkout", "post-index-change"):
        (trap / name).write_text(f"#!/bin/sh\necho $0 >> {tmp_path}/sprung\n")
        (trap / name).chmod(0o755)
    (vendoring.home / ".gitconfig").write_text(HOSTILE.format(trap=trap, prefix=prefix))
    return tmp_path / "sprung"


def test_F77_T43_a_hostile_configuration_changes_nothing_and_runs_nothing(
    vendoring: Vendoring, upstreams: dict[str, Upstream], tmp_path: Path
) -> None:
    sprung = _trap(vendoring, tmp_path, "http://elsewhere.invalid/")
    seen = vendoring.look()
    assert {entry.digest for entry in seen.entries.values()} == {u.tree() for u in upstreams.values()}
    for upstream in upstreams.values():
        upstream.commit({"README.md": b"new\n"})
    assert len(vendoring.look().entries) == 3
    _under(next(iter(upstreams.values())), b".git")
    assert "E-UPSTREAM-FSCK" in "".join(vendoring.look().unreadable.values())
    assert not sprung.exists()


def test_T05_a_helper_program_is_not_reached_through_insteadof(
    vendoring: Vendoring, upstreams: dict[str, Upstream], server: GitServer, tmp_path: Path
) -> None:
    sprung = _trap(vendoring, tmp_path, f"http://127.0.0.1:{server.port}/")
    with pytest.raises(SyncError):
        vendoring.look()
    assert not sprung.exists()


def test_T43_the_users_repository_is_not_asked_how_to_fetch(
    vendoring: Vendoring, upstreams: dict[str, Upstream], tmp_path: Path
) -> None:
    sprung = _trap(vendoring, tmp_path, "http://elsewhere.invalid/")
    (vendoring.home / ".gitconfig").rename(tmp_path / "config")
    with (vendoring.root / ".git" / "config").open("a") as file:
        file.write((tmp_path / "config").read_text())
    assert len(vendoring.look(agree=False).entries) == 3
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_COUNT", "GIT_TRACE", "GIT_EXEC_PATH"])
def test_F77_variables_that_steer_git_are_not_handed_on(
    vendoring: Vendoring, upstreams: dict[str, Upstream], tmp_path: Path, name: str
) -> None:
    vendoring.environment[name] = str(tmp_path / "nowhere")
    assert len(vendoring.look().entries) == 3
    assert not os.path.exists(tmp_path / "nowhere")  # noqa: PTH110


# A branch that an upstream never had


def test_a_branch_that_never_was_is_a_failure_that_says_how_to_leave_it_out(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    first, second, _ = upstreams.values()
    second.git("update-ref", "-d", "refs/heads/18.0")
    second.commit({"x": b"1"}, branch="17.0", onto="")
    seen = vendoring.look()
    assert list(seen.unreadable) == [f"vendor/{second.name}"]
    assert f"--accept-vanished-ref {second.name}" in seen.advice[f"vendor/{second.name}"]
    vendoring.options["repositories"] = {second.name: {"accept_vanished_ref": True}}
    seen = vendoring.look()
    assert not seen.unreadable and f"vendor/{first.name}" in seen.entries
    assert second.name not in [source.name for source in seen.sources]
    assert f"{second.name} has no 18.0; left out, as it was accepted" in seen.notes
    second.commit({"x": b"2"}, onto="17.0")
    assert vendoring.look().at(f"vendor/{second.name}").digest == second.tree()
    second.git("update-ref", "-d", "refs/heads/18.0")
    seen = vendoring.look()  # what was taken once is kept
    assert second.name in [source.name for source in seen.sources] and not seen.unreadable


def test_one_upstream_without_the_branch_leaves_nothing(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    name, _ = _only(vendoring, upstreams)
    vendoring.options["ref"] = "19.0"
    with pytest.raises(SyncError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-REF" and f"--accept-vanished-ref {name}" in caught.value.hint
    vendoring.options["accept_vanished_ref"] = True
    seen = vendoring.look()
    assert not seen.entries and not seen.sources and not seen.unreadable


def test_what_was_taken_by_another_name_is_not_left_out(vendoring: Vendoring, upstreams: dict[str, Upstream]) -> None:
    """A ref that was changed in the file, with a mistake in it, is no reason to remove what is there."""
    vendoring.look()
    vendoring.options |= {"ref": "81.0", "accept_vanished_ref": True}
    with pytest.raises(SyncError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-REF"


def test_a_missing_part_of_a_merge_does_not_leave_out_the_rest(
    vendoring: Vendoring, upstreams: dict[str, Upstream]
) -> None:
    _only(vendoring, upstreams)
    vendoring.options |= {"merge": ["refs/pull/7/head"], "accept_vanished_ref": True}
    with pytest.raises(SyncError) as caught:
        vendoring.look()
    assert caught.value.code == "E-UPSTREAM-REF"
