"""The bytes: the same for the same list, whatever order and form it came in, and nothing lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rest.listed import DOCUMENT, TOKEN, Listed, Paged, told

from directional_sync.core.strict_json import dump, parse
from directional_sync.endpoints.rest.items import Item, Recipe, document, file_name, make
from directional_sync.errors import SyncError
from directional_sync.gates.names import part_codes
from directional_sync.model.target import Policy
from directional_sync.testing.service import Told

APPS = [
    {"id": "b", "spec": {"name": "Zoo", "rank": 10}, "updated_at": "t1", "ips": ["2", "1"], "price": 0.1},
    {"id": "a", "spec": {"name": "ape", "rank": 9}, "updated_at": "t2", "ips": [], "price": 2},
    {"id": "c", "spec": {"name": "Bee"}, "updated_at": "t3", "price": None},
]


@pytest.fixture
def paged() -> Iterator[Paged]:
    with Paged() as service:
        yield service


@pytest.fixture
def listed(paged: Paged, tmp_path: Path) -> Listed:
    paged.answers = [told({"apps": APPS, "total": 3})]
    return Listed(paged, tmp_path)


def raw(text: str) -> Told:
    return Told(200, text.encode(), {"Content-Type": "application/json; charset=utf-8"})


def test_one_document_is_sorted_by_key_and_holds_what_was_not_dropped(listed: Listed) -> None:
    content = listed.files(drop=["updated_at", "spec.rank"], unordered=["ips"])
    expected = [
        {key: value for key, value in app.items() if key != "updated_at"} for app in (APPS[1], APPS[0], APPS[2])
    ]
    expected = [{**app, "spec": {"name": app["spec"]["name"]}} for app in expected]  # type: ignore[index]
    expected[1]["ips"] = ["1", "2"]
    assert content == {DOCUMENT: dump({"apps": expected})}


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, "abc"),
        ({"sort": ["spec.name"]}, "cba"),
        ({"sort": ["spec.rank"]}, "cab"),
        ({"sort": ["price"]}, "cba"),
        ({"sort": ["nothing", "spec.name"]}, "cba"),
        ({"key": "{spec.name}/{id}"}, "cba"),
        ({"sort": ["spec"]}, "cba"),
    ],
)
def test_the_order(listed: Listed, options: dict[str, Any], order: str) -> None:
    assert "".join(app["id"] for app in listed.document(**options)["apps"]) == order


def test_what_was_dropped_or_not_kept_may_still_be_sorted_by(listed: Listed) -> None:
    found = listed.document(sort=["spec.name"], drop=["spec"], keep=["id", "spec"])
    assert found == {"apps": [{"id": "c"}, {"id": "b"}, {"id": "a"}]}


@pytest.mark.parametrize(
    ("answer", "options", "shape"),
    [
        (told({"apps": APPS, "total": 3}), {}, "apps"),
        (told({"data": {"apps": APPS}}), {"items": "data.apps"}, "apps"),
        (told(APPS), {}, "items"),
        (told(APPS), {"items": ""}, "items"),
        (told(APPS), {"wrap": "live apps"}, "live apps"),
        (told({"apps": APPS, "total": 3}), {"wrap": ""}, ""),
    ],
)
def test_the_shape_of_the_document(listed: Listed, answer: Told, options: dict[str, Any], shape: str) -> None:
    listed.service.answers = [answer]  # type: ignore[attr-defined]
    [content] = listed.files(**options).values()
    ordered = sorted(APPS, key=lambda app: str(app["id"]))
    assert content == dump({shape: ordered} if shape else ordered)


def test_numbers_and_texts_come_through_as_they_are(paged: Paged, listed: Listed) -> None:
    text = (
        '{"id": 1, "a": 0.10, "b": 1e2, "c": 123456789012345678901234567890, "d": "ü\\ud83d\\ude00\\ud800", "e": -0.0}'
    )
    paged.answers = [raw(f"[{text}]")]
    [content] = listed.files(items="", into="docs/{key}.json").values()
    assert content.decode() == (
        '{\n  "a": 0.10,\n  "b": 1e2,\n  "c": 123456789012345678901234567890,\n'
        '  "d": "ü😀\\ud800",\n  "e": -0.0,\n  "id": 1\n}\n'
    )


def test_a_list_of_names(paged: Paged, listed: Listed) -> None:
    paged.answers = [told(["b", "a", 7])]
    assert listed.document(items="") == {"items": [7, "a", "b"]}


def test_one_file_for_each_item(listed: Listed) -> None:
    found = listed.files(into="docs/apps/{key}.json", key="spec.name", keep=["id"])
    assert found == {f"docs/apps/{app['spec']['name']}.json": dump({"id": app["id"]}) for app in APPS}  # type: ignore[index]


@given(st.permutations(APPS), st.integers(1, 3))
def test_neither_order_nor_pages_decide_the_bytes(apps: list[dict[str, Any]], size: int) -> None:
    """The order of the list and of the members; from the items on, so that no service has to be asked each time."""
    plain = Recipe((("id",),), (), (), (), (), (), 2)
    turned = [dict(reversed(app.items())) for app in apps]
    items = [make(parse(json.dumps(app).encode(), exact=True), plain, "") for app in turned]
    usual = [make(app, plain, "") for app in parse(json.dumps(APPS).encode(), exact=True)]
    assert document(items, "apps") == document(usual, "apps")


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5), st.sampled_from(["", "apps", 'odd "name"']))
def test_a_document_is_put_together_as_it_would_be_written_at_once(members: dict[str, Any], wrap: str) -> None:
    values = [{"id": key, "value": value} for key, value in members.items()]
    plain = Recipe((("id",),), (), (), (), (), (), 2 if wrap else 1)
    made: list[Item] = [make(value, plain, "") for value in values]
    ordered = sorted(values, key=lambda value: str(value["id"]))
    assert document(made, wrap) == dump({wrap: ordered} if wrap else ordered)


@given(st.text(min_size=1, max_size=16))
def test_a_key_is_a_harmless_file_name_that_can_be_read_back(key: str) -> None:
    name = file_name(key)
    assert set(part_codes(name)) <= {"E-NAME-WINDOWS"}  # CON is a file elsewhere, and told of by a gate
    assert "/" not in name and name.isascii()
    assert unquote(name, errors="surrogatepass") == key


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=8))
def test_two_keys_are_never_one_file(keys: list[str]) -> None:
    assert len({file_name(key) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("key", "name"),
    [("..", "%2E%2E"), (".git", "%2Egit"), ("a/../b", "a%2F..%2Fb"), ("a b", "a%20b"), ("x.", "x%2E"), ("é", "%C3%A9"),
     ("C:\\x", "C%3A%5Cx"), ("web-1.2_x", "web-1.2_x"), ("~", "%7E")],
)  # fmt: skip
def test_names(key: str, name: str) -> None:
    assert file_name(key) == name


def test_nothing_where_nothing_may_be(paged: Paged, listed: Listed) -> None:  # F50
    paged.answers = [told({"apps": [], "total": 0})]
    with pytest.raises(SyncError) as caught:
        listed.files()
    assert caught.value.code == "E-REST-EMPTY" and caught.value.exit == 6
    listed.policy = Policy(allow_empty=True)
    assert listed.files() == {DOCUMENT: b'{\n  "apps": []\n}\n'}


def test_the_credential_itself_is_never_taken(paged: Paged, listed: Listed) -> None:  # T24
    listed.environment = {"SETTINGS": TOKEN}  # a name that does not sound secret
    paged.answers = [told([{"id": 1, "env": [{"key": "X", "value": f"Bearer {TOKEN}"}]}])]
    with pytest.raises(SyncError) as caught:
        listed.files(token="SETTINGS")
    assert caught.value.code == "E-REST-ECHOED"
    assert TOKEN not in f"{caught.value} {caught.value.hint}"
    assert listed.objects.blobs == {}
    assert listed.document(drop=["env"]) == {"items": [{"id": 1}]}


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({}, "authorization", f"Bearer {TOKEN}"),
        ({"scheme": "basic", "user": "ada"}, "authorization", "Basic YWRhOmNhbmFyeS1acTgxLW5ldmVyLXNob3du"),
        ({"scheme": "header", "name": "X-API-Key"}, "x-api-key", TOKEN),
        ({"scheme": "header", "prefix": "Token "}, "authorization", f"Token {TOKEN}"),
    ],
)
def test_how_the_token_is_sent(paged: Paged, listed: Listed, auth: dict[str, str], header: str, value: str) -> None:
    listed.environment = {"THE_TOKEN": f"{TOKEN}\n"}  # as files of secrets often end
    listed.files(token="THE_TOKEN", auth=auth, headers={"Accept": "application/vnd.x+json", "X-Version": "2"})
    [asked] = paged.heard
    assert asked.headers[header] == value
    assert asked.headers["accept"] == "application/vnd.x+json" and asked.headers["x-version"] == "2"


def test_the_query_goes_along(paged: Paged, listed: Listed) -> None:
    listed.files(url=f"{paged.url}/things?fixed=1", query={"q": "a b&c", "n": 2, "flag": True})
    assert paged.heard[0].query == {"fixed": "1", "q": "a b&c", "n": "2", "flag": "true"}
