"""Durations, sizes and variables in values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.config import durations
from directional_sync.config.expand import expand


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("1d1h1m1s", 90_061), ("0s", 0)],
)
def test_durations(text: str, expected: float) -> None:
    assert durations.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "m", "1m1h", "5 m", "-5m", "1.5h", "5M", "PT5M", "00:05:00", "5m5m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        durations.seconds(text)


@given(st.integers(min_value=0, max_value=10_000_000))
def test_a_written_duration_is_read_back(amount: int) -> None:
    assert durations.seconds(durations.written(amount)) == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1B", 1), ("500kB", 500_000), ("100MB", 100_000_000), ("1.5 GiB", 1_610_612_736), ("1KiB", 1024)],
)
def test_sizes(text: str, expected: int) -> None:
    assert durations.size(text) == expected


@pytest.mark.parametrize("text", ["", "100", "MB", "-1MB", "100 megabytes", "1mb", "1e3MB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        durations.size(text)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$HOME/.config", "/home/ada/.config"),
        ("${HOME}x$HOME", "/home/adax/home/ada"),
        ("${BASE:-https://example.org}/{name}.git", "https://example.org/{name}.git"),
        ("${EMPTY:-d}", "d"),
        ("${UNSET:-}", ""),
        ("$$HOME $$$HOME", "$HOME $/home/ada"),
        ("costs $5, ^x$, a$ b", "costs $5, ^x$, a$ b"),
        ("nothing", "nothing"),
        ("${TRICKY}", "$HOME ${X}"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    environ = {"HOME": "/home/ada", "EMPTY": "", "TRICKY": "$HOME ${X}"}
    result = expand({"targets": {"a": {"x": [text]}}}, environ)
    assert result.data == {"targets": {"a": {"x": [expanded]}}}
    assert not result.missing
    assert not result.malformed


def test_what_is_not_set_stays_as_written_and_is_named() -> None:
    result = expand({"a": "$ONE/${TWO}/$SET", "b": "$EMPTY"}, {"SET": "s", "EMPTY": ""})
    assert result.data == {"a": "$ONE/${TWO}/$SET", "b": "$EMPTY"}
    assert result.missing == {("a",): ["ONE", "TWO"], ("b",): ["EMPTY"]}
    assert result.names == {("a",): ["ONE", "TWO", "SET"], ("b",): ["EMPTY"]}


@pytest.mark.parametrize("text", ["${NAME:?}", "${NAME", "${}", "${1}", "${NAME:-${OTHER}}", "${NAME-x}"])
def test_what_is_not_understood(text: str) -> None:
    assert expand({"a": text}, {"NAME": "n", "OTHER": "o"}).malformed


@pytest.mark.parametrize("key", ["command", "description", "git_commit_message"])
def test_what_means_something_else_is_left_alone(key: str) -> None:
    data = {"targets": {"a": {key: "$HOME $target"}}, "safety": {"secret_patterns": ["^x$HOME"]}}
    assert expand(data, {}).data == data
    assert not expand(data, {}).names


def test_the_free_mapping_is_expanded_whatever_its_keys_are_called() -> None:
    data = {"targets": {"a": {"config": {"command": "$HOME", "env_vars": ["$HOME"]}}}}
    assert expand(data, {"HOME": "/h"}).data == {"targets": {"a": {"config": {"command": "/h", "env_vars": ["$HOME"]}}}}
