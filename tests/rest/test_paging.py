"""How a list is followed from page to page, and what counts as its end: nothing that may lack something is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.rest.listed import Listed, Paged, told

from directional_sync.errors import SyncError
from directional_sync.testing.service import Asked, LoopbackService, Told

ITEMS = [{"id": name} for name in "abcdefg"]


class Shop(LoopbackService):
    """Seven items, three at a time, in whatever style."""

    style = "page"

    def answer(self, asked: Asked) -> Told:
        query = asked.query
        if self.style in ("page", "page without total", "flag"):
            size = int(query.get("per_page", query.get("size", 3)))
            at = (int(query.get("page", 1)) - 1) * size
        elif self.style == "offset":
            size, at = int(query.get("limit", 3)), int(query.get("offset", 0))
        else:
            size, at = 3, int(query.get("at", query.get("cursor", query.get("start_cursor", 0))))
        here, after = ITEMS[at : at + size], at + size
        last = after >= len(ITEMS)
        url = f"{self.url}{asked.path}?at={after}"
        match self.style:
            case "link":
                first = f'<{self.url}/things?at=0>; rel="first"'
                return told(here, Link=first if last else f'{first}, <{url}>; title="a, b"; rel="next last"')
            case "next_url":
                return told({"data": here, "next": None if last else f"?at={after}"})
            case "pages":
                return told({"data": here, "links": {"pages": {} if last else {"next": url}}, "meta": {"total": 7}})
            case "cursor":
                return told({"results": here, "has_more": not last, "next_cursor": None if last else str(after)})
            case "slack":
                return told({"members": here, "response_metadata": {"next_cursor": "" if last else str(after)}})
            case "last id":
                at = 1 + "abcdefg".index(query["starting_after"]) if "starting_after" in query else 0
                return told({"data": ITEMS[at : at + 3], "has_more": at + 3 < 7})
            case "page without total":
                return told(here)
            case "flag":
                return told({"data": here, "has_more": not last})
            case "header":
                return told(here, **{"X-Total-Count": "7"})
        return told({"data": here, "meta": {"total": 7}})


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as service:
        yield service


@pytest.fixture
def paged() -> Iterator[Paged]:
    with Paged() as service:
        yield service


AFTER = {"style": "cursor", "after": "id", "param": "starting_after", "more": "has_more"}


@pytest.mark.parametrize(
    ("style", "options", "questions"),
    [
        ("page", {"pagination": {"style": "page", "per_page": 3}}, 3),
        ("page", {"pagination": {"style": "page", "per_page": 7}}, 1),
        ("page", {"pagination": {"style": "page", "per_page": 3, "per_page_param": "size"}}, 3),
        ("page", {"pagination": {"style": "page", "per_page": 0}, "query": {"size": 4}}, 2),
        ("offset", {"pagination": {"style": "offset", "per_page": 2}}, 4),
        ("flag", {"pagination": {"style": "page", "per_page": 3, "more": "has_more"}}, 3),
        ("page without total", {"pagination": {"style": "page", "per_page": 3}}, 8),  # read twice, to an empty page
        ("link", {}, 3),
        ("link", {"pagination": {"style": "link"}}, 3),
        ("next_url", {}, 3),
        ("next_url", {"pagination": {"style": "next_url"}}, 3),
        ("next_url", {"pagination": {"style": "next_url", "next": "next"}}, 3),
        ("pages", {}, 3),
        ("cursor", {}, 3),
        ("cursor", {"pagination": {"style": "cursor", "next": "next_cursor", "param": "start_cursor"}}, 3),
        ("slack", {}, 3),
        ("slack", {"pagination": {"style": "cursor"}}, 3),
        ("last id", {"pagination": AFTER}, 3),
        ("next_url", {"read_twice": True}, 6),
    ],
)
def test_every_style(shop: Shop, tmp_path: Path, style: str, options: dict[str, Any], questions: int) -> None:
    shop.style = style
    listed = Listed(shop, tmp_path)
    [things] = listed.document(**options).values()
    assert things == ITEMS
    assert len(shop.heard) == questions
    assert all(name in {"page", "per_page", "size", "limit", "offset", "at", "cursor", "start_cursor", "starting_after"}
               for asked in shop.heard for name in asked.query)  # fmt: skip


HTML = Told(200, b"<html>", {"Content-Type": "text/html"})


def page(*names: str, **more: Any) -> Told:
    return told({"data": [{"id": name} for name in names], **more})


def nexts(to: int | None) -> str | None:
    return None if to is None else f"?at={to}"


@pytest.mark.parametrize(
    ("answers", "options", "code", "says"),
    [
        # F48: what does not say that it is whole is read twice, and nothing that says it is not is taken
        ([page("a", total=2)], {}, "E-REST-INCOMPLETE", "says 2 items, and 1 came"),
        ([page("a", "b", total=1)], {}, "E-REST-INCOMPLETE", "says 1 items, and 2 came"),
        ([page("a", has_more=True)], {}, "E-REST-INCOMPLETE", "more follows"),
        ([page("a", next="?at=0")], {"pagination": {"style": "none"}}, "E-REST-INCOMPLETE", "more follows"),
        ([told([{"id": "a"}], Link='<?at=1>; rel="next"')], {"pagination": {"style": "none"}}, "E-REST-INCOMPLETE",
         "more follows"),
        ([page("a"), page("b")], {}, "E-REST-SHIFTED", "two readings"),
        ([page("a", next=nexts(1)), page("b", next=nexts(1))], {}, "E-REST-INCOMPLETE", "circle"),
        ([page("a", next=nexts(0))], {}, "E-REST-SHIFTED", "brings nothing"),
        ([page("a", total=3, next=nexts(1)), page("b", total=3)], {}, "E-REST-INCOMPLETE", "says 3 items, and 2 came"),
        ([page("a", meta={"total": 3}), page(meta={"total": 3})], {"pagination": {"style": "page", "per_page": 1}},
         "E-REST-INCOMPLETE", "empty after 1 of 3"),
        ([page("a", has_more=True, next_cursor=None)], {}, "E-REST-SHAPE", "$.next_cursor"),
        # F55
        ([page("a", total=3, next=nexts(1)), page("b", total=2, next=None)], {}, "E-REST-SHIFTED", "total is 2"),
        ([page("a", "b", next=nexts(1)), page("b", next=None)], {}, "E-REST-SHIFTED", "brings nothing"),
        ([page("a", "b", next=nexts(1)), page("b", "c", next=None)], {}, "E-REST-SHIFTED", "1 of them twice"),
        ([page("a", "b", total=4, next=nexts(1)), page("b", "c", total=4, next=None)], {}, "E-REST-INCOMPLETE",
         "3 came, 1 of them twice"),
        ([page("a", next=nexts(1)), told({"data": [{"id": "b"}, {"id": "a", "x": 1}], "next": None})], {}, "E-REST-KEY",
         "'a' is the key of item 1 of page 1 and of item 2 of page 2"),
        ([page("a", "b", "a", next=None)], {}, "E-REST-KEY", "'a' is the key of item 1 of page 1 and of item 3"),
        # F56
        ([told({"datas": {}})], {"items": "data"},
         "E-REST-SHAPE", "$.data must be a list, and is not in $, which has datas"),
        ([told({"data": None})], {"items": "data"}, "E-REST-SHAPE", "$.data must be a list, and is null"),
        ([told({"a": {"b": {"c": 1}}})], {"items": "a.b.list"}, "E-REST-SHAPE", "is not in $.a.b, which has c"),
        ([told("text")], {}, "E-REST-SHAPE", "holds no list: it is text"),
        ([told({"x": 1})], {}, "E-REST-SHAPE", "holds no list"),
        ([told({"x": [], "y": []})], {}, "E-REST-SHAPE", "2 lists: x, y"),
        ([page("a", meta={"total": "1"})], {"total": "meta.total"},
         "E-REST-SHAPE", "$.meta.total must be a number of items"),
        ([page("a", meta={"total": True})], {"total": "meta.total"}, "E-REST-SHAPE", "and is true"),
        ([page("a")], {"total": "header:X-Total"}, "E-REST-SHAPE", "header x-total"),
        ([page("a", next=7)], {"pagination": {"style": "next_url", "next": "next"}},
         "E-REST-SHAPE", "$.next must be a URL"),
        ([page("a", c=[1])], {"pagination": {"style": "cursor", "next": "c"}, "items": "data"},
         "E-REST-SHAPE", "cursor"),
        ([page("a", more="no")], {"pagination": {"more": "more"}}, "E-REST-SHAPE", "$.more must be true or false"),
        ([page("a", next=nexts(1)), told({"rows": []})], {"items": "data"}, "E-REST-SHAPE", "$.data"),
        ([told([{"name": "x"}])], {}, "E-REST-KEY", "$.id of item 1 of page 1 must be text or a whole number"),
        ([told([{"id": None}])], {}, "E-REST-KEY", "and is null"),
        ([told([{"id": ""}])], {}, "E-REST-KEY", "empty text"),
        ([told([{"id": True}])], {}, "E-REST-KEY", "and is true"),
        ([told([{"id": {"x": 1}}])], {}, "E-REST-KEY", "and is an object"),
        ([told([None])], {}, "E-REST-KEY", "$ of item 1"),
        ([told([{"id": "x" * 1001}])], {}, "E-REST-KEY", "1001 characters"),
        ([told([{"id": "a", "n": None}])], {"require": ["n"]}, "E-REST-SHAPE", "$.n of 'a' (item 1 of page 1) is null"),
        ([told([{"id": "a"}])], {"require": ["spec.name"]}, "E-REST-SHAPE", "$.spec.name of 'a'"),
        ([told([{"id": "a"}])], {"keep": ["spec"]}, "E-REST-SHAPE", "nothing of what `keep` names"),
        # further refusals
        ([told([{"id": "a"}, {"id": "b"}])], {"max_items": 1}, "E-REST-TOO-MANY", "more than 1 items"),
        ([page("a", next="https://elsewhere.invalid/x")], {}, "E-SERVICE-MOVED", "elsewhere.invalid"),
        ([page("a", next=nexts(1)), HTML], {}, "E-SERVICE-NOT-JSON", "text/html"),
        ([told([{"id": "a" * 300}])], {"max_bytes": 200}, "E-SERVICE-TOO-LARGE", ""),
        ([told([{"id": "a"}, {"id": "A"}])], {"into": "docs/{key}.json"}, "E-REST-KEY", "one file"),
        ([told([{"id": "ü" * 60}])], {"into": "docs/{key}.json"}, "E-REST-KEY", "too long for a file name"),
        ([told([])], {}, "E-REST-EMPTY", "no items at all"),  # F50
    ],
)  # fmt: skip
def test_what_cannot_be_the_whole_list_is_refused(
    paged: Paged, tmp_path: Path, answers: list[Told], options: dict[str, Any], code: str, says: str
) -> None:
    paged.answers = answers
    with pytest.raises(SyncError) as caught:
        Listed(paged, tmp_path).files(**options)
    assert caught.value.code == code
    assert says in caught.value.message
    assert caught.value.hint and caught.value.kept
    assert len(paged.heard) <= 2 * len(answers) + 2


def test_what_moved_once_is_read_once_more(paged: Paged, tmp_path: Path) -> None:  # F55
    """The first reading meets a change between its pages; the second finds the list as it then stands."""
    paged.answers = [
        page("a", "b", total=4, next="?q=1"), page("b", "c", total=4, next=None),
        page("n", "a", "b", total=4, next="?q=2"), page("c", total=4, next=None),
    ]  # fmt: skip
    listed = Listed(paged, tmp_path)
    assert [item["id"] for item in listed.document()["data"]] == ["a", "b", "c", "n"]
    assert len(paged.heard) == 4
    assert listed.notes == ("the list was read twice: at first the service says 4 items, and 3 came, 1 of them twice",)


def test_what_came_twice_and_equal_is_taken_once_where_the_total_says_so(paged: Paged, tmp_path: Path) -> None:
    paged.answers = [page("a", "b", total=3, next="?at=1"), page("b", "c", total=3, next=None)]
    assert [item["id"] for item in Listed(paged, tmp_path).document()["data"]] == ["a", "b", "c"]
    assert len(paged.heard) == 2


def test_a_list_that_nothing_proves_is_read_twice(paged: Paged, tmp_path: Path) -> None:  # F48
    paged.answers = [page("a", "b"), page("b", "a")]
    assert [item["id"] for item in Listed(paged, tmp_path).document()["data"]] == ["a", "b"]
    assert len(paged.heard) == 2


@pytest.mark.parametrize(
    ("answer", "options", "questions"),
    [
        (told([{"id": "a"}]), {}, 1),  # the answer is the list
        (page("a", total=1), {}, 1),
        (page("a", count=1), {}, 2),  # of all, or of those on this page? nobody knows
        (page("a", total=1), {"total": ""}, 2),
        (page("a", has_more=False), {}, 1),
        (told({"data": [{"id": "a"}]}, X_Total_Count="1"), {}, 1),
        (told({"data": [{"id": "a"}]}, X_All="1"), {"total": "header:x-all"}, 1),
        (page("a", next=None), {}, 1),
        (page("a", next=""), {"pagination": {"style": "next_url"}}, 1),
        (page("a"), {"pagination": {"style": "next_url"}}, 2),  # it says nothing
        (told([{"id": "a"}]), {"pagination": {"style": "link"}}, 2),
        (told([{"id": "a"}], Link='<?at=0>; rel="first"'), {"pagination": {"style": "link"}}, 1),
    ],
)
def test_what_proves_a_list_of_one_page(
    paged: Paged, tmp_path: Path, answer: Told, options: dict[str, Any], questions: int
) -> None:
    paged.answers = [answer]
    assert list(Listed(paged, tmp_path).document(**options).values()) == [[{"id": "a"}]]
    assert len(paged.heard) == questions


def test_an_empty_list_may_be_left_out_where_the_total_says_that_it_is_empty(paged: Paged, tmp_path: Path) -> None:
    paged.answers = [told({"links": {}, "meta": {"total": 0}})]
    listed = Listed(paged, tmp_path, {"items": "data", "into": "docs/{key}.json"})
    assert listed.files() == {}


class Restless(LoopbackService):
    """A list that changes while it is read, by a plan: before each question one item may come, go or move."""

    def __init__(self, items: list[str], plan: list[tuple[str, int]]) -> None:
        super().__init__()
        self.items, self.plan = list(items), list(plan)
        self.states = [frozenset(items)]

    def answer(self, asked: Asked) -> Told:
        if self.plan and len(self.heard) > 1:
            what, at = self.plan.pop(0)
            if what == "come":
                self.items.insert(at % (len(self.items) + 1), f"new{len(self.heard)}")
            elif what == "go" and self.items:
                self.items.pop(at % len(self.items))
            elif what == "move" and self.items:
                self.items.insert(0, self.items.pop(at % len(self.items)))
            self.states.append(frozenset(self.items))
        number = int(asked.query.get("page", "1"))
        here = self.items[2 * (number - 1) : 2 * number]
        return told({"data": [{"id": name} for name in here], "meta": {"total": len(self.items)}})


CHANGES = st.lists(st.tuples(st.sampled_from(["come", "go", "move", "stay"]), st.integers(0, 9)), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=7), CHANGES)
def test_an_item_that_was_there_all_the_time_is_never_missing(
    tmp_path: Path, items: list[str], plan: list[tuple[str, int]]
) -> None:
    """As long as no more than one thing changes between two questions. (One that goes and one that comes in the same
    moment can hide each other from every reader; `read_twice` is for lists that move so fast.)"""
    with Restless(items, plan) as service:
        listed = Listed(service, tmp_path, {"into": "docs/{key}.json", "pagination": {"style": "page", "per_page": 2}})
        try:
            found = listed.files()
        except SyncError as error:
            assert error.code in ("E-REST-INCOMPLETE", "E-REST-SHIFTED")
            return
        names = {json.loads(content)["id"] for content in found.values()}
        assert frozenset.intersection(*service.states) <= names <= frozenset.union(*service.states)
