"""Raw questions over HTTP: complete or an error, in time, bounded; and the two questions of git's protocol."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from directional_sync.system import http
from directional_sync.system.http import Answer, Pool, Unanswered
from directional_sync.system.proxy import proxy_for
from directional_sync.testing.git_server import GitServer
from directional_sync.testing.upstreams import Upstream
from directional_sync.upstream.smart_http import Advertised, NoAnswer, Trouble, descends, ls_refs


@contextmanager
def scripted(*answers: bytes, close: bool = True) -> Iterator[tuple[str, list[bytes]]]:
    """A host that gives these answers, one per connection, and keeps what it was asked."""
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                asked.append(request)
                connection.sendall(answer)
                if not close:
                    time.sleep(5)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x", asked
    finally:
        listener.close()


def ask(url: str, pool: Pool | None = None, **more: object) -> Answer:
    with pool or Pool({}) as open_pool:
        return open_pool.ask("GET", url, headers={}, timeout_s=1.0, bytes_max=1000, **more)  # type: ignore[arg-type]


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello"


def test_an_answer_is_read_whole() -> None:
    with scripted(WHOLE) as (url, asked):
        answer = ask(url)
        assert (answer.status, answer.kind, answer.body) == (200, "text/plain", b"hello")
        assert asked[0].startswith(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:")


BAD: dict[str, tuple[bytes, http.Fault]] = {
    "short": (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", http.Fault.CUT),
    "short chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello", http.Fault.CUT),
    "no last chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", http.Fault.CUT),
    "long": (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, http.Fault.TOO_LARGE),
    "endless": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000, http.Fault.TOO_LARGE),
    "not http": (b"220 smtp.example.org ready\r\n", http.Fault.GARBLED),
    "silence": (b"", http.Fault.UNREACHABLE),
    "long header": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000 + b"\r\n\r\n", http.Fault.GARBLED),
}


@pytest.mark.parametrize("kind", BAD)
def test_F47_half_an_answer_is_no_answer(kind: str) -> None:
    answer, fault = BAD[kind]
    with scripted(answer) as (url, _), pytest.raises(Unanswered) as caught:
        ask(url)
    assert caught.value.fault is fault


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\n\r\nhel"])
def test_F46_silence_is_given_up_in_time_wherever_it_begins(said: bytes) -> None:
    with scripted(said, close=False) as (url, _):
        started = time.monotonic()
        with pytest.raises(Unanswered) as caught:
            ask(url)
        assert caught.value.fault is http.Fault.TIMEOUT
        assert 0.9 < time.monotonic() - started < 2.0


def test_closing_the_pool_ends_a_question_that_is_under_way() -> None:
    with scripted(b"", close=False) as (url, _):
        pool = Pool({})
        threading.Timer(0.2, pool.close).start()
        started = time.monotonic()
        with pytest.raises(Unanswered):
            pool.ask("GET", url, headers={}, timeout_s=30, bytes_max=10)
        assert time.monotonic() - started < 2.0


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    with scripted(WHOLE, WHOLE) as (url, asked), Pool({}) as pool:
        for _ in range(2):
            assert pool.ask("GET", url, headers={}, timeout_s=2, bytes_max=100).body == b"hello"
            time.sleep(0.05)
        assert len(asked) == 2


def test_an_error_names_no_more_than_the_host() -> None:
    with pytest.raises(Unanswered) as caught:
        ask("http://127.0.0.1:1/secret-path")
    assert "secret" not in str(caught.value) and "127.0.0.1" in str(caught.value)


def test_a_line_break_in_a_header_is_refused() -> None:
    with scripted(WHOLE) as (url, _), Pool({}) as pool, pytest.raises(ValueError):
        pool.ask("GET", url, headers={"A": "b\r\nC: d"}, timeout_s=1, bytes_max=10)


def test_F63_a_proxy_is_asked_with_the_whole_url() -> None:
    with scripted(WHOLE) as (proxy, asked):
        pool = Pool({"http_proxy": proxy.replace("http://", "http://me:pw@").removesuffix("/x")})
        assert ask("http://upstream.invalid/r.git", pool).body == b"hello"
        assert asked[0].startswith(b"GET http://upstream.invalid/r.git HTTP/1.1\r\nHost: upstream.invalid\r\n")
        assert b"Proxy-Authorization: Basic bWU6cHc=" in asked[0]


def test_F63_a_kept_connection_through_a_proxy_still_names_the_whole_url() -> None:
    asked = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for _ in range(2):
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                asked.append(request)
                connection.sendall(WHOLE)

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    with listener, Pool({"http_proxy": f"http://me:pw@127.0.0.1:{listener.getsockname()[1]}"}) as pool:
        for _ in range(2):
            pool.ask("GET", "http://upstream.invalid/r.git", headers={}, timeout_s=2.0, bytes_max=1000)
    assert [request.split(b"\r\n")[0] for request in asked] == [b"GET http://upstream.invalid/r.git HTTP/1.1"] * 2
    assert all(b"Proxy-Authorization: Basic bWU6cHc=" in request for request in asked)


@pytest.mark.parametrize(
    ("environment", "host", "proxied"),
    [
        ({}, "a.org", False),
        ({"https_proxy": "http://p:1"}, "a.org", True),
        ({"HTTPS_PROXY": "p:1"}, "a.org", True),
        ({"ALL_PROXY": "http://p:1"}, "a.org", True),
        ({"http_proxy": "http://p:1"}, "a.org", False),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, "a.org", False),
        ({"https_proxy": "http://p:1", "no_proxy": "b.org, a.org"}, "a.org", False),
        ({"https_proxy": "http://p:1", "NO_PROXY": ".a.org"}, "x.a.org", False),
        ({"https_proxy": "http://p:1", "NO_PROXY": "a.org"}, "nota.org", True),
    ],
)
def test_F63_which_proxy(environment: dict[str, str], host: str, proxied: bool) -> None:
    assert (proxy_for("https", host, environment) is not None) is proxied


def test_a_proxy_of_another_kind_is_left_to_git() -> None:
    with pytest.raises(Unanswered) as caught:
        ask("http://upstream.invalid/", Pool({"ALL_PROXY": "socks5://127.0.0.1:1"}))
    assert caught.value.fault is http.Fault.UNSUPPORTED


# Protocol


def _git_answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


A, B = "a" * 40, "b" * 40


def test_refs_with_all_their_attributes() -> None:
    lines = [f"{A} HEAD symref-target:refs/heads/main\n", f"{A} refs/tags/v1 peeled:{B}\n", f"{B} refs/heads/\u00e9\n"]
    body = b"".join(b"%04x%s" % (len(line.encode()) + 4, line.encode()) for line in lines) + b"0000"
    with scripted(_git_answer(body)) as (url, asked), Pool({}) as pool:
        assert ls_refs(pool, url, ["HEAD"], timeout_s=1) == [
            Advertised("HEAD", A, symref="refs/heads/main"),
            Advertised("refs/tags/v1", A, peeled=B),
            Advertised("refs/heads/\u00e9", B),
        ]
        assert b"Git-Protocol: version=2" in asked[0]


@pytest.mark.parametrize(
    "body",
    [b"0032" + A.encode(), b"00", b"003d" + A.encode() + b" refs/heads/main\n", b"zzzz", b"0003", b"0009hello0000"],
)
def test_F48_an_answer_that_lacks_its_end_or_its_sense_is_none(body: bytes) -> None:
    with scripted(_git_answer(body)) as (url, _), Pool({}) as pool, pytest.raises((Unanswered, NoAnswer)):
        ls_refs(pool, url, ["HEAD"], timeout_s=1)


def test_a_refusal_in_words_is_told() -> None:
    with scripted(_git_answer(b"000dERR nope\n0000")) as (url, _), Pool({}) as pool, pytest.raises(NoAnswer) as caught:
        ls_refs(pool, url, ["HEAD"], timeout_s=1)
    assert (caught.value.trouble, caught.value.reason) == (Trouble.REFUSED, "nope")


def test_T06_the_new_place_of_a_repository_is_told_without_credentials() -> None:
    answer = b"HTTP/1.1 301 M\r\nLocation: https://me:pw@new.org/r.git/git-upload-pack\r\nContent-Length: 0\r\n\r\n"
    with scripted(answer) as (url, _), Pool({}) as pool, pytest.raises(NoAnswer) as caught:
        ls_refs(pool, url, ["HEAD"], timeout_s=1)
    assert caught.value.location == "https://new.org/r.git"


Moves = Callable[[Upstream, str], str]


def _forward(steps: int) -> Moves:
    def move(upstream: Upstream, old: str) -> str:
        commit, tree = old, upstream.tree()
        for _ in range(steps):
            commit = upstream.git("commit-tree", tree, "-p", commit, "-m", "x")
        return commit

    return move


def _merge(upstream: Upstream, old: str) -> str:
    side = upstream.git("commit-tree", upstream.tree(), "-p", f"{old}~2", "-m", "side")
    return upstream.git("commit-tree", upstream.tree(), "-p", side, "-p", old, "-m", "merge")


MOVES: dict[str, tuple[Moves, bool]] = {
    "one on": (_forward(1), True),
    "many on": (_forward(120), True),
    "merged": (_merge, True),
    "amended": (lambda up, old: up.git("commit-tree", up.tree(), "-p", f"{old}~1", "-m", "y"), False),
    "amended far back": (lambda up, old: up.git("commit-tree", up.tree(), "-p", f"{old}~3", "-m", "y"), False),
    "one back": (lambda up, old: up.git("rev-parse", f"{old}~1"), False),
    "two back": (lambda up, old: up.git("rev-parse", f"{old}~2"), False),
    "unrelated": (lambda up, old: up.git("commit-tree", up.tree(), "-m", "z"), False),
}


@pytest.mark.parametrize("move", MOVES)
def test_P05_T45_whether_history_went_on(server: GitServer, upstreams: dict[str, Upstream], move: str) -> None:
    name, upstream = next(iter(upstreams.items()))
    for number in range(4):
        upstream.commit({"n": b"%d" % number})
    old = upstream.head()
    make, expected = MOVES[move]
    new = make(upstream, old)
    upstream.git("update-ref", "refs/heads/18.0", new)
    with Pool({}) as pool:
        assert descends(pool, server.url(name), new, old, timeout_s=10) is expected


def test_a_commit_that_the_host_has_never_seen_is_no_ancestor(
    server: GitServer, upstreams: dict[str, Upstream]
) -> None:
    name, upstream = next(iter(upstreams.items()))
    with Pool({}) as pool:
        assert descends(pool, server.url(name), upstream.head(), "1" * 40, timeout_s=10) is False
