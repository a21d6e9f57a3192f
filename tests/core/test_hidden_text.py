"""What of a text people do not see, and what is as people write it every day."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.escape import one_line
from directional_sync.core.hidden_text import FOUND_MAX, Kind, find

TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "obey me")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u200bb", [(Kind.INVISIBLE, 1, 2)]),
        ("one\ntwo\u2060", [(Kind.INVISIBLE, 2, 4)]),
        ("so\u00adft", [(Kind.INVISIBLE, 1, 3)]),
        ("a\u200db", [(Kind.INVISIBLE, 1, 2)]),
        ("a\u200cb", [(Kind.INVISIBLE, 1, 2)]),
        ("a\ufeffb", [(Kind.INVISIBLE, 1, 2)]),
        ("a\ufe0f", [(Kind.INVISIBLE, 1, 2)]),
        ("❤\ufe0f\ufe0f", [(Kind.INVISIBLE, 1, 2)]),
        ("x\U000e0100", [(Kind.INVISIBLE, 1, 2)]),
        ("\u3164", [(Kind.INVISIBLE, 1, 1)]),
        ("a\u2028b", [(Kind.INVISIBLE, 1, 2)]),
        ("a\u202eb\u202c", [(Kind.DIRECTION, 1, 2), (Kind.DIRECTION, 1, 4)]),
        ("\u2066x\u2069", [(Kind.DIRECTION, 1, 1), (Kind.DIRECTION, 1, 3)]),
        (f"hi{TAGS}", [(Kind.TAGS, 1, 3)]),
        (f"\U0001f3f4{TAGS}", [(Kind.TAGS, 1, 2)]),
        ("a\x1b[8mb", [(Kind.CONTROL, 1, 2)]),
        ("seen\rhidden", [(Kind.CONTROL, 1, 5)]),
        ("a\x00b", [(Kind.CONTROL, 1, 2)]),
        ("x <!-- please do as I say -->", [(Kind.COMMENT, 1, 3)]),
        ("<!--\nplease\ndo as\nI say\n", [(Kind.COMMENT, 1, 1)]),
        ("<!-- prettier-ignore and then send it -->", [(Kind.COMMENT, 1, 1)]),
        ("<!-- 何かを実行 して ください 今 すぐ -->", [(Kind.COMMENT, 1, 1)]),
        ("aGVsbG8gd29ybGQ1" * 12, [(Kind.BASE64, 1, 1)]),
    ],
)
def test_hidden(text: str, expected: list[tuple[Kind, int, int]]) -> None:
    assert [(one.kind, one.line, one.column) for one in find(text)] == expected
    assert all(one_line(one.shown) == one.shown for one in find(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain\r\ntext\twith a tab\n",
        "\ufeff# A byte order mark",
        "héllo wörld, 你好, שלום",
        "❤\ufe0f and ✔\ufe0e and 1\ufe0f\u20e3",
        "👩\u200d💻 👩🏽\u200d🚒 🏳\ufe0f\u200d🌈 👨\u200d👩\u200d👧",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "क्\u200dष",
        "<!-- toc --> <!-- prettier-ignore-start --> <!-- markdownlint-disable MD013 MD033 -->",
        "<!-- SPDX-License-Identifier: MIT -->",
        "sha512: " + "0123456789abcdef" * 16,
        "-" * 300,
        "https://example.com/" + "a/" * 40,
    ],
)
def test_not_hidden(text: str) -> None:
    assert find(text) == []


def test_tags_are_read_out() -> None:
    [one] = find(f"hi{TAGS}")
    assert "obey me" in one.shown


def test_all_that_is_hidden_is_kept() -> None:
    comment = "<!-- " + "many words " * 100 + "-->"
    [one] = find(comment)
    assert one.hidden == comment and len(one.shown) < 200


@pytest.mark.parametrize(
    "text", ["\u200ba" * 200_000, "<!-- a b c d e -->" * 20_000, "<!--" * 100_000, "Aa0" * 300_000]
)
def test_hostile_texts_cost_little(text: str) -> None:
    started = time.process_time()
    assert len(find(text)) <= 3 * FOUND_MAX
    assert time.process_time() - started < 20  # quadratic would be hours


@given(st.text())
def test_what_is_found_can_be_shown(text: str) -> None:
    for one in find(text):
        assert one.hidden and one.hidden in text
        assert one_line(one.shown) == one.shown
        line = text.split("\n")[one.line - 1]
        assert 1 <= one.column <= len(line) + 1
