"""Git LFS beside a git host on loopback: the batch API and a store of content, with faults that can be switched on.

    store = LfsStore(folder)
    with GitServer(repositories, lfs=store) as server:
        upstream.commit({"model.bin": store.put(content)})       # commits the pointer
        store.fault = LfsFault(status=404)
        store.asked                                              # ("batch", "model.bin's oid"), ("get", ...), ...

The content is handed out to those only who bring the header that the batch answer gave.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

_BATCH = "/info/lfs/objects/batch"
_OBJECTS = "/lfs-objects/"
_MEDIA = "application/vnd.git-lfs+json"
_BLOCK_BYTES = 1 << 20
TOKEN = "a-token-for-this-link"


@dataclass(frozen=True)
class LfsFault:
    """What is wrong. Several may hold at once."""

    batch_status: int = 0
    """Answer this status to batch requests; 0 for none."""
    object_error: int = 0
    """Say in batch answers that this is wrong with each object; 0 for none."""
    status: int = 0
    """Answer this status to downloads; 0 for none."""
    user_password: str = field(default="", repr=False)
    """`user:password` that batch requests must bring; others are answered 401."""
    answer: bytes = b""
    """The body of batch answers, instead of a right one."""
    href: str = ""
    """The link for every object; `{oid}` stands for its id."""
    redirect: str = ""
    """Answer downloads 302 to this place; `{oid}` stands for the id."""
    flip: bool = False
    """Send content with one bit wrong."""
    shorter: bool = False
    """Send content without its last byte, as if that were all."""
    longer: bool = False
    """Send content with a byte more."""
    cut_after: int = -1
    """Close the connection after so many bytes of content; -1: never."""
    times: int = 0
    """Hold for so many requests of the kind that is hit only; 0: always."""


class LfsStore:
    """Content by its SHA-256, in a folder. Safe to use from many threads."""

    def __init__(self, folder: Path, *, links_to: str = "") -> None:
        """`links_to`: the http://host:port that serves the content; "" for the one that answers the batch."""
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._links_to = links_to
        self._guard = Lock()
        self._fault = LfsFault()
        self._used = 0
        self._asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        """Of all downloads, names in lower case."""

    def put(self, content: bytes) -> bytes:
        """Stores `content`; answers its pointer."""
        oid = hashlib.sha256(content).hexdigest()
        (self._folder / oid).write_bytes(content)
        return pointer_text(oid, len(content))

    def drop(self, oid: str) -> None:
        (self._folder / oid).unlink()

    @property
    def fault(self) -> LfsFault:
        return self._fault

    @fault.setter
    def fault(self, fault: LfsFault) -> None:
        with self._guard:
            self._fault, self._used = fault, 0

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """("batch" or "get", object id) of all that was asked for."""
        with self._guard:
            return tuple(self._asked)

    def reset(self) -> None:
        """Forgets what was asked so far."""
        with self._guard:
            self._asked.clear()
            self.headers.clear()

    def serves(self, path: str) -> bool:
        return path.endswith(_BATCH) or path.startswith(_OBJECTS)

    def respond(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answers one request that it `serves`."""
        path = urlsplit(handler.path).path
        if path.endswith(_BATCH):
            self._batch(handler, body)
        else:
            self._hand_out(handler, path.removeprefix(_OBJECTS))

    def _current(self, *, hit: bool) -> LfsFault:
        with self._guard:
            if not hit or (self._fault.times and self._used >= self._fault.times):
                return LfsFault()
            self._used += 1
            return self._fault

    def _batch(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        held = self.fault
        at_batch = bool(held.batch_status or held.object_error or held.user_password or held.answer or held.href)
        fault = self._current(hit=at_batch)
        if fault.user_password and handler.headers.get("Authorization") != _basic(fault.user_password):
            return _say(handler, 401, {"message": "who are you?"}, {"LFS-Authenticate": 'Basic realm="lfs"'})
        if fault.batch_status:
            return _say(handler, fault.batch_status, {"message": "no\x1b[31m batch"})
        question = json.loads(body)
        with self._guard:
            self._asked += [("batch", item["oid"]) for item in question["objects"]]
        if fault.answer:
            return _send(handler, 200, fault.answer, {"Content-Type": _MEDIA})
        if question["operation"] != "download" or "basic" not in question.get("transfers", ["basic"]):
            return _say(handler, 422, {"message": "downloads only"})
        base = self._links_to or f"http://{handler.headers['Host']}"
        objects = [self._offer(item, fault, base) for item in question["objects"]]
        return _say(handler, 200, {"transfer": "basic", "objects": objects})

    def _offer(self, item: Mapping[str, Any], fault: LfsFault, base: str) -> dict[str, Any]:
        named = {"oid": item["oid"], "size": item["size"]}
        path = self._folder / item["oid"]
        if fault.object_error or not path.is_file() or path.stat().st_size != item["size"]:
            return {**named, "error": {"code": fault.object_error or 404, "message": "Object does not exist"}}
        href = (fault.href or f"{base}{_OBJECTS}{{oid}}").replace("{oid}", item["oid"])
        link = {"href": href, "header": {"X-Token": TOKEN, "Host": "elsewhere"}, "expires_in": 600}
        return {**named, "authenticated": True, "actions": {"download": link}}

    def _hand_out(self, handler: BaseHTTPRequestHandler, oid: str) -> None:
        held = self.fault
        at_download = held.status or held.redirect or held.flip or held.shorter or held.longer or held.cut_after >= 0
        fault = self._current(hit=bool(at_download))
        with self._guard:
            self._asked.append(("get", oid))
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        if fault.status:
            return _send(handler, fault.status, b"no\n", {})
        if fault.redirect:
            return _send(handler, 302, b"", {"Location": fault.redirect.replace("{oid}", oid)})
        path = self._folder / oid
        open_to_all = "signature=" in handler.path
        if not path.is_file() or not (open_to_all or handler.headers.get("X-Token") == TOKEN):
            return _send(handler, 403, b"no\n", {})
        return _content(handler, path, fault)


def pointer_text(oid: str, size: int) -> bytes:
    """The pointer that git-lfs writes."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n".encode()


def _content(handler: BaseHTTPRequestHandler, path: Path, fault: LfsFault) -> None:
    size = path.stat().st_size
    told = size - fault.shorter + fault.longer
    handler.send_response(200)
    handler.send_header("Content-Type", "application/octet-stream")
    handler.send_header("Content-Length", str(told))
    handler.end_headers()
    sent = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            if fault.flip and sent == 0:
                block = bytes([block[0] ^ 1]) + block[1:]
            if 0 <= fault.cut_after < sent + len(block):
                handler.wfile.write(block[: fault.cut_after - sent])
                handler.wfile.flush()
                handler.connection.shutdown(socket.SHUT_RDWR)
                handler.close_connection = True
                return
            handler.wfile.write(block[: told - sent])
            sent += len(block)
    handler.wfile.write(b"+" * max(0, told - sent))


def _say(handler: BaseHTTPRequestHandler, status: int, said: object, headers: Mapping[str, str] | None = None) -> None:
    _send(handler, status, json.dumps(said).encode(), {"Content-Type": _MEDIA, **(headers or {})})


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _basic(user_password: str) -> str:
    return "Basic " + base64.b64encode(user_password.encode()).decode()
