"""Lists of repositories: what is read, what is refused, and a host that serves them with every fault we know of."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from directional_sync.errors import CredentialError, HostError, RemoteError, SyncError
from directional_sync.system.host import monotonic
from directional_sync.upstream.addresses import BadAddress
from directional_sync.upstream.discovery import BYTES_MAX, PAGES_MAX, check_url, fetch, names
from directional_sync.upstream.remotes import Remotes

THREE = ("web", "sale-workflow", "l10n_be")


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("repos.txt", "web\nsale-workflow\nl10n_be\n"),
        ("repos.txt", "\ufeff# ours\r\n\r\nweb   # the client\r\n  sale-workflow\r\nl10n_be"),
        ("https://h.test/list?format=x", '["web", "sale-workflow", "l10n_be"]'),
        ("https://h.test/orgs/OCA/repos", '[{"name": "web", "id": 1}, {"name": "sale-workflow"}, {"name": "l10n_be"}]'),
        ("repos.txt", '\n [ "web", {"name": "sale-workflow"}, "l10n_be" ]'),
        ("repos.yaml", "- web\n- 'sale-workflow'\n- l10n_be # Belgium\n"),
        ("repos.yml", "[web, sale-workflow, l10n_be]"),
        ("repos", "---\n- name: web\n  ref: '18.0'\n- {name: sale-workflow}\n- l10n_be\n"),
        ("repos", "web:\n  remotes: {oca: 'https://h.test/web'}\n./sale-workflow:\nl10n_be: {}\n"),
        ("my.repos", "repositories:\n  web: {type: git}\n  sale-workflow:\n    type: git\n  l10n_be: {}\n"),
    ],
)  # fmt: skip
def test_the_formats(where: str, text: str) -> None:
    assert names(text.encode(), where) == THREE


@pytest.mark.parametrize("text", ["", "\n", "# all gone\n", "[]", "{}", "repositories:\n", "---\n", "[ ]\n"])
def test_an_empty_list_is_not_taken_for_all_gone(text: str) -> None:
    where = "repos.yaml" if text in ("{}", "---\n", "repositories:\n") else "https://h.test/list"
    with pytest.raises(SyncError) as caught:
        names(text.encode(), where)
    assert caught.value.code == "E-NAMES-EMPTY" and "stays as it was" in caught.value.kept


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<!doctype html><title>Down</title>", "web page"),
        ("\n <html>", "web page"),
        ('{"message": "API rate limit exceeded", "status": "403"}', "not a list: API rate limit exceeded"),
        ("message: Not Found\n", "line 1"),
        ('["web", "sale', "not JSON in full"),
        ('["web"] ["sale"]', "not JSON in full"),
        ('["web", 3]', "item 2 is neither"),
        ('[{"full_name": "OCA/web"}]', "item 1 is neither"),
        ('[["web"]]', "item 1 is neither"),
        ("[" * 100_000, "nested too deeply"),
        ('["' + "9" * 10 + '", ' + "9" * 5_000 + "]", "not JSON in full"),
        ("web\nsale workflow\n", "line 2: 'sale workflow' is not a name"),
        ("web\n../etc\n", "line 2"),
        ("web\n--upload-pack=x\n", "line 2"),
        ("web\n.git\n", "line 2"),
        ("web\nsale.git\n", "line 2"),
        ("web\x00\n", "line 1"),
        ("web\nsale\nWeb\n", "more than case: web"),
        ("web\nweb\n", "more than case: web"),
        ("- web\n- [sale]\n", "line 2 is neither"),
        ("- web\n- {ref: x}\n", "line 2 is neither"),
        ("- web\n- *a\n", "aliases"),
        ("- &a web\n- *a\n", "aliases"),
        ("---\n- web\n---\n- sale\n", "more than one document"),
        ("- " + "[" * 30 + "]" * 30, "nested too deeply"),
        ("- " + "[" * 900_000, "not YAML"),
        ("- web\n - : [\n", "not YAML"),
        ("web:\n  a: 1\nsale: 18.0\n", "line 3 is not a name"),
        ("\n".join(f"n{number}" for number in range(5_001)), "5,001 names"),
        ("#" * (BYTES_MAX + 1), "1,000,001 bytes"),
    ],
)
def test_what_is_no_list(text: str, why: str) -> None:
    with pytest.raises(RemoteError) as caught:
        names(text.encode(), "https://h.test/list?x=hunter2")
    assert caught.value.code == "E-NAMES-FORMAT"
    assert why in caught.value.message and "hunter2" not in caught.value.message
    assert caught.value.message.isprintable()


def test_a_file_of_ours_is_not_the_far_sides_fault() -> None:
    with pytest.raises(HostError, match=r"repos\.txt is not a list.*byte 2 is not UTF-8"):
        names(b"w\xffb", "repos.txt")
    with pytest.raises(HostError, match=r"repos\.yaml is not a list.*neither a list nor a mapping"):
        names(b"web", "repos.yaml")


def test_all_bad_names_are_told_at_once() -> None:
    with pytest.raises(RemoteError) as caught:
        names("\n".join(f"-{number}" for number in range(9)).encode(), "https://h.test/list")
    assert len(caught.value.detail) == 4


@pytest.mark.parametrize(
    "url",
    [
        "https://api.github.com/orgs/OCA/repos?per_page=100&type=public", "https://gitea.corp:3000/api/v1/orgs/x/repos",
        "http://127.0.0.1:8000/list", "http://localhost/list", "http://[::1]:8000/list",
    ],
)  # fmt: skip
def test_urls_that_are_accepted(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://host.test/list", "E-URL"),
        ("http://127.0.0.1.host.test/list", "E-URL"),
        ("ftp://host.test/list", "E-URL"),
        ("file:///etc/passwd", "E-URL"),
        ("//host.test/list", "E-URL"),
        ("https:///list", "E-URL"),
        ("https://host.test:99999/", "E-URL"),
        ("https://host.test:0/", "E-URL"),
        ("https://[host/", "E-URL"),
        ("https://host.test/list#part", "E-URL"),
        ("https://host.test/a b", "E-URL"),
        ("https://host.test/a\r\nX: y", "E-URL"),
        ("https://host.test\\@evil.test/", "E-URL"),
        ("https://hóst.test/", "E-URL"),
        ("https://ada@host.test/list", "E-URL-CREDENTIALS"),
        ("https://ada:hunter2@host.test/list", "E-URL-CREDENTIALS"),
        ("https://host.test/list?private_token=hunter2", "E-URL-CREDENTIALS"),
        ("https://host.test/list?a=b&Access_Token=hunter2", "E-URL-CREDENTIALS"),
    ],
)
def test_urls_that_are_not(url: str, code: str) -> None:
    with pytest.raises(BadAddress) as caught:
        check_url(url)
    assert caught.value.code == code and "hunter2" not in str(caught.value)


# A host


@dataclass
class Host:
    """Answers GET with raw bytes: path with query -> the answers, the last of which is said again and again."""

    answers: dict[str, list[bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """`PATH`, or `PATH LOGIN` when a credential came."""

    def __enter__(self) -> Host:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def url(self, path: str = "/list") -> str:
        return self.root + path

    def says(self, path: str, *answers: bytes) -> str:
        self.answers[path] = list(answers)
        return self.url(path)

    def pages(self, *pages: list[str], path: str = "/list", headers: str = "") -> str:
        """A listing in pages, as GitHub has it."""
        for number, page in enumerate(pages, 1):
            here = path if number == 1 else f"{path}?page={number}"
            links = f'<{self.root}{path}?page=1>; rel="first"'
            if number < len(pages):
                links += f', <{self.root}{path}?page={number + 1}>; rel="next"'
            self.says(here, ok(listing(*page), f"Link: {links}\r\n{headers}"))
        return self.url(path)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                connection.sendall(self._answer(head.decode("latin-1")))

    def _answer(self, head: str) -> bytes:
        path = head.split(" ")[1]
        logins = [line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("authorization:")]
        self.asked.append(" ".join([path, *logins]))
        if path == "/private" and not logins:
            return said("401 Unauthorized", b"who are you?")
        left = self.answers.get(path, [said("404 Not Found", b'{"message": "Not Found"}')])
        return left.pop(0) if left[1:] else left[0]


def said(status: str, body: bytes, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def ok(body: bytes, headers: str = "") -> bytes:
    return said("200 OK", body, headers)


def listing(*found: str) -> bytes:
    return json.dumps([{"name": name, "private": False} for name in found]).encode()


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as running:
        yield running


@pytest.fixture
def remotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remotes]:
    monkeypatch.setattr("directional_sync.system.retry._FIRST_WAIT_S", 0.001)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    found = Remotes(environment, retries=2, deadline=monotonic() + 30)
    yield found
    found.close()


def test_one_page_costs_one_question(host: Host, remotes: Remotes) -> None:
    url = host.says("/list?per_page=100", ok(listing(*THREE)))
    assert names(fetch(remotes, url), url) == THREE
    assert host.asked == ["/list?per_page=100"]


def test_text_and_yaml_come_as_they_are(host: Host, remotes: Remotes) -> None:
    for path, text in [
        ("/list.txt", b"# ours\nweb\nsale-workflow\nl10n_be\n"),
        ("/l.yaml", b"- web\n- sale-workflow\n- l10n_be"),
    ]:
        url = host.says(path, ok(text))
        assert fetch(remotes, url) == text
        assert names(text, url) == THREE


def test_pages_are_followed_and_read_twice(host: Host, remotes: Remotes) -> None:
    url = host.pages(["web"], ["sale-workflow"], ["l10n_be"])
    assert names(fetch(remotes, url), url) == THREE
    assert host.asked == ["/list", "/list?page=2", "/list?page=3"] * 2


def test_a_count_proves_that_pages_are_complete(host: Host, remotes: Remotes) -> None:
    url = host.pages(["web"], ["sale-workflow", "l10n_be"], headers="X-Total-Count: 3\r\n")
    assert names(fetch(remotes, url), url) == THREE
    assert host.asked == ["/list", "/list?page=2"]


def test_a_link_may_be_one_header_of_several(host: Host, remotes: Remotes) -> None:
    url = host.pages(["web", "sale-workflow"], ["l10n_be"], headers='Link: </style.css>; rel="preload"; as=style\r\n')
    assert names(fetch(remotes, url), url) == THREE


def test_a_busy_page_is_asked_again(host: Host, remotes: Remotes) -> None:
    url = host.pages(["web"], ["sale-workflow", "l10n_be"])
    host.answers["/list?page=2"].insert(0, said("503 Busy", b""))
    assert names(fetch(remotes, url), url) == THREE


def test_a_whole_json_list_needs_no_length(host: Host, remotes: Remotes) -> None:
    url = host.says("/list", b"HTTP/1.1 200 OK\r\n\r\n" + listing(*THREE))
    assert names(fetch(remotes, url), url) == THREE


CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MOVED = said("301 Moved", b"", "Location: https://u:hunter2@new.test/list?token=hunter2\r\n")


@pytest.mark.parametrize(
    ("answer", "code", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nweb\nsale\n", "E-NAMES-CUT", "does not say how long it is"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + listing(*THREE)[:-4], "E-NAMES-FORMAT", "not JSON in full"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nweb\n", "E-NAMES-CUT", "ended"),
        (f"{CHUNKED}4\r\nweb\n\r\n".encode(), "E-NAMES-CUT", "ended"),
        (f"{CHUNKED}4\r\nweb\n\r\n9\r\nsale".encode(), "E-NAMES-CUT", "ended"),
        (ok(b"web\n" * 250_001), "E-NAMES-FORMAT", "more than 1,000,000 bytes"),
        (ok(b"We will be back", "Content-Type: text/html; charset=utf-8\r\n"), "E-NAMES-FORMAT", "text/html"),
        (ok(b'{"message": "Bad credentials"}'), "E-NAMES-FORMAT", "not a list: Bad credentials"),
        (ok(listing(*THREE), "X-Total-Count: 4\r\n"), "E-NAMES-CUT", "there are 4, 3 came"),
        (ok(listing("web", "sale"), 'Link: <https://evil.test/2>; rel="next"\r\n'), "E-NAMES-CUT", "at https://evil.test/2"),
        (ok(listing("web"), "Link: <http://u:hunter2@127.0.0.1/2>; rel=next\r\n"), "E-NAMES-CUT", "elsewhere"),
        (ok(listing("web"), "Link: <http://[>; rel=next\r\n"), "E-NAMES-CUT", "elsewhere"),
        (ok(listing("web"), "Link: </list>; rel=next\r\n"), "E-NAMES-CUT", "cannot be followed"),
        (ok(b"web\n", "Link: </list?page=2>; rel=next\r\n"), "E-NAMES-CUT", "cannot be followed"),
        (MOVED, "E-NAMES-FETCH", "moved to https://new.test/list"),
        (said("302 Found", b"", "Location: /login\r\n"), "E-NAMES-FETCH", "/login"),
        (said("304 Not Modified", b""), "E-NAMES-FETCH", "HTTP 304"),
        (said("206 Partial Content", b"web\n"), "E-NAMES-FETCH", "HTTP 206"),
        (said("404 Not Found", b"web\n"), "E-NAMES-FETCH", "HTTP 404"),
        (said("503 Busy", b""), "E-NAMES-FETCH", "overloaded"),
        (said("429 Too Many", b""), "E-NAMES-FETCH", "limits how often"),
        (said("403 Forbidden", b"", "X-RateLimit-Remaining: 0\r\n"), "E-NAMES-FETCH", "limits how often"),
        (b"SSH-2.0-OpenSSH\r\n", "E-NAMES-FETCH", "does not speak HTTP"),
        (b"", "E-NAMES-FETCH", "without an answer"),
    ],
)  # fmt: skip
def test_what_is_not_a_complete_list(host: Host, remotes: Remotes, answer: bytes, code: str, why: str) -> None:
    url = host.says("/list", answer)
    with pytest.raises(SyncError) as caught:
        fetch(remotes, url)
    assert caught.value.code == code and why in caught.value.message, caught.value
    assert "hunter2" not in f"{caught.value} {caught.value.hint}" and caught.value.kept


def test_nobody_there(remotes: Remotes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(RemoteError, match="refused") as caught:
        fetch(remotes, f"http://127.0.0.1:{port}/list?a=hunter2")
    assert caught.value.code == "E-NAMES-FETCH" and caught.value.retryable and "hunter2" not in str(caught.value)


def test_a_page_that_fails_fails_the_whole(host: Host, remotes: Remotes) -> None:
    url = host.pages(["web"], ["sale"], ["stock"])
    host.says("/list?page=3", said("500 Oops", b""))
    with pytest.raises(RemoteError, match="HTTP 500"):
        fetch(remotes, url)


def test_a_listing_that_changes_meanwhile_is_refused(host: Host, remotes: Remotes) -> None:
    """`sale` goes while we are between the pages, so that `stock` moves to the page that we have already."""
    url = host.pages(["web", "sale"], ["stock", "crm"])
    host.answers["/list?page=2"] = [ok(listing("crm"))]
    host.answers["/list"].append(host.answers["/list"][0].replace(b'"sale"', b'"stok"'))
    with pytest.raises(RemoteError, match="changed while it was read") as caught:
        fetch(remotes, url)
    assert caught.value.code == "E-NAMES-CUT" and caught.value.retryable


def test_a_name_on_two_pages_is_a_change_too(host: Host, remotes: Remotes) -> None:
    with pytest.raises(RemoteError, match="came on two pages"):
        fetch(remotes, host.pages(["web", "sale"], ["sale", "stock"]))


def test_counts_that_differ_from_page_to_page(host: Host, remotes: Remotes) -> None:
    url = host.pages(["web"], ["sale"], headers="X-Total: 2\r\n")
    host.says("/list?page=2", ok(listing("sale"), "X-Total: 3\r\n"))
    with pytest.raises(RemoteError, match="there are 2 and 3, 2 came"):
        fetch(remotes, url)


def test_a_full_page_without_a_word_about_more(host: Host, remotes: Remotes) -> None:
    url = host.says("/list?per_page=3", ok(listing(*THREE)))
    with pytest.raises(RemoteError, match="just as many as a page may have"):
        fetch(remotes, url)
    url = host.says("/list?limit=3", ok(listing(*THREE), "X-Total-Count: 3\r\n"))
    assert names(fetch(remotes, url), url) == THREE


def test_listings_without_end_are_given_up(host: Host, remotes: Remotes) -> None:
    url = host.pages(*[[f"n{number}"] for number in range(PAGES_MAX + 1)])
    with pytest.raises(RemoteError, match="more than 50 pages"):
        fetch(remotes, url)
    assert len(host.asked) == PAGES_MAX
    host.says("/list?page=2", ok(listing("b"), "Link: </list>; rel=next\r\n"))
    with pytest.raises(RemoteError, match="cannot be followed"):
        fetch(remotes, url)


def test_a_credential_is_asked_for_only_when_the_host_wants_one(host: Host, remotes: Remotes, tmp_path: Path) -> None:
    helper = "!f() { echo username=ada; echo password=hunter2; }; f"
    (tmp_path / ".gitconfig").write_text(f'[credential "{host.root}"]\n\thelper = "{helper}"\n')
    url = host.says("/private", ok(listing(*THREE)))
    assert names(fetch(remotes, url), url) == THREE
    assert [asked.partition(" ")[2][:6] for asked in host.asked] == ["", "Basic "]
    host.asked.clear()
    fetch(remotes, host.says("/list", ok(listing(*THREE))))
    assert host.asked == ["/list"]  # although one is known by now


def test_no_credential_is_told_without_trying_again(host: Host, remotes: Remotes) -> None:
    with pytest.raises(CredentialError, match="asks who we are") as caught:
        fetch(remotes, host.says("/private", ok(listing(*THREE))))
    assert caught.value.code == "E-NAMES-FETCH" and host.asked == ["/private"]
