"""What went wrong on the way to a machine: from the words of ssh, docker and kubectl to one error.

Nothing of what they said reaches a message but lines that are fit for it: no control characters, no likely secret, not
too long.
"""

from __future__ import annotations

import re

from directional_sync.core.redact import Redactor
from directional_sync.errors import CredentialError, Kind, RefusedError, RemoteError, SyncError
from directional_sync.gates.suspicion import looks_secret
from directional_sync.system.spool import clean_line

KEPT = "the files in the repository stay as they are"
_SHOWN = 4
_LENGTH_MAX = 300
_FINGERPRINT = re.compile(r"\bSHA256:[A-Za-z0-9+/]{43}(?![A-Za-z0-9+/])")
_IDLE = re.compile(r"[@ ]*\Z|\s*remove with:|\s*ssh-keygen -f|Add correct host key in")


KEY_CHANGED = Kind(
    "E-SERVER-HOST-KEY",
    "{} shows another host key than the one that is known",
    "find out why before anything else: a new server, or somebody in between; only then replace the key in known_hosts",
)
KEY_UNKNOWN = Kind(
    "E-SERVER-HOST-KEY",
    "the host key of {} is not known here",
    "get it with ssh-keyscan, compare its fingerprint with what the server's people say, and add it to known_hosts",
)
AUTH = Kind(
    "E-SERVER-AUTH",
    "{} does not let us in",
    "see what it says: ssh -v; name the key by `identity_file`, or SSH_AUTH_SOCK under `env` for an agent",
)
UNREACHABLE = Kind(
    "E-SERVER-UNREACHABLE", "{} cannot be reached", "the next run tries again; check network, name and port", True
)
COMMAND = Kind(
    "E-SERVER-COMMAND",
    "no program could be run beside the server of {}",
    "try it by hand: the same command with `sh -c 'echo works'` at its end",
)
CUT = Kind("E-SERVER-CUT", "the answer of {} is not complete", "the next run tries again", True)
SIZE = Kind(
    "E-SERVER-SIZE",
    "{} answers with more than is taken",
    "narrow `process` so that only the server's own process matches, and look at what writes into the answer",
)
TIMEOUT = Kind(
    "E-SERVER-TIMEOUT", "{} did not answer in time", "the next run tries again; raise `timeout` of the target", True
)
_WORDS: tuple[tuple[str, Kind], ...] = (
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key .*(?:changed|revoked)|REVOKED HOST KEY", KEY_CHANGED),
    (r"[Hh]ost key verification failed|No [\w-]+ host key is known|no hostkey alg|no matching host key", KEY_UNKNOWN),
    (r"Permission denied \(|Permission denied, please|Too many authentication failures|UNPROTECTED PRIVATE KEY", AUTH),
    (r"permission denied while trying to connect to the docker|You must be logged in|Unauthorized", AUTH),
    (r"Error from server \(Forbidden\)|no mutual signature", AUTH),
    (r"[Cc]ould not resolve hostname|Name or service not known|[Cc]onnection (?:refused|timed out|reset)", UNREACHABLE),
    (r"No route to host|Network is (?:unreachable|down)|Operation timed out|Connection closed by", UNREACHABLE),
    (r"kex_exchange_identification|banner exchange|was refused - did you specify|i/o timeout", UNREACHABLE),
    (r"Cannot connect to the Docker daemon|Is the docker daemon running|no such host|TLS handshake", UNREACHABLE),
    (r"client_loop: send disconnect|Broken pipe|Timeout, server .* not responding", UNREACHABLE),
)


def complaint(kind: Kind, what: str, *, hint: str = "", detail: tuple[str, ...] = ()) -> SyncError:
    """The error of this kind about `what`."""
    family: type[SyncError] = RemoteError
    if kind.code == AUTH.code:
        family = CredentialError
    elif kind.code == KEY_CHANGED.code:
        family = RefusedError
    message = kind.says.format(what)
    return family(kind.code, message, hint=hint or kind.hint, kept=KEPT, detail=detail, retryable=kind.retryable)


def from_words(server: str, errors: bytes, status: int) -> SyncError:
    """Why no answer came at all, by what was said on standard error."""
    text = errors.decode("utf-8", "replace")
    kind = next((kind for words, kind in _WORDS if re.search(words, text)), COMMAND)
    detail = shown(errors)
    return complaint(kind, server, detail=detail or (f"status {status}, and nothing was said",))


def shown(errors: bytes) -> tuple[str, ...]:
    """The last lines of what was said, as far as they are fit for people, and a host key's fingerprint."""
    lines = [clean_line(line)[:_LENGTH_MAX] for line in errors.splitlines()[-40:]]
    told = [line for line in lines if not _IDLE.match(line)]
    keys = [line for line in told[:-_SHOWN] if _FINGERPRINT.search(line)]
    return tuple(_fit(line) for line in (*keys[-1:], *told[-_SHOWN:]))


def _fit(line: str) -> str:
    text = Redactor().text(line)
    return "(a line that may hold a secret)" if looks_secret(_FINGERPRINT.sub("", text)) else text
