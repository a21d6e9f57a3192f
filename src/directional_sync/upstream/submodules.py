"""Submodules of upstreams: left out, refused, or their content at the place where they are tied in.

A *tie* is an entry of a tree that names a commit of another repository (git calls it a gitlink); `.gitmodules` says
where that repository is. git's own recursion is never used: the few settings that count are read from the blob, every
URL is judged before it is used, and what is fetched is exactly the commit that the tie names, so that content is as
reproducible as the upstream's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from directional_sync.errors import CredentialError, RefusedError, RemoteError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import ABSENT, FOLDER, GITLINK, Entry
from directional_sync.upstream import referrals
from directional_sync.upstream.addresses import BadAddress, shown
from directional_sync.upstream.cache import Fetched, UpstreamCache
from directional_sync.upstream.complaints import KEPT, REF
from directional_sync.upstream.remotes import Resolved

DEPTH_MAX = 5
"""Levels of submodules of submodules."""
COUNT_MAX = 200
"""Submodules of one upstream, on all levels."""
_AT_ONCE = 4
_NAMED = 3
_SETTING = re.compile(r"submodule\.(.*)\.(path|url)\n(.*)", re.DOTALL)


class Submodules(StrEnum):
    """What becomes of them."""

    SKIP = "skip"
    CONTENT = "content"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Filled:
    tree: str
    """Without any tie."""
    notes: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    """Of the submodules whose content is in it."""


@dataclass(frozen=True, slots=True)
class _Tie:
    """A submodule to be had."""

    path: str
    """From the top of the upstream."""
    url: str
    commit: str
    above: tuple[str, ...]
    """The URLs on the way to it, without it."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The upstream itself, or a submodule that is at hand."""

    path: str
    """From the top of the upstream; "" for the upstream itself."""
    url: str
    tree: str
    ties: Sequence[str]
    """Where in `tree` submodules are tied in."""
    above: tuple[str, ...] = ()


def fill(
    cache: UpstreamCache, store: ObjectStore, url: str, tree: str, gitlinks: Sequence[str], how: Submodules
) -> Filled:
    """`tree` of the upstream at `url`, with its submodules left out or in their place. `gitlinks` are the paths where
    they are tied in; `tree` can be read in `store`, and afterwards the new one can. Raises RefusedError E-SUBMODULE
    for REFUSE, and for CONTENT an E-SUBMODULE-... error when one of them cannot be had."""
    if how is Submodules.CONTENT:
        return _content(cache, store, _Part("", url, tree, gitlinks))
    cache.keep_inside(url, {})
    ties = list(_commits(store, tree, gitlinks))
    if not ties:
        return Filled(tree)
    if how is Submodules.REFUSE:
        raise RefusedError(
            "E-SUBMODULE",
            f"{shown(url)} ties in submodules: {_some(ties)}",
            hint="set `submodules: content` to take their files along, or `submodules: skip` to leave them out",
            kept=KEPT,
        )
    bare = trees.edit(store, tree, dict.fromkeys(ties, ABSENT))
    return Filled(bare, (f"submodules are not taken along: {_some(ties)}",))


def _content(cache: UpstreamCache, store: ObjectStore, top: _Part) -> Filled:
    """Level by level: all submodules of the upstream, then all of theirs."""
    found: dict[str, _Part] = {}
    commits: list[str] = []
    level = [top]
    while wanted := [tie for part in level for tie in _ties(store, part)]:
        if len(wanted[0].above) > DEPTH_MAX:
            raise _error("E-SUBMODULE-LIMIT", wanted[0].path, f"lies more than {DEPTH_MAX} submodules deep")
        if len(found) + len(wanted) > COUNT_MAX:
            raise _error("E-SUBMODULE-LIMIT", wanted[-1].path, f"is one of more than {COUNT_MAX}")
        level = _obtain(cache, store, top.url, wanted)
        found.update((part.path, part) for part in level)
        commits += [f"{shown(tie.path)}@{tie.commit[:12]}" for tie in wanted]
    cache.keep_inside(top.url, {part.path: part.url for part in found.values()})
    whole = trees.edit(store, top.tree, {path: Entry(part.tree, FOLDER) for path, part in found.items()})
    urls = tuple(dict.fromkeys(part.url for part in found.values()))
    return Filled(whole, (f"submodules were taken along: {', '.join(commits)}",) if commits else (), urls)


def _obtain(cache: UpstreamCache, store: ObjectStore, top: str, wanted: Sequence[_Tie]) -> list[_Part]:
    def one(tie: _Tie) -> Fetched:
        try:
            return cache.inside(top, tie.path).obtain(tie.url, Resolved("", tie.commit, tie.commit))
        except (RemoteError, CredentialError, RefusedError) as error:
            raise _unobtained(tie, error) from error

    pool = ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(wanted)), thread_name_prefix="submodule")
    try:
        fetched = list(pool.map(one, wanted))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    for content in fetched:
        store.borrow(content.objects)
    return [
        _Part(tie.path, tie.url, _tree_of(store, tie), content.gitlinks, tie.above)
        for tie, content in zip(wanted, fetched, strict=True)
    ]


def _tree_of(store: ObjectStore, tie: _Tie) -> str:
    try:
        return store.tree_of(tie.commit)
    except KeyError:
        why = f"stands for {tie.commit[:12]} of {shown(tie.url)}, which is not a commit"
        raise _error("E-SUBMODULE-COMMIT", tie.path, why) from None


def _ties(store: ObjectStore, part: _Part) -> Iterator[_Tie]:
    """The submodules of one part, each with the URL that its `.gitmodules` says."""
    commits = _commits(store, part.tree, part.ties)
    named = _places(store, part) if commits else {}
    above = (*part.above, part.url)
    for inner, commit in commits.items():
        path = f"{part.path}/{inner}" if part.path else inner
        said = named.get(inner, [])
        if len(said) != 1:
            count = "more than one URL" if said else "no URL"
            raise _error("E-SUBMODULE-ENTRY", path, f"has {count} in .gitmodules of {shown(part.url)}")
        try:
            url = referrals.repository(part.url, said[0])
        except BadAddress as error:
            why = f"has a URL in .gitmodules of {shown(part.url)} that is not taken: {shown(str(error))}"
            raise _error("E-SUBMODULE-URL", path, why) from None
        if _same(url) in map(_same, above):
            raise _error("E-SUBMODULE-LIMIT", path, f"leads back to {shown(url)}, which contains it")
        yield _Tie(path, url, commit, above)


def _commits(store: ObjectStore, tree: str, paths: Sequence[str]) -> dict[str, str]:
    """Path -> commit of those `paths` where a submodule is tied in, in the order given."""
    ties: dict[str, str] = {}
    level = {"": tree} if paths else {}
    while level:
        opened = store.read_trees(list(level.values()))
        below = {}
        for folder, digest in level.items():
            for item in opened[digest]:
                path = f"{folder}/{item.name}" if folder else item.name
                if item.mode == GITLINK:
                    ties[path] = item.digest
                elif item.mode == FOLDER and any(wanted.startswith(f"{path}/") for wanted in paths):
                    below[path] = item.digest
        level = below
    return {path: ties[path] for path in paths if path in ties}


def _places(store: ObjectStore, part: _Part) -> dict[str, list[str]]:
    """Path -> URLs, all that `.gitmodules` of this part says about it."""
    (items,) = store.read_trees([part.tree]).values()
    digest = next((item.digest for item in items if item.name == ".gitmodules" and item.mode.startswith("100")), "")
    if not digest:
        return {}
    read = store.git.attempt("config", "--no-includes", f"--blob={digest}", "--null", "--list")
    if read.status:
        why = f"cannot be looked up: git cannot read .gitmodules of {shown(part.url)}"
        raise _error("E-SUBMODULE-ENTRY", part.ties[0], why)
    settings: dict[str, dict[str, str]] = {}
    for item in read.stdout.decode("utf-8", "surrogateescape").split("\0"):
        if said := _SETTING.fullmatch(item):
            settings.setdefault(said[1], {}).setdefault(said[2], said[3])  # git takes the first of several
    found: dict[str, list[str]] = {}
    for setting in settings.values():
        urls = found.setdefault(setting.get("path", ""), [])
        if "url" in setting and setting["url"] not in urls:
            urls.append(setting["url"])
    return found


def _same(url: str) -> str:
    return url.rstrip("/").removesuffix(".git")


def _unobtained(tie: _Tie, error: SyncError) -> SyncError:
    """What the cache said of a submodule, as an error of the upstream that ties it in."""
    if error.code == REF.code:
        tips_only = "unadvertised" in error.message
        why = "its host hands out the tips of branches and tags only" if tips_only else "it is not there (any more)"
        return _error("E-SUBMODULE-COMMIT", tie.path, f"stands for {tie.commit[:12]} of {shown(tie.url)}, but {why}")
    message = f"the submodule {shown(tie.path)} cannot be had: {error.message} ({error.code})"
    return type(error)("E-SUBMODULE-UNOBTAINABLE", message, hint=error.hint, kept=KEPT, retryable=error.retryable)


_HINTS = {
    "E-SUBMODULE-ENTRY": "ask the maintainers to mend .gitmodules, or set `submodules: skip`",
    "E-SUBMODULE-URL": "look at .gitmodules there before you trust it; `submodules: skip` leaves submodules out",
    "E-SUBMODULE-LIMIT": "set `submodules: skip`, and vendor the repositories that you need one by one",
    "E-SUBMODULE-COMMIT": "ask the maintainers to tie in a commit that is on a branch, or set `submodules: skip`",
}


def _error(code: str, path: str, why: str) -> SyncError:
    family = RefusedError if code in ("E-SUBMODULE-URL", "E-SUBMODULE-LIMIT") else RemoteError
    return family(code, f"the submodule {shown(path)} {why}", hint=_HINTS[code], kept=KEPT)


def _some(paths: Sequence[str]) -> str:
    return ", ".join(shown(path) for path in paths[:_NAMED]) + (", ..." if paths[_NAMED:] else "")
