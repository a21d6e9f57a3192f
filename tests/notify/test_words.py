"""What people read: harmless whatever is in it, and short enough to arrive (G20 for this sink)."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.notify.receivers import MENTION

from directional_sync.core.escape import hidden
from directional_sync.core.findings import finding, host
from directional_sync.core.notices import Finding, Line, Notice
from directional_sync.endpoints.git.options import GitOptions
from directional_sync.errors import Exit
from directional_sync.model.approval import Ask
from directional_sync.model.lifecycle import Outcome, Skip
from directional_sync.model.notify import Topic
from directional_sync.model.plan import Change, Conflict, Counts, Plan
from directional_sync.model.record import Failure, Phase, TargetRecord, Verdict
from directional_sync.model.snapshot import ABSENT, FILE, Entry
from directional_sync.model.target import Direction, Target
from directional_sync.render import notices as render
from directional_sync.render.notices import CHARACTERS_MAX, Origin

ORIGIN = Origin("odoo-ce", "main", "0199abcdef01")
HOSTILE = [
    "@channel", "<!channel>", "<!here|x>", "<@U012AB3CD>", "@all @here @everyone", "@\u200bchannel @channel",
    "<https://evil.example/|click>", "[click](https://evil.example/)", "![](https://evil.example/p.png)", "`*_~",
    "# Head", "&lt;!channel&gt;", "a\nb\r\nc\td", "\u202egnp.exe", "\x1b[31mred\x1b[0m", "\udcff\ud800", "x" * 5000, "",
    "::error::x", "{{7*7}}", "</script><script>alert(1)</script>", "\u2028\u2029", "|a|b|\n|-|-|", "$(rm -rf /)",
]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=[]), max_size=400),
    st.text(max_size=50),
)


def notice(*lines: Line, topic: Topic = Topic.FAILED, host: str = "") -> Notice:
    return Notice(topic, lines, "id", host)


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in strings(item)]


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=4), TEXT, TEXT, st.sampled_from(list(Topic)))
def test_nothing_foreign_acts(
    rows: list[tuple[str, str, str, str]], name: str, branch: str, topic: Topic
) -> None:  # G20
    told = notice(*(Line(*row[:3], hint=row[3]) for row in rows), topic=topic, host=name)
    origin = Origin(name, branch, "r")
    slack, mattermost = render.slack(told, origin), render.mattermost(told, origin)
    texts = [*strings(slack), *strings(mattermost), render.plain(told, origin)]
    for text in texts:
        assert not MENTION.search(text)
        lines = text.replace("@\u200b", "@").split("\n")
        assert not any(hidden(line) for line in lines)
    assert not re.search("[<>]", slack["text"])
    assert {block["text"]["type"] for block in slack["blocks"]} == {"plain_text"}
    [attachment] = mattermost["attachments"]
    for text in (attachment["title"], attachment["text"]):
        assert not re.search(r"[`*_{}\[\]()#~|<>!]", re.sub(r"\\.", "", text))
    for payload in (slack, mattermost, render.webhook(told, origin, "2026-01-01T00:00:00Z")):
        json.loads(render.encoded(payload))
    for target in render.webhook(told, origin, "2026-01-01T00:00:00Z")["data"]["targets"]:
        assert not hidden(target["message"]) and not hidden(target["hint"])


@given(st.integers(1, 80), st.integers(0, 3000), st.booleans())
def test_it_is_short_enough_to_arrive(targets: int, length: int, same: bool) -> None:
    lines = [
        Line(f"target_{n:03}" + "y" * 50, ("" if same else str(n)) + "x" * length, "E-X", "h") for n in range(targets)
    ]
    text = render.plain(notice(*lines), ORIGIN)
    assert len(text) <= CHARACTERS_MAX
    if targets > 12 and (length > 300 or same):
        assert re.search(r"and \d+ more", text)
    for block in render.slack(notice(*lines), ORIGIN)["blocks"]:
        assert 1 <= len(block["text"]["text"]) <= (150 if block["type"] == "header" else 3000)


def test_as_people_read_it() -> None:
    one = Line("apps_truth", "The answer ended early", "E-SERVICE-CUT", "dsync run", "2026-01-04T14:02:00Z", runs=3)
    assert render.plain(notice(one), ORIGIN) == (
        "FAILING  apps_truth  (since 2026-01-04 14:02 UTC, 3 runs)\n"
        "The answer ended early (E-SERVICE-CUT)\n"
        "next: dsync run\n"
        "odoo-ce @ main   dsync show abcdef01"
    )
    back = Line("apps_truth", "2 files changed", since="2026-01-04T14:02:00Z", until="2026-01-04T18:12:00Z", runs=5)
    assert render.plain(notice(back, topic=Topic.RECOVERED), ORIGIN).splitlines()[0] == (
        "RECOVERED  apps_truth  after 4h, 5 runs"
    )
    many = [Line(f"t{n}", f"{n}: git.example.org cannot be reached", "E-X", last=n == 1) for n in range(2)]
    assert render.plain(notice(*many, host="git.example.org"), ORIGIN).splitlines() == [
        "FAILING  2 targets  (git.example.org)",
        "t0: 0: git.example.org cannot be reached (E-X)",
        "t1: 1: git.example.org cannot be reached (E-X)",
        "It goes back and forth: nothing more is said of t1 before a day is over.",
        "odoo-ce @ main   dsync show abcdef01",
    ]


ENTRY, OTHER = Entry("a" * 40, FILE), Entry("b" * 40, FILE)
TARGET = Target(
    "one", Direction.PULL, "git", GitOptions(url="https://git.example.org/{name}.git", into="x/{name}", names=("a",))
)
PLAN = Plan("one", Direction.PULL, repo=(Change("f", ABSENT, ENTRY),))
CLASH = Plan("one", Direction.PULL, conflicts=(Conflict("k", ENTRY, OTHER, ABSENT),))
ASKS = (Verdict("approval", Phase.PLAN, False, code="E-APPROVAL", asks=(Ask("p.sh", "0" * 64, "a program"),)),)


def record(outcome: Outcome, **more: object) -> TargetRecord:
    return TargetRecord("one", Direction.PULL, outcome, "said", **more)  # type: ignore[arg-type]


def failure(code: str, message: str = "no", exit: Exit = Exit.FAILED) -> Failure:
    return Failure(code, message, exit=exit)


@pytest.mark.parametrize(
    ("ended", "topic", "host", "items"),
    [
        (record(Outcome.FAILED, failure=failure("E-UPSTREAM-TIMEOUT", "https://git.example.org/a cannot")), "failed",
         "git.example.org", set()),
        (record(Outcome.FAILED, failure=failure("E-SCRIPT")), "failed", "", set()),
        (record(Outcome.FAILED, failure=failure("E-AUTH", exit=Exit.CREDENTIAL)), "failed", "", set()),
        (record(Outcome.REFUSED, failure=failure("E-SECRET", exit=Exit.REFUSED)), "refused", "", set()),
        (record(Outcome.FAILED, failure=failure("E-LINK", exit=Exit.REFUSED)), "refused", "", set()),
        (record(Outcome.REFUSED, failure=failure("E-APPROVAL", exit=Exit.REFUSED), verdicts=ASKS), "approval", "",
         {"0" * 64 + " p.sh"}),
        (record(Outcome.CONFLICTED, failure=failure("E-CONFLICT", exit=Exit.CONFLICTS), plan=CLASH), "conflict", "",
         {"k"}),
        (record(Outcome.PLANNED, plan=PLAN), "drifted", "", set()),
        (record(Outcome.PLANNED, plan=Plan("one", Direction.PULL)), None, "", set()),
        (record(Outcome.PLANNED, plan=Plan("one", Direction.PUSH, opaque="a script")), None, "", set()),
        (record(Outcome.IN_SYNC), None, "", set()),
        (record(Outcome.SYNCED, counts=Counts(added=1)), None, "", set()),
    ],
)  # fmt: skip
def test_what_a_record_says(ended: TargetRecord, topic: str | None, host: str, items: set[str]) -> None:
    found = finding(ended, TARGET)
    assert found is not None
    assert (found.topic, found.host, found.items) == (topic, host, items)
    assert found.changed == (ended.outcome is Outcome.SYNCED)


@pytest.mark.parametrize("outcome", [Outcome.SKIPPED, Outcome.CANCELLED])
def test_what_did_not_run_says_nothing(outcome: Outcome) -> None:
    assert finding(record(outcome, skip=Skip.PAUSED), TARGET) is None


@pytest.mark.parametrize(
    ("options", "text", "found"),
    [
        ({"url": "https://api.example.org/v2"}, "api.example.org did not answer in time", "api.example.org"),
        ({"url": "https://api.example.org:8443/v2"}, "api.example.org:8443 did not answer", "api.example.org:8443"),
        ({"url": "https://user@api.example.org/v2"}, "api.example.org: refused", "api.example.org"),
        ({"url": "git@git.example.org:a/b.git"}, "git@git.example.org:a/b.git cannot be reached", "git.example.org"),
        ({"host": "odoo"}, "ssh: connect to host odoo port 22: refused", "odoo"),
        ({"sources": [{"url": "https://a.org/x"}, {"url": "https://b.org/x"}]}, "b.org and a.org are down", "b.org"),
        ({"url": "https://a.org/"}, "not-a.org and a.org.evil.net are down", ""),
        ({"url": "https://a.org/"}, "it failed", ""),
        ({"url": "https://[::1"}, "it failed", ""),
        (None, "a.org", ""),
    ],
)
def test_the_host_that_it_is_about(options: object, text: str, found: str) -> None:
    assert host(options, text) == found


def test_a_finding_is_not_longer_than_anybody_reads() -> None:
    found = finding(record(Outcome.FAILED, failure=failure("E-X", "y" * 100_000)), TARGET)
    assert isinstance(found, Finding) and len(found.message) <= 1000
