"""YAML by the rules of 1.2, with places, whatever the bytes are (F90, F91, F92, T27)."""

from __future__ import annotations

import math
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.config.conftest import problems

from directional_sync.core.yaml12 import BYTES_MAX, DEPTH_MAX, Span, read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("~", None),
        ("null", None),
        ("", None),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("2:30", "2:30"),
        ("12:30:45", "12:30:45"),
        ("2025-01-04", "2025-01-04"),
        ("18.0", 18.0),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("=", "="),
        ("'10'", "10"),
        ('"true"', "true"),
        ("!!str 10", "10"),
        ("+12", 12),
        ("1.0.0", "1.0.0"),
        ("-", [None]),
        ("0b11", "0b11"),
    ],
)
def test_f92_scalars_are_what_the_core_schema_says(written: str, value: object) -> None:
    document = read(f"k: {written}\n".encode() if written != "-" else b"k:\n-\n", "f")
    assert document.problems == []
    assert document.data == {"k": value}
    assert type(document.data["k"]) is type(value)


def test_f92_keys_are_text() -> None:
    assert read(b"on: 1\n010: 2\ntrue: 3\n~: 4\n", "f").data == {"on": 1, "010": 2, "true": 3, "~": 4}


def test_places_are_of_the_whole_key_and_value_and_count_characters() -> None:
    document = read("å:\n  - {née: 'ü', b: [1, 22]}\n".encode(), "f")
    assert document.keys[("å",)] == Span(1, 1, 1)
    assert document.keys[("å", 0, "née")] == Span(2, 6, 3)
    assert document.values[("å", 0, "née")] == Span(2, 11, 3)
    assert document.values[("å", 0, "b", 1)] == Span(2, 23, 2)


def test_a_value_over_several_lines_is_underlined_in_its_first() -> None:
    document = read(b'a: "one\n  two"\nb: >-\n  x\n', "f")
    assert document.values[("a",)] == Span(1, 4, 4)
    assert document.values[("b",)] == Span(3, 4, 2)
    assert document.data == {"a": "one two", "b": "x"}


@pytest.mark.parametrize(
    "content", ["{}", "a: &x [1]\nb: *x\n", "\ufeffa: 1\n", "a: 1\r\nb: 2\r\n", "---\na: 1\n...\n"]
)
def test_what_is_fine(content: str) -> None:
    assert read(content.encode(), "f").problems == []


@pytest.mark.parametrize(
    ("content", "line", "column", "message", "hint"),
    [
        (b"a:\n\tb: 1\n", 2, 1, "a tab cannot indent YAML", "use spaces"),
        (b"a: \xff\n", 1, 4, "the file is not UTF-8: byte 0xff here", "save it as UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, 1, "the file is not UTF-8 (it looks like UTF-16)", "save it as UTF-8"),
        (b"a: x\x07\n", 1, 5, "the character U+0007 is not allowed in YAML", ""),
        (b"a: 1\nb: 2\na: 3\n", 3, 1, "the key `a` is written twice, first in line 1", "keep one"),
        (b"x: {a: 1, a: 2}\n", 1, 11, "the key `a` is written twice, first in line 1", "keep one"),
        (b"a: 1\n---\nb: 2\n", 2, 1, "the file holds more than one document", "remove the line"),
        (b"a: b: c\n", 1, 5, "a `:` does not fit here", "quote the value"),
        (b'a: "x\nb: 1\n', 1, 4, "this quote or bracket is never closed", "close it"),
        (b"a: [1,\nb: 2\n", 1, 4, "this quote or bracket is never closed", "close it"),
        (b"a: [1\nb: 2]\n", 2, 2, "a comma or the closing bracket is missing (opened in line 1, column 4)", "close it"),
        (b"k: 'it's'\n", 1, 8, "this does not fit here", "quotes"),
        (b"a: @x\n", 1, 4, "a value starting with @ must be quoted in YAML", 'a: "@x"'),
        (b"a: %x # y\n", 1, 4, "a value starting with % must be quoted in YAML", 'a: "%x"'),
        (b"a: *nope\n", 1, 4, "a value starting with * must be quoted in YAML", 'a: "*nope"'),
        (b"a: !!python/object:os.system x\n", 1, 4, "the tag `!!python/object:os.system` is not known here", "remove"),
        (b"a: !env X\n", 1, 4, "the tag `!env` is not known here", "$NAME"),
        (b"? [a]\n: 1\n", 1, 3, "a key must be text", ""),
        (b"a: &d {x: 1}\nb:\n  <<: *d\n", 3, 3, "`<<` merges nothing in YAML 1.2", "write the keys out"),
        (b"a: " + b"9" * 5000 + b"\n", 1, 4, "this number is too long", ""),
        (b"a: &a [*a]\n", 1, 4, f"nested too deeply, at most {DEPTH_MAX} levels", ""),
        (
            b"a: " + b"[" * 200 + b"]" * 200,
            1,
            4 + DEPTH_MAX,
            f"nested too deeply, at most {DEPTH_MAX} levels",
            "",
        ),
        (b"a: 'x\\q'\nb: \"\\q\"\n", 2, 5, "this backslash sequence means nothing in double quotes", "single quotes"),
        (b"x" * (BYTES_MAX + 1), 0, 0, f"the file is too large: {BYTES_MAX + 1:,} bytes, at most {BYTES_MAX:,}", ""),
    ],
)
def test_f90_f91_mistakes_have_a_place_and_a_way_out(
    content: bytes, line: int, column: int, message: str, hint: str
) -> None:
    [problem] = read(content, "f").problems
    assert (problem.path, problem.line, problem.column, problem.message) == ("f", line, column, message)
    assert hint in problem.hint


def test_t27_aliases_of_aliases_stop_early() -> None:
    lines = ["a0: &a0 [" + ", ".join("x" * 9) + "]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    started = time.process_time()
    [problem] = read("\n".join(lines).encode(), "f").problems
    assert "more than 50,000 values, aliases included" in problem.message
    assert time.process_time() - started < 5


def test_several_unquoted_values_are_all_reported_and_the_rest_is_read() -> None:
    document = read(b"a:\n  s: */6 * * * *\n  t: [*x, 1]\n  u: 2\n", "f")
    assert [(p.line, p.column, p.hint) for p in document.problems] == [(2, 6, 's: "*/6 * * * *"'), (3, 7, '"*x"')]
    assert document.data["a"]["u"] == 2
    assert document.mended == {2, 3}


@given(st.text(alphabet=st.sampled_from(list("abc:-{}[]*&!|>'\"#%@`,?~ \n\t\r\\$<01.é\x85\u2028")), max_size=60))
def test_f90_any_text_is_read_or_told(text: str) -> None:
    for problem in problems(text):
        assert problem.message
        assert problem.line <= len(re.split("\r\n|[\r\n\x85\u2028]", text))
        assert problem.width >= 1


@given(st.binary(max_size=80))
def test_f90_any_bytes_are_read_or_told(content: bytes) -> None:
    assert problems(content)


def test_t27_a_parser_that_gives_up_by_itself_says_the_same() -> None:
    [problem] = read(b"a: " + b"[" * 20_000 + b"]" * 20_000, "f").problems
    assert problem.message == f"nested too deeply, at most {DEPTH_MAX} levels"
