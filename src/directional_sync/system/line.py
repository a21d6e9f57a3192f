"""One connection: to `http.client` it looks like a socket, and every read and write ends by a deadline."""

from __future__ import annotations

import contextlib
import io
import select
import socket
from collections.abc import Mapping
from typing import Any

from directional_sync.system.host import monotonic

_BLOCK_BYTES = 65536
_CONNECT_S = 15.0
_LINK_LOCAL = ("169.254.", "fe80:", "FE80:", "::ffff:169.254.")


class Line:
    """A connection. Every read and write ends by `deadline`, on the monotonic clock."""

    def __init__(self, sock: socket.socket, *, absolute: bool = False, extra: Mapping[str, str] | None = None) -> None:
        self._sock = sock
        self.deadline = 0.0
        self.absolute = absolute
        """Whether requests name the whole URL, as proxies want it."""
        self.extra = dict(extra or {})

    @property
    def quiet(self) -> bool:
        """Whether nothing has come since the last answer; a closed connection is not quiet."""
        try:
            return not select.select([self._sock], [], [], 0)[0]
        except (OSError, ValueError):
            return False

    def send(self, content: bytes) -> None:
        self._sock.settimeout(left(self.deadline))
        self._sock.sendall(content)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self), _BLOCK_BYTES)

    def receive(self, buffer: Any) -> int:
        self._sock.settimeout(left(self.deadline))
        return self._sock.recv_into(buffer)

    def interrupt(self) -> None:
        """Wakes whoever waits for this connection; closing alone would not."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.close()


class _Reader(io.RawIOBase):
    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._line.receive(buffer)


def tunnel(raw: socket.socket, host: str, port: int, extra: Mapping[str, str], deadline: float) -> None:
    """Lets the proxy at the other end of `raw` connect to `host`; `extra` headers are for it. Raises OSError, and `raw`
    is closed then."""
    line = Line(raw)
    line.deadline = deadline
    head = "".join(f"{key}: {value}\r\n" for key, value in extra.items())
    try:
        line.send(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}\r\n".encode("ascii"))
        # Byte by byte up to the blank line: what follows belongs to TLS.
        answer = b""
        while not answer.endswith(b"\r\n\r\n") and len(answer) < _BLOCK_BYTES:
            byte = bytearray(1)
            if not line.receive(byte):
                break
            answer += byte
        if answer.split(b" ")[1:2] != [b"200"]:
            said = answer.split(b"\r\n")[0].decode("ascii", "replace")
            raise OSError(f"the proxy does not connect to it: {said}")
    except BaseException:
        raw.close()
        raise


def connect(host: str, port: int, deadline: float) -> socket.socket:
    """A connection to one of the addresses of `host`. Raises OSError, TimeoutError among them."""
    last: OSError | None = None
    # As bytes, a plain name needs no tables for names in other scripts, which take a while to load.
    name = host.encode("ascii") if host.isascii() else host
    for family, kind, protocol, _, address in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM):
        if str(address[0]).startswith(_LINK_LOCAL):
            last = OSError("a link-local address, where machines keep their own credentials, is not asked")
            continue
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(min(_CONNECT_S, left(deadline)))
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            last = error
    raise last or OSError("no address")


def left(deadline: float) -> float:
    """Seconds until `deadline`, > 0. Raises TimeoutError."""
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds
