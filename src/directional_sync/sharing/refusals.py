"""Why a push was not taken: from the words of git and of the hosts to one of few reasons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from directional_sync.errors import CredentialError, RefusedError, RemoteError, SyncError
from directional_sync.git.outward import Pushed
from directional_sync.system.process import Finished
from directional_sync.upstream.addresses import shown

_FOLLOWS = ("atomic push failed", "atomic push failure")
"""What is said of refs that are only not taken because another one is not."""
_LISTED = 8


class Why(StrEnum):
    RACE = "race"
    """Somebody else has moved a ref meanwhile."""
    CLOSED = "closed"
    """The branch takes no pushes: it is protected, or a hook says so."""
    CONTENT = "content"
    """What is pushed would be refused on any branch."""
    OUR_REFS = "our_refs"
    """The remote takes branches, but none of our own refs."""
    LOGIN = "login"
    UNREACHABLE = "unreachable"
    OTHER = "other"


_RACE = re.compile(
    r"fetch first|non-fast-forward|stale info|failed to update ref|cannot lock ref|reference already exists"
    r"|incorrect old value|failed to lock|atomic transaction failed|transaction failed|remote ref updated"
)
_CONTENT = re.compile(
    r"(?i)GH00[18]\b|GH009|large files? detected|file size limit|exceeds .*(limit|size)|push protection"
    r"|cannot contain secrets|contains? secrets?|without `?workflows?`? (permission|scope)|LFS objects are missing"
)
_CLOSED = re.compile(
    r"(?i)GH006|GH013|protected branch|rule violations|through (a )?pull requests?|branch is currently checked out"
    r"|hook declined|prohibited by|denied by"
)
_LOGIN = re.compile(
    r"(?i)Authentication failed|could not read (Username|Password)|prompts disabled|returned error: 40[137]"
    r"|Permission (to .* )?denied|access denied|not authorized|not allowed to push|Host key verification failed"
    r"|denied to|Repository not found|returned error: 404"
)
_UNREACHABLE = re.compile(
    r"(?i)could(n't| not) resolve|failed to connect|connection (refused|reset|timed out|closed)|unreachable"
    r"|returned error: (5\d\d|429)|early EOF|hung up|unexpected disconnect|RPC failed|operation timed out|SSL"
)


def why(pushed: Pushed) -> Why:
    """The reason, taken from the refs to blame and, where they do not tell, from what the remote says."""
    said = pushed.finished.stderr.decode("utf-8", "replace")
    blamed = [one for one in pushed.answers if not one.taken and one.reason not in _FOLLOWS]
    reasons = "\n".join(one.reason for one in blamed)
    if _RACE.search(reasons):
        return Why.RACE
    if _CONTENT.search(said):
        return Why.CONTENT
    if blamed and all(one.ref.startswith("refs/directional-sync/") for one in blamed):
        return Why.OUR_REFS
    if _CLOSED.search(reasons) or (blamed and _CLOSED.search(said)):
        return Why.CLOSED
    if not blamed and _LOGIN.search(said):
        return Why.LOGIN
    if not blamed and _UNREACHABLE.search(said):
        return Why.UNREACHABLE
    return Why.OTHER


def told(finished: Finished) -> tuple[str, ...]:
    """What the remote and git said, fit for lines, the host's own words first."""
    lines = [line.strip() for line in finished.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    own = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    git = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return tuple(shown(line) for line in [*(line for line in own if line), *git][:_LISTED])


_SAYS: dict[Why, tuple[str, str, str]] = {
    Why.RACE: (
        "E-DELIVER-RACE",
        "others kept pushing to {}",
        "the next run tries again; raise `deliver.attempts` where many machines push at once",
    ),
    Why.CLOSED: ("E-DELIVER-REFUSED", "{} takes no push", "read what it says; a hook or rule there decides"),
    Why.CONTENT: (
        "E-DELIVER-REFUSED",
        "{} refuses what the commits hold",
        "read what it says; it would refuse them on any branch",
    ),
    Why.OUR_REFS: (
        "E-DELIVER-REFUSED",
        "{} takes no refs under refs/directional-sync",
        "allow them there: leases and branches of targets need them",
    ),
    Why.LOGIN: (
        "E-DELIVER-AUTH",
        "{} accepted no credential for pushing",
        "try it by hand: git push --dry-run; in CI name the variable that holds a token under `deliver.token`",
    ),
    Why.UNREACHABLE: ("E-DELIVER-UNREACHABLE", "{} cannot be reached", "the next run tries again"),
    Why.OTHER: ("E-DELIVER", "git could not push to {}", "see what git answers: git push --dry-run"),
}


def complaint(reason: Why, where: str, said: Sequence[str], *, kept: str) -> SyncError:
    """The error about `where`, a remote or one of its branches. `kept`: what is unchanged."""
    code, says, hint = _SAYS[reason]
    family: type[SyncError] = CredentialError if reason is Why.LOGIN else RemoteError
    if reason in (Why.CLOSED, Why.CONTENT, Why.OUR_REFS):
        family = RefusedError
    message = says.format(where) + (f": {said[0]}" if said else "")
    retryable = reason in (Why.RACE, Why.UNREACHABLE)
    return family(code, message, hint=hint, kept=kept, detail=said[1:], retryable=retryable)


def from_fetch(where: str, finished: Finished, *, kept: str) -> SyncError:
    """Why a fetch failed."""
    said = finished.stderr.decode("utf-8", "replace")
    reason = Why.LOGIN if _LOGIN.search(said) else Why.UNREACHABLE if _UNREACHABLE.search(said) else Why.OTHER
    found = complaint(reason, where, told(finished), kept=kept)
    if reason is Why.OTHER:
        found.message = found.message.replace("git could not push to", "git could not fetch from")
    return found
