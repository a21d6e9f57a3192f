"""What was fetched from upstreams: one small bare repository per URL, beside the user's repository, never in it.

A shallow commit inside the user's repository would make all of it count as shallow, or leave `git fsck` looking for
parents. So each upstream has a folder of its own, where fetches run side by side without sharing a lock. Its trees
are read from there, and what a plan takes is copied into the user's store when the plan has passed. The commit that
was fetched last is what the next fetch builds on.

Nothing here is precious. A *seal* names the packs that belong to the folder; whenever it does not match what lies
there, to the last bit, the folder is thrown away and fetched anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from directional_sync.errors import HostError, SyncError
from directional_sync.system import files, host
from directional_sync.system.lock import Busy, locked
from directional_sync.upstream import complaints
from directional_sync.upstream.remotes import Remotes, Resolved

_REF = "refs/upstream/current"
_OTHERS = "refs/upstream/merged"
"""Folder of the refs that are merged onto the first, numbered."""
_DEPTHS = (50, 400, 3_200)
"""Generations to fetch for a merge, one after the other while it is not enough: nearly all branches are young."""
_ALL = 2_147_483_647
"""git's own number for a history without an end."""
_PACKS_MAX = 24
"""With more the folder is started afresh: cheaper, and simpler, than repacking it."""
_SEAL = "seal.json"
_KINDS = ("git", "inside", "lfs", "signers")
"""The ends of the names of the folders that are kept of an upstream."""
_TOLERATED = (
    "badDateOverflow", "badEmail", "badName", "badTimezone", "missingEmail", "missingNameBeforeEmail",
    "missingSpaceBeforeDate", "missingSpaceBeforeEmail", "missingTaggerEntry", "multipleAuthors", "zeroPaddedDate",
    "zeroPaddedFilemode",
)  # fmt: skip
_FORBIDDEN = (
    "hasDot", "hasDotdot", "hasDotgit", "gitmodulesBlob", "gitmodulesLarge", "gitmodulesName", "gitmodulesParse",
    "gitmodulesPath", "gitmodulesSymlink", "gitmodulesUpdate", "gitmodulesUrl", "gitattributesBlob",
    "duplicateEntries", "treeNotSorted", "fullPathname", "emptyName", "nullSha1",
)  # fmt: skip
_CONFIG = {
    "fetch.fsckObjects": "true",
    "transfer.fsckObjects": "true",
    **{f"fetch.fsck.{finding}": "warn" for finding in _TOLERATED},
    **{f"fetch.fsck.{finding}": "error" for finding in _FORBIDDEN},
    "fetch.unpackLimit": "1",
    "transfer.unpackLimit": "1",
    "fetch.writeCommitGraph": "false",
    "fetch.negotiationAlgorithm": "default",
    "fetch.bundleURI": "",
    "core.bigFileThreshold": "512m",  # git's checks call a `.gitattributes` above it too large
    "core.fsync": "none",
}
_GITLINK = re.compile(rb"(?:\A|\0)160000 commit [0-9a-f]+\t([^\0]+)")
_COMMITTED = re.compile(rb"^committer .* (\d+) [+-]\d+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An upstream's content, at hand."""

    objects: Path
    """The folder of objects in which its commit and all its trees and blobs can be read."""
    gitlinks: tuple[str, ...] = ()
    """Paths in it where submodules are tied in."""
    note: str = ""
    shallow: bytes = b""
    """With history: the commits whose parents are not at hand, one id per line, as git's file `shallow` names them."""


@dataclass(frozen=True)
class UpstreamCache:
    """The folders of all upstreams of one target. Safe to use from many threads, one upstream each."""

    folder: Path
    remotes: Remotes
    hash_name: str

    def obtain(self, url: str, resolved: Resolved) -> Fetched:
        """The content of `resolved`, fetched when it is not at hand. Raises SyncError."""
        self._must_fit(url, resolved)
        with _held(self._place(url), self.remotes.left_s):
            return self._obtain(url, resolved)

    def obtain_history(self, url: str, tips: Sequence[Resolved], *, whole: bool = False) -> Fetched:
        """The content of all `tips`, and of their history as much as is needed to tell what any of them have in
        common; all of it when `whole`. Fetches nothing when that is at hand. Raises SyncError."""
        for tip in tips:
            self._must_fit(url, tip)
        git_dir = self._place(url)
        with _held(git_dir, self.remotes.left_s):
            seal = self._sound(git_dir)
            if seal is None or not _remembers(seal, tips) or (whole and (git_dir / "shallow").exists()):
                depth = seal.get("depth") if seal is not None else 0
                depth = _ALL if whole else depth if isinstance(depth, int) else 0
                found = self._refresh(git_dir, seal, lambda: self._take_history(url, git_dir, tips, depth))
            else:
                found = Fetched(git_dir / "objects", tuple(seal["gitlinks"]))
            return replace(found, shallow=_shallow(git_dir))

    def continues(self, url: str, new: str, old: str) -> bool | None:
        """Whether `new`, which was obtained, has `old` among its ancestors; None when that cannot be told because
        `old` was never here. Fetches the commits since `old`."""
        git_dir = self._place(url)
        with _held(git_dir, self.remotes.left_s):
            seen = self._git(url, git_dir, "cat-file", "commit", old, check=False)
            dated = _COMMITTED.search(seen or b"")
            if dated is None:
                return None
            since = self._fetch_arguments(url, new, f"--shallow-since=@{int(dated[1])} +0000")
            done = self.remotes.git(url, [f"--git-dir={git_dir}", *since], config=_CONFIG)
            if done.status:  # when all of the new history is older than the old commit, there is nothing to select
                return False if b"no commits selected" in done.stderr else None
            answer = self._git(url, git_dir, "merge-base", "--is-ancestor", old, new, check=False)
            self._seal(git_dir, new, self._gitlinks(url, git_dir, new))
            return answer is not None

    def forget_others(self, urls: Iterable[str]) -> None:
        """Removes the folders of upstreams that are not among `urls` any more."""
        wanted = {self._place(url).stem for url in urls}
        for path in (path for kind in _KINDS for path in self.folder.glob(f"*.{kind}")):
            if path.stem not in wanted:
                host.remove_tree(path)
                path.with_suffix(".lock").unlink(missing_ok=True)

    def _must_fit(self, url: str, resolved: Resolved) -> None:
        if len(resolved.tip) != (40 if self.hash_name == "sha1" else 64):
            raise complaints.complaint(complaints.FORMAT, url)

    def inside(self, url: str, place: str) -> UpstreamCache:
        """A cache of its own for the upstream that is tied in at `place` inside the one at `url`. It goes when that
        one does. No other place shares it, so that no fetch can take away what another has at hand."""
        return replace(self, folder=self.beside(url, "inside") / hashlib.sha256(_raw(place)).hexdigest()[:20])

    def keep_inside(self, url: str, urls: Mapping[str, str]) -> None:
        """Removes the caches `inside` the upstream at `url` but those for these places (place -> URL)."""
        kept = {place: self.inside(url, place) for place in urls}
        folders = {cache.folder.name for cache in kept.values()}
        for path in self.beside(url, "inside").glob("*"):
            if path.name not in folders:
                host.remove_tree(path)
        for place, cache in kept.items():
            cache.forget_others([urls[place]])

    def beside(self, url: str, kind: str) -> Path:
        """The folder for what else is kept of the upstream at `url`, one of `_KINDS`; it goes when that one does."""
        return self._place(url).with_suffix(f".{kind}")

    def _place(self, url: str) -> Path:
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()[:20]}.git"

    def _obtain(self, url: str, resolved: Resolved) -> Fetched:
        git_dir = self._place(url)
        seal = self._sound(git_dir)
        if seal is not None and seal["tip"] == resolved.tip:
            return Fetched(git_dir / "objects", tuple(seal["gitlinks"]))
        return self._refresh(git_dir, seal, lambda: self._take(url, git_dir, resolved))

    def _refresh(self, git_dir: Path, seal: dict[str, Any] | None, take: Callable[[], tuple[str, ...]]) -> Fetched:
        """What `take` brings, which answers gitlinks: into the folder as it is when that is of use, else into a new
        one."""
        note = ""
        if seal is None:
            note = "the local copy was damaged or incomplete and was fetched anew" if git_dir.exists() else ""
            self._start(git_dir)
        elif len(seal["packs"]) > 2 * _PACKS_MAX:
            self._start(git_dir)
        try:
            gitlinks = take()
        except SyncError as error:
            if seal is None:
                host.remove_tree(git_dir)  # or the next run would take what never was whole for damaged
            if seal is None or error.code not in (complaints.CORRUPT.code, complaints.OTHER.code):
                raise
            note = f"the local copy was of no use ({error.message}) and was fetched anew"
            self._start(git_dir)
            gitlinks = take()
        return Fetched(git_dir / "objects", gitlinks, note=note)

    def _take(self, url: str, git_dir: Path, resolved: Resolved) -> tuple[str, ...]:
        self.remotes.persist(lambda: self._fetch(url, git_dir, resolved.tip))
        gitlinks = self._gitlinks(url, git_dir, resolved.tip)
        self._seal(git_dir, resolved.tip, gitlinks)
        return gitlinks

    def _take_history(self, url: str, git_dir: Path, tips: Sequence[Resolved], depth: int) -> tuple[str, ...]:
        """`depth` is what was enough last time."""
        steps = [1] if len(tips) == 1 else [*(step for step in _DEPTHS if step >= depth), _ALL]
        for step in steps:
            self._fetch_history(url, git_dir, tips, step)
            self._must_be_commits(url, git_dir, tips)
            depth = step
            if self._forks_known(url, git_dir, [tip.commit for tip in tips]):
                break
        gitlinks = self._gitlinks(url, git_dir, tips[0].tip)
        self._seal(git_dir, tips[0].tip, gitlinks, history=[tip.tip for tip in tips], depth=depth)
        return gitlinks

    def _fetch_history(self, url: str, git_dir: Path, tips: Sequence[Resolved], depth: int) -> None:
        others = [f"+{tip.tip}:{_OTHERS}/{number}" for number, tip in enumerate(tips[1:], start=1)]
        arguments = (*self._fetch_arguments(url, tips[0].tip, f"--depth={depth}"), *others)
        self.remotes.persist(lambda: self._git(url, git_dir, *arguments))

    def _must_be_commits(self, url: str, git_dir: Path, tips: Sequence[Resolved]) -> None:
        asked = "".join(f"{tip.commit}\n" for tip in tips).encode("ascii")
        done = self.remotes.git(url, [f"--git-dir={git_dir}", "cat-file", "--batch-check"], config=_CONFIG, stdin=asked)
        for tip, line in zip(tips, done.stdout.splitlines(), strict=True):
            if line.split(b" ")[1] != b"commit":
                raise complaints.complaint(complaints.REF, url, f"{tip.ref or tip.commit} is not a commit")

    def _forks_known(self, url: str, git_dir: Path, commits: Sequence[str]) -> bool:
        """Whether every commit without its parents is in the history of all of `commits`. Then whatever is missing
        is, too, and can tell none of them from another."""
        ends = set(_shallow(git_dir).decode("ascii").split())
        for commit in commits[1:] if ends else ():
            apart = self._git(url, git_dir, "rev-list", f"{commits[0]}...{commit}", "--") or b""
            if not ends.isdisjoint(apart.decode("ascii").split()):
                return False
        return True

    def _fetch(self, url: str, git_dir: Path, tip: str) -> None:
        self._git(url, git_dir, *self._fetch_arguments(url, tip, "--depth=1"))

    def _fetch_arguments(self, url: str, tip: str, depth: str) -> tuple[str, ...]:
        options = (
            depth, "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance",
            "--no-show-forced-updates", "--no-prune",
        )  # fmt: skip
        return ("fetch", *options, "--", url, f"+{tip}:{_REF}")

    def _gitlinks(self, url: str, git_dir: Path, tip: str) -> tuple[str, ...]:
        listed = self._git(url, git_dir, "ls-tree", "-r", "-z", "--full-tree", tip) or b""
        if b"160000 commit " not in listed:
            return ()
        return tuple(path.decode("utf-8", "surrogateescape") for path in _GITLINK.findall(listed))

    def _git(self, url: str, git_dir: Path, *arguments: str, check: bool = True) -> bytes | None:
        """What git answered; None when it failed and `check` is off."""
        done = self.remotes.git(url, [f"--git-dir={git_dir}", *arguments], config=_CONFIG)
        if done.status and check:
            raise complaints.from_git(url, done.stderr)
        return None if done.status else done.stdout

    def _start(self, git_dir: Path) -> None:
        """An empty bare repository, made by hand: it needs no program and copies no template."""
        if git_dir.is_file():
            git_dir.unlink()
        host.remove_tree(git_dir)
        host.make_folder(git_dir / "objects" / "pack")
        host.make_folder(git_dir / "refs")
        version, extension = (0, "") if self.hash_name == "sha1" else (1, "[extensions]\n\tobjectformat = sha256\n")
        config = f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}"
        files.write_private(git_dir / "config", config.encode())
        files.write_private(git_dir / "HEAD", b"ref: refs/heads/none\n")

    def _seal(
        self, git_dir: Path, tip: str, gitlinks: Sequence[str], history: Sequence[str] = (), depth: int = 0
    ) -> None:
        """`history`: the tips of whose history enough is here, `depth` generations. A fetch for one tip alone may cut
        it short again, so then there is none."""
        seal: dict[str, Any] = {
            "tip": tip,
            "gitlinks": list(gitlinks),
            "packs": _packs(git_dir),
            "state": _state(git_dir),
        }
        if history:
            seal |= {"history": list(history), "depth": depth}
        files.write_private(git_dir / _SEAL, json.dumps(seal).encode())

    def _sound(self, git_dir: Path) -> dict[str, Any] | None:
        """The seal, when everything is as it says: the same packs, each with the checksum that it ends in."""
        try:
            seal = json.loads((git_dir / _SEAL).read_bytes())
            if seal["packs"] != _packs(git_dir) or seal["state"] != _state(git_dir) or not isinstance(seal["tip"], str):
                return None
            whole = all(_whole(git_dir / "objects" / "pack" / name, self.hash_name) for name in seal["packs"])
            return dict(seal) if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _packs(git_dir: Path) -> list[str]:
    return sorted(path.name for path in (git_dir / "objects" / "pack").iterdir() if path.suffix in (".pack", ".idx"))


def _state(git_dir: Path) -> str:
    """A digest of the small files that say what the packs mean."""
    total = hashlib.sha256()
    others = sorted(f"{_OTHERS}/{path.name}" for path in (git_dir / _OTHERS).glob("*"))
    for name in ("config", "HEAD", "shallow", _REF, *others):
        path = git_dir / name
        total.update(path.read_bytes() if path.exists() else b"-")
    return total.hexdigest()


def _remembers(seal: Mapping[str, Any], tips: Sequence[Resolved]) -> bool:
    """Whether enough history of all `tips` is there; what is enough for more of them is enough for some."""
    history = seal.get("history")
    wanted = {tip.tip for tip in tips}
    return seal["tip"] == tips[0].tip and isinstance(history, list) and wanted <= set(map(str, history))


def _shallow(git_dir: Path) -> bytes:
    path = git_dir / "shallow"
    return path.read_bytes() if path.exists() else b""


def _whole(path: Path, hash_name: str) -> bool:
    """Whether a pack or its index ends in the checksum of everything before."""
    with path.open("rb") as file:
        length = path.stat().st_size - hashlib.new(hash_name).digest_size
        total = hashlib.new(hash_name)
        while length > 0 and (block := file.read(min(length, 1 << 20))):
            total.update(block)
            length -= len(block)
        return length == 0 and file.read() == total.digest()


@contextmanager
def _held(git_dir: Path, timeout_s: float) -> Iterator[None]:
    """One process and thread at a time for one folder; git's own left-over locks in it belong to the dead."""
    try:
        with locked(git_dir.with_suffix(".lock"), timeout_s=timeout_s):
            if git_dir.is_dir():
                for stale in (
                    *git_dir.glob("*.lock"),
                    *git_dir.glob("refs/**/*.lock"),
                    *git_dir.glob("objects/pack/tmp_*"),
                ):
                    stale.unlink(missing_ok=True)
            yield
    except Busy:
        raise HostError(
            "E-UPSTREAM-BUSY",
            "another run is fetching the same upstream",
            hint="wait for it, then run again",
            kept=complaints.KEPT,
            retryable=True,
        ) from None
