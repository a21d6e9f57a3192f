"""F77, F79: what is vendored is the upstream's, byte for byte, whatever the user has configured for git, and nothing
that is configured there runs. Merges, patches and the patches made from edits come out the same, too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.project import Project, make_project
from tests.upstream.vendoring import git
from tests.vendoring.vendored import Vendored

from directional_sync import keeping
from directional_sync.app import open_workspace
from directional_sync.errors import Exit
from directional_sync.git import placing
from directional_sync.model.lifecycle import Outcome
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Content, Upstream, empty

MARK = "{mark}"
"""In a setting: a program that leaves a mark."""
EVERY_ATTRIBUTE = (
    "* text eol=crlf ident filter=mark working-tree-encoding=UTF-16 export-subst export-ignore merge=mark diff=mark "
    "whitespace=trailing-space conflict-marker-size=3\n"
)
FILTERS = {
    "filter.mark.clean": MARK,
    "filter.mark.smudge": MARK,
    "filter.mark.required": "true",
    "filter.lfs.smudge": MARK,
    "filter.lfs.clean": MARK,
    "filter.lfs.process": MARK,
    "filter.lfs.required": "true",
}
QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""So that our own looking leaves no mark."""
LINES = b"".join(b"line %d\n" % number for number in range(40))
PLAIN: dict[str, Content] = {
    ".gitattributes": b"*.txt text eol=crlf\n*.id ident\n*.w working-tree-encoding=UTF-16LE text\n*.x filter=mark\n"
    b"*.bin filter=lfs diff=lfs merge=lfs -text\nhidden.* export-ignore\n*.sub export-subst\n*.cfg text=auto\n",
    "lines.txt": b"unix\nlines\n",
    "windows.txt": b"windows\r\nlines\r\n",
    "mixed.txt": b"one\r\ntwo\nthree\r",
    "mixed.cfg": b"one\r\ntwo\nthree\r\n",
    "keyword.id": b"$Id$ and $Id: 0123456789012345678901234567890123456789 $\n",
    "wide.w": "in UTF-8, whatever was said\n".encode("utf-16-le"),
    "narrow.w": b"no UTF-16 at all",
    "filtered.x": b"through no filter\n",
    "pointer.bin": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 12\n",
    "binary.dat": bytes(range(256)),
    "hidden.md": b"also vendored\n",
    "release.sub": b"$Format:%H$\n",
    "run.sh": ("100755", b"#!/bin/sh\n"),
    "link": ("120000", b"folder/\xc3\xa9t\xc3\xa9.txt"),
    "folder/été.txt": b"composed\n",
    "folder/empty": b"",
    "trailing ": b"a space  \n\t\n\n\n",
}
FORK: dict[str, Content] = {
    ".gitattributes": b"* merge=mark diff=mark filter=mark\n*.md merge=union\n",
    "code/old_name.py": LINES,
    "code/other.py": b"a = 1\r\nb = 2  \r\n" + LINES,
    "NEWS.md": b"# News\n",
}
PATCH = """\
Ours, with blanks at line ends that are meant.

diff --git a/code/other.py b/code/other.py
--- a/code/other.py
+++ b/code/other.py
@@ -1,4 +1,5 @@
 a = 1\r
 b = 2  \r
+c = 3 \t
 line 0
 line 1
"""
ROWS: dict[str, Mapping[str, str]] = {
    "line ends for Windows": {"core.autocrlf": "true", "core.eol": "crlf", "core.safecrlf": "true"},
    "line ends inwards": {"core.autocrlf": "input", "core.safecrlf": "warn"},
    "poor file systems": {
        "core.symlinks": "false", "core.fileMode": "false", "core.ignoreCase": "true",
        "core.precomposeUnicode": "true", "core.protectNTFS": "false", "core.quotePath": "true",
    },
    "attributes": {"core.attributesFile": "{home}/attributes", **FILTERS},
    "filters that talk": {"core.attributesFile": "{home}/attributes", "filter.mark.process": MARK},
    "merging": {
        "merge.renames": "false", "merge.default": "mark", "merge.mark.driver": MARK, "merge.conflictStyle": "diff3",
        "merge.renormalize": "true", "merge.renameLimit": "1", "merge.directoryRenames": "false",
        "merge.verifySignatures": "true", "diff.renames": "false", "diff.renameLimit": "1",
        "diff.algorithm": "patience", "core.bigFileThreshold": "1",
    },
    "diffing": {
        "diff.external": MARK, "diff.mark.textconv": MARK, "diff.mark.command": MARK, "diff.mark.binary": "true",
        "core.attributesFile": "{home}/attributes", "diff.noPrefix": "true", "diff.context": "0",
        "diff.interHunkContext": "9", "color.ui": "always", "color.diff": "always", "core.pager": MARK,
        "core.abbrev": "5", "diff.suppressBlankEmpty": "true", "diff.orderFile": "{home}/attributes",
        "diff.submodule": "log", "diff.wsErrorHighlight": "all", "diff.mnemonicPrefix": "true",
    },
    "applying": {
        "apply.whitespace": "fix", "apply.ignoreWhitespace": "change", "core.whitespace": "tab-in-indent,cr-at-eol",
    },
    "hooks": {
        "core.hooksPath": "{home}/hooks", "core.fsmonitor": MARK, "init.templateDir": "{home}/template",
        "core.editor": MARK, "core.sshCommand": MARK, "core.gitProxy": MARK, "core.askPass": MARK,
        "core.alternateRefsCommand": MARK, "gpg.program": MARK, "commit.gpgSign": "true", "tag.gpgSign": "true",
        "uploadpack.packObjectsHook": MARK, "trailer.sync-target.command": MARK, "alias.fetch": "!" + MARK,
        "alias.cat-file": "!" + MARK, "credential.helper": MARK,
    },
    "fetching": {
        "submodule.recurse": "true", "fetch.recurseSubmodules": "true", "fetch.prune": "true",
        "fetch.pruneTags": "true", "fetch.fsckObjects": "false", "transfer.fsckObjects": "false",
        "transfer.hideRefs": "refs", "transfer.unpackLimit": "1000000", "fetch.unpackLimit": "1000000",
        "fetch.writeCommitGraph": "true", "fetch.negotiationAlgorithm": "skipping", "fetch.parallel": "1",
        "fetch.output": "compact", "remote.pushDefault": "nowhere", "protocol.version": "0",
        "clone.defaultRemoteName": "elsewhere", "http.followRedirects": "true",
    },
    "storing": {
        "safe.bareRepository": "explicit", "gc.auto": "1", "maintenance.auto": "true", "core.compression": "0",
        "pack.packSizeLimit": "1m", "core.logAllRefUpdates": "false", "i18n.commitEncoding": "latin1",
        "i18n.logOutputEncoding": "latin1", "index.version": "4", "core.splitIndex": "true",
        "feature.manyFiles": "true", "core.sharedRepository": "group", "pack.writeReverseIndex": "true",
        "repack.writeBitmaps": "true", "core.commitGraph": "false", "core.multiPackIndex": "false",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Story:
    """What came of two runs and an edit: everything that must not depend on configuration."""

    trees: tuple[str, ...]
    edits: bytes


@dataclass
class Hosted:
    server: GitServer
    upstreams: dict[str, Upstream]
    first: dict[str, str]
    second: dict[str, str]

    def begin(self) -> None:
        for name, upstream in self.upstreams.items():
            upstream.reset(self.first[name])

    def move(self) -> None:
        for name, upstream in self.upstreams.items():
            upstream.reset(self.second[name])


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    folder = tmp_path_factory.mktemp("host")
    plain, merged = empty(folder / "plain.git"), empty(folder / "merged.git")
    plain.commit(PLAIN)
    merged.commit(FORK)
    fork = merged.head()
    # A rename on one side and an edit on the other, and two additions at one place that `union` would join.
    merged.commit({"code/old_name.py": None, "code/new_name.py": LINES.replace(b"line 30\n", b"thirty\n")}, "Rename")
    merged.commit({"code/old_name.py": LINES.replace(b"line 3\n", b"three\r\n")}, "Edit", branch="pr", onto=fork)
    merged.git("update-ref", "refs/pull/1/head", merged.head("pr"))
    first = {"plain": plain.head(), "merged": merged.head()}
    plain.commit({"lines.txt": b"unix\nlines\nmore\n", "windows.txt": b"more\r\n", "link": ("120000", b"run.sh"),
                  "filtered.x": b"still through none\n", "folder/empty": None, "run.sh": b"no program\n"})  # fmt: skip
    merged.commit({"NEWS.md": b"# News\n\nMoved on.\n"})
    second = {"plain": plain.head(), "merged": merged.head()}
    with GitServer(folder) as server:
        yield Hosted(server, {"plain": plain, "merged": merged}, first, second)


Hostile = Callable[[Path, Path], None]
"""Spoils the configuration: given the home and the repository."""


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
    monkeypatch.setattr(placing, "_FILLED_BY_GIT", 1)  # the first run has git write files, the second does it itself


@pytest.fixture
def tell(hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Hostile], Story]:
    def story(hostile: Hostile) -> Story:
        home = tmp_path / "hostile-home"
        home.mkdir()
        hosted.begin()
        vendored = Vendored(make_project(tmp_path / "project"), hosted.server, hosted.upstreams)
        vendored.project.write("patches/merged/0001-ours.patch", PATCH.encode())
        vendored.configure(repositories={"merged": {"merge": ["refs/pull/1/head"]}})
        hostile(home, vendored.project.root)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
        vendored.project.environ = dict(os.environ)
        trees = [sync_and_judge(vendored, home)]
        assert vendored.tree("plain") == hosted.upstreams["plain"].tree()
        hosted.move()
        trees.append(sync_and_judge(vendored, home))
        assert vendored.tree("plain") == hosted.upstreams["plain"].tree()
        for file in vendored.project.root.glob("vendor/**/*"):
            os.utime(file, follow_symlinks=False)  # so that git has to look inside
        assert vendored.verify().exit() is Exit.OK
        vendored.project.write("vendor/plain/lines.txt", b"edited \r\nby us\t\n")
        vendored.project.write("vendor/plain/folder/new.id", b"$Id$\n")
        edits = keeping.local_edits(open_workspace(None, vendored.project.root, vendored.project.environ), "oca")
        assert marks(home) == []
        return Story(tuple(trees), edits["plain"])

    return story


def sync_and_judge(vendored: Vendored, home: Path) -> str:
    """One run; answers the id of all that is vendored then."""
    vendored.sync()
    same_bytes(vendored.project, "vendor")
    assert marks(home) == []
    return git(vendored.project.root, "rev-parse", "HEAD:vendor")


def same_bytes(project: Project, under: str) -> None:
    """Every file of the work tree holds the bytes of its blob, and the index is the commit's."""
    listed = git(project.root, "ls-tree", "-r", "-z", "HEAD", "--", under).split("\0")
    for line in filter(None, listed):
        about, _, path = line.partition("\t")
        mode, _, digest = about.split(" ")
        file = project.root / path
        if mode == "120000":
            content = os.fsencode(file.readlink())
        else:
            content = file.read_bytes()
            assert bool(file.stat().st_mode & 0o100) == (mode == "100755"), path
        done = subprocess.run(["git", "cat-file", "blob", digest], cwd=project.root, capture_output=True, check=True)
        assert content == done.stdout, path
    staged = git(project.root, *QUIET, "ls-files", "--stage", "-z", "--", under).replace(" 0\t", "\t").split("\0")
    assert staged == [line.replace(" blob ", " ") for line in listed]


def marks(home: Path) -> list[str]:
    return sorted(path.read_text() for path in home.glob("marked*"))


def furnish(home: Path) -> str:
    """A program that leaves a mark, under all the names that git would start something by. Answers its path."""
    mark = home / "mark"
    mark.write_text(f'#!/bin/sh\necho "$0 $*" > "{home}/marked-$$"\ncat 2>/dev/null\n')
    mark.chmod(0o755)
    for folder in (home / "hooks", home / "template/hooks"):
        folder.mkdir(parents=True)
        for hook in ("pre-commit", "post-checkout", "post-index-change", "reference-transaction", "post-merge",
                     "pre-auto-gc", "commit-msg", "prepare-commit-msg", "post-commit", "post-rewrite",
                     "fsmonitor-watchman", "applypatch-msg", "pre-applypatch"):  # fmt: skip
            (folder / hook).symlink_to(mark)
    (home / "attributes").write_text(EVERY_ATTRIBUTE)
    return str(mark)


def configured(settings: Mapping[str, str]) -> Hostile:
    """These settings, both for the user and for the repository."""

    def spoil(home: Path, root: Path) -> None:
        mark = furnish(home)
        for name, value in settings.items():
            said = value.replace("{mark}", mark).replace("{home}", str(home))
            for file in (home / ".gitconfig", root / ".git/config"):
                git(root, "config", "--file", str(file), "--add", name, said)
        if "core.attributesFile" in settings:
            (root / ".git/info").mkdir(exist_ok=True)
            (root / ".git/info/attributes").write_text(EVERY_ATTRIBUTE)
            (root / ".gitattributes").write_text(EVERY_ATTRIBUTE)

    return spoil


def unspoilt(home: Path, root: Path) -> None:
    pass


@pytest.fixture(scope="module")
def kept() -> dict[str, Story]:
    """What comes of it without any configuration, once it is known."""
    return {}


@pytest.fixture
def plainly(
    kept: dict[str, Story], hosted: Hosted, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Story:
    if not kept:
        kept["story"] = tell.__wrapped__(hosted, tmp_path_factory.mktemp("plainly"), monkeypatch)(unspoilt)  # type: ignore[attr-defined]
    return kept["story"]


def test_what_comes_of_it_plainly(plainly: Story, hosted: Hosted) -> None:
    """The yardstick itself: the rename was followed, the patch was laid, blanks and line ends as they are meant."""
    assert len(set(plainly.trees)) == 2
    assert b"edited \r\n" in plainly.edits and b"+$Id$\n" in plainly.edits


@pytest.mark.parametrize("row", ROWS)
def test_F77_no_configuration_of_git_changes_what_is_vendored(
    row: str, plainly: Story, tell: Callable[[Hostile], Story]
) -> None:
    assert tell(configured(ROWS[row])) == plainly


def test_these_settings_do_change_what_git_itself_writes(
    hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the table above would prove nothing."""
    home, clone = tmp_path / "home", tmp_path / "clone"
    home.mkdir()
    hosted.begin()
    git(tmp_path, "clone", "-q", "--no-checkout", str(hosted.upstreams["plain"].path), str(clone))
    configured({**ROWS["attributes"], **ROWS["line ends for Windows"], **ROWS["hooks"]})(home, clone)
    subprocess.run(["git", "checkout", "-q", "-f"], cwd=clone, env={**os.environ, "HOME": str(home)}, check=False)
    assert (clone / "lines.txt").read_bytes() != PLAIN["lines.txt"]
    ran = {mark.split()[0].rpartition("/")[2] for mark in marks(home)}
    assert "mark" in ran and "post-checkout" in ran


def test_F77_no_variable_of_git_changes_what_is_vendored(plainly: Story, hosted: Hosted, tmp_path: Path) -> None:
    """The whole program in a process of its own: as started by a hook, or by somebody with an odd shell."""
    home = tmp_path / "home"
    home.mkdir()
    mark = furnish(home)
    other = empty(tmp_path / "other.git")
    hosted.begin()
    vendored = Vendored(make_project(tmp_path / "project"), hosted.server, hosted.upstreams)
    vendored.project.write("patches/merged/0001-ours.patch", PATCH.encode())
    vendored.configure(repositories={"merged": {"merge": ["refs/pull/1/head"]}})
    settings = {"core.autocrlf": "true", "core.hooksPath": f"{home}/hooks", "core.fsmonitor": mark}
    vendored.project.environ |= {
        "HOME": str(home),
        **{f"GIT_{name}": str(other.path) for name in ("DIR", "WORK_TREE", "COMMON_DIR", "OBJECT_DIRECTORY")},
        "GIT_INDEX_FILE": str(tmp_path / "index"), "GIT_NAMESPACE": "other", "GIT_PREFIX": "vendor/",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(other.path / "objects"), "GIT_REPLACE_REF_BASE": "refs/odd/",
        "GIT_CONFIG_COUNT": str(len(settings)), "GIT_CONFIG_PARAMETERS": "'core.eol'='crlf'",
        **{f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(settings)},
        **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(settings.values())},
        "GIT_EXTERNAL_DIFF": mark, "GIT_PAGER": mark, "GIT_EDITOR": mark, "GIT_ASKPASS": mark, "SSH_ASKPASS": mark,
        "GIT_SSH_COMMAND": mark, "GIT_PROXY_COMMAND": mark, "GIT_TEMPLATE_DIR": f"{home}/template",
        "GIT_EXEC_PATH": str(home), "GIT_DEFAULT_HASH": "sha256", "GIT_LITERAL_PATHSPECS": "0",
        "GIT_ICASE_PATHSPECS": "1", "GIT_GLOB_PATHSPECS": "1", "GIT_MERGE_VERBOSITY": "5", "GIT_TRACE": "1",
        "GIT_TRACE_PACKET": f"{home}/marked-trace", "GIT_CEILING_DIRECTORIES": "/", "GIT_NO_LAZY_FETCH": "0",
        "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_COMMITTER_NAME": "Eve", "GIT_PROTOCOL": "version=0",
        "GIT_ALLOW_PROTOCOL": "none", "GIT_DIFF_OPTS": "--unified=0", "GIT_ATTR_SOURCE": "HEAD",
        "GIT_SHALLOW_FILE": str(tmp_path / "shallow"), "GIT_INDEX_VERSION": "4", "GIT_QUARANTINE_PATH": "/",
    }  # fmt: skip
    done = vendored.command("run")
    assert done.returncode == 0, done.stdout + done.stderr
    same_bytes(vendored.project, "vendor")
    assert git(vendored.project.root, "rev-parse", "HEAD:vendor") == plainly.trees[0]
    assert marks(home) == [] and not other.git("for-each-ref") and not (tmp_path / "index").exists()


def test_F77_the_repository_s_configuration_does_not_steer_the_way_to_upstreams(
    vendored: Vendored, tmp_path: Path
) -> None:
    """The user's own does: that is where ssh and mirrors are set up. What came with a work tree has no say."""
    mark = furnish(tmp_path)
    vendored.target = {"retries": 0}
    vendored.configure(url="ssh://127.0.0.1:1/{name}.git")
    for name, value in {"core.sshCommand": mark, "url.file:///nowhere/.insteadOf": "ssh://127.0.0.1:1/"}.items():
        git(vendored.project.root, "config", "--add", name, value)
    done = vendored.command("run")
    assert done.returncode == 1 and "nowhere" not in done.stdout, done.stdout
    assert marks(tmp_path) == []


def test_a_mirror_that_the_user_has_set_up_for_git_is_used(
    vendored: Vendored,
    upstreams: dict[str, Upstream],
    server: GitServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """`url.<mirror>.insteadOf`: for all that is asked, not only for the content. The lock names what the file names,
    so that it is the same for somebody without the mirror."""
    home = tmp_path / "home"
    home.mkdir()
    written = "http://127.0.0.1:1/oca/"
    (home / ".gitconfig").write_text(f'[url "{server.url("")[:-4]}"]\n\tinsteadOf = {written}\n')
    vendored.project.environ |= {"HOME": str(home)}
    vendored.configure(url=f"{written}{{name}}.git")
    vendored.sync()
    upstreams[vendored.first.name].commit({"README.md": b"newer\n"})
    vendored.sync()
    for name, upstream in upstreams.items():
        assert vendored.tree(name) == upstream.tree()
        assert vendored.lock()[name]["url"] == f"{written}{name}.git"
    assert vendored.sync().outcome is Outcome.IN_SYNC
