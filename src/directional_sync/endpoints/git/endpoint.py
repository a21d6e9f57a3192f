"""Many git repositories as one tree: each upstream's tree at its place, never checked out.

A snapshot asks every upstream for its refs, compares with what was agreed last time, fetches only what moved and is
not at hand, makes of it what the file asks for, and answers one unopened folder per upstream. An upstream that cannot
be had is unreadable at its place: what was vendored from it stays, and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.endpoints.git.compose import Compose, Patches, recipe
from directional_sync.endpoints.git.crowd import Crowd
from directional_sync.endpoints.git.locked import locked_tips
from directional_sync.endpoints.git.resolve import Resolve, Tips
from directional_sync.endpoints.git.trust import Trust
from directional_sync.endpoints.git.upstream import Upstream, upstreams
from directional_sync.errors import InternalError, RemoteError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import FOLDER, Entry, Snapshot, Source
from directional_sync.model.values import kind_of
from directional_sync.system.host import monotonic
from directional_sync.upstream.cache import Fetched, UpstreamCache
from directional_sync.upstream.complaints import KEPT, REF, complaint
from directional_sync.upstream.remotes import Remotes

if TYPE_CHECKING:
    from directional_sync.endpoints.git.options import GitOptions

_QUESTIONS_AT_ONCE = 16


def __getattr__(name: str) -> Any:
    """`OPTIONS`, loaded when it is asked for: a run may have its options without their class."""
    if name != "OPTIONS":
        raise AttributeError(name)
    from directional_sync.endpoints.git import options as git_options

    return git_options.GitOptions


def open(context: Context) -> Endpoint:
    """The upstreams of a target. Raises ConfigError."""
    return GitEndpoint(context)


class GitEndpoint:
    """The upstreams of one target, for one run."""

    capabilities = Capabilities(writes=False, previews=True)

    def __init__(self, context: Context) -> None:
        options = context.target.options
        if kind_of(options) != "GitOptions":
            raise InternalError("E-INTERNAL", "the git endpoint was opened with options of another kind")
        self._context = context
        self._options: GitOptions = options
        if not options.names_from:
            upstreams(options, options.names, context.target.outputs)  # what is unclear is said at once
        self._remotes: Remotes | None = None

    def __repr__(self) -> str:
        return f"GitEndpoint({self._options.url})"

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """One folder per upstream. Raises the error itself when no upstream at all can be had."""
        self.close()
        target = self._context.target
        self._remotes = Remotes(self._context.environment, target.retries, monotonic() + target.timeout_s)
        return _Look(self._context, self._options, self._remotes, prior).snapshot()

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        if changes:
            raise InternalError("E-INTERNAL", "the git endpoint cannot write to upstreams")
        return iter(())

    def close(self) -> None:
        if self._remotes is not None:
            self._remotes.close()


@dataclass
class _Look:
    """One look at all upstreams."""

    context: Context
    options: GitOptions
    remotes: Remotes
    prior: Snapshot
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = cast(ObjectStore, self.context.objects)
        self.cache = UpstreamCache(self.context.cache, self.remotes, self.store.hash_name)
        self.crowd = Crowd(self.context, self.remotes)
        self.before = {source.name: source for source in self.prior.sources}
        self.trust = Trust(self.context.accepted, self.notes.append)
        self.resolve = Resolve(self.remotes, self.cache, self.trust)
        self.compose = Compose(self.context, self.cache, self.notes.append)
        self.signers: Mapping[str, str] = {}

    def snapshot(self) -> Snapshot:
        wanted: Sequence[Upstream] = self._upstreams()
        orphans = self._orphans(wanted)
        if self.context.prune:
            return self._agreed([source for source in self.prior.sources if source not in orphans])
        self.cache.forget_others(upstream.url for upstream in wanted)
        patches = self.compose.patches(wanted)
        self.signers = self.compose.signers(wanted)
        recipes = {
            one.name: recipe(one, patches.get(one.name, ()), self.signers.get(one.signed_by, "")) for one in wanted
        }
        asked = self.crowd.each("resolving", wanted, lambda one: self._tips(one, recipes[one.name]), _QUESTIONS_AT_ONCE)
        tips = {name: one for name, one in asked.items() if one is not None}
        wanted = [one for one in wanted if one.name not in asked or one.name in tips]
        taken = self._at_hand(wanted, tips, recipes)
        moved = [upstream for upstream in wanted if upstream.name in tips and upstream.name not in taken]
        if moved:
            self.context.expect()
        fetched = self.crowd.each(
            "fetching", moved, lambda one: self._fetch(one, tips[one.name]), self.options.concurrency
        )
        for found in fetched.values():
            self.store.borrow(found.objects)
        taken |= self._made([one for one in moved if one.name in fetched], tips, fetched, recipes, patches)
        if not taken and wanted:
            raise self._all_failed(wanted)
        return self._answer(wanted, taken, orphans)

    def _upstreams(self) -> tuple[Upstream, ...]:
        names = self.options.names
        if self.options.names_from:
            from directional_sync.endpoints.git.listed import listed

            names = listed(self.options.names_from, self.context, self.remotes)
        return upstreams(self.options, names, self.context.target.outputs)

    def _orphans(self, wanted: Sequence[Upstream]) -> list[Source]:
        """Sources of last time that the file no longer names, and whose places nobody else has taken."""
        names = {upstream.name for upstream in wanted}
        places = [f"{upstream.into}/" for upstream in wanted]
        gone = [source for source in self.prior.sources if source.name not in names and source.into]
        return [
            source
            for source in gone
            if not any(place.startswith(f"{source.into}/") or f"{source.into}/".startswith(place) for place in places)
        ]

    def _agreed(self, sources: Sequence[Source]) -> Snapshot:
        """What these sources brought last time, without asking them."""
        entries = {source.into: trees.at(self.store, self.prior, source.into) for source in sources}
        return Snapshot({key: entry for key, entry in entries.items() if entry.present}, sources=tuple(sources))

    def _tips(self, upstream: Upstream, wanted: str) -> Tips | None:
        """None when it lacks what is asked for, which was accepted."""
        if upstream.signed_by and upstream.signed_by not in self.signers:
            from directional_sync.upstream.signatures import missing

            raise missing(upstream.signed_by)
        before = self.before.get(upstream.name)
        if not self.context.locked:
            return self.resolve.tips(upstream, self._before(upstream), new=before is None)
        # The lock does not hold what was left out when it was written.
        if before is None and self.trust.leaves_out(upstream):
            return None
        return locked_tips(upstream, before, wanted)

    def _at_hand(
        self, wanted: Sequence[Upstream], tips: Mapping[str, Tips], recipes: Mapping[str, str]
    ) -> dict[str, Source]:
        """Name -> source of those that are where they were, and whose tree is in the repository's own store."""
        same = {}
        for upstream in wanted:
            now = tips.get(upstream.name)
            before = self._same(upstream, now, recipes[upstream.name]) if now is not None else None
            if now is not None and before is not None:
                same[upstream.name] = replace(
                    before, ref=now.ref, kind=now.kind, asked=upstream.wanted, into=upstream.into
                )
        here = self.store.has_many([source.tree for source in same.values()])
        return {name: source for name, source in same.items() if source.tree in here}

    def _fetch(self, upstream: Upstream, tips: Tips) -> Fetched:
        before = self._before(upstream)
        if before is None or self.context.locked:
            found = self.resolve.content(tips)
        else:
            found = self.resolve.obtain(upstream, tips, before)
        if found.note:
            self.notes.append(f"{upstream.name}: {found.note}")
        return found

    def _made(
        self,
        moved: Sequence[Upstream],
        tips: Mapping[str, Tips],
        fetched: Mapping[str, Fetched],
        recipes: Mapping[str, str],
        patches: Mapping[str, Patches],
    ) -> dict[str, Source]:
        """Name -> source of those that were fetched, with the tree that the file makes of each."""

        def make(upstream: Upstream) -> Source:
            now = tips[upstream.name]
            if upstream.signed_by and self._same(upstream, now, recipes[upstream.name]) is None:
                self.compose.judge(upstream, now, self.signers[upstream.signed_by])
            try:
                made = self.compose.tree(upstream, now, fetched[upstream.name], patches.get(upstream.name, ()))
            except KeyError:
                raise complaint(REF, upstream.url, f"{upstream.wanted} is not a commit") from None
            source = now.source(upstream, recipes[upstream.name], made.tree, made.merge)
            source = replace(source, commits=self.resolve.moved_by.get(upstream.name, 0))
            self._judge_locked(source)
            self._tell_moved(source)
            return source

        return self.crowd.each("making", moved, make, self.options.concurrency, quiet=True)

    def _judge_locked(self, source: Source) -> None:
        before = self.before.get(source.name)
        if self.context.locked and before is not None and before.tree != source.tree:
            raise RemoteError(
                "E-LOCK-TREE",
                f"{source.name} at {source.commit[:10]} makes another tree than the lock says",
                hint="the lock was edited, or made by another version of this program; look at it with git log",
                kept=KEPT,
            )

    def _tell_moved(self, source: Source) -> None:
        before = self.before.get(source.name)
        if before is None or before.commit != source.commit:
            step = f"{before.commit[:7]}..{source.commit[:7]}" if before is not None else f"new at {source.commit[:7]}"
            data = {"name": source.name, "commit": source.commit}
            name = self.context.target.name
            self.context.tell(Event(EventType.CHANGE, f"{source.name} {step}", target=name, data=data))

    def _answer(self, wanted: Sequence[Upstream], taken: Mapping[str, Source], orphans: Sequence[Source]) -> Snapshot:
        kept = self._agreed(orphans)
        sources = sorted([*taken.values(), *orphans], key=lambda source: source.name)
        failed = self._failed(wanted)
        return Snapshot(
            {**kept.entries, **{source.into: Entry(source.tree, FOLDER) for source in taken.values()}},
            {place: _reason(error) for place, error in failed.items()},
            tuple(sources),
            tuple(sorted(self.notes)),
            tuple(sorted(source.name for source in orphans)),
            {place: error.hint for place, error in failed.items() if error.hint},
        )

    def _failed(self, wanted: Sequence[Upstream]) -> dict[str, SyncError]:
        """By each place that could not be looked at: where its content belongs, and where it lies since last time."""
        errors = self.crowd.failed
        failed = {}
        for upstream in wanted:
            if upstream.name in errors:
                before = self.before.get(upstream.name)
                for place in {upstream.into, before.into if before is not None else upstream.into}:
                    failed[place] = errors[upstream.name]
        return failed

    def _all_failed(self, wanted: Sequence[Upstream]) -> SyncError:
        """The one error of all: as it is for one upstream, with the common code when they agree."""
        told = [(upstream.name, self.crowd.failed[upstream.name]) for upstream in wanted]
        errors = [error for _, error in told]
        first = errors[0]
        if len(errors) == 1:
            return first
        same = len({error.code for error in errors}) == 1
        kind = type(first) if same else RemoteError
        return kind(
            first.code if same else "E-UPSTREAM",
            f"none of the {len(errors)} upstreams can be had: {first.message}",
            hint=first.hint,
            kept="everything that was vendored stays as it is",
            detail=[line for name, error in told for line in _lines(name, error, with_code=not same)],
            retryable=any(error.retryable for error in errors),
        )

    def _same(self, upstream: Upstream, now: Tips, recipe: str) -> Source | None:
        """What was agreed on last time, if the same commits were taken then, in the same way, judged by the same."""
        before = self._before(upstream)
        return before if before is not None and now.same_as(before) and before.recipe == recipe else None

    def _before(self, upstream: Upstream) -> Source | None:
        """What was agreed on last time, if it came from the same place."""
        before = self.before.get(upstream.name)
        return before if before is not None and before.url == upstream.url else None


def _reason(error: SyncError) -> str:
    return f"{error.code}: {error.message}"


def _lines(name: str, error: SyncError, *, with_code: bool) -> list[str]:
    """What went wrong with one of many, and what is known about it."""
    return [f"{name}: {text}" for text in (_reason(error) if with_code else error.message, *error.detail)]
