"""What went wrong with an upstream: from the words of the program `git`, of HTTP and of git's protocol to one error.

Every error says what stays as it is. Nothing of what a far side said reaches a message without being made fit for
a line: no control characters, no credentials, not too long.
"""

from __future__ import annotations

import re

from directional_sync.errors import CredentialError, Kind, RefusedError, RemoteError, SyncError
from directional_sync.system.http import Fault, Unanswered
from directional_sync.upstream.addresses import shown
from directional_sync.upstream.smart_http import NoAnswer, Trouble

KEPT = "what was vendored from it stays as it is"


GONE = Kind(
    "E-UPSTREAM-GONE",
    "there is no repository at {}",
    "check the spelling; if it was deleted, find a fork, or take its name out of `names` and its files by dsync prune",
)
AUTH = Kind(
    "E-UPSTREAM-AUTH",
    "{} asks who we are, and no credential was accepted (some hosts say so of missing repositories too)",
    "see what git answers: git ls-remote {}; give it a credential helper or, for ssh, name SSH_AUTH_SOCK under `env`",
)
UNREACHABLE = Kind(
    "E-UPSTREAM-UNREACHABLE", "{} cannot be reached", "the next run tries again; check network and proxy", True
)
REF = Kind("E-UPSTREAM-REF", "{} has no such branch or tag", "set `ref` to one that exists")
COMMIT = Kind(
    "E-UPSTREAM-COMMIT-GONE",
    "{} does not have the commit any more",
    "its history was probably rewritten; take another commit, or run without --locked to take what is there now",
)
CUT = Kind("E-UPSTREAM-CUT", "the answer of {} was cut short", "the next run tries again", True)
NOT_GIT = Kind("E-UPSTREAM-NOT-GIT", "{} is not a git repository that can be fetched", "open the URL in a browser")
EMPTY = Kind("E-UPSTREAM-EMPTY", "{} has no commit yet", "wait for its first commit, or take its name out of `names`")
FSCK = Kind(
    "E-UPSTREAM-FSCK",
    "{} holds an object that git's checks refuse",
    "nothing of it was taken; ask the maintainers what happened there before you trust this repository again",
)
TIMEOUT = Kind("E-UPSTREAM-TIMEOUT", "{} did not answer in time", "the next run tries again; raise `timeout`", True)
MOVED = Kind("E-UPSTREAM-MOVED", "{} has moved", "write the new URL into the file once you know who is behind it")
CORRUPT = Kind("E-UPSTREAM-CORRUPT", "{} sent content that does not add up", "the next run tries again", True)
OWNER = Kind(
    "E-UPSTREAM-OWNER",
    "{} belongs to another user of this machine, so git does not open it",
    "trust it: git config --global --add safe.directory PATH",
)
FORMAT = Kind(
    "E-UPSTREAM-FORMAT",
    "{} names its objects by another hash than this repository",
    "vendor it with an entrypoint that copies files instead",
)
OTHER = Kind("E-UPSTREAM", "git could not fetch {}", "see what git answers: git ls-remote {}", True)

_WORDS: tuple[tuple[str, Kind], ...] = (
    (r"fsck error|: object [0-9a-f]+: \w+:|: (tree|blob|commit|tag) [0-9a-f]{40,}: \w+:", FSCK),
    (r"dubious ownership", OWNER),
    (r"returned error: 30[12378]|redirect", MOVED),
    (r"Authentication failed|could not read (Username|Password)|prompts disabled|returned error: 40[137]", AUTH),
    (r"Permission denied|Host key verification failed|access denied|not authorized", AUTH),
    (r"transfer closed|outstanding read data|unexpected disconnect|RPC failed; curl (18|55|56|92)", CUT),
    (r"couldn't find remote ref|not our ref|unadvertised object|Remote branch .* not found", REF),
    (r"[Rr]epository '.*' not found|returned error: 4(04|10)|does not exist|[Rr]epository not found", GONE),
    (r"does not appear to be a git repository|no matching repository|not exported", GONE),
    (r"is this a git repository|invalid server response|dumb http|bad line length character|protocol error", NOT_GIT),
    (r"(Could not|Couldn't) resolve|[Ff]ailed to connect|Connection (refused|reset|timed out)", UNREACHABLE),
    (r"returned error: (5\d\d|429)|unable to connect|unreachable|SSL|certificate|[Oo]peration timed out", UNREACHABLE),
    (r"SHA1 mismatch|inflate|bad object|corrupt|unresolved delta|signature mismatch|pack has ", CORRUPT),
    (r"missing (blob|tree|commit|necessary)|did not send all|unable to read|is missing|garbage|loose object", CORRUPT),
    (r"early EOF|hung up|disconnect|RPC failed|transfer closed|index-pack|unexpected end|expected flush", CUT),
)  # fmt: skip
_FINDING = re.compile(r"(?:tree|blob|commit|tag|object) ([0-9a-f]{7,}): (\w+): ([^\n]*)")


def complaint(kind: Kind, url: str, why: str = "", *, hint: str = "") -> SyncError:
    """The error of this kind about `url`; `why` is appended to its sentence, `hint` replaces its own."""
    message = kind.says.format(shown(url)) + (f": {shown(why)}" if why else "")
    family = CredentialError if kind is AUTH else RefusedError if kind is FSCK else RemoteError
    return family(
        kind.code, message, hint=hint or kind.hint.replace("{}", shown(url)), kept=KEPT, retryable=kind.retryable
    )


class MissingRefError(RemoteError):
    """An upstream was asked for a ref that it does not have."""

    ref: str = ""
    """As it was asked for; "" for HEAD."""


def no_such_ref(url: str, ref: str, *, hint: str = "") -> MissingRefError:
    """`ref` as it was asked for."""
    message = f"{REF.says.format(shown(url))}: {shown(ref) or 'its HEAD points at nothing'}"
    error = MissingRefError(REF.code, message, hint=hint or REF.hint, kept=KEPT)
    error.ref = ref
    return error


def from_git(url: str, stderr: bytes) -> SyncError:
    """What the program `git` complained about."""
    # Neither its URL nor what the far side chose to say decides what kind of trouble it is.
    lines = stderr.decode("utf-8", "replace").replace(url, "URL").splitlines()
    said = [line for line in lines if line.strip() and not line.startswith("remote: ")]
    telling = ((kind, line) for words, kind in _WORDS for line in said if re.search(words, line))
    kind, line = next(telling, (OTHER, said[-1] if said else "it gave no reason"))
    line = re.sub(r"^(fatal|error): |unable to access '[^']*': ", "", line)
    told = [text.removeprefix("remote: ").strip() for text in lines if text.startswith("remote: ")]
    if told and kind in (CUT, CORRUPT, OTHER, GONE):
        line += f" (the host says: {shown(told[-1])})"
    found = _FINDING.search("\n".join(said)) if kind is FSCK else None
    if found:
        return complaint(kind, url, f"{found[2]} ({found[3]}) in {found[1][:10]}")
    return complaint(kind, url, line)


def from_http(url: str, error: NoAnswer | Unanswered) -> SyncError:
    """What kept us from an answer over HTTP."""
    if isinstance(error, Unanswered):
        kinds = {Fault.TIMEOUT: TIMEOUT, Fault.CUT: CUT, Fault.TOO_LARGE: NOT_GIT, Fault.GARBLED: NOT_GIT}
        return complaint(kinds.get(error.fault, UNREACHABLE), url, error.reason)
    kinds_of = {
        Trouble.GONE: GONE,
        Trouble.LOGIN: AUTH,
        Trouble.MOVED: MOVED,
        Trouble.BUSY: UNREACHABLE,
        Trouble.NOT_GIT: NOT_GIT,
        Trouble.REFUSED: REF if "not our ref" in error.reason else OTHER,
    }
    kind = kinds_of.get(error.trouble, OTHER)
    if kind is MOVED and error.location:
        return complaint(kind, url, f"to {error.location}", hint="if that is the same project, set `url` to it")
    return complaint(kind, url, error.reason)
