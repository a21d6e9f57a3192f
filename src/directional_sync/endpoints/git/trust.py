"""What an upstream does that nobody expects of it is taken only when a person has accepted it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from directional_sync.endpoints.git.upstream import Upstream
from directional_sync.errors import RefusedError, SyncError
from directional_sync.model.snapshot import Part, Source
from directional_sync.model.surprise import Accepted, Surprise
from directional_sync.upstream.addresses import BadAddress, Way, shown, way
from directional_sync.upstream.complaints import KEPT, MOVED, REF, MissingRefError
from directional_sync.upstream.remotes import Resolved
from directional_sync.upstream.smart_http import NoAnswer

_CODES = {
    Surprise.REWRITE: "E-UPSTREAM-REWRITE",
    Surprise.MOVED_TAG: "E-UPSTREAM-TAG-MOVED",
    Surprise.VANISHED_REF: "E-UPSTREAM-REF-VANISHED",
    Surprise.DEFAULT_BRANCH: "E-UPSTREAM-DEFAULT-BRANCH",
    Surprise.MOVED_REPOSITORY: MOVED.code,
}
_ADVICE = {
    Surprise.REWRITE: "look at what was dropped",
    Surprise.MOVED_TAG: "tags are not meant to move: ask the maintainers",
    Surprise.VANISHED_REF: "set `ref` to one that exists, or keep what was vendored",
    Surprise.DEFAULT_BRANCH: "set `ref` to the branch you want",
    Surprise.MOVED_REPOSITORY: "write the new URL into the file once you know who is behind it",
}


@dataclass(frozen=True)
class Trust:
    """What is accepted, by the file and for this once, and where it is said that something was taken so."""

    accepted: Accepted
    note: Callable[[str], None]

    def judge(self, upstream: Upstream, surprise: Surprise, what: str, detail: Sequence[str] = ()) -> None:
        """Notes that `what` was accepted, or raises RefusedError that says how to accept it."""
        for line in detail:
            self.note(f"{upstream.name}: {line}")
        if self._accepts(upstream, surprise):
            self.note(f"{what}; taken, as it was accepted")
            return
        raise RefusedError(
            _CODES[surprise],
            what,
            hint=f"{_ADVICE[surprise]}; to accept it once: --{surprise.option} {upstream.name}",
            kept=KEPT,
            detail=list(detail),
        )

    def _accepts(self, upstream: Upstream, surprise: Surprise) -> bool:
        once = self.accepted.get(surprise, ())
        return surprise in upstream.accepts or any(fnmatchcase(upstream.name, pattern) for pattern in once)

    def default_branch(self, upstream: Upstream, before: Source, now: Resolved, goes_on: bool | None) -> None:
        """HEAD names another branch. One that goes on from the old is what following HEAD means, and only noted."""
        what = f"the default branch of {upstream.name} is now {short(now.ref)}, it was {short(before.ref)}"
        if goes_on:
            self.note(f"{what} ({_CODES[Surprise.DEFAULT_BRANCH]}); it goes on from the old one")
        else:
            self.judge(upstream, Surprise.DEFAULT_BRANCH, f"{what}, and does not go on from it")

    def moved_tag(self, upstream: Upstream, before: Source, now: Resolved) -> None:
        what = f"the tag {short(now.ref)} of {upstream.name} was {before.commit[:10]} and is now {now.commit[:10]}"
        self.judge(upstream, Surprise.MOVED_TAG, what)

    def rewrite(self, upstream: Upstream, before: Source, now: Resolved, dropped: Sequence[str]) -> None:
        what = (
            f"the history of {upstream.name} was rewritten: {before.commit[:10]} is no ancestor of {now.commit[:10]}, "
            f"the new tip of {short(now.ref)}"
        )
        self.judge(upstream, Surprise.REWRITE, what, [f"dropped: {shown(line)}" for line in dropped])

    def leaves_out(self, upstream: Upstream) -> bool:
        """Notes that an upstream is left out, if it was accepted that it lacks what is asked for."""
        if not self._accepts(upstream, Surprise.VANISHED_REF):
            return False
        self.note(f"{upstream.name} has no {shown(upstream.wanted)}; left out, as it was accepted")
        return True

    def unresolved(self, upstream: Upstream, before: Source | None, error: SyncError, *, new: bool = False) -> str:
        """A ref that could not be resolved. Answers the URL at which to ask again ("" to keep what was vendored), or
        raises the error that says what it means. `new`: the upstream lacks its ref, and nothing was ever taken of it,
        so that there is nothing to keep."""
        place = _moved_to(error, upstream.url)
        if place:
            what = f"the repository of {upstream.name} is now at {shown(place)}; it was at {shown(upstream.url)}"
            self.judge(upstream, Surprise.MOVED_REPOSITORY, what)
            return place
        gone = _gone(upstream, before, error) if error.code == REF.code else None
        if gone is not None:
            what = f"{upstream.name} has no {short(gone.ref)} any more; {gone.commit[:10]} was taken from it"
            self.judge(upstream, Surprise.VANISHED_REF, what, [error.hint] if error.hint else [])
            return ""
        if new and self.leaves_out(upstream):
            return ""
        raise _with_way_out(error, upstream) if new else error


def _with_way_out(error: SyncError, upstream: Upstream) -> SyncError:
    option = f"--{Surprise.VANISHED_REF.option} {upstream.name}"
    hint = f"{error.hint}; to leave it out while it has none: {option} (in the file: accept_vanished_ref)"
    return type(error)(error.code, error.message, hint=hint, kept="nothing of it was taken", detail=error.detail)


def _gone(upstream: Upstream, before: Source | None, error: SyncError) -> Part | None:
    """What was taken last time of the ref that is missing now; None when it was not asked for then."""
    if before is None:
        return None
    missing = error.ref if isinstance(error, MissingRefError) else ""
    if missing in upstream.merge and missing != upstream.ref:
        return next((part for part in before.merged if part.ref in _full_names(missing)), None)
    return Part(before.ref, before.commit) if before.asked == upstream.wanted else None


def _full_names(ref: str) -> tuple[str, ...]:
    return (ref, f"refs/heads/{ref}", f"refs/tags/{ref}")


def _moved_to(error: SyncError, url: str) -> str:
    """Where the host says that the repository is now; "" when it does not say, or says something unfit: another
    protocol, or a step from https down to http."""
    cause = error.__cause__
    place = cause.location if isinstance(cause, NoAnswer) else ""
    try:
        fits = bool(place) and way(place) is Way.HTTP
    except BadAddress:
        return ""
    return place if fits and (place.startswith("https://") or url.startswith("http://")) else ""


def short(ref: str) -> str:
    """A ref's name without what it begins with, fit for a message."""
    return shown(ref.removeprefix("refs/heads/").removeprefix("refs/tags/"))
