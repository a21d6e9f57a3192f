"""A git host on loopback: smart HTTP by the real `git http-backend`, with faults that can be switched on.

    with GitServer(folder) as server:                # serves every bare repository in `folder`
        server.url("sale-workflow")                  # http://127.0.0.1:PORT/sale-workflow.git
        server.fault("sale-workflow", Fault(status=404))
        server.clear("sale-workflow")
        server.count("sale-workflow")                # how many requests it answered

It is meant for tests, demonstrations and measurements: it trusts its caller, and listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import base64
import gzip
import os
import socket
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader, BufferedWriter, BytesIO
from pathlib import Path
from types import TracebackType
from typing import cast
from urllib.parse import urlsplit

from directional_sync.testing.faults import Fault
from directional_sync.testing.lfs_server import LfsStore

_HTML = b"<!doctype html><title>Down for maintenance</title><p>We will be back soon.\n"
_BLOCK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that was answered."""

    repository: str
    method: str
    service: str
    """`info/refs`, `git-upload-pack` or, where the repository says `http.receivepack`, `git-receive-pack`."""
    command: str
    """What a protocol v2 request asked for: `ls-refs`, `fetch`, or "" for others."""


class GitServer:
    """Serves bare repositories over smart HTTP. Safe to use from many threads."""

    def __init__(
        self,
        folder: Path | None = None,
        repositories: Mapping[str, Path] | None = None,
        *,
        lfs: LfsStore | None = None,
        remember: bool = False,
    ) -> None:
        """`folder` holds `NAME.git` folders; `repositories` adds others by name; `lfs` is served beside them.
        `remember`: the same question about the same refs gets the same bytes again without starting git, so that a
        measurement is of clients alone."""
        self.lfs = lfs
        self.remembered: dict[tuple[object, ...], bytes] | None = {} if remember else None
        self._folder = folder
        self._named = dict(repositories or {})
        self._guard = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._sent: dict[str, int] = {}
        self._used: dict[str, int] = {}
        self._asked: list[Asked] = []
        self._connections = 0
        self.closing = threading.Event()

    def __enter__(self) -> GitServer:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}.git"

    def fault(self, name: str, fault: Fault) -> None:
        """From now on `name` has this fault and no other; byte and request counts start again."""
        with self._guard:
            self._faults[name] = fault
            self._sent[name] = self._used[name] = 0

    def clear(self, name: str = "") -> None:
        """Mends `name`, or all when "" is given."""
        with self._guard:
            if name:
                self._faults.pop(name, None)
            else:
                self._faults.clear()

    def reset(self) -> None:
        """Forgets what was asked so far."""
        with self._guard:
            self._asked.clear()
            self._connections = 0

    @property
    def asked(self) -> tuple[Asked, ...]:
        with self._guard:
            return tuple(self._asked)

    @property
    def connections(self) -> int:
        """How many connections were accepted since the last `reset`."""
        with self._guard:
            return self._connections

    def count(self, name: str = "", command: str = "") -> int:
        """How many requests there were since the last `reset`, of one repository and of one v2 command."""
        return sum((not name or a.repository == name) and (not command or a.command == command) for a in self.asked)

    # What the handlers call.

    def connected(self) -> None:
        with self._guard:
            self._connections += 1

    def note(self, asked: Asked) -> None:
        with self._guard:
            self._asked.append(asked)

    def fault_of(self, name: str) -> Fault:
        with self._guard:
            fault = self._faults.get(name, Fault())
            if fault.times and self._used[name] >= fault.times:
                return Fault()
            self._used[name] = self._used.get(name, 0) + 1
            return fault

    def path_of(self, name: str) -> Path | None:
        if name in self._named:
            return self._named[name]
        path = self._folder / f"{name}.git" if self._folder else None
        return path if path is not None and path.is_dir() else None

    def count_sent(self, name: str, size: int) -> int:
        """Adds `size` bytes to what was sent of `name`; answers how many there were before."""
        with self._guard:
            before = self._sent.get(name, 0)
            self._sent[name] = before + size
            return before


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    block_on_close = False

    def __init__(self, git: GitServer) -> None:
        self.git = git
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class _Cut(Exception):
    """This connection is to end here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = _BLOCK_BYTES
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.git.connected()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self._request_body())

    def _request_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, body: bytes) -> None:
        git = self.server.git
        if git.lfs is not None and git.lfs.serves(urlsplit(self.path).path):
            return git.lfs.respond(self, body)
        name, service = _split(urlsplit(self.path).path)
        git.note(Asked(name, self.command, service, _command(body, self.headers.get("Content-Encoding", ""))))
        fault = git.fault_of(name)
        try:
            if fault.delay_s:
                git.closing.wait(fault.delay_s)
            if fault.hang_s:
                git.closing.wait(fault.hang_s)
                raise _Cut
            self._answer_with(fault, name, service, body)
            self.wfile.flush()
        except (_Cut, OSError):
            self.close_connection = True
        return None

    def _answer_with(self, fault: Fault, name: str, service: str, body: bytes) -> None:
        path = self.server.git.path_of(name)
        if fault.user_password and not _brings(self.headers.get("Authorization", ""), fault.user_password):
            return self._say(401, b"who are you?\n", "text/plain", {"WWW-Authenticate": 'Basic realm="git"'})
        if fault.redirect:
            tail = f"/{service}" + ("?" + urlsplit(self.path).query if urlsplit(self.path).query else "")
            return self._say(301, b"", "text/plain", {"Location": fault.redirect + tail})
        if fault.status:
            wait = {"Retry-After": str(fault.retry_after_s)} if fault.retry_after_s else {}
            return self._say(fault.status, b"no\n", "text/plain", wait)
        if fault.html:
            return self._say(200, _HTML, "text/html", {})
        if path is None:
            return self._say(404, b"no such repository\n", "text/plain", {})
        return self._run_backend(fault, name, path, service, body)

    def _say(self, status: int, body: bytes, kind: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def _run_backend(self, fault: Fault, name: str, path: Path, service: str, body: bytes) -> None:
        environment = _backend_environment(path, service, fault)
        environment.update(
            REQUEST_METHOD=self.command,
            QUERY_STRING=urlsplit(self.path).query,
            CONTENT_TYPE=self.headers.get("Content-Type", ""),
            CONTENT_LENGTH=str(len(body)),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
        )
        if not fault.old_protocol:
            environment["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        known = self.server.git.remembered
        if known is not None:
            refs = tuple((file, file.read_bytes()) for file in sorted((path / "refs").rglob("*")) if file.is_file())
            key = (name, service, environment["QUERY_STRING"], body, environment.get("GIT_PROTOCOL"), refs)
            if key not in known:
                program = ["git", "http-backend"]
                known[key] = subprocess.run(program, input=body, env=environment, capture_output=True).stdout
            return self._pass_on(fault, name, BytesIO(known[key]))
        with subprocess.Popen(
            ["git", "http-backend"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        ) as backend:
            pipe = cast(BufferedWriter, backend.stdin)
            if len(body) <= _BLOCK_BYTES // 2:  # fits into the pipe
                _feed(pipe, body)
            else:
                threading.Thread(target=_feed, args=(pipe, body), daemon=True).start()
            try:
                self._pass_on(fault, name, cast(BufferedReader, backend.stdout))
            finally:
                if backend.poll() is None:
                    backend.kill()

    def _pass_on(self, fault: Fault, name: str, output: BufferedReader | BytesIO) -> None:
        """From CGI to HTTP: the head, then the body in chunks as it comes."""
        lines = []
        while line := output.readline().rstrip(b"\r\n"):
            lines.append(line.decode("latin-1").partition(": "))
        headers = {key: value for key, _, value in lines}
        self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while block := output.read1(_BLOCK_BYTES):
            self._send(fault, name, block)
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, fault: Fault, name: str, block: bytes) -> None:
        before = self.server.git.count_sent(name, len(block))
        if 0 <= fault.corrupt_at - before < len(block):
            at = fault.corrupt_at - before
            block = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
        cut = fault.cut_after >= 0 and before + len(block) > fault.cut_after
        if cut:
            block = block[: max(0, fault.cut_after - before)]
        pieces = [block[i : i + 1] for i in range(len(block))] if fault.drip_s else [block]
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if fault.drip_s:
                self.wfile.flush()
                if self.server.git.closing.wait(fault.drip_s):
                    raise _Cut
        if cut:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            raise _Cut


def _split(path: str) -> tuple[str, str]:
    """`/OCA/web.git/info/refs` -> ("OCA/web", "info/refs"); names may lack the `.git`."""
    for service in ("info/refs", "git-upload-pack", "git-receive-pack"):
        if path.endswith("/" + service):
            return path[1 : -len(service) - 1].removesuffix(".git"), service
    return path[1:], ""


def _command(body: bytes, encoding: str) -> str:
    """What a protocol v2 request asks for: the first packet says so."""
    if encoding == "gzip":
        body = gzip.decompress(body)
    if body[4:12] != b"command=":
        return ""
    return body[12 : int(body[:4], 16)].decode("ascii").strip()


def _brings(header: str, user_password: str) -> bool:
    return header == "Basic " + base64.b64encode(user_password.encode()).decode()


def _backend_environment(path: Path, service: str, fault: Fault) -> dict[str, str]:
    settings = {
        "safe.directory": "*",
        "http.uploadpack": "true",
        "uploadpack.allowAnySHA1InWant": "false" if fault.tips_only else "true",
        "uploadpack.allowFilter": "true",
        **({"protocol.version": "0"} if fault.old_protocol else {}),
    }
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_TRANSLATED": f"{path}/{service}",
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REMOTE_ADDR": "127.0.0.1",
    }
    for number, (key, value) in enumerate(settings.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _feed(pipe: BufferedWriter, body: bytes) -> None:
    try:
        pipe.write(body)
        pipe.close()
    except OSError:
        """The program did not want it all."""
