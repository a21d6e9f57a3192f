"""Something between a client and an S3 service that answers in its place when it is told to."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit


class Between:
    """Hands requests on as they are, but for kinds of them (`listing`, `object`) that have an answer here."""

    def __init__(self, url: str) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        between, to = self, urlsplit(url)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kind = "listing" if "list-type" in self.path else "object"
                single = urlsplit(self.path).path.strip("/").count("/") > 0
                if self.command == "GET" and kind in between.answers and (kind == "listing" or single):
                    self._say(*between.answers[kind], {})
                    return
                link = http.client.HTTPConnection(to.hostname or "", to.port or 80, timeout=10)
                link.request(self.command, self.path, body, dict(self.headers))
                answer = link.getresponse()
                self._say(answer.status, answer.read(), dict(answer.getheaders()))
                link.close()

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _any

            def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                skipped = ("content-length", "transfer-encoding", "connection", "date", "server")
                for name, value in headers.items():
                    if name.lower() not in skipped:
                        self.send_header(name, value)
                length = headers.get("Content-Length", headers.get("content-length", "0"))
                self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Between:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
