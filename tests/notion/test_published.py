"""Every request that is made keeps to the description that Notion publishes of its API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from tests.notion.noted import Noted, task

from directional_sync.endpoints.notion.api import VERSION
from directional_sync.testing.service import Asked, Mishap

PUBLISHED = json.loads((Path(__file__).parent / "data/notion-openapi.json").read_text(encoding="utf-8"))


def operation(asked: Asked) -> Any:
    """What is published of the request; fails when there is no such path or method."""
    for path, methods in PUBLISHED["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[0-9a-f-]{36}", path), asked.path) and asked.method.lower() in methods:
            return methods[asked.method.lower()]
    raise AssertionError(f"{asked.method} {asked.path} is not published")


def check(asked: Asked) -> None:
    body = operation(asked).get("requestBody")
    assert asked.headers["notion-version"] == VERSION and asked.headers["authorization"].startswith("Bearer ")
    if body is None:
        assert not asked.body
        return
    schema = {**body["content"]["application/json"]["schema"], "components": PUBLISHED["components"]}
    given = dict(asked.json)
    given.pop("children", None)  # published as a list of texts, which no page can be made of
    if "parent" in given:  # the description names a request by data source, and describes the one by database
        assert set(given["parent"]) == {"type", "data_source_id"}
        given["parent"] = {"type": "database_id", "database_id": given["parent"]["data_source_id"]}
    if given.get("sorts") == [{"timestamp": "created_time", "direction": "ascending"}]:
        del given["sorts"]  # published by property only; Notion's own pages name timestamps as well
    Draft202012Validator(schema).validate(given)
    assert asked.headers["content-type"] == "application/json"


def test_all_that_is_asked_is_published(noted: Noted) -> None:
    noted.configure(checklist="steps")
    noted.service.misbehave(Mishap(drop_after=True, when=lambda asked: asked.path == "/v1/pages"), times=1)
    noted.say(task(1, tags=["a"], steps=["x"]), task(2), task(3))
    noted.sync()
    noted.service.misbehave(Mishap(status=409, when=lambda asked: asked.method == "PATCH"), times=1)
    noted.say(task(1, status="Done", tags=[]), task(2))
    noted.sync()
    asked = {(one.method, re.sub(r"[0-9a-f-]{36}", "ID", one.path)) for one in noted.service.heard}
    assert asked == {
        ("GET", "/v1/databases/ID"),
        ("GET", "/v1/data_sources/ID"),
        ("GET", "/v1/pages/ID"),
        ("POST", "/v1/data_sources/ID/query"),
        ("POST", "/v1/pages"),
        ("PATCH", "/v1/pages/ID"),
    }
    for one in noted.service.heard:
        check(one)
