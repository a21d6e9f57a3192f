"""Dotted paths: one thing, all that a pattern names, and what is left without it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.endpoints.rest.paths import MISSING, drop, get, keep, parse, shown, there, unordered

APP: dict[str, Any] = {
    "id": 7,
    "spec": {"name": "web", "a.b": 1, "updated_at": "x"},
    "domains": [{"name": "a", "progress": {"steps": 1}, "updated_at": "y"}, {"name": "b"}, 3],
    "null": None,
}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("spec.name", "web", "$.spec.name"),
        ("$.spec.name", "web", "$.spec.name"),
        (r"spec.a\.b", 1, '$.spec["a.b"]'),
        ("domains.1.name", "b", "$.domains[1].name"),
        ("domains.9", MISSING, "$.domains[9]"),
        ("domains.name", MISSING, "$.domains.name"),
        ("id.x", MISSING, "$.id.x"),
        ("null", None, "$.null"),
        ("@odata", MISSING, '$["@odata"]'),
    ],
)
def test_one_thing(path: str, value: Any, said: str) -> None:
    assert get(APP, parse(path)) == value
    assert shown(parse(path)) == said


def test_how_much_of_a_path_there_is() -> None:
    assert there(APP, parse("spec.nam")) == ("spec",)
    assert there(APP, parse("nothing.at.all")) == ()


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", "$.", "**", "a.**", "a.**.**.b"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError):
        parse(path, wildcards=True)


@pytest.mark.parametrize("path", ["a.*", "**.b", "*"])
def test_where_one_thing_is_wanted_there_is_no_star(path: str) -> None:
    parse(path, wildcards=True)
    with pytest.raises(ValueError):
        parse(path)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("spec", {"id": 7, "domains": APP["domains"], "null": None}),
        ("**.updated_at", {**APP, "spec": {"name": "web", "a.b": 1},
                           "domains": [{"name": "a", "progress": {"steps": 1}}, {"name": "b"}, 3]}),
        ("domains.*.progress.steps", {**APP, "domains": [{"name": "a", "progress": {}, "updated_at": "y"},
                                                         {"name": "b"}, 3]}),
        ("domains.*", {**APP, "domains": []}),
        ("*", {}),
        ("spec.nothing", APP),
        ("domains.name", APP),
    ],
)  # fmt: skip
def test_what_is_left_without_it(path: str, left: Any) -> None:
    assert drop(APP, [parse(path, wildcards=True)]) == left


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        (["id", "spec.name"], {"id": 7, "spec": {"name": "web"}}),
        (["domains.*.name"], {"domains": [{"name": "a"}, {"name": "b"}]}),
        (["**.name"], {"spec": {"name": "web"}, "domains": [{"name": "a"}, {"name": "b"}]}),
        (["domains"], {"domains": APP["domains"]}),
        (["null"], {"null": None}),
        (["nothing"], MISSING),
    ],
)
def test_what_is_kept(paths: list[str], left: Any) -> None:
    assert keep(APP, [parse(path, wildcards=True) for path in paths]) == left


def test_lists_without_an_order() -> None:
    value = {"a": [3, 1, {"b": ["y", "x"]}], "c": [2, 1]}
    assert unordered(value, [("a",), ("a", "*", "b")]) == {"a": [1, 3, {"b": ["x", "y"]}], "c": [2, 1]}
    assert unordered(value, [("**", "b")]) == {"a": [3, 1, {"b": ["x", "y"]}], "c": [2, 1]}


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.integers(0, 3), lambda inside: st.lists(inside) | st.dictionaries(NAMES, inside), max_leaves=12
)
PATHS = st.lists(
    st.lists(NAMES | st.sampled_from(["*", "**"]), min_size=1, max_size=4)
    .filter(lambda parts: parts[-1] != "**" and ("**", "**") not in pairwise(parts))
    .map(tuple),
    max_size=3,
)


@given(VALUES, PATHS)
def test_what_was_taken_away_is_gone_for_good(value: Any, paths: list[tuple[str, ...]]) -> None:
    once = drop(value, paths)
    assert drop(once, paths) == once
    assert keep(once, paths) is MISSING


@given(VALUES, PATHS)
def test_what_was_kept_is_kept_again(value: Any, paths: list[tuple[str, ...]]) -> None:
    once = keep(value, paths)
    assert once is MISSING or keep(once, paths) == once


@given(VALUES, PATHS)
def test_an_order_is_made_once(value: Any, paths: list[tuple[str, ...]]) -> None:
    once = unordered(value, paths)
    assert unordered(once, paths) == once
