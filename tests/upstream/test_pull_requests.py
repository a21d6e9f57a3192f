"""What became of pull requests: told by a host when it answers, unknown when it does not, and never an error."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from directional_sync.system.host import monotonic
from directional_sync.upstream.pull_requests import State, state_of, states
from directional_sync.upstream.remotes import Remotes

TOKEN = "ghp_not_a_real_token"
REF = "refs/pull/7/head"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"state": "open", "merged": False, "merged_at": None}, State.OPEN),
        ({"state": "closed", "merged": True, "merged_at": "2025-01-01T00:00:00Z"}, State.MERGED),
        ({"state": "closed", "merged_at": "2025-01-01T00:00:00Z"}, State.MERGED),
        ({"state": "closed", "merged": False, "merged_at": None}, State.CLOSED),
        ({"state": "opened"}, State.OPEN),
        ({"state": "merged"}, State.MERGED),
        ({"state": "locked"}, State.CLOSED),
        ({"state": ["open"]}, State.UNKNOWN),
        ({"message": "Not Found"}, State.UNKNOWN),
        ([], State.UNKNOWN),
        (None, State.UNKNOWN),
    ],
)
def test_what_hosts_answer(answer: object, expected: State) -> None:
    assert state_of(answer) is expected


class Api:
    """A host whose answers are set by path; what it was asked is kept."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.asked.append((self.path, dict(self.headers)))
                status, body = api.answers.get(self.path, (404, b"{}"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status == 301:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server.server_address[1]}/repos/OCA/{{name}}/pulls/{{number}}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    with closing(Api()) as running:
        yield running


def ask(
    template: str, *refs: str, environment: Mapping[str, str] | None = None, left_s: float = 20
) -> dict[str, State]:
    with closing(Remotes(environment or {}, 0, monotonic() + left_s)) as remotes:
        return states(remotes, template, "web", refs)


def said(api: Api, number: int, answer: Any, status: int = 200) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    api.answers[f"/repos/OCA/web/pulls/{number}"] = (status, body)


def test_pull_requests_are_asked_for_and_nothing_else(api: Api) -> None:
    said(api, 7, {"state": "closed", "merged": True})
    said(api, 8, {"state": "open"})
    found = ask(api.url(), REF, "refs/heads/18.0", "refs/pull/8/head", "refs/pull/x/head", "refs/merge-requests/8/head")
    assert found == {REF: State.MERGED, "refs/pull/8/head": State.OPEN, "refs/merge-requests/8/head": State.OPEN}
    assert [path[-1] for path, _ in api.asked] == ["7", "8", "8"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"{}"),
        (403, b'{"message": "API rate limit exceeded"}'),
        (301, b'{"state": "open"}'),
        (500, b""),
        (200, b"<html>"),
        (200, b"[" * 100_000),
        (200, b'{"state": "open", "x": "' + b"x" * 2_000_000 + b'"}'),
        (200, b"\xff\xfe"),
    ],
)
def test_no_answer_is_no_error(api: Api, status: int, body: bytes) -> None:
    said(api, 7, body, status)
    assert ask(api.url(), REF) == {REF: State.UNKNOWN}
    assert len(api.asked) == 1, "redirects are not followed"


@pytest.mark.parametrize(
    "template", ["", "file:///etc/passwd", "http://", "http://127.0.0.1:1/", "https://[x", "ftp://x/"]
)
def test_a_host_that_cannot_be_asked_is_no_error(template: str) -> None:
    assert ask(template, REF) == {REF: State.UNKNOWN}


def test_no_time_left_asks_nothing(api: Api) -> None:
    assert ask(api.url(), REF, left_s=0) == {REF: State.UNKNOWN}
    assert not api.asked


def test_the_token_goes_to_where_nobody_reads_along(api: Api) -> None:
    said(api, 7, {"state": "open"})
    ask(api.url(), REF, environment={"GITHUB_TOKEN": TOKEN})
    ask(api.url(), REF)
    ask(api.url(), "refs/merge-requests/7/head", environment={"GITHUB_TOKEN": TOKEN})
    assert [headers.get("Authorization") for _, headers in api.asked] == [f"Bearer {TOKEN}", None, None]


def test_the_token_goes_nowhere_in_the_clear(api: Api) -> None:
    proxy = f"http://127.0.0.1:{api.server.server_address[1]}"
    ask("http://api.example.org/{number}", REF, environment={"GITHUB_TOKEN": TOKEN, "http_proxy": proxy})
    ask("http://127.0.0.1:9/{number}", REF, environment={"GITHUB_TOKEN": TOKEN, "http_proxy": proxy})
    assert len(api.asked) == 2
    assert not any(TOKEN in repr(headers) for _, headers in api.asked)
