"""P10, T24: no form of a known value passes the redactor, in text, in data or in pieces."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directional_sync.core.redact import _WORDS, MASK, Redactor, secret_name, secret_values
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.plan import Change
from directional_sync.model.record import Failure, Phase, Verdict
from directional_sync.model.snapshot import ABSENT, Entry

CANARIES = {
    "token": "cAnArY" + "7f3Zq91xKw",
    "symbols": "p@ss/w0rd+&=? #%",
    "quotes": 'it\'s "quoted" $HOME `x` \\ !',
    "umlauts": "schlüssel-für-ß",
    "markup": "a<b>&'c\"d",
    "lines": "-----BEGIN THING-----\nMIIabcdefghij0123\nqwertzuiopasdfgh\n-----END THING-----\n",
    "spaces around": "  padded-value ",
    "short": "k9#z",
}


def _json_in_json(value: str) -> str:
    return json.dumps(json.dumps({"v": value}))


FORMS = {
    "as it is": lambda v: v,
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "base64 after one byte": lambda v: base64.b64encode(b"u" + v.encode()).decode(),
    "base64 after two bytes": lambda v: base64.b64encode(b"u:" + v.encode() + b":x").decode(),
    "basic authorization": lambda v: "Basic " + base64.b64encode(b"user:" + v.encode()).decode(),
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(b"id." + v.encode()).decode(),
    "hexadecimal": lambda v: v.encode().hex(),
    "URL": lambda v: quote(v, safe=""),
    "URL path": lambda v: quote(v),
    "form": quote_plus,
    "URL, lower case": lambda v: re.sub("%..", lambda m: m.group().lower(), quote(v, safe="")),
    "JSON": json.dumps,
    "JSON, not ASCII": lambda v: json.dumps(v, ensure_ascii=False),
    "JSON in JSON": _json_in_json,
    "JSON, slashes": lambda v: json.dumps(v).replace("/", "\\/"),
    "shell": shlex.quote,
    "shell, escaped quote": lambda v: "'" + v.replace("'", "'\\''") + "'",
    "XML": html.escape,
    "YAML": lambda v: "'" + v.replace("'", "''") + "'",
    "python": repr,
}


def _leaks(value: str, text: str) -> bool:
    return value in text or value.strip() in text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [kind for kind in CANARIES if kind != "short"])
def test_every_form_is_masked(kind: str, form: str) -> None:
    value = CANARIES[kind]
    encoded = FORMS[form](value)
    for text in (encoded, f"before {encoded} after", f"x={encoded};y"):
        shown = Redactor([value]).text(text)
        assert MASK in shown
        assert encoded.strip("\"' \n") not in shown
        assert not _leaks(value, shown)


@pytest.mark.parametrize("kind", CANARIES)
def test_the_value_itself_is_masked_at_every_length(kind: str) -> None:
    assert Redactor([CANARIES[kind]]).text(f"<{CANARIES[kind]}>").strip("<> \n") == MASK


def test_each_line_of_a_value_is_masked() -> None:
    redactor = Redactor([CANARIES["lines"]])
    for line in CANARIES["lines"].splitlines():
        assert redactor.text(f"  | {line} |") == f"  | {MASK} |"


def test_a_base64_remainder_tells_at_most_one_byte_at_each_end() -> None:
    value = "correct-horse-9!"
    for before in range(4):
        text = base64.b64encode(b"a" * before + value.encode() + b"zz").decode()
        left, _, right = Redactor([value]).text(text).partition(MASK)
        assert len(left) <= (before * 8) // 6 + 1
        assert len(right) <= 6  # one character of the value, the z's and the filling


def test_overlapping_values_leave_no_remainder() -> None:
    assert Redactor(["abcdefgh", "efghijkl"]).text("xx abcdefghijkl xx") == f"xx {MASK} xx"
    assert Redactor(["secret-1", "secret-1-long"]).text("secret-1-long") == MASK


def test_short_values_and_words_are_left() -> None:
    assert Redactor(["on", "1", "", "true", "None"]).text("on 1 true None") == "on 1 true None"


def test_values_are_not_shown_by_the_redactor_itself() -> None:
    assert "hunter" not in repr(Redactor(["hunter2hunter2"]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pa55@host/x", f"https://{MASK}@host/x"),
        ("git+https://x-access-token:abc@github.com/a/b", f"git+https://{MASK}@github.com/a/b"),
        ("http://justatoken@host", f"http://{MASK}@host"),
        ("postgres://odoo:p@ss@db:5432/x", f"postgres://{MASK}@db:5432/x"),
        ("ssh://git@github.com/a", "ssh://git@github.com/a"),
        ("git@github.com:a/b", "git@github.com:a/b"),
        ("https://host/path?mail=a@b", "https://host/path?mail=a@b"),
        ("see https://host, write to a@b.c", "see https://host, write to a@b.c"),
        ("'redis://:pw@h'", f"'redis://{MASK}@h'"),
    ],
)
def test_url_credentials_are_masked_whether_known_or_not(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown
    assert Redactor(["something else"]).text(shown) == shown


@pytest.mark.parametrize("size", range(1, 65))
def test_pieces_of_every_size_say_the_same_as_the_whole(size: int) -> None:
    redactor = Redactor(CANARIES.values())
    text = " ".join(f"{name}={FORMS[form](value)}" for name, value in CANARIES.items() for form in FORMS)
    text += " https://user:pass@host/ tail cAnArY"
    stream = redactor.stream()
    pieces = [stream.feed(text[i : i + size]) for i in range(0, len(text), size)] + [stream.close()]
    assert "".join(pieces) == redactor.text(text)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text("ab:/@ x", min_size=4, max_size=9), min_size=1, max_size=4),
    st.text("ab:/@ x", max_size=60),
    st.integers(1, 9),
)
def test_pieces_say_the_same_as_the_whole_for_values_that_overlap(values: list[str], text: str, size: int) -> None:
    redactor = Redactor(values)
    stream = redactor.stream()
    pieces = [stream.feed(text[i : i + size]) for i in range(0, len(text), size)] + [stream.close()]
    assert "".join(pieces) == redactor.text(text)


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_value_survives(value: str, before: str, after: str) -> None:
    redactor = Redactor([value])
    if len(value.strip()) >= 4 and "*" not in value and value.strip().lower() not in _WORDS:
        assert value not in redactor.text(before + value + after).replace(MASK, "\0")


def test_a_stream_holds_back_no_more_than_it_must() -> None:
    stream = Redactor(["0123456789"]).stream()
    assert len("".join(stream.feed("word ") for _ in range(1000))) > 4900


def test_a_stream_of_one_endless_value_stays_small() -> None:
    stream = Redactor(["aaaa"]).stream()
    shown = "".join(stream.feed("a" * 1000) for _ in range(200)) + stream.close()
    assert shown == MASK


@dataclass(frozen=True)
class _Record:
    name: str
    parts: tuple[str, ...]
    inner: object = None


def test_data_is_redacted_at_any_depth_and_kept_where_nothing_is_found() -> None:
    redactor = Redactor(["hunter2hunter2", "12345678"])
    found = redactor.value(
        {"a": ["x hunter2hunter2"], "hunter2hunter2": {"n": 12345678, "ok": 5, "yes": True, "b": None}}
    )
    assert found == {"a": [f"x {MASK}"], MASK: {"n": MASK, "ok": 5, "yes": True, "b": None}}
    assert redactor.value(b"\xffhunter2hunter2") == b"\xff***"
    record = _Record("n", ("hunter2hunter2",), _Record("hunter2hunter2", ()))
    assert redactor.value(record) == _Record("n", (MASK,), _Record(MASK, ()))
    clean = _Record("n", ("a", "b"), {"k": [1, b"x"]})
    assert redactor.value(clean) is clean


def test_verdicts_failures_and_events_are_redacted_whole() -> None:
    secret = "hunter2hunter2"
    redactor = Redactor([secret])
    verdict = Verdict("g", Phase.POST, False, f"m {secret}", "E-X", (f"d {secret}",), f"h {secret}")
    failure = Failure("E-X", secret, secret, secret, secret, (secret,))
    event = Event(EventType.CHECK, secret, secret, data={"k": {"d": [secret]}}, subject=verdict)
    for value in (verdict, failure, event):
        shown = redactor.value(value)
        assert secret not in repr(shown)
        assert type(shown) is type(value)
    assert redactor.value(event).type is EventType.CHECK
    change = Change(f"a/{secret}", ABSENT, Entry("1" * 40, "100644"))
    assert redactor.value((change,)) == (Change(f"a/{MASK}", ABSENT, change.after),)


def test_names_that_hold_secrets_are_known() -> None:
    for name in (
        "DB_PASSWORD",
        "NOTION_API_TOKEN",
        "SUPABASE_SERVICE_KEY",
        "clientSecret",
        "API_KEY",
        "PGPASSWORD",
        "X_PAT",
    ):
        assert secret_name(name), name
    for name in ("PATH", "HOME", "SSH_AUTH_SOCK", "GIT_AUTHOR_NAME", "KEYBOARD", "PUBLIC_KEY", "PASSWORD_FILE"):
        assert not secret_name(name), name
    assert secret_values({"A_TOKEN": "v1", "LANG": "C"}) == ("v1",)


def test_what_every_shell_sets_is_no_secret() -> None:
    assert secret_values({"PWD": "/srv/odoo", "OLDPWD": "/srv", "XDG_SESSION_ID": "1234", "DB_PWD": "x1"}) == ("x1",)
