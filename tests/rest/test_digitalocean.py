"""The stand-in for DigitalOcean answers as the official description says, and the starter's target works with it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.rest.listed import TOKEN

from directional_sync.testing.digitalocean import DigitalOcean

OFFICIAL = json.loads((Path(__file__).parent / "data" / "digitalocean_apps.json").read_text(encoding="utf-8"))
"""The part of the OpenAPI description that is about these answers; where it comes from is said in it."""


def validator(answer: str) -> Draft202012Validator:
    schema = {"$ref": f"#/$defs/{OFFICIAL['answers'][answer]}", "$defs": OFFICIAL["$defs"]}
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.fixture
def service() -> Iterator[DigitalOcean]:
    with DigitalOcean(TOKEN, apps=5) as found:
        yield found


def get(service: DigitalOcean, path: str, token: str = TOKEN) -> tuple[int, Any]:
    url = path if "://" in path else service.url + path
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_description_can_tell_a_wrong_answer() -> None:
    validator("list").validate(OFFICIAL["example"])
    for wrong in ({"apps": []}, {"apps": [{"id": 1, "spec": {"name": "web"}}], "meta": {"total": 1}},
                  {"apps": [{"id": "x"}], "meta": {"total": 1}}):  # fmt: skip
        assert not validator("list").is_valid(wrong)


def test_every_answer_is_as_the_official_description_says(service: DigitalOcean) -> None:
    service.add("envs", envs=[{"key": "PASSWORD", "scope": "RUN_TIME", "type": "SECRET", "value": "EV[1:abc:def]"}])
    service.age()
    seen, url = [], "/v2/apps?per_page=2"
    while url:
        status, page = get(service, url)
        assert status == 200
        validator("list").validate(page)
        assert page["meta"]["total"] == 6
        seen += [app["id"] for app in page["apps"]]
        url = page["links"]["pages"].get("next", "")
    assert seen == [app["id"] for app in service.apps]
    status, one = get(service, f"/v2/apps/{seen[0]}")
    validator("app").validate(one)
    service.apps = []
    _, empty = get(service, "/v2/apps")
    validator("list").validate(empty)
    assert empty["meta"]["total"] == 0
    for path, token, expected in (
        ("/v2/apps", "wrong", 401),
        ("/v2/apps/none", TOKEN, 404),
        ("/v2/apps?per_page=0", TOKEN, 400),
    ):
        status, error = get(service, path, token)
        validator("error").validate(error)
        assert status == expected


def test_pages_are_numbered_and_link_both_ways(service: DigitalOcean) -> None:
    _, middle = get(service, "/v2/apps?page=2&per_page=2")
    assert sorted(middle["links"]["pages"]) == ["first", "last", "next", "prev"]
    _, usual = get(service, "/v2/apps")
    assert usual["links"]["pages"] == {} and len(usual["apps"]) == 5
