"""Vendoring into repositories of every shape (P19): where it works, it works as ever; elsewhere nothing is touched, and
the message says what is in the way and which command clears it. What `Repository.open` says is tested beside it; here
it is whole commands, with an upstream that has something to give."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.project import Project

from directional_sync.cli import main
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream, build

Said = tuple[int, str]
Command = Callable[..., Said]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    folder = tmp_path_factory.mktemp("upstreams")
    build(folder, names=["web"], modules=1)
    with GitServer(folder) as server:
        yield server


@pytest.fixture
def vendoring(project: Project, host: GitServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    # The library for secrets takes seconds to start, and is not what this is about.
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
    project.configure(
        f"""
        targets:
          web:
            direction: pull
            retries: 0
            remote: {{type: git, url: "{host.url("web")}", ref: "18.0", into: "vendor/web"}}
            outputs: ["vendor/web/**"]
        """
    )
    project.write("notes.txt", "one\n")
    project.commit()
    return project


@pytest.fixture
def dsync(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command line in a folder; answers exit status and everything that was said, on one line."""

    def run(where: Path, *arguments: str) -> Said:
        monkeypatch.chdir(where)
        capfd.readouterr()
        status = main(list(arguments))
        said = capfd.readouterr()
        return status, " ".join((said.out + said.err).split())

    return run


def state(where: Path) -> object:
    """Everything that a refused command must leave alone: refs, HEAD, files with their times, the index."""
    refs = git(where, "for-each-ref", "--format=%(refname) %(objectname)")
    files = {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(where.rglob("*"))
        if path.is_file() and not path.is_symlink() and ("/.git/" not in f"{path}/" or path.name in ("index", "HEAD"))
    }
    return refs, files


def git(where: Path, *arguments: str, check: bool = True) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", "-C", str(where), *identity, *arguments], capture_output=True, text=True)
    assert not (check and done.returncode), done.stderr
    return done.stdout.strip()


def conflict(root: Path) -> None:
    """A branch `theirs` that does not merge."""
    git(root, "switch", "-qc", "theirs")
    (root / "notes.txt").write_text("two\n")
    git(root, "commit", "-qam", "Two")
    git(root, "switch", "-q", "main")
    (root / "notes.txt").write_text("three\n")
    git(root, "commit", "-qam", "Three")


def detached(root: Path) -> None:
    git(root, "checkout", "-q", "--detach")


def sparse(root: Path) -> None:
    git(root, "sparse-checkout", "set", "docs")


def unborn(root: Path) -> None:
    git(root, "checkout", "-q", "--orphan", "fresh")


def in_the_middle(*command: str) -> Callable[[Path], None]:
    def begin(root: Path) -> None:
        conflict(root)
        git(root, *command, check=False)

    return begin


def applying(root: Path) -> None:
    conflict(root)
    patch = root.parent / "theirs.patch"
    patch.write_text(git(root, "format-patch", "-1", "--stdout", "theirs") + "\n")
    git(root, "am", "-q", str(patch), check=False)


@pytest.mark.parametrize(
    ("shape", "code", "what", "remedy"),
    [
        (detached, "E-REPO-DETACHED", "not on a branch", "git switch NAME"),
        (unborn, "E-REPO-UNBORN", "no commit yet", "git commit --allow-empty"),
        (sparse, "E-REPO-SPARSE", "sparse checkout", "git sparse-checkout disable"),
        (in_the_middle("merge", "theirs"), "E-REPO-BUSY", "a merge is in", "git merge --continue (or --abort)"),
        (in_the_middle("rebase", "theirs"), "E-REPO-BUSY", "a rebase is in", "git rebase --continue (or --abort)"),
        (in_the_middle("cherry-pick", "theirs"), "E-REPO-BUSY", "a cherry-pick is in", "git cherry-pick --continue"),
        (in_the_middle("revert", "--no-commit", "HEAD"), "E-REPO-BUSY", "a revert is in", "git revert --continue"),
        (in_the_middle("bisect", "start"), "E-REPO-BUSY", "a bisect is in progress", "git bisect reset"),
        (applying, "E-REPO-BUSY", "git am is in progress", "git am --continue (or --abort)"),
    ],
    ids=["detached", "unborn", "sparse", "merge", "rebase", "cherry-pick", "revert", "bisect", "am"],
)  # fmt: skip
def test_shapes_that_are_refused(
    vendoring: Project,
    host: GitServer,
    dsync: Command,
    shape: Callable[[Path], None],
    code: str,
    what: str,
    remedy: str,
) -> None:
    shape(vendoring.root)
    before = state(vendoring.root)
    host.reset()
    for command in ("plan", "run"):
        status, said = dsync(vendoring.root, command)
        assert status == 1 and code in said and what in said and remedy in said, said
        assert "nothing was changed" in said
    assert state(vendoring.root) == before
    assert host.asked == ()  # refused before anybody is asked


def test_a_bare_repository(vendoring: Project, dsync: Command, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(vendoring.root), str(bare))
    (bare / "sync.yaml").write_bytes((vendoring.root / "sync.yaml").read_bytes())
    before = state(bare)
    for command in ("plan", "run"):
        status, said = dsync(bare, command)
        assert status == 1 and "E-REPO-BARE" in said and "git worktree add" in said, said
    assert state(bare) == before


def test_a_linked_work_tree(vendoring: Project, dsync: Command, tmp_path: Path) -> None:
    """The commit lands on the linked tree's branch; the main tree and its branch stay as they are."""
    linked = tmp_path / "linked"
    git(vendoring.root, "worktree", "add", "-q", "-b", "side", str(linked))
    before = (vendoring.head, vendoring.git("status", "--porcelain"))
    works(linked, dsync)
    assert git(linked, "rev-list", "--count", "main..side") == "1"
    assert (vendoring.head, vendoring.git("status", "--porcelain")) == before
    assert not (vendoring.root / "vendor").exists()


def test_a_shallow_checkout_as_CI_has_it(vendoring: Project, dsync: Command, host: GitServer, tmp_path: Path) -> None:
    """A clone of one commit of a branch that was synced before: the lock tells the base, and it stays shallow."""
    assert dsync(vendoring.root, "run")[0] == 0
    vendoring.write("notes.txt", "more\n")
    vendoring.commit()
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", vendoring.root.as_uri(), str(shallow))
    boundary = (shallow / ".git/shallow").read_text()
    upstream = Upstream(host.path_of("web") or tmp_path)
    tip = upstream.head()
    try:
        upstream.commit({"NEWS": b"new\n", "LICENSE": None}, "Change")
        works(shallow, dsync)
    finally:
        upstream.reset(tip)
    assert (shallow / "vendor/web/NEWS").exists() and not (shallow / "vendor/web/LICENSE").exists()
    assert (shallow / ".git/shallow").read_text() == boundary
    assert git(shallow, "push", "-q", vendoring.root.as_uri(), "HEAD:refs/heads/ci") == ""
    assert vendoring.fsck() == ""


def works(root: Path, dsync: Command) -> None:
    """Plan, run, and plan again: something to do, done, nothing to do."""
    status, said = dsync(root, "plan")
    assert status == 0 and "1 target would change" in said, said
    status, said = dsync(root, "run")
    assert status == 0 and "1 changed" in said, said
    assert git(root, "status", "--porcelain") == ""
    assert (root / "vendor/web/README.md").exists()
    assert git(root, "fsck", "--strict", "--no-dangling", check=False) == ""
    assert "0 targets would change" in dsync(root, "plan")[1]
