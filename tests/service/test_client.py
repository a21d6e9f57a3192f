"""Asking a service that misbehaves: nothing that is not whole and not what was asked for is taken for an answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from directional_sync.core.strict_json import Number
from directional_sync.errors import CredentialError, InterruptedRun, RemoteError, SyncError
from directional_sync.service.client import Client, Service
from directional_sync.service.complaints import OutcomeUnknownError
from directional_sync.service.pace import Pace
from directional_sync.testing.service import Asked, LoopbackService, Mishap, Told

TOKEN = "canary-Zq81-never-shown"


class Counter(LoopbackService):
    made = 0

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/elsewhere":
            return Told(302, b"", {"Location": "http://localhost:9/x"})
        if asked.path == "/moved":
            return Told(301, b"", {"Location": "/things"})
        if asked.path == "/tagged":
            if asked.headers.get("if-none-match") == '"one"':
                return Told(304, b"", {"ETag": '"one"'})
            return Told(200, b'{"price": 0.10}', {"Content-Type": "application/json", "ETag": '"one"'})
        if asked.path == "/nowhere":
            return Told(304, b"")
        if asked.path == "/quota" and len(self.heard) < 2:
            soon = str(int(time.time()) + 2)
            return Told(429, b"{}", {"Content-Type": "application/json", "RateLimit-Reset": soon})
        if asked.path == "/loop":
            return Told(301, b"", {"Location": "/loop"})
        if asked.method == "POST":
            self.made += 1
            return Told.json({"made": self.made})
        return Told.json({"things": ["a", "b"], "query": dict(asked.query)})


@pytest.fixture
def counter() -> Iterator[Counter]:
    with Counter() as service:
        yield service


def opened(counter: Counter, **more: Any) -> Client:
    service = Service(counter.url, {"Authorization": f"Bearer {TOKEN}"}, "THE_TOKEN")
    return Client(service, {}, **{"retries": 2, "timeout_s": 5.0, **more})


def test_json_comes_back_and_the_credential_goes_along(counter: Counter) -> None:
    reply = opened(counter).ask("GET", "/things", query=[("page", "1"), ("q", "a b&c")])
    assert reply.value == {"things": ["a", "b"], "query": {"page": "1", "q": "a b&c"}}
    assert counter.heard[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("mishap", "code"),
    [
        (Mishap(html=True), "E-SERVICE-NOT-JSON"),  # F49
        (Mishap(cut_after=9), "E-SERVICE-CUT"),  # F47
        (Mishap(cut_after=9, no_length=True), "E-SERVICE-NOT-JSON"),  # F48
        (Mishap(cut_after=0, no_length=True), "E-SERVICE-CUT"),
        (Mishap(body=b'{"a": 1, "a": 2}'), "E-SERVICE-NOT-JSON"),  # T28
        (Mishap(body=b'{"a": NaN}'), "E-SERVICE-NOT-JSON"),
        (Mishap(body=b"[" * 5000 + b"]" * 5000), "E-SERVICE-NOT-JSON"),
        (Mishap(body=b"9" * 5000), "E-SERVICE-NOT-JSON"),
        (Mishap(status=401), "E-SERVICE-AUTH"),
        (Mishap(status=403), "E-SERVICE-AUTH"),
        (Mishap(status=404), "E-SERVICE-GONE"),
        (Mishap(status=422), "E-SERVICE-REFUSED"),
        (Mishap(status=500), "E-SERVICE-DOWN"),
        (Mishap(status=409), "E-SERVICE-CONFLICT"),
        (Mishap(drop_before=True), "E-SERVICE-UNREACHABLE"),
    ],
)
def test_what_is_no_answer_is_one_error(counter: Counter, mishap: Mishap, code: str) -> None:
    counter.misbehave(mishap)
    with pytest.raises(SyncError) as caught:
        opened(counter, retries=0).ask("GET", "/things")
    assert caught.value.code == code
    assert caught.value.kept and caught.value.hint
    assert TOKEN not in f"{caught.value} {caught.value.hint} {caught.value.detail}"
    assert isinstance(caught.value, CredentialError) == (code == "E-SERVICE-AUTH")


def test_a_refused_credential_is_named_by_its_variable(counter: Counter) -> None:
    counter.misbehave(Mishap(status=401))
    with pytest.raises(CredentialError) as caught:
        opened(counter).ask("GET", "/things")
    assert "THE_TOKEN" in caught.value.hint
    assert len(counter.heard) == 1  # a credential is not tried again


def test_a_dripping_answer_ends_with_the_deadline(counter: Counter) -> None:  # F46
    counter.misbehave(Mishap(drip_s=0.2))
    with pytest.raises(RemoteError) as caught:
        opened(counter, timeout_s=0.7, retries=0).ask("GET", "/things")
    assert caught.value.code == "E-SERVICE-TIMEOUT"


def test_trouble_that_passes_is_waited_for(counter: Counter) -> None:  # F52
    counter.misbehave(Mishap(status=503), times=1)
    counter.misbehave(Mishap(drop_before=True), times=1)
    assert opened(counter).ask("GET", "/things").value["things"] == ["a", "b"]
    assert len(counter.heard) == 3


def test_a_rate_limit_is_kept_shown_and_no_failure(counter: Counter) -> None:  # F51, U16
    counter.misbehave(Mishap(status=429, retry_after="0.1"), times=4)
    counter.misbehave(Mishap(status=429, retry_after="2"), times=1)
    told: list[str] = []
    client = opened(counter, retries=0, timeout_s=30, waiting=told.append)
    assert client.ask("GET", "/things").status == 200
    assert len(counter.heard) == 6
    assert any("rate limit" in line and counter.url.partition("//")[2] in line for line in told)


def test_a_pause_longer_than_the_time_that_is_left_is_not_begun(counter: Counter) -> None:
    counter.misbehave(Mishap(status=429, retry_after="3600"))
    with pytest.raises(RemoteError) as caught:
        opened(counter).ask("GET", "/things")
    assert caught.value.code == "E-SERVICE-LIMITED"
    assert len(counter.heard) == 1


def test_a_pause_ends_when_somebody_asks_to_stop(counter: Counter) -> None:
    counter.misbehave(Mishap(status=429, retry_after="100"))
    stops = iter([False, False, True])
    with pytest.raises(InterruptedRun):
        opened(counter, timeout_s=500, stop=lambda: next(stops, True)).ask("GET", "/things")


@pytest.mark.parametrize(
    "mishap",
    [
        Mishap(drop_after=True),
        Mishap(status=500),
        Mishap(cut_after=3),
        Mishap(cut_after=3, no_length=True),
        Mishap(cut_after=0, no_length=True),
        Mishap(html=True),
    ],
)
def test_what_must_not_be_done_twice_is_not_asked_twice(counter: Counter, mishap: Mishap) -> None:  # F57
    counter.misbehave(mishap)
    with pytest.raises(OutcomeUnknownError) as caught:
        opened(counter).ask("POST", "/things", body={"name": "x"}, once=True)
    assert caught.value.code == "E-SERVICE-UNKNOWN"
    assert len(counter.heard) == 1


def test_what_was_certainly_not_done_is_asked_again(counter: Counter) -> None:
    counter.misbehave(Mishap(status=429, retry_after="0.1"), times=1)
    assert opened(counter).ask("POST", "/things", body={"name": "x"}, once=True).value == {"made": 1}
    assert counter.made == 1


def test_what_is_sent_is_said_right_before_it_each_time(counter: Counter) -> None:  # F07
    counter.misbehave(Mishap(status=429, retry_after="0.1"), times=2)
    said: list[int] = []
    client = opened(counter)
    client.ask("POST", "/things", body={}, once=True, sending=lambda: said.append(len(counter.heard)))
    assert said == [0, 1, 2]

    def refused() -> None:
        raise RemoteError("E-IO", "it cannot be written down")

    with pytest.raises(RemoteError):
        client.ask("POST", "/things", body={}, once=True, sending=refused)
    assert len(counter.heard) == 3


def test_whoever_asks_may_want_to_look_before_asking_again(counter: Counter) -> None:  # F53
    counter.misbehave(Mishap(status=409))
    with pytest.raises(RemoteError) as caught:
        opened(counter).ask("PATCH", "/things", body={}, final=["E-SERVICE-CONFLICT"])
    assert caught.value.code == "E-SERVICE-CONFLICT"
    assert len(counter.heard) == 1


def test_a_service_that_is_not_there(counter: Counter) -> None:  # F45
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = Client(Service(f"http://127.0.0.1:{taken.getsockname()[1]}"), {}, retries=0, timeout_s=2)
        with pytest.raises(RemoteError) as caught:
            client.ask("POST", "/x", once=True)
    assert caught.value.code == "E-SERVICE-UNREACHABLE"  # nothing was sent, so nothing is unknown


def test_redirects_stay_on_the_host(counter: Counter) -> None:
    client = opened(counter)
    assert client.ask("GET", "/moved").value["things"] == ["a", "b"]
    for path in ("/elsewhere", "/loop"):
        with pytest.raises(RemoteError) as caught:
            client.ask("GET", path)
        assert caught.value.code == "E-SERVICE-MOVED"
    with pytest.raises(RemoteError):
        client.ask("GET", "https://example.invalid/next")


def test_what_has_not_changed_need_not_be_sent_again(counter: Counter) -> None:
    client = opened(counter)
    first = client.ask("GET", "/tagged", exact=True)
    assert first.value == {"price": Number("0.10")}
    assert not first.unchanged
    again = client.ask("GET", "/tagged", tag=first.headers["etag"])
    assert again.unchanged and again.value is None
    assert client.ask("GET", "/tagged", tag='"other"').value == {"price": 0.1}
    with pytest.raises(RemoteError) as caught:
        client.ask("GET", "/nowhere")  # nobody asked whether anything has changed
    assert caught.value.code == "E-SERVICE-MOVED"


def test_a_quota_that_fills_up_again_is_waited_for(counter: Counter) -> None:  # F51
    told: list[str] = []
    assert opened(counter, retries=0, timeout_s=30, waiting=told.append).ask("GET", "/quota").status == 200
    assert len(counter.heard) == 2


def test_another_host_is_fetched_from_without_the_credential(counter: Counter) -> None:
    with Counter() as other:
        opened(counter).fetch(f"{other.url}/things", bytes_max=1000)
        assert "authorization" not in other.heard[0].headers


def test_a_credential_never_travels_in_the_clear() -> None:
    with pytest.raises(RemoteError) as caught:
        Client(Service("http://example.org", {}, "TOKEN"), {}, retries=0, timeout_s=1)
    assert caught.value.code == "E-SERVICE-INSECURE"


@pytest.mark.parametrize("address", ["http://169.254.169.254", "http://[::ffff:169.254.169.254]"])
def test_link_local_addresses_are_not_asked(address: str) -> None:  # T30
    with pytest.raises(RemoteError) as caught:
        Client(Service(address), {}, retries=0, timeout_s=1).ask("GET", "/latest/meta-data")
    assert caught.value.code == "E-SERVICE-UNREACHABLE"
    assert "link-local" in str(caught.value)


def test_an_answer_that_is_too_long_is_not_read(counter: Counter) -> None:
    with pytest.raises(RemoteError) as caught:
        opened(counter).ask("GET", "/things", bytes_max=5)
    assert caught.value.code == "E-SERVICE-TOO-LARGE"


def test_pace_spaces_turns_evenly_and_lets_a_service_stretch_them() -> None:
    pace = Pace(10)
    waits = [pace.turn() for _ in range(5)]
    assert waits[0] == 0
    assert 0.3 < waits[4] <= 0.4
    pace.rest(5)
    assert 4.5 < pace.turn() <= 5
    assert [Pace(0).turn() for _ in range(3)] == [0, 0, 0]
    burst = Pace(1, burst=3)
    assert [round(burst.turn()) for _ in range(4)] == [0, 0, 0, 1]


def test_files_come_from_hosts_that_are_named_and_from_no_other(counter: Counter) -> None:
    client = opened(counter)
    for url in ("http://localhost:9/x", "/elsewhere"):
        with pytest.raises(RemoteError) as caught:
            client.fetch(url, bytes_max=100, hosts=())
        assert caught.value.code == "E-SERVICE-MOVED" and "localhost:9" in caught.value.message
    assert client.fetch("/moved", bytes_max=100, hosts=()).startswith(b"{")
    with Counter() as other:
        host = other.url.removeprefix("http://")
        assert client.fetch(f"{other.url}/things", bytes_max=100, hosts=(host,)).startswith(b"{")
        assert "authorization" not in other.heard[0].headers
