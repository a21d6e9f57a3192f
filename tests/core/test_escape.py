"""Untrusted text reaches a terminal only with its harmful characters made visible."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.escape import hidden, one_line, plain, visible

ESC = "\x1b"

HARMFUL = {
    "clear screen": f"{ESC}[2J",
    "title": f"{ESC}]0;owned\x07",
    "hyperlink": f"{ESC}]8;;http://evil.example\x07text{ESC}]8;;\x07",
    "C1 control sequence": "\x9b31m",
    "bell": "\x07",
    "backspace": "rm\x08\x08ls",
    "carriage return overwrites": "malicious\rharmless ",
    "delete": "\x7f",
    "NUL": "a\x00b",
    "vertical tab": "a\x0bb",
    "right-to-left override": "user\u202etxt.exe",
    "left-to-right isolate": "\u2066 admin \u2069",
    "arabic letter mark": "\u061c",
    "zero-width space": "pass\u200bword",
    "zero-width joiner": "pass\u200dword",
    "word joiner": "pass\u2060word",
    "byte order mark": "\ufefffirst",
    "soft hyphen": "hy\u00adphen",
    "hangul filler": "a\u3164b",
    "half-width filler": "a\uffa0b",
    "mongolian separator": "a\u180eb",
    "invisible times": "a\u2062b",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "unicode tags": "ok" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all"),
    "variation selectors as data": "ok\U000e0101\U000e0142",
    "variation selectors in a row": "ok\ufe0f\ufe0f\ufe0f",
    "interlinear annotation": "a\ufff9b\ufffac\ufffb",
    "combining grapheme joiner": "a\u034fb",
    "a byte that is not UTF-8": "caf\udce9",
    "half of a surrogate pair": "a\ud83d",
    "shorthand format control": "\U0001bca0",
    "musical format control": "\U0001d173",
    "noncharacter": "a\uffffb",
}


@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL.keys())
def test_harmful_text_becomes_visible(text: str) -> None:
    for shown in (visible(text), one_line(text)):
        assert shown != text
        assert not _harmful(shown)
        shown.encode("utf-8")  # no surrogate is left
    assert hidden(text)


def test_marks_name_the_character() -> None:
    assert visible("user\u202etxt.exe") == "user<U+202E>txt.exe"
    assert visible("caf\udce9") == "caf<0xE9>"
    assert one_line("a\nb\tc") == "a<U+000A>b<U+0009>c"


@pytest.mark.parametrize(
    "text", ["plain", "naïve café", "日本語.txt", "a ❤️ b", "Ünï", "tab\tand\nline", "αβγ", "e\u0301"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert visible(text) == text


def test_stacked_accents_are_cut() -> None:
    assert visible("e" + "\u0301" * 40) == "e" + "\u0301" * 4


def test_plain_takes_colours_out_and_keeps_the_last_state_of_a_line() -> None:
    assert plain(f"{ESC}[1;31mred{ESC}[0m\r\nnext") == "red\nnext"
    assert plain("10 %\r50 %\r100 %\ndone") == "100 %\ndone"
    assert plain(f"a{ESC}]0;title\x07b") == "ab"
    assert plain(f"broken {ESC}[") == "broken <U+001B>["


def test_one_line_shortens_in_the_middle() -> None:
    assert one_line("a" * 50 + "b" * 50, 21) == "a" * 10 + "…" + "b" * 10
    assert len(one_line("x" * 500, 80)) == 80
    assert one_line("short", 80) == "short"


@given(st.text(st.characters()))
def test_nothing_harmful_is_left_and_again_changes_nothing(text: str) -> None:
    for escape in (visible, one_line, plain):
        once = escape(text)
        assert not _harmful(once)
        assert escape(once) == once
    assert "\n" not in one_line(text)


def _harmful(text: str) -> bool:
    kept = text.replace("\n", "").replace("\t", "").replace("\ufe0f", "")
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in kept if c not in _VISIBLE_FORMATS)


_VISIBLE_FORMATS = {chr(c) for c in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)} | {
    chr(c) for c in range(0x13430, 0x13456)
}
"""Arabic, Syriac, Kaithi and hieroglyphic signs that Unicode files under formats, and that print."""
