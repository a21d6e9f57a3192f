"""One question over HTTP to whoever is told: an answer of 200 to 299, or the reason why there is none.

A redirect is followed only where it stays on the same host, and a message only where it stays a message (307, 308):
an address that somebody else can make redirect would else carry news, and its own secret, to anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from directional_sync import __version__
from directional_sync.notify.base import Untold
from directional_sync.system.host import monotonic, pause
from directional_sync.system.http import Answer, Fault, Pool, Unanswered

_ANSWER_BYTES_MAX = 100_000
_REDIRECTS_MAX = 3
_BUSY = (429, 503)
_REASONS = {
    Fault.UNREACHABLE: "it cannot be reached",
    Fault.TLS: "its certificate is not accepted",
    Fault.TIMEOUT: "it did not answer in time",
    Fault.CUT: "its answer was cut short",
    Fault.TOO_LARGE: "its answer is too long",
    Fault.GARBLED: "it does not speak HTTP",
    Fault.UNSUPPORTED: "the proxy is of a kind that is not supported",
}


def ask(pool: Pool, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> None:
    """Raises Untold. One that is busy is asked a second time, where the pause that it wants fits into the time."""
    deadline = monotonic() + timeout_s
    answer = _followed(pool, method, url, headers, body, deadline)
    if answer.status in _BUSY:
        wait = _wait_s(answer)
        if monotonic() + wait < deadline:
            pause(wait)
            answer = _followed(pool, method, url, headers, body, deadline)
    if not 200 <= answer.status < 300:
        raise Untold(f"it answered {answer.status}")


def _followed(pool: Pool, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: float) -> Answer:
    kept = (301, 302, 303, 307, 308) if method == "GET" else (307, 308)
    for _ in range(_REDIRECTS_MAX + 1):
        answer = _once(pool, method, url, headers, body, deadline)
        if not 300 <= answer.status < 400:
            return answer
        there = urljoin(url, answer.headers.get("location", ""))
        if urlsplit(there)[:2] != urlsplit(url)[:2]:
            raise Untold("it sends elsewhere, which is not followed")
        if answer.status not in kept:
            return answer
        url = there
    raise Untold("it sends round in a circle")


def _once(pool: Pool, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: float) -> Answer:
    left = deadline - monotonic()
    if left <= 0:
        raise Untold(_REASONS[Fault.TIMEOUT])
    agent = {"User-Agent": f"directional-sync/{__version__}"}
    try:
        return pool.ask(
            method, url, headers={**agent, **headers}, body=body, timeout_s=left, bytes_max=_ANSWER_BYTES_MAX, once=True
        )
    except Unanswered as error:
        raise Untold(_REASONS[error.fault]) from None  # its words name the host


def _wait_s(answer: Answer) -> float:
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdigit() else 1.0
