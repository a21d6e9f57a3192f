"""The program `git` in an isolated environment: one typed function per command used.

Isolated means: the configuration of the user and of the system is not read, nor any GIT_* variable; what the
repository's own configuration could make git execute or change (hooks, file system monitor, ssh command,
line endings, signing, credential helpers, housekeeping) is overridden. So every answer depends on the
repository alone, and asking runs nothing but git.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from directional_sync.errors import HostError
from directional_sync.system import process
from directional_sync.system.process import Finished

FLOOR = (2, 38, 0)
"""The oldest git that works."""

_OVERRIDES = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.sshCommand": "ssh",
    "core.gitProxy": "",
    "core.pager": "cat",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.fsync": "all",
    "core.fsyncMethod": "fsync",
    "core.quotePath": "false",
    "core.preloadIndex": "true",
    "core.untrackedCache": "keep",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "credential.helper": "",
    "diff.external": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.packSizeLimit": "0",
    "pack.writeBitmaps": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "status.submoduleSummary": "false",
}


def isolated() -> Mapping[str, str]:
    """The environment for git: what this process inherited, less everything that steers git."""
    environment = process.inherited(without_prefix="GIT_")
    environment.update(
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL="/dev/null",
        GIT_ATTR_NOSYSTEM="1",
        GIT_TERMINAL_PROMPT="0",
        GIT_ASKPASS="",
        GIT_SSH_COMMAND="ssh -oBatchMode=yes",
        GIT_OPTIONAL_LOCKS="0",
        GIT_NO_REPLACE_OBJECTS="1",
        GIT_LITERAL_PATHSPECS="1",
        GIT_PAGER="cat",
        LC_ALL="C",
    )
    return with_config(environment, _OVERRIDES)


def with_config(environment: Mapping[str, str], config: Mapping[str, str]) -> Mapping[str, str]:
    """`environment` with these settings added to those that go before every file."""
    added = dict(environment)
    count = int(added.get("GIT_CONFIG_COUNT", "0"))
    for number, (name, value) in enumerate(config.items(), start=count):
        added[f"GIT_CONFIG_KEY_{number}"], added[f"GIT_CONFIG_VALUE_{number}"] = name, value
    added["GIT_CONFIG_COUNT"] = str(count + len(config))
    return added


_DANGEROUS = re.compile(rb"(?i)filter|uploadpack|include")
_FILTER_KEY = re.compile(r"(filter\..*\.(?:clean|smudge|process|required))\n")
_UPLOAD_KEY = re.compile(r"remote\..*\.uploadpack\n")


def disarmed(git: Git, common_dir: Path) -> Git:
    """`git` with those programs overridden whose setting has a name of the user's choosing in it, so that it
    must be looked for: content filters, and what a fetch of promised objects would start."""
    texts = [path.read_bytes() for path in (common_dir / "config", git.git_dir / "config.worktree") if path.is_file()]
    if not any(_DANGEROUS.search(text) for text in texts):
        return git
    items = _text(git.attempt("config", "--null", "--list").stdout).split("\0")
    filters = {found[1] for item in items if (found := _FILTER_KEY.match(item))}
    off = {key: "false" if key.endswith(".required") else "" for key in sorted(filters)}
    if any(_UPLOAD_KEY.match(item) for item in items):
        # Of several values git takes the first, so this one cannot be overridden. Only a remote on this machine
        # would start it here.
        off["protocol.file.allow"] = "never"
    return git.including(config=off)


def users_own() -> dict[str, str]:
    """The environment for the few look-ups that must see what the user configured (identity, trusted folders)."""
    return {**process.inherited(without_prefix="GIT_"), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def start(
    arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, stdin: bytes = b"", timeout_s: float = 600
) -> Finished:
    """Runs git to its end, whatever its status. Raises HostError E-GIT-MISSING when there is no git."""
    try:
        return process.capture(["git", *arguments], env=env, cwd=cwd, stdin=stdin, timeout_s=timeout_s)
    except HostError as error:
        if error.code != "E-PROGRAM-MISSING":
            raise
        raise HostError(
            "E-GIT-MISSING",
            "the program git was not found",
            hint="install git 2.38 or newer and make sure it is on PATH: git --version",
            kept="nothing was changed",
        ) from error


def version() -> tuple[int, int, int]:
    """Of the git on PATH. Raises HostError E-GIT-MISSING, or E-GIT-OLD when it is older than FLOOR."""
    return _version(isolated().get("PATH", ""))


@cache
def _version(search_path: str) -> tuple[int, int, int]:
    said = start(["version"], env=isolated(), cwd=Path("/")).stdout.decode("ascii", "replace")
    digits = [*said.split(), "", "", ""][2].split(".")
    numbers = [int(part) if part.isdigit() else 0 for part in (*digits, "0", "0")][:3]
    found = (numbers[0], numbers[1], numbers[2])
    if found < FLOOR:
        raise HostError(
            "E-GIT-OLD",
            f"git {'.'.join(map(str, found))} is too old: 2.38 or newer is needed",
            hint="install a newer git, for example from your system's backports",
            kept="nothing was changed",
        )
    return found


def failed(arguments: Sequence[str], finished: Finished) -> HostError:
    """The error that tells of a git command that should have worked."""
    lines = [line for line in finished.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    said = (telling or lines[-1:] or [f"status {finished.status}"])[0]
    return HostError(
        "E-GIT",
        f"git {arguments[0]} failed: {said}",
        hint="run again; `git fsck` says whether the repository is sound",
        detail=(f"git {' '.join(arguments)}", *lines[:20]),
    )


class RefMove(NamedTuple):
    """One line of a ref transaction."""

    ref: str
    new: str
    """"" deletes it."""
    old: str
    """What it must be now; "" means it must not exist."""


class IndexItem(NamedTuple):
    """One entry of the index."""

    mode: str
    digest: str
    stage: int
    """0, or 1 to 3 for a path in conflict."""
    path: str


@dataclass(frozen=True)
class Git:
    """One repository, addressed by its folders, so that nothing depends on where this process stands."""

    git_dir: Path
    """Of the work tree: in a linked work tree not the common one."""
    work_tree: Path
    hash_name: str = "sha1"
    environment: Mapping[str, str] = field(default_factory=isolated, repr=False, compare=False)

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment for a child of this repository."""
        return {**self.environment, "GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.work_tree)}

    def including(self, variables: Mapping[str, str] | None = None, config: Mapping[str, str] | None = None) -> Git:
        """The same repository with more variables or settings."""
        environment = {**self.environment, **(variables or {})}
        return replace(self, environment=with_config(environment, config) if config else environment)

    def attempt(self, *arguments: str, stdin: bytes = b"", timeout_s: float = 600) -> Finished:
        """Runs one command; its exit status is for the caller to judge."""
        return start(arguments, env=self.variables, cwd=self.work_tree, stdin=stdin, timeout_s=timeout_s)

    def run(self, *arguments: str, stdin: bytes = b"", ok: Collection[int] = (0,), timeout_s: float = 600) -> bytes:
        """Runs one command and answers what it printed. Raises HostError E-GIT unless its status is in `ok`."""
        finished = self.attempt(*arguments, stdin=stdin, timeout_s=timeout_s)
        if finished.status not in ok:
            raise failed(arguments, finished)
        return finished.stdout

    def dialogue(self, *arguments: str) -> process.Dialogue:
        version()
        return process.Dialogue(["git", *arguments], env=self.variables, cwd=self.work_tree)

    # refs

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Ref name -> object id of all refs under these prefixes (all refs when there are none)."""
        said = self.run("for-each-ref", "--format=%(objectname) %(refname)", *prefixes)
        return {name: digest for digest, _, name in (line.partition(" ") for line in _text(said).splitlines())}

    def ref(self, name: str) -> str:
        """The object id `name` stands at, "" when there is no such ref. `name` in full: refs/heads/main."""
        finished = self.attempt("show-ref", "--verify", "--hash", name)
        return finished.stdout.decode("ascii").strip() if finished.status == 0 else ""

    def update_refs(self, moves: Iterable[RefMove | tuple[str, str, str]], reason: str = "") -> None:
        """Moves all these refs or none. `reason` goes into the reflog. Raises HostError: E-REF-MOVED when one is
        not what was expected, E-REF-LOCKED when another git holds its lock, E-GIT otherwise; none has moved then."""
        # Several renames in the end: after a crash among them, only the caller's journal can tell.
        lines = ["start"]
        for ref, new, old in moves:
            if new:
                lines += [f"update {ref}", new, old] if old else [f"create {ref}", new]
            else:
                lines += [f"delete {ref}", old]
        lines += ["prepare", "commit", ""]
        arguments = ["update-ref", "--stdin", "-z", *(("-m", reason) if reason else ())]
        finished = self.attempt(*arguments, stdin=_bytes("\0".join(lines)))
        if finished.status == 0:
            return
        said = finished.stderr.decode("utf-8", "replace").strip()
        if "but expected" in said or "already exists" in said or "unable to resolve reference" in said:
            raise HostError("E-REF-MOVED", "a ref is no longer what it was when the run began", detail=(said,),
                            hint="run again", kept="no ref was moved", retryable=True)  # fmt: skip
        if ".lock': File exists" in said:
            raise HostError("E-REF-LOCKED", "another git is changing refs of this repository", detail=(said,),
                            hint="wait until it has ended, then run again", kept="no ref was moved",
                            retryable=True)  # fmt: skip
        raise failed(arguments, finished)

    # history

    def log_grep(self, head: str, line: str, limit: int) -> list[str]:
        """The newest commits reachable from `head` that have exactly `line` in their message, newest first,
        at most `limit`."""
        pattern = "^" + "".join(f"\\{char}" if char in r"\.[]*^$" else char for char in line) + "$"
        said = self.run("rev-list", "--basic-regexp", f"--grep={pattern}", f"--max-count={limit}", head, "--")
        return _text(said).split()

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `older` is `newer` or in its history."""
        return self.attempt("merge-base", "--is-ancestor", older, newer).status == 0

    def setting(self, name: str) -> str:
        """The last value of a setting in the repository's own configuration, "" when there is none."""
        finished = self.attempt("config", "--local", "--includes", "--null", "--get", name)
        return _text(finished.stdout).rstrip("\0") if finished.status == 0 else ""

    # the user's index and work tree

    def ls_index(self, *paths: str) -> list[IndexItem]:
        """The entries of the index at or under `paths` (literal; all when there are none), in index order."""
        said = self.run("ls-files", "--stage", "-z", "--", *paths)
        items = []
        for line in said.split(b"\0")[:-1]:
            about, _, path = line.partition(b"\t")
            mode, digest, stage = about.decode("ascii").split(" ")
            items.append(IndexItem(mode, digest, int(stage), path.decode("utf-8", "surrogateescape")))
        return items

    def set_index(self, items: Iterable[tuple[str, str, str]]) -> None:
        """Sets index entries: (path, mode, digest) each, mode "" removes the entry. All or nothing, under git's
        own index lock. Raises HostError E-INDEX-LOCKED when another git holds it."""
        zero = "0" * (64 if self.hash_name == "sha256" else 40)
        lines = [f"{mode} {digest}\t{path}" if mode else f"0 {zero}\t{path}" for path, mode, digest in items]
        self._index("update-index", "-z", "--index-info", stdin=_bytes("\0".join([*lines, ""])) if lines else b"")

    def refresh_index(self) -> None:
        """Notes in the index which files are unchanged, so that `git status` need not read them again."""
        self._index("update-index", "-q", "--refresh", "--ignore-submodules", ok=(0, 1))

    def _index(self, *arguments: str, stdin: bytes = b"", ok: Collection[int] = (0,)) -> None:
        finished = self.attempt(*arguments, stdin=stdin)
        said = finished.stderr.decode("utf-8", "replace")
        if "index.lock': File exists" in said:
            raise HostError(
                "E-INDEX-LOCKED",
                "another git is changing the index of this work tree",
                hint="wait until it has ended, then run again",
                kept="the index is unchanged",
                detail=(said.strip(),),
                retryable=True,
            )
        if finished.status not in ok:
            raise failed(arguments, finished)

    def staged(self, commit: str, *paths: str) -> list[str]:
        """Paths whose index entry differs from `commit`."""
        return self._names("diff-index", "--cached", "--name-only", "--no-renames", "-z", commit, "--", *paths)

    def touched(self, *paths: str) -> list[str]:
        """Tracked paths whose file is not what the index says: changed, or gone. Files that were only written
        again with the same content may be among them. Runs no program of the user's (no filters)."""
        options = ("--name-only", "--no-renames", "--ignore-submodules=all", "--no-ext-diff", "-z")
        return self._names("diff-files", *options, "--", *paths)

    def untracked(self, *paths: str, ignored: bool = True) -> list[str]:
        """Paths at or under `paths` that exist in the work tree and are not in the index, those that the repository
        ignores included when `ignored`."""
        return self._names("ls-files", "--others", *(() if ignored else ("--exclude-standard",)), "-z", "--", *paths)

    def _names(self, *arguments: str) -> list[str]:
        return [name.decode("utf-8", "surrogateescape") for name in self.run(*arguments).split(b"\0")[:-1]]


def _text(said: bytes) -> str:
    return said.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
