"""Opening a repository in every shape it can have, and the isolation of git from everything around it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from directional_sync.errors import HostError
from directional_sync.git import plumbing
from directional_sync.git.plumbing import RefMove
from directional_sync.git.repository import BASE_REF, DEFAULT_IDENTITY, Repository
from directional_sync.system import process

from .conftest import Folder

Make = Callable[..., Folder]


def refused(start: Path) -> HostError:
    with pytest.raises(HostError) as caught:
        Repository.open(start)
    assert caught.value.hint and caught.value.kept
    return caught.value


def test_an_ordinary_repository(either: Folder) -> None:
    found = either.open()
    assert (found.root, found.git_dir, found.common_dir) == (either.root, either.root / ".git", either.root / ".git")
    assert found.branch == "refs/heads/main"
    assert found.head == either.text("rev-parse", "HEAD")
    assert found.hash_name == {40: "sha1", 64: "sha256"}[len(found.head)]
    assert found.state == either.root / ".git" / "directional-sync" and found.cache == found.state / "cache"
    assert not found.partial


def test_opened_from_a_folder_below(folder: Folder) -> None:
    below = folder.write("a/b/c").parent
    assert Repository.open(below) == folder.open()


def test_a_path_with_odd_characters(make: Make) -> None:
    folder = make('a"b:c\nd #é')
    found = folder.open()
    assert found.root == folder.root
    assert found.git.touched() == []


def test_a_linked_work_tree(folder: Folder, tmp_path: Path) -> None:
    folder.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    found = Repository.open(tmp_path / "linked")
    assert found.root == tmp_path / "linked"
    assert found.git_dir == folder.root / ".git" / "worktrees" / "linked"
    assert found.common_dir == folder.root / ".git"
    assert found.branch == "refs/heads/side"
    assert found.ref("refs/heads/main") == found.head


def test_a_linked_work_tree_of_a_bare_repository(folder: Folder, tmp_path: Path) -> None:
    folder.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    Folder(tmp_path / "bare").git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    assert Repository.open(tmp_path / "linked").branch == "refs/heads/side"


def test_a_submodule(folder: Folder, make: Make) -> None:
    outer = make("outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(folder.root), "inner")
    found = Repository.open(outer.root / "inner")
    assert found.root == outer.root / "inner"
    assert found.git_dir == found.common_dir == outer.root / ".git" / "modules" / "inner"
    assert found.git.ls_index() == []


def test_a_bare_repository_is_refused(folder: Folder, tmp_path: Path) -> None:
    folder.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    assert refused(tmp_path / "bare").code == "E-REPO-BARE"


def test_the_git_folder_itself_is_refused(folder: Folder) -> None:
    assert refused(folder.root / ".git").code == "E-REPO-NONE"


def test_a_detached_head_is_refused(folder: Folder) -> None:
    folder.git("switch", "-q", "--detach")
    assert refused(folder.root).code == "E-REPO-DETACHED"


def test_a_branch_without_commits_is_refused(make: Make) -> None:
    assert refused(make(commit=False).root).code == "E-REPO-UNBORN"


def test_no_repository_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path).code == "E-REPO-NONE"
    assert refused(tmp_path / "missing").code == "E-REPO-NONE"


def diverge(folder: Folder) -> None:
    """Branches main and side, with a conflict between them; on main."""
    folder.commit(a=b"base")
    folder.git("switch", "-q", "-c", "side")
    folder.commit(a=b"side")
    folder.git("switch", "-q", "main")
    folder.commit(a=b"main")


@pytest.mark.parametrize(
    ("begin", "word"),
    [
        (("merge", "side"), "git merge"),
        (("cherry-pick", "side"), "git cherry-pick"),
        (("rebase", "side"), "git rebase"),
        (("rebase", "--apply", "side"), "git rebase"),
        (("revert", "--no-commit", "HEAD"), "git revert"),
        (("bisect", "start"), "git bisect"),
        (("bisect", "start", "HEAD", "HEAD~2"), "git bisect"),
    ],
)
def test_work_in_progress_is_refused(folder: Folder, begin: tuple[str, ...], word: str) -> None:
    diverge(folder)
    folder.git(*begin, check=False)
    error = refused(folder.root)
    assert error.code == "E-REPO-BUSY" and word in error.hint


def test_work_in_progress_elsewhere_does_not_matter(folder: Folder, tmp_path: Path) -> None:
    diverge(folder)
    folder.git("worktree", "add", "-q", "-b", "third", str(tmp_path / "linked"))
    folder.git("merge", "side", check=False)
    assert Repository.open(tmp_path / "linked").branch == "refs/heads/third"


def test_a_sparse_checkout_is_refused_while_it_is_sparse(folder: Folder) -> None:
    folder.write("a/x")
    folder.commit(b=b"1")
    folder.git("sparse-checkout", "set", "a")
    assert refused(folder.root).code == "E-REPO-SPARSE"
    folder.git("sparse-checkout", "disable")
    assert folder.open().branch == "refs/heads/main"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_repository_is_refused_until_it_is_trusted(folder: Folder) -> None:
    for path in (folder.root, *folder.root.rglob("*")):
        os.chown(path, 4242, 4242)
    error = refused(folder.root)
    assert error.code == "E-REPO-OWNER"
    assert error.hint == f"git config --global --add safe.directory {folder.root}"
    subprocess.run(error.hint.split(), check=True)
    assert folder.open().head == folder.text("rev-parse", "HEAD")


def test_no_git_and_an_old_git(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert refused(folder.root).code == "E-GIT-MISSING"
    old = tmp_path / "old" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.37.9.windows.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent))
    assert refused(folder.root).code == "E-GIT-OLD"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every git command that is started, as it is started."""
    started: list[list[str]] = []
    capture = process.capture

    def counting(argv, **options):  # type: ignore[no-untyped-def]
        started.append([str(part) for part in argv])
        return capture(argv, **options)

    monkeypatch.setattr(process, "capture", counting)
    return started


def test_opening_costs_one_process(folder: Folder, counted: list[list[str]]) -> None:
    plumbing.version()
    counted.clear()
    found = folder.open()
    found.ref("refs/heads/main")
    found.ref(BASE_REF.format(target="none"))
    assert [command[1] for command in counted] == ["rev-parse"]


def test_reread_sees_what_moved(folder: Folder) -> None:
    before = folder.open()
    head = folder.commit(a=b"1")
    assert before.head != head == before.reread().head


def test_reread_starts_no_program_while_plain_files_say_it_all(folder: Folder, counted: list[list[str]]) -> None:
    before = folder.open()
    counted.clear()
    assert before.reread() == before
    assert counted == []


def test_reread_asks_git_where_files_alone_do_not_say_it(folder: Folder, counted: list[list[str]]) -> None:
    before = folder.open()
    folder.git("pack-refs", "--all", "--prune")
    counted.clear()
    assert before.reread() == before
    folder.git("config", "core.bare", "true")
    with pytest.raises(HostError) as caught:
        before.reread()
    assert caught.value.code == "E-REPO-BARE"
    assert len(counted) == 2


def test_reread_finds_a_branch_that_was_left_and_work_that_was_begun(folder: Folder) -> None:
    before = folder.open()
    folder.git("switch", "-q", "-c", "other")
    assert before.reread().branch == "refs/heads/other"
    (before.git_dir / "MERGE_HEAD").write_text(before.head)
    with pytest.raises(HostError) as caught:
        before.reread()
    assert caught.value.code == "E-REPO-BUSY"


def test_refs_are_found_loose_and_packed(either: Folder) -> None:
    found = either.open()
    name = BASE_REF.format(target="one")
    assert found.ref(name) == ""
    found.git.update_refs([RefMove(name, found.head, "")])
    assert found.ref(name) == found.head
    either.git("pack-refs", "--all")
    assert found.ref(name) == found.ref(found.branch) == found.head
    assert found.ref("refs/directional-sync/base/on") == ""
    assert found.git.refs("refs/directional-sync/") == {name: found.head}


def test_a_symbolic_ref_is_followed(folder: Folder) -> None:
    folder.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    found = folder.open()
    assert found.ref("refs/heads/alias") == found.head


def test_refs_move_together_or_not_at_all(either: Folder) -> None:
    found = either.open()
    old, new = found.head, either.commit(a=b"1")
    one, two = "refs/directional-sync/base/one", "refs/directional-sync/base/two"
    found.git.update_refs([(one, old, ""), (two, old, "")], reason="begin")
    for move in ((two, new, new), (two, new, ""), (two, "", new), ("refs/directional-sync/base/three", new, old)):
        with pytest.raises(HostError) as caught:
            found.git.update_refs([(one, new, old), move])
        assert caught.value.code == "E-REF-MOVED", move
        assert found.git.refs("refs/directional-sync/") == {one: old, two: old}
    found.git.update_refs([(one, new, old), (two, "", old)])
    assert found.git.refs("refs/directional-sync/") == {one: new}


def test_a_held_ref_lock_is_told_apart(folder: Folder) -> None:
    found = folder.open()
    (found.git_dir / "refs" / "heads" / "main.lock").touch()
    with pytest.raises(HostError) as caught:
        found.git.update_refs([(found.branch, found.head, found.head)])
    assert caught.value.code == "E-REF-LOCKED" and caught.value.retryable


def test_history_is_searched_for_whole_lines(folder: Folder) -> None:
    for text in ("one\n\nSync-Target: a.b\n", "two\n\nSync-Target: a.bc\n", "three\n\nSync-Target: axb\n"):
        folder.git("commit", "-q", "--allow-empty", "-m", text)
    found = folder.open()
    assert found.git.log_grep("HEAD", "Sync-Target: a.b", 5) == [folder.text("rev-parse", "HEAD~2")]


def test_the_index_is_read_and_set(either: Folder) -> None:
    head = either.commit(a=b"1", b=b"2")
    found = either.open()
    name = b"odd\n\xff".decode("utf-8", "surrogateescape")
    digest = found.git.ls_index("a")[0].digest
    found.git.set_index([(name, "100755", digest), ("b", "", "")])
    assert [(item.mode, item.path) for item in found.git.ls_index()] == [("100644", "a"), ("100755", name)]
    assert found.git.staged(head) == ["b", name]
    assert found.git.untracked() == ["b"]
    either.write("a", b"changed")
    assert found.git.touched("a") == ["a"]
    (found.git_dir / "index.lock").touch()
    with pytest.raises(HostError) as caught:
        found.git.set_index([("c", "100644", digest)])
    assert caught.value.code == "E-INDEX-LOCKED"


def test_paths_are_taken_literally(folder: Folder) -> None:
    folder.write("*")
    folder.commit(a=b"1")
    assert [item.path for item in folder.open().git.ls_index("*")] == ["*"]


def test_identity_is_the_users_own(folder: Folder) -> None:
    assert folder.open().identity == DEFAULT_IDENTITY
    home = Path(os.environ["HOME"])
    (home / ".gitconfig").write_text("[user]\n\tname = Ada Ü\n\temail = ada@example.org\n")
    assert folder.open().identity == ("Ada Ü", "ada@example.org")
    folder.git("config", "user.email", "ada@work.example")
    assert folder.open().identity == ("Ada Ü", "ada@work.example")


HOSTILE = """
[core]
    fsmonitor = {trap}
    hooksPath = {hooks}
    sshCommand = {trap}
    autocrlf = true
    pager = {trap}
    editor = {trap}
    attributesFile = {attributes}
[commit]
    gpgSign = true
[gpg]
    program = {trap}
[diff]
    external = {trap}
[filter "evil"]
    clean = {trap}
    smudge = {trap}
    process = {trap}
    required = true
[alias]
    rev-parse = !{trap}
    update-ref = !{trap}
[init]
    templateDir = {hooks}
[pack]
    packSizeLimit = 1m
[credential]
    helper = !{trap}
"""


@pytest.mark.parametrize("place", ["user", "repository", "both"])
def test_hostile_configuration_runs_nothing(folder: Folder, tmp_path: Path, place: str) -> None:
    """T43, F77: neither the user's nor the repository's own configuration makes git run or convert anything."""
    sprung = tmp_path / "sprung"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\necho $0 $@ >> {sprung}\nexit 1\n")
    trap.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-index-change", "pre-commit", "fsmonitor-watchman", "post-checkout"):
        shutil.copy(trap, hooks / name)
    (tmp_path / "attributes").write_text("* filter=evil\n")
    head = folder.commit(**{".gitattributes": b"* filter=evil text=auto\n", "a": b"1\r\n"})
    text = HOSTILE.format(trap=trap, hooks=hooks, attributes=tmp_path / "attributes")
    if place in ("user", "both"):
        Path(os.environ["HOME"], ".gitconfig").write_text(text)
    if place in ("repository", "both"):
        with (folder.root / ".git" / "config").open("a") as file:
            file.write(text)
    (folder.root / ".git" / "hooks").mkdir(exist_ok=True)
    shutil.copy(trap, folder.root / ".git" / "hooks" / "reference-transaction")
    found = folder.open()
    folder.write("a", b"2\r\n")
    os.utime(folder.root / "a", (0, 0))
    assert found.git.touched() == ["a"]
    assert found.git.staged(head) == []
    found.git.refresh_index()
    found.git.update_refs([("refs/directional-sync/base/x", head, "")])
    found.git.untracked()
    assert found.head == head and found.identity == DEFAULT_IDENTITY
    assert not sprung.exists(), sprung.read_text()


def test_git_variables_are_not_inherited(folder: Folder, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make("other")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "nonsense")
    found = Repository.open(folder.root)
    assert found.root == folder.root and found.git.ls_index() == []


def test_a_failing_command_tells_what_git_said(folder: Folder) -> None:
    with pytest.raises(HostError) as caught:
        folder.open().git.run("rev-list", "no-such-thing")
    assert caught.value.code == "E-GIT" and "no-such-thing" in caught.value.message
