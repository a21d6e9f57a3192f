"""JSON that everybody reads alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.core.strict_json import DEPTH_MAX, BadJson, Number, dump, encoded, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse(dump(value)) == value


@given(VALUES)
def test_the_form_is_the_usual_one(value: Any) -> None:
    usual = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    assert dump(value) == usual.encode("utf-8", "backslashreplace")
    dump(value).decode("utf-8")
    assert encoded([value]) == b"[\n  " + encoded(value, 1) + b"\n]"


@pytest.mark.parametrize("text", ["0.10", "1E4", "-0.0", "1e-7", "3.141592653589793238462643383279", "1.0E+2"])
def test_a_number_is_handed_on_digit_by_digit(text: str) -> None:
    found = parse(b'{"n": [%s, 12345678901234567890123]}' % text.encode(), exact=True)
    assert found == {"n": [Number(text), 12345678901234567890123]}
    assert dump(found).decode().split()[3] == f"{text},"


def test_half_a_surrogate_pair_stays_an_escape() -> None:
    assert dump(parse(b'"a\\ud800b"')) == b'"a\\ud800b"\n'


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert dump(value) == dump(dict(reversed(value.items())))


@pytest.mark.parametrize(
    ("content", "reason", "place"),
    [
        (b'{"a": 1,\n "a": 2}', "the key 'a' stands twice in one object", (0, 0)),
        (b"[NaN]", "NaN is no JSON", (0, 0)),
        (b"[-Infinity]", "-Infinity is no JSON", (0, 0)),
        (b'{"a": 1,\n b}', "expecting property name enclosed in double quotes", (2, 2)),
        (b'{"a":\n "\xff"}', "it is not UTF-8", (2, 3)),
        (b"", "expecting value", (1, 1)),
        (b"[" * 100_000, "it is nested too deeply", (0, 0)),
        (b"[" * (DEPTH_MAX + 2) + b"]" * (DEPTH_MAX + 2), f"it is nested more than {DEPTH_MAX} deep", (0, 0)),
        (b"1" * 101, "a number has 101 digits", (0, 0)),
        (b"0." + b"1" * 101, "a number has 103 digits", (0, 0)),
        (b"1e999", "the number 1e999 is too large for most readers", (0, 0)),
    ],
)
def test_what_somebody_else_would_read_differently_is_a_mistake(
    content: bytes, reason: str, place: tuple[int, int]
) -> None:  # T28
    with pytest.raises(BadJson) as caught:
        parse(content)
    assert caught.value.reason == reason
    assert (caught.value.line, caught.value.column) == place


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert parse(b"\xef\xbb\xbf[1]") == [1]
    assert parse(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX) is not None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"bytes"])
def test_what_json_does_not_know_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError):
        dump([value])
