"""The repository a run works in: where it is, what it is at, and whether it is in a state to be worked in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from directional_sync.errors import HostError
from directional_sync.git import plumbing
from directional_sync.git.plumbing import Git
from directional_sync.system.process import Finished

BASE_REF = "refs/directional-sync/base/{target}"
CONFLICTS_REF = "refs/directional-sync/conflicts/{target}"
"""Where this clone keeps the agreed tree of a target."""

DEFAULT_IDENTITY = ("directional-sync", "directional-sync@localhost")

_KEPT = "nothing was changed"
_FIELD = "--directional-sync-field"
_ASKED = (
    "--path-format=absolute", "--is-bare-repository", _FIELD, "--git-dir", _FIELD, "--git-common-dir", _FIELD,
    "--show-object-format", _FIELD, "--show-toplevel", _FIELD,
    "HEAD", _FIELD, "--symbolic-full-name", "HEAD",
)  # fmt: skip
_BUSY = {
    "rebase-merge": ("a rebase", "git rebase --continue (or --abort)"),
    "rebase-apply": ("a rebase or git am", "git rebase --continue (or --abort), or git am --continue (or --abort)"),
    "MERGE_HEAD": ("a merge", "git merge --continue (or --abort)"),
    "CHERRY_PICK_HEAD": ("a cherry-pick", "git cherry-pick --continue (or --abort)"),
    "REVERT_HEAD": ("a revert", "git revert --continue (or --abort)"),
    "BISECT_LOG": ("a bisect", "git bisect reset"),
}
_HEAD = re.compile(rb"ref: (refs/heads/[^\s\0]+)\n?")
_OBJECT_ID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


@dataclass(frozen=True)
class Repository:
    """One repository with a work tree and a branch, as it was when it was looked at."""

    root: Path
    """The top of the work tree."""
    git_dir: Path
    common_dir: Path
    """Shared by all linked work trees; the same as `git_dir` in an ordinary repository."""
    branch: str
    """In full: refs/heads/main."""
    head: str
    """The commit the branch is at."""
    hash_name: str
    """sha1 or sha256."""
    git: Git
    settings: tuple[bytes, ...] = field(default=(), repr=False, compare=False)
    """Its configuration files when it was looked at."""

    @classmethod
    def open(cls, start: Path) -> Repository:
        """The repository whose work tree `start` lies in. Raises HostError: E-GIT-MISSING, E-GIT-OLD, E-REPO-NONE,
        E-REPO-OWNER, E-REPO-BARE, E-REPO-BUSY, E-REPO-DETACHED, E-REPO-UNBORN, E-REPO-SPARSE."""
        if not start.is_dir():
            raise _none(start)
        plumbing.version()
        finished = plumbing.start(["rev-parse", *_ASKED], env=plumbing.isolated(), cwd=start)
        if finished.status and b"dubious ownership" in finished.stderr:
            # Whom to trust is the user's own setting, the one thing to be learnt from there.
            finished = plumbing.start(["rev-parse", *_ASKED], env=plumbing.users_own(), cwd=start)
        said = finished.stdout.decode("utf-8", "surrogateescape")
        fields = [text.strip("\n") for text in said.split(f"{_FIELD}\n")]
        _must_be_whole(fields, finished, start)
        root, git_dir, common_dir = Path(fields[4]), Path(fields[1]), Path(fields[2])
        settings = _settings(git_dir, common_dir)
        found = cls(
            root=root,
            git_dir=git_dir,
            common_dir=common_dir,
            branch=fields[6],
            head=fields[5],
            hash_name=fields[3],
            git=plumbing.disarmed(Git(git_dir, root, fields[3]), common_dir),
            settings=settings,
        )
        _must_be_at_rest(found)
        return found

    def reread(self) -> Repository:
        """The same repository as it is now. Raises as `open`. Where branch and head lie in plain files and its
        settings are those of before, nothing else than these files decides, so no program is asked."""
        branch = self._checked_out()
        head = self._plain_ref(branch) if branch else ""
        settings = _settings(self.git_dir, self.common_dir)
        if not head or settings != self.settings or any(b"include" in text.lower() for text in settings):
            return Repository.open(self.root)
        now = replace(self, branch=branch, head=head)
        _must_be_at_rest(now)
        return now

    def _checked_out(self) -> str:
        """The branch that HEAD names in full, "" where only git could tell."""
        found = _HEAD.fullmatch(_read(self.git_dir / "HEAD"))
        return found[1].decode("utf-8", "surrogateescape") if found else ""

    def _plain_ref(self, name: str) -> str:
        """What a branch holds, as far as a file of its own says so; "" where only git could tell."""
        if (self.common_dir / "reftable").exists():
            return ""
        text = _read(self.common_dir / name).decode("ascii", "replace").strip()
        return text if _OBJECT_ID.match(text) else ""

    def ref(self, name: str) -> str:
        """The object id that ref `name` (in full) stands at now, "" when there is no such ref."""
        if (self.common_dir / "reftable").exists() or not name.startswith(("refs/heads/", "refs/directional-sync/")):
            return self.git.ref(name)
        try:
            text = (self.common_dir / name).read_text("ascii").strip()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return self._packed_ref(name)
        return text if _OBJECT_ID.match(text) else self.git.ref(name)

    def _packed_ref(self, name: str) -> str:
        try:
            packed = b"\n" + (self.common_dir / "packed-refs").read_bytes()
        except FileNotFoundError:
            return ""
        found = re.search(rb"\n([0-9a-f]+) " + re.escape(name.encode("utf-8", "surrogateescape")) + rb"\n", packed)
        return found[1].decode("ascii") if found else ""

    @property
    def state(self) -> Path:
        """Where this program keeps its own things."""
        return self.common_dir / "directional-sync"

    @property
    def cache(self) -> Path:
        """What may be deleted at any time between runs."""
        return self.state / "cache"

    @property
    def objects(self) -> Path:
        """The repository's own object store."""
        return self.common_dir / "objects"

    @cached_property
    def identity(self) -> tuple[str, str]:
        """Name and address for commits, as git is configured for this repository; this one look-up sees the
        user's own configuration. DEFAULT_IDENTITY unless both are set."""
        asking = replace(self.git, environment=plumbing.users_own())
        said = asking.attempt("config", "--null", "--get-regexp", r"^user\.(name|email)$")
        lines = said.stdout.decode("utf-8", "replace").split("\0")
        found = {name: value.strip() for name, _, value in (line.partition("\n") for line in lines)}
        name, address = found.get("user.name", ""), found.get("user.email", "")
        return (name, address) if name and address else DEFAULT_IDENTITY

    @cached_property
    def partial(self) -> bool:
        """Whether objects may be missing here because a remote has promised them (a partial clone)."""
        return bool(re.search(rb"(?i)promisor|partialclone", _read(self.common_dir / "config")))


def _must_be_whole(fields: list[str], finished: Finished, start: Path) -> None:
    """Says why git did not answer everything."""
    said = finished.stderr.decode("utf-8", "replace")
    if "dubious ownership" in said:
        lines = [line.strip() for line in said.splitlines()]
        advice = next((line for line in lines if line.startswith("git config --global --add safe.directory")), "")
        raise HostError(
            "E-REPO-OWNER",
            f"git does not trust the repository at {start}: it belongs to somebody else",
            hint=advice or f"git config --global --add safe.directory {start}",
            kept=_KEPT,
        )
    if fields[0] == "true":
        raise HostError(
            "E-REPO-BARE",
            f"{start} is a bare repository: it has no work tree",
            hint="run in a clone of it, or in a linked work tree: git worktree add ../work",
            kept=_KEPT,
        )
    if finished.status == 0 and len(fields) == 7:
        if fields[6].startswith("refs/heads/"):
            return
        busy = _busy(Path(fields[1]))
        raise busy or HostError(
            "E-REPO-DETACHED",
            f"{fields[4]} is not on a branch (detached at {fields[5][:12]}), so there is nothing to commit to",
            hint="switch to a branch: git switch NAME",
            kept=_KEPT,
        )
    if len(fields) == 6 and ("ambiguous argument 'HEAD'" in said or "bad revision 'HEAD'" in said):
        raise HostError(
            "E-REPO-UNBORN",
            f"the branch of {fields[4]} has no commit yet",
            hint="make a first commit: git commit --allow-empty -m 'Begin'",
            kept=_KEPT,
        )
    if len(fields) < 2 and "not a git repository" in said:
        raise _none(start)
    if "must be run in a work tree" in said:
        raise HostError(
            "E-REPO-NONE",
            f"{start} is inside a git folder, not in a work tree",
            hint="change to the top of the work tree",
            kept=_KEPT,
        )
    raise plumbing.failed(("rev-parse",), finished)


def _none(start: Path) -> HostError:
    return HostError(
        "E-REPO-NONE",
        f"{start} is not in a git repository",
        hint="change to the repository's folder, or make one: git init",
        kept=_KEPT,
    )


def _busy(git_dir: Path) -> HostError | None:
    for name, (what, remedy) in _BUSY.items():
        if (git_dir / name).exists():
            return HostError(
                "E-REPO-BUSY", f"{what} is in progress here", hint=f"finish it first: {remedy}", kept=_KEPT
            )
    return None


def _must_be_at_rest(found: Repository) -> None:
    if busy := _busy(found.git_dir):
        raise busy
    if (found.git_dir / "info" / "sparse-checkout").exists():
        said = found.git.attempt("config", "--type=bool", "--get", "core.sparseCheckout")
        if said.stdout.strip() == b"true":
            raise HostError(
                "E-REPO-SPARSE",
                f"{found.root} is a sparse checkout: not every path of the branch has a file here",
                hint="check everything out: git sparse-checkout disable",
                kept=_KEPT,
            )


def _settings(git_dir: Path, common_dir: Path) -> tuple[bytes, ...]:
    return _read(common_dir / "config"), _read(git_dir / "config.worktree")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
