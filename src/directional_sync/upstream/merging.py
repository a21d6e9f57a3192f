"""Several refs of one upstream as one tree: the first is the base, the others are merged onto it in order.

Git does the merging, on commits in the upstream's folder, without a work tree. Only the commits decide what comes out:
neither configuration, nor attributes, nor how much of the history happens to be at hand.

The nouns: a *line* is the commit that stands for all refs merged so far. A ref is *idle* when merging it changes
nothing: it is in the history already, or its changes have arrived by another way (squashed, rebased).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from directional_sync.errors import RefusedError
from directional_sync.git import plumbing
from directional_sync.git.objects import ObjectStore
from directional_sync.git.plumbing import Git
from directional_sync.git.repository import DEFAULT_IDENTITY
from directional_sync.upstream import complaints
from directional_sync.upstream.addresses import shown
from directional_sync.upstream.cache import Fetched, UpstreamCache
from directional_sync.upstream.excerpt import excerpt, fit
from directional_sync.upstream.remotes import Resolved
from directional_sync.upstream.workshop import workshop

_NAMED_MAX = 5
_SHOWN_BYTES_MAX = 4_000_000
_COMMITTED = re.compile(rb"^committer .* (\d+) [+-]\d+$", re.MULTILINE)
_LATEST = 4_102_444_800
"""The year 2100, in seconds: commits dated later are nonsense."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What several refs make together."""

    commit: str
    """The same for the same tips on every machine: of a merge commit of our own, in the quarantine, or the
    upstream's own commit where one of the refs has all the others in its history."""
    tree: str
    included: tuple[str, ...] = ()
    """The refs, as in `Resolved.ref` (or the id), that bring nothing any more: without them commit and tree are the
    same."""
    note: str = ""
    """What is to be said about the upstream's folder; "" mostly."""


def merge(cache: UpstreamCache, store: ObjectStore, url: str, tips: Sequence[Resolved]) -> Merged:
    """`tips[0]` with the others merged onto it in order. New objects go into the quarantine of `store`, which from
    then on also reads those of the upstream. Raises RefusedError E-MERGE-CONFLICT and E-MERGE-UNRELATED, and
    whatever keeps us from the upstream."""
    found = cache.obtain_history(url, tips)
    try:
        return _merged(cache, store, url, tips, found)
    except _Unclear:
        whole = cache.obtain_history(url, tips, whole=True)
        return _merged(cache, store, url, tips, whole)


def _merged(cache: UpstreamCache, store: ObjectStore, url: str, tips: Sequence[Resolved], found: Fetched) -> Merged:
    store.borrow(found.objects)
    with workshop(store, shallow=found.shallow) as git:
        work = _Merging(git, store, url, shallow=bool(found.shallow), timeout_s=cache.remotes.left_s)
        line, idle = work.all(tips)
        left_out = {number for number in idle if tips[number].commit in work.known}
        for number in [number for number in idle if number not in left_out]:
            # It was merged all the same, since refs after it may build on it. It is said to bring nothing only if
            # it can be left out.
            without = work.attempt([tip for at, tip in enumerate(tips) if at not in {*left_out, number}])
            if without and store.tree_of(without) == store.tree_of(line):
                left_out.add(number)
                line = without
        return Merged(line, store.tree_of(line), tuple(_name(tips[number]) for number in sorted(left_out)), found.note)


class _Unclear(Exception):
    """More than one commit looks like the fork; only the whole history tells whether that is so."""


class _Merging:
    """One round of merging."""

    def __init__(self, git: Git, store: ObjectStore, url: str, *, shallow: bool, timeout_s: float) -> None:
        self.git, self.store, self.url = git, store, url
        self.shallow = shallow
        self.timeout_s = max(1.0, timeout_s)
        self.known: set[str] = set()
        """Commits of refs that were in the history of those before."""

    def all(self, tips: Sequence[Resolved]) -> tuple[str, list[int]]:
        """The line of all tips, and the numbers of those that are idle."""
        line, idle = tips[0].commit, []
        for number, tip in enumerate(tips[1:], start=1):
            before, line = line, self.onto(line, tip, tips[0])
            if self.store.tree_of(line) == self.store.tree_of(before):
                idle.append(number)
        return line, idle

    def attempt(self, tips: Sequence[Resolved]) -> str:
        """The line of all tips; "" when they conflict."""
        try:
            return self.all(tips)[0]
        except RefusedError:
            return ""

    def onto(self, line: str, tip: Resolved, base: Resolved) -> str:
        """The line after merging `tip`."""
        found = self.git.attempt("merge-base", "--all", line, tip.commit)
        if found.status not in (0, 1):
            raise plumbing.failed(("merge-base",), found)
        forks = found.stdout.decode("ascii").split()
        if not forks:
            raise self._unrelated(tip, base)
        if len(forks) > 1 and self.shallow:
            raise _Unclear
        if forks == [tip.commit]:
            self.known.add(tip.commit)
            return line
        return tip.commit if forks == [line] else self._commit(self._tree(line, tip, base), line, tip, base)

    def _tree(self, line: str, tip: Resolved, base: Resolved) -> str:
        arguments = ("merge-tree", "--write-tree", "-z", line, tip.commit)
        done = self.git.attempt(*arguments, timeout_s=self.timeout_s)
        if done.status == 1:
            raise self._conflict(done.stdout, line, tip, base)
        if done.status:
            raise plumbing.failed(arguments, done)
        return done.stdout.rstrip(b"\0\n").decode("ascii")

    def _commit(self, tree: str, line: str, tip: Resolved, base: Resolved) -> str:
        """Dated as the younger parent: a merge of our own must be the same tomorrow."""
        contents = self.store.read_many([line, tip.commit]).values()
        stamps = [int(found[1]) for content in contents if (found := _COMMITTED.search(content))]
        when = datetime.fromtimestamp(min(max(stamps, default=0), _LATEST), UTC).isoformat()
        message = f"Merge {_name(tip)} into {_name(base)}"
        return self.store.write_commit(tree, [line, tip.commit], message, author=DEFAULT_IDENTITY, when=when)

    def _unrelated(self, tip: Resolved, base: Resolved) -> RefusedError:
        return RefusedError(
            "E-MERGE-UNRELATED",
            f"{shown(_name(tip))} of {shown(self.url)} has no commit in common with {shown(_name(base))}",
            hint="take it out of `merge`, or name a ref that was branched off from the same history",
            kept=complaints.KEPT,
        )

    def _conflict(self, said: bytes, line: str, tip: Resolved, base: Resolved) -> RefusedError:
        tree, paths, sentences = _conflicts(said)
        named = ", ".join(fit(path) for path in paths[:_NAMED_MAX])
        if len(paths) > _NAMED_MAX:
            named += f" and {len(paths) - _NAMED_MAX} more"
        detail = [fit(sentence) for sentence in sentences[:_NAMED_MAX]]
        hunks = ((path, self._hunk(tree, path, line, tip)) for path in paths[:_NAMED_MAX])
        path, (ours, theirs) = next(((path, hunk) for path, hunk in hunks if any(hunk)), (b"", ([], [])))
        if path:
            detail += [f"{fit(path)}:", f"<<<<<<< {shown(_name(base))}, with what was merged before", *excerpt(ours)]
            detail += ["=======", *excerpt(theirs), f">>>>>>> {shown(_name(tip))}"]
        return RefusedError(
            "E-MERGE-CONFLICT",
            f"{shown(_name(tip))} of {shown(self.url)} cannot be merged onto {shown(_name(base))}: conflict in {named}",
            hint="ask its author to rebase it, or take it out of `merge` (git blames the first that does not fit)",
            kept=complaints.KEPT,
            detail=detail,
        )

    def _hunk(self, tree: str, path: bytes, line: str, tip: Resolved) -> tuple[list[bytes], list[bytes]]:
        """Both sides of the first conflict inside a file; nothing when it has none."""
        place = f"{tree}:{path.decode('utf-8', 'surrogateescape')}"
        size = self.git.attempt("cat-file", "-s", place).stdout
        if not size.strip().isdigit() or int(size) > _SHOWN_BYTES_MAX:
            return [], []
        lines = self.git.attempt("cat-file", "blob", place).stdout.splitlines()
        starts, ends = b"<<<<<<< " + line.encode("ascii"), b">>>>>>> " + tip.commit.encode("ascii")
        if starts not in lines or ends not in lines:
            return [], []
        hunk = lines[lines.index(starts) + 1 : lines.index(ends)]
        middle = hunk.index(b"=======") if b"=======" in hunk else len(hunk)
        return hunk[:middle], hunk[middle + 1 :]


def _conflicts(said: bytes) -> tuple[str, list[bytes], list[bytes]]:
    """(tree, paths, sentences) from what `git merge-tree -z` prints: the tree; (mode id stage TAB path) each; an empty
    field; (count, paths..., kind, sentence) each."""
    fields = iter(said.split(b"\0"))
    tree = next(fields).decode("ascii")
    paths = dict.fromkeys(field.partition(b"\t")[2] for field in iter(lambda: next(fields, b""), b""))
    sentences = []
    while (count := next(fields, b"")).isdigit():
        for _ in range(int(count)):
            next(fields, b"")
        if next(fields, b"").startswith(b"CONFLICT"):
            sentences.append(next(fields, b""))
        else:
            next(fields, b"")
    return tree, list(paths), sentences


def _name(tip: Resolved) -> str:
    return tip.ref or tip.commit
