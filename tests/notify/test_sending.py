"""Messages sent to receivers on loopback, which behave well, badly, or not at all."""

from __future__ import annotations

import email
import importlib.util
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.notify.receivers import Checks, Hook, MailServer, Mattermost, Slack

from directional_sync.core.notices import Line, Notice
from directional_sync.model.notify import Channel, Means, Ping, Topic
from directional_sync.notify import library, signing
from directional_sync.notify.base import Patience, Untold
from directional_sync.notify.sending import Sender, check
from directional_sync.render.notices import Origin
from directional_sync.system import line as lines
from directional_sync.testing.service import Asked, LoopbackService, Mishap, Told

ORIGIN = Origin("odoo-ce", "main", "0199abcdef01")
NOTICE = Notice(
    Topic.FAILED,
    (Line("one", "the answer ended early", "E-SERVICE-CUT", "dsync run one", "2026-01-01", runs=1),),
    "id1",
)
QUICK = Patience(0.4, 1.0)
needs_apprise = pytest.mark.skipif(importlib.util.find_spec("apprise") is None, reason="apprise is an extra")


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as service:
        yield service


def told(means: Means, address: str, *, patience: Patience | None = None, notice: Notice = NOTICE, **more: str) -> str:
    """Why it was not told; "" when it was."""
    channel = Channel("team", means, "HOOK", "KEY" if means is Means.WEBHOOK else "")
    with Sender({"HOOK": address, **more}, ORIGIN, patience or Patience()) as sender:
        try:
            sender.tell(channel, notice)
        except Untold as error:
            assert "canary" not in f"{error} {error.reason}" and "127.0.0.1" not in error.reason
            return error.reason
    return ""


def test_slack_reads_it(slack: Slack) -> None:
    assert told(Means.SLACK, slack.address) == ""
    [message] = slack.messages
    assert "FAILING  one" in message and "the answer ended early (E-SERVICE-CUT)" in message
    assert "next: dsync run one" in message and "odoo-ce @ main   dsync show abcdef01" in message


def test_mattermost_reads_it() -> None:
    with Mattermost() as service:
        assert told(Means.MATTERMOST, service.address) == ""
        [attachment] = service.heard[0].json["attachments"]
    assert attachment["fallback"] == "FAILING  one" and attachment["color"].startswith("#")


def test_a_service_of_ones_own_believes_what_is_signed_and_nothing_else() -> None:  # T36, from the sender's side
    with Hook() as hook:
        assert told(Means.WEBHOOK, hook.address, KEY=hook.secret) == ""
        assert told(Means.WEBHOOK, hook.address, KEY=f"an-older-key-of-sixteen {hook.secret}") == ""
        assert told(Means.WEBHOOK, hook.address, KEY="some-other-key-of-sixteen") == "it answered 401"
        assert len(hook.news) == 1  # the same news has the same id
        assert hook.news[0]["data"]["targets"][0]["code"] == "E-SERVICE-CUT"


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of its specification."""
    made = signing.signed(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["short", "whsec_%%%", "whsec_YQ=="])
def test_a_key_that_is_none_is_told(secret: str) -> None:
    with Hook() as hook:
        assert "key" in told(Means.WEBHOOK, hook.address, KEY=secret)
        assert hook.heard == []


# F103
@pytest.mark.parametrize(
    ("mishap", "reason"),
    [
        (Mishap(status=500), "it answered 500"),
        (Mishap(status=404), "it answered 404"),
        (Mishap(status=429, retry_after="3600"), "it answered 429"),
        (Mishap(hang_s=30), "it did not answer in time"),
        (Mishap(drip_s=5), "it did not answer in time"),
        (Mishap(drop_before=True), "it cannot be reached"),
        (Mishap(drop_after=True), "it cannot be reached"),
        (Mishap(cut_after=1), "its answer was cut short"),
    ],
)
def test_what_goes_wrong_is_said_without_the_address(slack: Slack, mishap: Mishap, reason: str) -> None:
    slack.misbehave(mishap)
    assert told(Means.SLACK, slack.address, patience=QUICK) == reason


def test_a_receiver_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert told(Means.SLACK, f"http://127.0.0.1:{taken.getsockname()[1]}/canary") == "it cannot be reached"


def test_one_that_is_busy_for_a_moment_is_asked_again(slack: Slack) -> None:
    slack.misbehave(Mishap(status=429, retry_after="0"), times=1)
    assert told(Means.SLACK, slack.address) == ""
    assert len(slack.messages) == 2


def test_all_of_a_run_has_one_time(slack: Slack) -> None:  # F103: no matter how many there are to be told
    slack.misbehave(Mishap(hang_s=30))
    channel = Channel("team", Means.SLACK, "HOOK")
    reasons = []
    with Sender({"HOOK": slack.address}, ORIGIN, Patience(0.2, 0.3)) as sender:
        for _ in range(5):
            with pytest.raises(Untold) as caught:
                sender.tell(channel, NOTICE)
            reasons.append(caught.value.reason)
    assert reasons[0] == "it did not answer in time" and reasons[2:] == ["there was no time left for it"] * 3
    assert len(slack.heard) <= 2


def test_a_look_up_that_takes_for_ever_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    never = threading.Event()
    monkeypatch.setattr(lines.socket, "getaddrinfo", lambda *a, **k: never.wait(20))
    assert told(Means.SLACK, "https://canary.example.org/x", patience=Patience(0.1, 0.1)) == "it did not answer in time"
    never.set()


# T30
@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://hooks.example.org/canary", "only https"),
        ("http://10.0.0.7/canary", "only https"),
        ("http://localhost.example.org/canary", "only https"),
        ("http://127.0.0.1.example.org/canary", "only https"),
        ("ftp://hooks.example.org/canary", "no address"),
        ("file:///etc/canary", "no address"),
        ("https://user:canary@example.org/", "no address"),
        ("https://", "no address"),
        ("https://example.org:99999/canary", "no address"),
        ("https://example.org/a b canary", "no address"),
        ("https://example.org/\r\nHost: canary", "no address"),
        ("hooks.example.org/canary", "no address"),
        ("", "not set"),
        ("https://169.254.169.254/canary", "cannot be reached"),
        ("https://[::ffff:169.254.169.254]/canary", "cannot be reached"),
    ],
)
def test_addresses_that_are_not_asked(address: str, says: str) -> None:
    assert says in told(Means.SLACK, address)


# T30: DNS rebinding. The address that is checked is the one that is connected to.
def test_a_name_that_leads_to_where_machines_keep_credentials_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def resolver(name: Any, port: int, **more: Any) -> list[Any]:
        asked.append(name)
        address = ["93.184.216.34", "169.254.169.254"][len(asked) > 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected: list[Any] = []
    monkeypatch.setattr(lines.socket, "getaddrinfo", resolver)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: connected.append(address) or _refuse())
    assert told(Means.SLACK, "https://rebind.example.org/canary") == "it cannot be reached"
    assert len(asked) == 1 and connected == [("93.184.216.34", 443)]
    assert told(Means.SLACK, "https://rebind.example.org/canary") == "it cannot be reached"
    assert len(connected) == 1


def _refuse() -> None:
    raise ConnectionRefusedError


class Redirecting(LoopbackService):
    def __init__(self, status: int, where: str) -> None:
        super().__init__()
        self.status, self.where = status, where

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/here":
            return Told(200, b"ok")
        return Told(self.status, b"", {"Location": self.where})


# T30
@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("where", ["other", "//evil.example.org/x", "https://127.0.0.1/x", "file:///etc/passwd"])
def test_no_redirect_is_followed_to_another_host(slack: Slack, status: int, where: str) -> None:
    with Redirecting(status, slack.address if where == "other" else where) as service:
        says = told(Means.SLACK, f"{service.url}/canary")
        with Sender({"HC": f"{service.url}/canary"}, ORIGIN, QUICK) as sender, pytest.raises(Untold):
            sender.ping(Ping("p", "HC"))
    assert says == "it sends elsewhere, which is not followed"
    assert slack.heard == []


@pytest.mark.parametrize(
    ("status", "reason"), [(307, ""), (308, ""), (302, "it answered 302"), (304, "it answered 304")]
)
def test_on_the_same_host_a_message_stays_a_message(status: int, reason: str) -> None:
    with Redirecting(status, "/here") as service:
        assert told(Means.SLACK, f"{service.url}/there") == reason
        assert [asked.method for asked in service.heard] == ["POST"] * len(service.heard)


def test_a_circle_ends() -> None:
    with Redirecting(307, "/there") as service:
        assert told(Means.SLACK, f"{service.url}/there") == "it sends round in a circle"


def test_signs_of_life() -> None:
    with Checks() as checks:
        environ = {"HC": f"{checks.address}?rid=1", "SLASH": f"{checks.address}/"}
        with Sender(environ, ORIGIN, Patience()) as sender:
            for phase in ("start", "fail", ""):
                sender.ping(Ping("p", "HC"), phase)
            sender.ping(Ping("p", "SLASH"), "start")
        assert checks.phases == ["/start", "/fail", "", "/start"]
        assert checks.heard[0].query == {"rid": "1"} and checks.heard[0].method == "GET"


@needs_apprise
def test_mail() -> None:
    hostile = "nobody\r\nBcc: evil@example.org\n.\n\u202eX <b>@channel</b>"
    notice = Notice(Topic.REFUSED, (Line(hostile, hostile, "E-SECRET"),), "id")
    with MailServer() as server:
        assert told(Means.APPRISE, server.address, notice=notice) == ""
        [mail] = server.mails
    message = email.message_from_string(mail)
    assert message["Bcc"] is None and "team@example.org" in message["To"]
    parts = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    text = b"".join(part.get_payload(decode=True) for part in parts).decode()  # type: ignore[misc]
    assert "E-SECRET" in text and "<U+202E>" in text and "@channel" not in text


@needs_apprise
def test_what_the_library_sends_keeps_to_our_rules(slack: Slack, capfd: pytest.CaptureFixture[str]) -> None:
    host = slack.url.removeprefix("http://")
    with Redirecting(307, slack.address) as service:
        inside = f"json://{service.url.removeprefix('http://')}/canary?redirect=yes"
        assert told(Means.APPRISE, inside) == "apprise could not deliver it"
    assert slack.heard == []
    slack.misbehave(Mishap(hang_s=30))
    assert told(Means.APPRISE, f"json://{host}/canary", patience=QUICK) in (
        "it did not answer in time",
        "apprise could not deliver it",
    )
    for address, says in [
        ("json://example.org/canary", "not encrypted"),
        ("mailto://user:canary@example.org", "not encrypted"),
        ("nonsense://canary", "no address that apprise knows"),
        ("file:///tmp/canary", "no address that apprise knows"),
    ]:
        assert says in told(Means.APPRISE, address)
    assert capfd.readouterr() == ("", "")


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "installed", lambda: False)
    assert "pip install 'directional-sync[notify]'" in told(Means.APPRISE, "mailtos://canary")


def test_doctor_looks_without_asking(slack: Slack) -> None:
    environ = {"HOOK": slack.address, "KEY": "a-key-of-sixteen-and-more"}
    check(Channel("t", Means.SLACK, "HOOK"), environ)
    check(Channel("t", Means.WEBHOOK, "HOOK", "KEY"), environ)
    check(Ping("p", "HOOK"), environ)
    for broken in (Channel("t", Means.SLACK, "NONE"), Channel("t", Means.WEBHOOK, "HOOK", "NONE"), Ping("p", "KEY")):
        with pytest.raises(Untold) as caught:
            check(broken, environ)
        assert caught.value.code == "E-NOTIFY-ADDRESS"
    assert slack.heard == []
