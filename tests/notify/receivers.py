"""Receivers on loopback that behave as the real ones do: what they refuse is refused here too."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socketserver
import threading
import time
from types import TracebackType
from typing import Any

from directional_sync.testing.service import Asked, LoopbackService, Told

TEXT = {"Content-Type": "text/plain"}


class Slack(LoopbackService):
    """An incoming webhook of Slack, with the limits that its documentation names."""

    path = "/services/T0000/B0000/canary-hook-Zq81"

    @property
    def address(self) -> str:
        return self.url + self.path

    @property
    def messages(self) -> list[str]:
        """What people read: the text and the blocks."""
        found = []
        for asked in self.heard:
            blocks = [block["text"]["text"] for block in asked.json["blocks"]]
            found.append("\n".join([asked.json["text"], *blocks]))
        return found

    def answer(self, asked: Asked) -> Told:
        if asked.method != "POST" or asked.path != self.path:
            return Told(404, b"no_service", TEXT)
        try:
            message = json.loads(asked.body)
        except ValueError:
            return Told(400, b"invalid_payload", TEXT)
        blocks = message.get("blocks", [])
        if not message.get("text") or len(blocks) > 50:
            return Told(400, b"no_text", TEXT)
        for block in blocks:
            text = block["text"]
            limit = 150 if block["type"] == "header" else 3000
            if text["type"] != "plain_text" or not 1 <= len(text["text"]) <= limit:
                return Told(400, b"invalid_blocks", TEXT)
        return Told(200, b"ok", TEXT)


class Mattermost(LoopbackService):
    """An incoming webhook of Mattermost."""

    path = "/hooks/canaryhookzq81xyz"

    @property
    def address(self) -> str:
        return self.url + self.path

    def answer(self, asked: Asked) -> Told:
        if asked.method != "POST" or asked.path != self.path:
            return Told.json({"id": "web.incoming_webhook.invalid.app_error"}, 400)
        attachments = json.loads(asked.body).get("attachments", [])
        if not attachments or not all(one.get("fallback") and len(one["text"]) <= 16383 for one in attachments):
            return Told.json({"id": "web.incoming_webhook.text.app_error"}, 400)
        return Told(200, b"ok", TEXT)


class Hook(LoopbackService):
    """A service of one's own that believes only what is signed and new."""

    key = b"a-key-of-the-tests-that-is-long"

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.news: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        return f"{self.url}/hook/canary-path-Zq81"

    @property
    def secret(self) -> str:
        return "whsec_" + base64.b64encode(self.key).decode()

    def answer(self, asked: Asked) -> Told:
        name, stamp = asked.headers["webhook-id"], asked.headers["webhook-timestamp"]
        made = hmac.new(self.key, f"{name}.{stamp}.".encode() + asked.body, hashlib.sha256).digest()
        good = "v1," + base64.b64encode(made).decode()
        if abs(time.time() - int(stamp)) > 300 or good not in asked.headers["webhook-signature"].split():
            return Told.json({"error": "signature"}, 401)
        if name not in self.seen:
            self.news.append(asked.json)
        self.seen.add(name)
        return Told(204)


class Checks(LoopbackService):
    """A service that expects signs of life."""

    @property
    def address(self) -> str:
        return f"{self.url}/ping/canary-uuid-Zq81"

    @property
    def phases(self) -> list[str]:
        return [asked.path.removeprefix("/ping/canary-uuid-Zq81") for asked in self.heard]

    def answer(self, asked: Asked) -> Told:
        return Told(200, b"OK", TEXT)


class MailServer:
    """Takes mail by SMTP, without encryption, on loopback."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 localhost")
                while line := self.rfile.readline():
                    word = line.split()[0].upper() if line.split() else b""
                    if word == b"DATA":
                        self.say("354 go on")
                        lines = []
                        while (text := self.rfile.readline()) not in (b".\r\n", b""):
                            lines.append(text)
                        mails.append(b"".join(lines).decode())
                    elif word == b"QUIT":
                        self.say("221 bye")
                        return
                    self.say("250 ok")

            def say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        port = self._server.server_address[1]
        return f"mailto://127.0.0.1:{port}/?to=team@example.org&from=dsync@example.org&mode=insecure"

    def __enter__(self) -> MailServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


MENTION = re.compile(r"@\w")
