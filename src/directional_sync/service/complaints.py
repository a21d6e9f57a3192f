"""What went wrong with a service, as one error each.

Nothing of what a service said reaches a message without being made fit for a line: no control characters, no
credentials, not too long. Paths and queries of a URL can hold secrets, so errors name its host and what was wanted.
"""

from __future__ import annotations

from directional_sync.core.escape import one_line
from directional_sync.errors import CredentialError, Kind, RemoteError, SyncError
from directional_sync.system.http import Answer, Fault, Unanswered

KEPT = "nothing was taken from it, and what the repository holds stays as it is"
_SAID_MAX = 300


AUTH = Kind("E-SERVICE-AUTH", "{} does not accept the credential", "make a new one, and set {}")
FORBIDDEN = Kind("E-SERVICE-AUTH", "{} does not allow this with the credential", "give what {} stands for the right")
GONE = Kind("E-SERVICE-GONE", "{} does not know what was asked for", "check the address and the names in the file")
MOVED = Kind("E-SERVICE-MOVED", "{} sends elsewhere", "write the new address into the file once you know who is there")
REFUSED = Kind("E-SERVICE-REFUSED", "{} refuses the question", "read what it says; the request is wrong, not the run")
CONFLICT = Kind("E-SERVICE-CONFLICT", "{} says that something else was changed meanwhile", "run again", True)
LIMITED = Kind("E-SERVICE-LIMITED", "{} wants to be asked more slowly", "the next run tries again, later", True)
DOWN = Kind("E-SERVICE-DOWN", "{} has trouble of its own", "the next run tries again; look at its status page", True)
UNREACHABLE = Kind(
    "E-SERVICE-UNREACHABLE", "{} cannot be reached", "the next run tries again; check network, proxy and address", True
)
TIMEOUT = Kind("E-SERVICE-TIMEOUT", "{} did not answer in time", "the next run tries again; raise `timeout`", True)
CUT = Kind("E-SERVICE-CUT", "the answer of {} was cut short", "the next run tries again", True)
NOT_JSON = Kind(
    "E-SERVICE-NOT-JSON",
    "{} does not answer with JSON",
    "open the address in a browser: a login page, a maintenance page or a proxy may answer in its place",
)
TOO_LARGE = Kind(
    "E-SERVICE-TOO-LARGE", "{} answers with more than is taken", "ask for less at once, or raise the limit"
)
INSECURE = Kind(
    "E-SERVICE-INSECURE", "the credential of {} would travel in the clear", "use https; http is for this machine only"
)
UNKNOWN = Kind(
    "E-SERVICE-UNKNOWN",
    "{} may or may not have done it: no answer came",
    "the next run looks first, and makes up for it",
)

_FAULTS = {
    Fault.UNREACHABLE: UNREACHABLE,
    Fault.TLS: UNREACHABLE,
    Fault.UNSUPPORTED: UNREACHABLE,
    Fault.TIMEOUT: TIMEOUT,
    Fault.CUT: CUT,
    Fault.GARBLED: NOT_JSON,
    Fault.TOO_LARGE: TOO_LARGE,
}
_STATUSES = {401: AUTH, 403: FORBIDDEN, 404: GONE, 410: GONE, 409: CONFLICT, 429: LIMITED}


class OutcomeUnknownError(RemoteError):
    """A question that must not be asked twice was sent, and no answer came: it may have been carried out."""


def complaint(kind: Kind, service: str, why: str = "", *, credential: str = "", kept: str = KEPT) -> SyncError:
    """The error of this kind about `service`, as people know it; `why` is appended to its sentence, `credential` is the
    name of the variable that holds it."""
    message = kind.says.format(service) + (f": {fit(why)}" if why else "")
    hint = kind.hint.replace("{}", credential or "the credential")
    if kind is UNKNOWN:
        return OutcomeUnknownError(kind.code, message, hint=hint, kept=kept)
    family = CredentialError if kind.code == AUTH.code else RemoteError
    return family(kind.code, message, hint=hint, kept=kept, retryable=kind.retryable)


def from_unanswered(service: str, error: Unanswered) -> SyncError:
    """No complete answer came."""
    kind = _FAULTS[error.fault]
    found = complaint(kind, service, error.reason)
    found.retryable = kind.retryable and error.fault not in (Fault.TLS, Fault.UNSUPPORTED)
    return found


def from_status(service: str, answer: Answer, said: str, *, credential: str = "") -> SyncError:
    """An answer that is no success. `said`: the service's own words, "" when it said nothing that can be read."""
    kind = _STATUSES.get(answer.status)
    if kind is None:
        kind = DOWN if answer.status >= 500 else MOVED if 300 <= answer.status < 400 else REFUSED
    return complaint(kind, service, f"{answer.status}" + (f", {said}" if said else ""), credential=credential)


def fit(text: str) -> str:
    """What a service said, made fit for a line."""
    return one_line(text, _SAID_MAX)
