"""A service on loopback that can be told to misbehave, for the tests of endpoints, built-in and yours.

class Inventory(LoopbackService):
    def answer(self, asked: Asked) -> Told: return Told.json({"apps": self.apps})

with Inventory() as service:
    service.misbehave(Mishap(status=429, retry_after="1"), times=2)
    ...
    assert len(service.heard) == 3
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_HANG_LOOK_S = 0.05


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    """Without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def json(value: Any, status: int = 200, **headers: str) -> Told:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return Told(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


@dataclass(frozen=True)
class Mishap:
    """What goes wrong with a request. Several may hold at once."""

    status: int = 0
    """Answer this instead, and do nothing; 0 for none."""
    retry_after: str = ""
    """With `status`: the header, seconds or a date."""
    html: bool = False
    """Do nothing, and answer 200 with a page for people."""
    body: bytes | None = None
    """Answer 200 with exactly this JSON, whatever was asked."""
    cut_after: int = -1
    """Send so many bytes of the body, then close; -1: all."""
    no_length: bool = False
    """Send no Content-Length: the end of the connection is the end of the body."""
    drip_s: float = 0.0
    """Send the body byte by byte, with this pause between them."""
    hang_s: float = 0.0
    """Say nothing for so long (ends early when the service is closed)."""
    drop_before: bool = False
    """Close the connection without doing anything."""
    drop_after: bool = False
    """Do what was asked, then close the connection without an answer."""
    when: Callable[[Asked], bool] | None = field(default=None, compare=False)
    """Only requests for which this is true; None: all."""


class LoopbackService:
    """Subclass it and say what it answers. Threads of its own; `answer` is called under one lock."""

    def __init__(self) -> None:
        self.heard: list[Asked] = []
        """Every request, in order, mishaps included."""
        self._mishaps: list[list[Any]] = []
        self._guard = threading.RLock()
        self._closing = threading.Event()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(_HANG_LOOK_S,), daemon=True).start()

    def answer(self, asked: Asked) -> Told:
        raise NotImplementedError

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def misbehave(self, mishap: Mishap, *, times: int = 0) -> None:
        """From now on, for so many requests that it applies to; 0: until `behave`."""
        with self._guard:
            self._mishaps.append([mishap, times or -1])

    def behave(self) -> None:
        with self._guard:
            self._mishaps.clear()

    def forget(self) -> None:
        """Empties `heard`."""
        with self._guard:
            self.heard.clear()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self, asked: Asked) -> tuple[Told, Mishap]:
        with self._guard:
            self.heard.append(asked)
            mishap = self._due(asked)
            if mishap.drop_before:
                return Told(), mishap
            if mishap.status:
                headers = {"Retry-After": mishap.retry_after} if mishap.retry_after else {}
                return Told.json({"message": f"told to answer {mishap.status}"}, mishap.status, **headers), mishap
            if mishap.html:
                return Told(200, b"<html><title>Maintenance</title></html>", {"Content-Type": "text/html"}), mishap
            if mishap.body is not None:
                return Told(200, mishap.body, {"Content-Type": "application/json"}), mishap
            return self.answer(asked), mishap

    def _due(self, asked: Asked) -> Mishap:
        for entry in self._mishaps:
            mishap: Mishap = entry[0]
            if mishap.when is None or mishap.when(asked):
                entry[1] -= 1
                if entry[1] == 0:
                    self._mishaps.remove(entry)
                return mishap
        return Mishap()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, service: LoopbackService) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of this side."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def _any(self) -> None:
        service, parts = self.server.service, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        told, mishap = service._serve(Asked(self.command, parts.path, query, headers, body))
        if mishap.hang_s:
            service._closing.wait(mishap.hang_s)
        if mishap.drop_before or mishap.drop_after:
            self.close_connection = True
            return
        self._send(told, mishap)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any

    def _send(self, told: Told, mishap: Mishap) -> None:
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        if mishap.no_length:
            self.send_header("Connection", "close")
            self.close_connection = True
        elif told.status != 204:
            self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        body = told.body if mishap.cut_after < 0 else told.body[: mishap.cut_after]
        if mishap.drip_s:
            for at in range(len(body)):
                if self.server.service._closing.wait(mishap.drip_s):
                    return
                self.wfile.write(body[at : at + 1])
        elif self.command != "HEAD":
            self.wfile.write(body)
        if len(body) < len(told.body):
            self.close_connection = True
