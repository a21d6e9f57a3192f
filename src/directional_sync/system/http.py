"""Questions over HTTP: kept connections, one deadline for the whole exchange, bounded bodies, complete or an error.

Built on the standard library's parser. A client library would cost a tenth of a second to import, which is more
than asking forty hosts' repositories takes, and none offers a deadline over the whole exchange: a server that
drips one byte a second is patient with every timeout per read.

Nothing is logged, and no error names more of a URL than its host: paths and headers can hold secrets.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import SplitResult, urlsplit

from directional_sync.system.host import host_errors, monotonic
from directional_sync.system.line import Line, connect, left, tunnel
from directional_sync.system.proxy import credentials, proxy_for

_BLOCK_BYTES = 65536
_PORTS = {"http": 80, "https": 443}


class Fault(StrEnum):
    """What came between a question and its answer."""

    UNREACHABLE = "unreachable"
    """No such host, refused, reset before an answer."""
    TLS = "tls"
    TIMEOUT = "timeout"
    CUT = "cut"
    """The answer ended early."""
    TOO_LARGE = "too large"
    GARBLED = "garbled"
    """What came is not HTTP."""
    UNSUPPORTED = "unsupported"
    """A proxy of a kind that is not spoken here."""


class Unanswered(Exception):
    """There is no complete answer. The reason names the host at most."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(f"{fault}: {reason}")
        self.fault = fault
        self.reason = reason
        self.sent = False
        """Whether some of the question may have reached the far side."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case; the values of one that came several times are parted by commas."""
    body: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class _Terms:
    """When and where reading an answer ends."""

    deadline: float
    bytes_max: int
    enough: Callable[[bytes], bool] | None
    into: Path | None


class Pool:
    """Connections, kept per host for the next question. Safe to use from many threads; a thread holds one
    connection at a time. Redirects are answers like others: they are not followed."""

    def __init__(self, environment: Mapping[str, str], *, tls: ssl.SSLContext | None = None) -> None:
        """`environment` is looked through for proxies and SSL_CERT_FILE, nothing else."""
        self._environment = environment
        self._tls = tls
        self._guard = threading.Lock()
        self._idle: dict[tuple[str, str, int], list[Line]] = {}
        self._busy: set[Line] = set()
        self._closed = False

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends questions that are under way, too: those who ask them hear that they are unanswered."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, {}
            busy = list(self._busy)
        for line in busy:
            line.interrupt()
        for lines in idle.values():
            for line in lines:
                line.close()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        timeout_s: float,
        bytes_max: int,
        enough: Callable[[bytes], bool] | None = None,
        into: Path | None = None,
        once: bool = False,
    ) -> Answer:
        """The answer to one question, which must be one that may be asked twice, unless `once`. `timeout_s` is for all
        of it, connecting included (looking up the host's name is the operating system's affair). Reading stops early,
        and the connection is given up, once `enough` says so of the body so far. With `into`, the body of a 200 goes to
        that file, made anew, and other bodies are not read. Raises Unanswered, and HostError for that file."""
        parts = urlsplit(url)
        place = (parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
        terms = _Terms(monotonic() + timeout_s, bytes_max, enough, into)
        sent = False
        try:
            with _as_unanswered(place[1]):
                line = self._kept(place)
                if line is not None:
                    sent = True
                    try:
                        return self._exchange(line, place, _request(method, parts, headers, body, line), terms)
                    except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError):
                        if once:
                            raise
                    # It was closed while it was idle: once more on a fresh one.
                    sent = False
                line = self._open(place, terms.deadline)
                sent = True
                return self._exchange(line, place, _request(method, parts, headers, body, line), terms)
        except Unanswered as error:
            error.sent = sent
            raise

    def _exchange(self, line: Line, place: tuple[str, str, int], request: bytes, terms: _Terms) -> Answer:
        keep = False
        with self._guard:
            self._busy.add(line)
            if self._closed:
                line.interrupt()
        try:
            line.deadline = terms.deadline
            line.send(request)
            response = http.client.HTTPResponse(line, method=request.split(b" ", 1)[0].decode())  # type: ignore[arg-type]
            response.begin()
            body, whole = _body(response, terms)
            keep = whole and not response.will_close
            return Answer(response.status, _headers(response), body)
        finally:
            with self._guard:
                self._busy.discard(line)
            if keep:
                self._keep(place, line)
            else:
                line.close()

    def _kept(self, place: tuple[str, str, int]) -> Line | None:
        while True:
            with self._guard:
                lines = self._idle.get(place)
                line = lines.pop() if lines else None
            if line is None or line.quiet:
                return line
            line.close()

    def _keep(self, place: tuple[str, str, int], line: Line) -> None:
        with self._guard:
            if not self._closed:
                self._idle.setdefault(place, []).append(line)
                return
        line.close()

    def _open(self, place: tuple[str, str, int], deadline: float) -> Line:
        scheme, host, port = place
        proxy = proxy_for(scheme, host, self._environment)
        if proxy is None:
            raw = connect(host, port, deadline)
            return Line(self._secure(raw, host, deadline) if scheme == "https" else raw)
        if proxy.scheme not in ("", "http") or not proxy.hostname:
            raise Unanswered(Fault.UNSUPPORTED, f"the proxy for {host} is of the kind {proxy.scheme}")
        raw = connect(proxy.hostname, proxy.port or 80, deadline)
        extra = credentials(proxy)
        if scheme == "http":
            return Line(raw, absolute=True, extra=extra)
        tunnel(raw, host, port, extra, deadline)
        return Line(self._secure(raw, host, deadline))

    def _secure(self, raw: socket.socket, host: str, deadline: float) -> socket.socket:
        raw.settimeout(left(deadline))
        try:
            return self._context().wrap_socket(raw, server_hostname=host)
        except BaseException:
            raw.close()
            raise

    def _context(self) -> ssl.SSLContext:
        with self._guard:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=self._environment.get("SSL_CERT_FILE") or None)
            return self._tls


def _request(method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes, line: Line) -> bytes:
    """The request as it goes over `line`: through a proxy it names the whole URL, and carries what the proxy asks."""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    target = f"{parts.scheme}://{host}{path}" if line.absolute else path
    length = {"Content-Length": str(len(body))} if method != "GET" else {}
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    lines += [f"{key}: {value}" for key, value in {**length, **line.extra, **headers}.items()]
    if any("\r" in text or "\n" in text for text in lines):
        raise ValueError("a header or URL holds a line break")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    """One line for each name, as HTTP lets a header that comes twice be read."""
    found: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _body(response: http.client.HTTPResponse, terms: _Terms) -> tuple[bytes, bool]:
    """The body, and whether it was read to its end."""
    if terms.into is not None:
        if response.status == 200:
            _store(terms.into, _blocks(response, terms.bytes_max))
        return b"", response.status == 200
    body = b""
    for block in _blocks(response, terms.bytes_max):
        body += block
        if terms.enough is not None and terms.enough(body):
            return body, False
    return body, True


def _blocks(response: http.client.HTTPResponse, bytes_max: int) -> Iterator[bytes]:
    """The body as it comes, all of it or Unanswered."""
    told = response.length  # None: chunked, or up to the end of the connection
    size = 0
    while block := response.read1(_BLOCK_BYTES):
        size += len(block)
        if size > bytes_max:
            raise Unanswered(Fault.TOO_LARGE, f"the answer is longer than {bytes_max:,} bytes")
        yield block
    if told is not None and size < told:
        raise Unanswered(Fault.CUT, f"the answer ended after {size:,} of {told:,} bytes")


def _store(path: Path, blocks: Iterator[bytes]) -> None:
    with host_errors(path):
        file = path.open("wb", buffering=0)
    with file:
        for block in blocks:
            with host_errors(path):
                file.write(block)


@contextlib.contextmanager
def _as_unanswered(host: str) -> Any:
    try:
        yield
    except Unanswered:
        raise
    except TimeoutError as error:
        raise Unanswered(Fault.TIMEOUT, f"{host} did not answer in time") from error
    except socket.gaierror as error:
        raise Unanswered(Fault.UNREACHABLE, f"the name {host} cannot be resolved") from error
    except (ssl.SSLEOFError, http.client.IncompleteRead) as error:
        raise Unanswered(Fault.CUT, f"{host} ended the connection early") from error
    except ssl.SSLError as error:
        raise Unanswered(
            Fault.TLS, f"{host}: {getattr(error, 'verify_message', '') or error.reason or 'TLS'}"
        ) from error
    except http.client.RemoteDisconnected as error:
        raise Unanswered(Fault.UNREACHABLE, f"{host} closed the connection without an answer") from error
    except http.client.HTTPException as error:
        raise Unanswered(Fault.GARBLED, f"{host} does not speak HTTP: {type(error).__name__}") from error
    except OSError as error:
        raise Unanswered(Fault.UNREACHABLE, f"{host}: {error.strerror or error}") from error
