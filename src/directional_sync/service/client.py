"""One service: its address, its credential, its pace. A question goes in; checked JSON comes out, or one error.

What may be asked twice is asked again after a pause when the service is busy, down or cannot be reached: with growing,
jittered pauses, or as long as the service itself says (Retry-After), within the tries and the time of the target. What
must not be asked twice (`once`) is asked again only when it was certainly not carried out; where nobody knows, the
error says so, and whoever asked has to look before asking again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urljoin, urlsplit

from directional_sync import __version__
from directional_sync.core.hosts import is_loopback
from directional_sync.core.strict_json import BadJson, parse
from directional_sync.errors import InterruptedRun, SyncError
from directional_sync.service import complaints
from directional_sync.service.pace import Pace
from directional_sync.system.host import monotonic, pause
from directional_sync.system.http import Answer, Pool, Unanswered

T = TypeVar("T")
_QUESTION_S = 60.0
_REDIRECTS_MAX = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_FIRST_WAIT_S = 0.5
_WAIT_MAX_S = 60.0
_RESET_MAX_S = 3600.0
_TOLD_FROM_S = 2.0
"""Pauses shorter than this are not worth a word."""
_LOOK_S = 0.2
_JSON = ("application/json", "text/json")
ANSWER_BYTES_MAX = 64_000_000


@dataclass(frozen=True)
class Service:
    """Who is asked, as a target names it."""

    base: str
    """The address that paths are appended to, without a slash at the end. Without credentials."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What every question carries, the credential among them."""
    credential: str = ""
    """The name of the variable that holds the credential; "" when none is sent."""

    @property
    def name(self) -> str:
        """For people: the host, with its port where it is not the usual one."""
        return urlsplit(self.base).netloc.rpartition("@")[2]


@dataclass(frozen=True)
class Reply:
    """A checked answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    value: Any = field(repr=False)
    """The JSON that came; None when the answer had no body."""

    size_bytes: int = 0
    """How long its body was."""

    @property
    def unchanged(self) -> bool:
        """Whether the service says that what was asked for is still as `tag` stands for (304)."""
        return self.status == 304


@dataclass(frozen=True)
class _Question:
    method: str
    url: str
    bytes_max: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    once: bool = False
    """It must not be carried out twice."""
    into: Path | None = None
    hosts: Collection[str] | None = ()
    """Other hosts to which redirects may be followed, without the credential; None: all."""
    exact: bool = False
    sending: Callable[[], None] = lambda: None
    """Said each time right before it is sent, after all waiting."""


class Client:
    """Asks one service. Safe to use from many threads."""

    def __init__(
        self,
        service: Service,
        environment: Mapping[str, str],
        *,
        retries: int,
        timeout_s: float,
        pace: Pace | None = None,
        stop: Callable[[], bool] = lambda: False,
        waiting: Callable[[str], None] = lambda message: None,
    ) -> None:
        """`environment` is looked through for proxies and certificates; `timeout_s` is for everything that is asked
        from now on; `waiting` is told of pauses. Raises RemoteError E-SERVICE-INSECURE when a credential would travel
        in the clear."""
        self.service = service
        parts = urlsplit(service.base)
        if service.credential and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise complaints.complaint(complaints.INSECURE, service.name)
        self._pool = Pool(environment)
        self._retries = retries
        self._deadline = monotonic() + timeout_s
        self._pace = pace or Pace(0)
        self._stop = stop
        self._waiting = waiting

    def __repr__(self) -> str:
        return f"Client({self.service.name})"

    @property
    def left_s(self) -> float:
        """Seconds of the time that is given to all questions; less than 0 when it is over."""
        return self._deadline - monotonic()

    def close(self) -> None:
        """Safe to call twice and from any thread; ends what is under way."""
        self._pool.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Any = None,
        once: bool = False,
        bytes_max: int = ANSWER_BYTES_MAX,
        exact: bool = False,
        tag: str = "",
        sending: Callable[[], None] = lambda: None,
        final: Collection[str] = (),
    ) -> Reply:
        """The JSON that the service answers with. `path` is appended to the base, or a whole URL of the same host (a
        link to the next page); `body` is sent as JSON. `once`: it must not be carried out twice. `exact`: numbers come
        digit by digit (`strict_json.Number`). With `tag`, an ETag that an earlier answer carried, the service may say
        `Reply.unchanged` instead. `sending` is called each time right before it is sent, after all waiting, and what it
        raises comes out. `final`: codes of errors after which it is not asked again, although that could help. Raises
        SyncError E-SERVICE-...; OutcomeUnknownError only with `once`."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {} if "accept" in map(str.lower, self.service.headers) else {"Accept": "application/json"}
        headers |= {"Content-Type": "application/json"} if content else {}
        headers |= {"If-None-Match": tag} if tag else {}
        question = _Question(
            method, self._url(path, query), bytes_max, headers, content, once, exact=exact, sending=sending
        )
        return self._persist(lambda: self._answered(question), final)

    def fetch(
        self, url: str, *, bytes_max: int, into: Path | None = None, hosts: Collection[str] | None = None
    ) -> bytes:
        """What stands at `url`, which may be elsewhere: then the credential stays here. `hosts`: the only other hosts
        (with their port, where it is not the usual one) that may be asked, by the URL or by redirects; None: all. With
        `into`, that file is made of it and b"" answered. Raises SyncError E-SERVICE-... and HostError for the file."""
        there = urljoin(self.service.base + "/", url)
        self._may_follow(self.service.base, there, hosts)
        question = _Question("GET", there, bytes_max, into=into, hosts=hosts)

        def deed() -> bytes:
            answer = self._exchange(question)
            if answer.status != 200:
                raise self._refusal(answer)
            return answer.body

        return self._persist(deed)

    def _url(self, path: str, query: Sequence[tuple[str, str]]) -> str:
        url = path if urlsplit(path).scheme else self.service.base + path
        if _origin(url) != _origin(self.service.base):
            raise complaints.complaint(complaints.MOVED, self.service.name, f"to {urlsplit(url).netloc}")
        if query:
            url += ("&" if urlsplit(url).query else "?") + urlencode(query, quote_via=quote)
        return url

    def _exchange(self, question: _Question) -> Answer:
        """One answer, whatever its status; redirects of questions that only look are followed."""
        url = question.url
        for _ in range(_REDIRECTS_MAX + 1):
            answer = self._once(question, url)
            if answer.status not in _REDIRECTS or question.method != "GET":
                break
            if not answer.headers.get("location"):
                break
            there = urljoin(url, answer.headers.get("location", ""))
            self._may_follow(url, there, question.hosts)
            url = there
        if question.once and answer.status >= 500:
            raise complaints.complaint(complaints.UNKNOWN, self.service.name, f"{answer.status}")
        return answer

    def _once(self, question: _Question, url: str) -> Answer:
        self._wait(self._pace.turn(), "")
        own = self.service.headers if _origin(url) == _origin(self.service.base) else {}
        question.sending()
        try:
            return self._pool.ask(
                question.method,
                url,
                headers={"User-Agent": f"directional-sync/{__version__}", **own, **question.headers},
                body=question.content,
                timeout_s=max(0.1, min(_QUESTION_S, self._deadline - monotonic())),
                bytes_max=question.bytes_max,
                into=question.into,
                once=question.once,
            )
        except Unanswered as error:
            raise self._unanswered(error, question.once) from error

    def _may_follow(self, url: str, there: str, hosts: Collection[str] | None) -> None:
        """Raises E-SERVICE-MOVED for a way that is not gone: to a host that is not among `hosts` (None: any), and from
        https to anything less."""
        downgraded = urlsplit(url).scheme == "https" and urlsplit(there).scheme != "https"
        elsewhere = _origin(there) != _origin(self.service.base)
        if (
            downgraded
            or (elsewhere and hosts is not None and _host(there) not in hosts)
            or urlsplit(there).scheme not in ("http", "https")
        ):
            raise complaints.complaint(complaints.MOVED, self.service.name, f"to {urlsplit(there).netloc or 'nowhere'}")

    def _unanswered(self, error: Unanswered, once: bool) -> SyncError:
        if once and error.sent:
            return complaints.complaint(complaints.UNKNOWN, self.service.name, error.reason)
        return complaints.from_unanswered(self.service.name, error)

    def _answered(self, question: _Question) -> Reply:
        answer = self._exchange(question)
        try:
            return self._checked(answer, question)
        except SyncError as error:
            if question.once and 200 <= answer.status < 300:  # it says yes, in words that cannot be trusted
                raise complaints.complaint(complaints.UNKNOWN, self.service.name, error.message) from error
            raise

    def _checked(self, answer: Answer, question: _Question) -> Reply:
        if answer.status == 304 and "If-None-Match" in question.headers:
            return Reply(answer.status, answer.headers, None)
        if not 200 <= answer.status < 300:
            raise self._refusal(answer)
        if answer.status == 204 or not answer.body:
            if answer.status == 200:
                raise complaints.complaint(complaints.CUT, self.service.name, "its body is empty")
            return Reply(answer.status, answer.headers, None)
        if answer.kind not in _JSON and not answer.kind.endswith("+json"):
            raise complaints.complaint(complaints.NOT_JSON, self.service.name, f"it sends {answer.kind or 'no type'}")
        try:
            value = parse(answer.body, exact=question.exact)
            return Reply(answer.status, answer.headers, value, len(answer.body))
        except BadJson as error:
            where = f" (line {error.line}, column {error.column})" if error.line else ""
            raise complaints.complaint(complaints.NOT_JSON, self.service.name, f"{error.reason}{where}") from error

    def _refusal(self, answer: Answer) -> SyncError:
        error = complaints.from_status(self.service.name, answer, _said(answer), credential=self.service.credential)
        if answer.status in (429, 503):
            return _Busy(error, _retry_after(answer.headers), free=answer.status == 429)
        return error

    def _persist(self, deed: Callable[[], T], final: Collection[str] = ()) -> T:
        """What `deed` answers, tried again as far as its errors, the tries and the time allow."""
        failures = limited = 0
        while True:
            try:
                return deed()
            except _Busy as busy:
                error, least, free = busy.error, busy.wait_s, busy.free
            except SyncError as raised:
                error, least, free = raised, 0.0, False
            limited, failures = (limited + 1, failures) if free else (limited, failures + 1)
            wait = max(least, _backoff(limited if free else failures))
            out_of_time = monotonic() + wait > self._deadline
            if not error.retryable or error.code in final or failures > self._retries or out_of_time:
                raise error
            if free:
                self._pace.rest(wait)
            self._wait(wait, "rate limit" if free else error.message)

    def _wait(self, seconds: float, why: str) -> None:
        """Raises InterruptedRun as soon as somebody asks us to stop."""
        if seconds >= _TOLD_FROM_S:
            self._waiting(f"waiting {seconds:.0f} s for {self.service.name}" + (f" ({why})" if why else ""))
        until = monotonic() + seconds
        while True:
            if self._stop():
                raise InterruptedRun(
                    "E-INTERRUPTED", f"stopped while {self.service.name} was asked", kept=complaints.KEPT
                )
            left = until - monotonic()
            if left <= 0:
                return
            pause(min(_LOOK_S, left))


class _Busy(SyncError):
    """The service asks to be left alone for a while."""

    def __init__(self, error: SyncError, wait_s: float, *, free: bool) -> None:
        super().__init__(error.code, error.message)
        self.error = error
        self.wait_s = wait_s
        self.free = free
        """Whether being told so is no failure: it does not count as a try."""


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _said(answer: Answer) -> str:
    """The sentence with which services explain themselves, from the places where they usually put it."""
    try:
        value = parse(answer.body)
    except BadJson:
        return ""
    if not isinstance(value, dict):
        return ""
    for name in ("message", "error_description", "detail", "error", "title"):
        found = value.get(name)
        if isinstance(found, dict):
            found = found.get("message")
        if isinstance(found, str) and found:
            return complaints.fit(found)
    return ""


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds, from either form of the header, else from the moment at which a used up quota is filled up again (an
    epoch, as many services tell it); 0 when there is nothing that makes sense."""
    import time
    from email.utils import parsedate_to_datetime

    text = headers.get("retry-after", "").strip()
    if not text:
        reset = headers.get("ratelimit-reset", headers.get("x-ratelimit-reset", "")).strip()
        left = float(reset) - time.time() if reset.isascii() and reset.isdigit() else 0.0
        return left if 0.0 < left <= _RESET_MAX_S else 0.0
    try:
        found = float(text)
        return max(0.0, found) if found == found else 0.0
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _backoff(tries: int) -> float:
    import random

    return min(_WAIT_MAX_S, _FIRST_WAIT_S * 2.0 ** (tries - 1) * random.uniform(0.5, 1.5))
