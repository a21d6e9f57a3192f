"""From what the file asks for to commits, and whether they may be taken after those of last time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from directional_sync.endpoints.git.trust import Trust
from directional_sync.endpoints.git.upstream import Upstream
from directional_sync.errors import SyncError
from directional_sync.model.snapshot import Part, RefKind, Source
from directional_sync.upstream.cache import Fetched, UpstreamCache
from directional_sync.upstream.complaints import COMMIT, REF, complaint
from directional_sync.upstream.remotes import Remotes, Resolved


@dataclass(frozen=True, slots=True)
class Tips:
    """The commits of one upstream that are wanted now."""

    url: str
    """Where they are: the file's URL, or where an accepted move led."""
    base: Resolved
    kind: RefKind
    merged: tuple[Resolved, ...] = ()
    """What is to be merged onto `base`, in this order."""

    @property
    def ref(self) -> str:
        return self.base.ref or self.base.commit

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(Part(one.ref or one.commit, one.commit) for one in self.merged)

    def same_as(self, before: Source) -> bool:
        """Whether these are the commits that were taken last time."""
        return bool(before.tree) and before.commit == self.base.commit and before.merged == self.parts

    def source(self, upstream: Upstream, recipe: str, tree: str, merge: str) -> Source:
        """What the lock says of them."""
        return Source(
            name=upstream.name,
            url=upstream.url,
            ref=self.ref,
            commit=self.base.commit,
            tree=tree,
            into=upstream.into,
            asked=upstream.wanted,
            kind=self.kind,
            recipe=recipe,
            merged=self.parts,
            merge=merge,
        )


@dataclass(frozen=True)
class Resolve:
    """Asks upstreams, and judges what they answer. Safe to use from many threads, one upstream each."""

    remotes: Remotes
    cache: UpstreamCache
    trust: Trust
    moved_by: dict[str, int] = field(default_factory=dict)
    """Name -> by how many commits it went on, as far as that is known."""

    def tips(self, upstream: Upstream, before: Source | None, *, new: bool = False) -> Tips | None:
        """What the upstream has now; None when it lacks what is asked for and that was accepted. `before`: what was
        taken from the same URL last time; `new`: nothing of this name was ever taken. Raises SyncError."""
        try:
            tips = self._ask(upstream, upstream.url, before)
        except SyncError as error:
            place = self.trust.unresolved(upstream, before, error, new=new and self._lacks(upstream, error))
            if not place:
                return kept(upstream, before) if before is not None else None
            tips = self._ask(upstream, place, before)
        if before is not None and not upstream.ref and tips.base.commit == before.commit and tips.ref != before.ref:
            self.trust.default_branch(upstream, before, tips.base, True)
        for one in (tips.base, *tips.merged):
            if one.note:
                self.trust.note(f"{upstream.name}: {one.note}")
        self._tell_ended(upstream, tips)
        return tips

    def _lacks(self, upstream: Upstream, error: SyncError) -> bool:
        """Whether it is the upstream's own ref that is not there, and not one that is to be merged onto it."""
        if error.code != REF.code or upstream.version:
            return False
        if not upstream.merge:
            return True
        try:
            self.remotes.resolve(upstream.url, upstream.ref)
        except SyncError as own:
            return own.code == REF.code
        return False

    def _tell_ended(self, upstream: Upstream, tips: Tips) -> None:
        """Notes which of the pull requests that are merged here are merged or closed there meanwhile."""
        if not upstream.pull_requests or not tips.merged:
            return
        from directional_sync.upstream.pull_requests import State, states

        told = states(self.remotes, upstream.pull_requests, upstream.name, [one.ref for one in tips.merged])
        for ref, state in told.items():
            if state in (State.MERGED, State.CLOSED):
                self.trust.note(f"{upstream.name}: {ref} is {state} upstream; take it out of `merge` when you can")

    def _ask(self, upstream: Upstream, url: str, before: Source | None) -> Tips:
        if upstream.version:
            return self._ask_version(upstream, url, before)
        base, *merged = self.remotes.resolve(url, upstream.ref, *upstream.merge)
        return Tips(url, base, kind_of(base), tuple(merged))

    def _ask_version(self, upstream: Upstream, url: str, before: Source | None) -> Tips:
        from directional_sync.upstream.versions import highest, none_satisfies

        tags = self.remotes.tags(url)
        name = highest(tags, upstream.version)
        old = before.ref.removeprefix("refs/tags/") if before is not None and before.kind == RefKind.VERSION else ""
        if old and old not in tags and highest({old, name or old}, upstream.version) == old:
            raise complaint(REF, url, f"{old}, the highest version that was there, is gone")
        if name is None:
            raise none_satisfies(url, tags, upstream.version)
        merged = self.remotes.resolve(url, *upstream.merge) if upstream.merge else ()
        return Tips(url, tags[name], RefKind.VERSION, merged)

    def obtain(self, upstream: Upstream, tips: Tips, before: Source) -> Fetched:
        """The content of what moved since `before`, once it has been judged. Raises SyncError."""
        now = tips.base
        changed = before.commit != now.commit and before.asked == upstream.wanted
        if changed and now.is_tag and before.ref == now.ref:
            self.trust.moved_tag(upstream, before, now)
        judged = changed and now.ref.startswith("refs/heads/")
        goes_on = self.remotes.descends(tips.url, now.tip, before.commit) if judged else True
        if goes_on is False:
            self._judge_break(upstream, before, now, tips.url)
        with self._counting(upstream, tips, before if judged and goes_on else None):
            found = self.content(tips)
        if goes_on is None:
            goes_on = self.cache.continues(tips.url, now.commit, before.commit)
            if goes_on is None:
                self.trust.note(f"{upstream.name}: whether its history was rewritten cannot be told")
            elif not goes_on:
                self._judge_break(upstream, before, now, tips.url)
        if judged and before.ref != now.ref and goes_on is not False:
            self.trust.default_branch(upstream, before, now, goes_on)
        return found

    @contextmanager
    def _counting(self, upstream: Upstream, tips: Tips, before: Source | None) -> Iterator[None]:
        """Asks beside how many commits have come since `before`; None asks nothing."""
        if before is None:
            yield
            return

        def count() -> None:
            self.moved_by[upstream.name] = self.remotes.commits_between(tips.url, tips.base.commit, before.commit)

        beside = threading.Thread(target=count, name="count")
        beside.start()
        try:
            yield
        finally:
            beside.join()

    def content(self, tips: Tips) -> Fetched:
        """The content of what is wanted; with what the commits have in common, where they are to be merged."""
        try:
            if tips.merged:
                return self.cache.obtain_history(tips.url, (tips.base, *tips.merged))
            return self.cache.obtain(tips.url, tips.base)
        except SyncError as error:
            if error.code == REF.code:  # it was asked for by its id
                raise complaint(COMMIT, tips.url, tips.base.commit[:12]) from error
            raise

    def _judge_break(self, upstream: Upstream, before: Source, now: Resolved, url: str) -> None:
        """What comes does not go on from what was there."""
        if before.ref != now.ref:
            self.trust.default_branch(upstream, before, now, False)
        else:
            self.trust.rewrite(upstream, before, now, self._dropped(url, before.commit, now.commit))

    def _dropped(self, url: str, old: str, new: str) -> tuple[str, ...]:
        from directional_sync.upstream.history import dropped

        return dropped(self.remotes, self.cache.folder, url, old, new, self.cache.hash_name)


def kept(upstream: Upstream, before: Source) -> Tips:
    """What was taken last time, once more."""
    merged = tuple(Resolved(_ref(part.ref), part.commit, part.commit) for part in before.merged)
    base = Resolved(_ref(before.ref), before.commit, before.commit)
    return Tips(upstream.url, base, RefKind(before.kind) if before.kind else kind_of(base), merged)


def _ref(name: str) -> str:
    """A commit that was asked for by its id has no ref."""
    return name if name.startswith("refs/") or name == "HEAD" else ""


def kind_of(now: Resolved) -> RefKind:
    if not now.ref:
        return RefKind.COMMIT
    if now.is_tag:
        return RefKind.TAG
    return RefKind.BRANCH if now.ref.startswith("refs/heads/") or now.ref == "HEAD" else RefKind.OTHER
