"""Many git repositories as one tree: each upstream's tree at its place, as it is, never checked out.

A snapshot asks every upstream for its one ref, compares with what was agreed last time, fetches only what moved and
is not at hand, and answers one unopened folder per upstream. An upstream that cannot be had is unreadable at its
place: what was vendored from it stays, and the others go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.endpoints.git_options import GitOptions, Upstream, upstreams
from directional_sync.errors import InternalError, InterruptedRun, RefusedError, RemoteError, SyncError
from directional_sync.git import tree as trees
from directional_sync.git.addresses import shown
from directional_sync.git.complaints import KEPT, REF, complaint
from directional_sync.git.objects import ObjectStore
from directional_sync.git.remotes import Remotes, Resolved
from directional_sync.git.upstream_cache import Fetched, UpstreamCache
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import ABSENT, FOLDER, Entry, Snapshot, Source
from directional_sync.system.host import monotonic

_QUESTIONS_AT_ONCE = 16
_ASK_WHETHER_TO_STOP_S = 0.2
T = TypeVar("T")


OPTIONS = GitOptions


def open(context: Context) -> Endpoint:
    """The upstreams of a target. Raises ConfigError."""
    return GitEndpoint(context)


class GitEndpoint:
    """The upstreams of one target, for one run."""

    capabilities = Capabilities(writes=False, previews=True)

    def __init__(self, context: Context) -> None:
        options = context.target.options
        if not isinstance(options, GitOptions):
            raise InternalError("E-INTERNAL", "the git endpoint was opened with options of another kind")
        self._context = context
        self._options = options
        self._upstreams = upstreams(options, context.target.outputs)
        self._remotes: Remotes | None = None

    def __repr__(self) -> str:
        return f"GitEndpoint({len(self._upstreams)} upstreams)"

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """One folder per upstream. Raises the error itself when no upstream at all can be had."""
        if self._remotes is not None:
            self._remotes.close()
        target = self._context.target
        self._remotes = Remotes(self._context.environment, target.retries, monotonic() + target.timeout_s)
        look = _Look(self._context, self._options, self._upstreams, self._remotes, prior)
        return look.snapshot()

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
    upstreams: tuple[Upstream, ...]
    remotes: Remotes
    prior: Snapshot
    failed: dict[str, SyncError] = field(default_factory=dict)
    """Name -> why it cannot be had."""
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = cast(ObjectStore, self.context.objects)
        self.cache = UpstreamCache(self.context.cache, self.remotes, self.store.hash_name)
        self.before = {source.name: source for source in self.prior.sources}
        self.guard = threading.Lock()

    def snapshot(self) -> Snapshot:
        self.cache.forget_others(upstream.url for upstream in self.upstreams)
        resolved = self._each("resolving", self.upstreams, self._resolve, _QUESTIONS_AT_ONCE)
        known = self._at_hand(resolved)
        moved = [upstream for upstream in self.upstreams if upstream.name in resolved and upstream.name not in known]
        fetched = self._each(
            "fetching", moved, lambda one: self._fetch(one, resolved[one.name]), self.options.concurrency
        )
        for found in fetched.values():
            self.store.borrow(found.objects)
        graft = {**known, **self._grafts(moved, resolved, fetched)}
        if not graft:
            raise self._all_failed()
        sources = []
        for upstream in self.upstreams:
            if upstream.name in graft:
                now = resolved[upstream.name]
                sources.append(
                    Source(
                        upstream.name,
                        upstream.url,
                        now.ref or now.commit,
                        now.commit,
                        graft[upstream.name],
                        upstream.into,
                    )
                )
        return Snapshot(
            {source.into: Entry(source.tree, FOLDER) for source in sources},
            {one.into: _reason(self.failed[one.name]) for one in self.upstreams if one.name in self.failed},
            tuple(sources),
            tuple(sorted(self.notes)),
        )

    def _resolve(self, upstream: Upstream) -> Resolved:
        now = self.remotes.resolve(upstream.url, self.options.ref)
        before = self._before(upstream)
        if before is not None and not self.options.ref and before.ref not in ("", now.ref):
            self._note(f"{upstream.name}: its default branch is now {_short(now.ref)}, it was {_short(before.ref)}")
        if now.note:
            self._note(f"{upstream.name}: {now.note}")
        return now

    def _at_hand(self, resolved: Mapping[str, Resolved]) -> dict[str, str]:
        """Name -> tree of those that are where they were, and whose tree is in the repository's own store."""
        same = {}
        for upstream in self.upstreams:
            now, before = resolved.get(upstream.name), self._before(upstream)
            if now is not None and before is not None and before.commit == now.commit and before.tree:
                same[upstream.name] = before.tree
        here = self.store.has_many(list(same.values()))
        return {name: tree for name, tree in same.items() if tree in here}

    def _fetch(self, upstream: Upstream, now: Resolved) -> Fetched:
        before = self._before(upstream)
        changed = before is not None and before.commit != now.commit and before.ref == now.ref
        if before is not None and changed and now.is_tag:
            self._judge_tag(upstream, before, now)
        on = changed and before is not None and now.ref.startswith("refs/heads/")
        goes_on = self.remotes.descends(upstream.url, now.tip, before.commit) if on and before else True
        if goes_on is False and before is not None:
            self._judge_rewrite(upstream, before, now)
        found = self.cache.obtain(upstream.url, now)
        if goes_on is None and before is not None:
            goes_on = self.cache.continues(upstream.url, now.commit, before.commit)
            if goes_on is None:
                self._note(f"{upstream.name}: whether its history was rewritten cannot be told")
            elif not goes_on:
                self._judge_rewrite(upstream, before, now)
        if found.note:
            self._note(f"{upstream.name}: {found.note}")
        return found

    def _judge_tag(self, upstream: Upstream, before: Source, now: Resolved) -> None:
        what = f"the tag {_short(now.ref)} of {upstream.name} was {before.commit[:10]} and is now {now.commit[:10]}"
        if not self.options.accept_moved_tag:
            raise RefusedError(
                "E-UPSTREAM-TAG-MOVED",
                what,
                hint="tags are not meant to move: ask the maintainers; to take it, set accept_moved_tag: true once",
                kept=KEPT,
            )
        self._note(f"{what}; taken, as accept_moved_tag says")

    def _judge_rewrite(self, upstream: Upstream, before: Source, now: Resolved) -> None:
        what = (
            f"the history of {upstream.name} was rewritten: {before.commit[:10]} is no ancestor of {now.commit[:10]}, "
            f"the new tip of {_short(now.ref)}"
        )
        if not self.options.accept_rewrite:
            raise RefusedError(
                "E-UPSTREAM-REWRITE",
                what,
                hint="look at what was dropped; to take it, set accept_rewrite: true once",
                kept=KEPT,
            )
        self._note(f"{what}; taken, as accept_rewrite says")

    def _grafts(
        self, moved: Sequence[Upstream], resolved: Mapping[str, Resolved], fetched: Mapping[str, Fetched]
    ) -> dict[str, str]:
        """Name -> the tree to put at its place, of those that were fetched."""
        found = {}
        for upstream in moved:
            if upstream.name not in fetched:
                continue
            try:
                found[upstream.name] = self._graft(upstream, resolved[upstream.name], fetched[upstream.name])
            except SyncError as error:
                self.failed[upstream.name] = error
            except KeyError:
                self.failed[upstream.name] = complaint(REF, upstream.url, f"{self.options.ref} is not a commit")
        return found

    def _graft(self, upstream: Upstream, now: Resolved, found: Fetched) -> str:
        tree = self.store.tree_of(now.commit)
        if found.gitlinks:
            named = ", ".join(shown(path) for path in found.gitlinks[:3]) + (", ..." if found.gitlinks[3:] else "")
            self._note(f"{upstream.name}: submodules are not taken along: {named}")
            tree = trees.edit(self.store, tree, dict.fromkeys(found.gitlinks, ABSENT))
        before = self._before(upstream)
        if before is None or before.commit != now.commit:
            step = f"{before.commit[:7]}..{now.commit[:7]}" if before is not None else f"new at {now.commit[:7]}"
            self._tell(EventType.CHANGE, f"{upstream.name} {step}", {"name": upstream.name, "commit": now.commit})
        return tree

    def _each(
        self, phase: str, wanted: Sequence[Upstream], deed: Callable[[Upstream], T], at_once: int
    ) -> dict[str, T]:
        """Name -> what `deed` answered, of those for which it did; the others are noted as failed."""
        done: dict[str, T] = {}
        if not wanted:
            return done

        def one(upstream: Upstream) -> None:
            try:
                answer = deed(upstream)
                with self.guard:
                    done[upstream.name] = answer
            except SyncError as error:
                with self.guard:
                    self.failed[upstream.name] = error
            with self.guard:
                data = {"done": len(done), "of": len(wanted), "failed": len(self.failed), "phase": phase}
            self._tell(EventType.PROGRESS, f"{phase} {upstream.name}", {**data, "name": upstream.name})

        pool = ThreadPoolExecutor(max_workers=min(at_once, len(wanted)), thread_name_prefix="upstream")
        try:
            waiting: set[Future[None]] = {pool.submit(one, upstream) for upstream in wanted}
            while waiting:
                ended, waiting = wait(waiting, timeout=_ASK_WHETHER_TO_STOP_S)
                for future in ended:
                    future.result()
                if waiting and self.context.stop():
                    raise InterruptedRun(
                        "E-INTERRUPTED", f"stopped while {phase} upstreams", kept="nothing was changed"
                    )
        except BaseException:
            self.remotes.close()  # ends what runs, so that the threads end too
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return done

    def _all_failed(self) -> SyncError:
        """The one error of all: as it is for one upstream, with the common code when they agree."""
        told = [(upstream.name, self.failed[upstream.name]) for upstream in self.upstreams]
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
            detail=[f"{name}: {error.message if same else _reason(error)}" for name, error in told],
            retryable=any(error.retryable for error in errors),
        )

    def _before(self, upstream: Upstream) -> Source | None:
        """What was agreed on last time, if it came from the same place."""
        before = self.before.get(upstream.name)
        return before if before is not None and before.url == upstream.url else None

    def _note(self, note: str) -> None:
        with self.guard:
            self.notes.append(note)

    def _tell(self, kind: EventType, message: str, data: Mapping[str, Any]) -> None:
        self.context.tell(Event(kind, message, target=self.context.target.name, data=data))


def _reason(error: SyncError) -> str:
    return f"{error.code}: {error.message}"


def _short(ref: str) -> str:
    return shown(ref.removeprefix("refs/heads/").removeprefix("refs/tags/"))
