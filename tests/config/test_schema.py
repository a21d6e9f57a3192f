"""The published schema and the reference page say what the program does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.config.test_load import FULL
from tests.config.test_mistakes import IN_A_TARGET

from directional_sync.config.reference import page
from directional_sync.config.schema import json_schema
from directional_sync.core import yaml12

ROOT = Path(__file__).parents[2]
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_published_files_are_up_to_date() -> None:
    """Made by `dsync schema` and config.reference."""
    text = json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
    assert (ROOT / "src/directional_sync/schemas/sync.schema.json").read_text(encoding="utf-8") == text
    assert (ROOT / ".insightpulse/sync.schema.json").read_text(encoding="utf-8") == text
    assert (ROOT / "docs/reference/sync-yaml.md").read_text(encoding="utf-8") == page()


def test_it_is_a_schema_without_made_up_titles() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.dumps(SCHEMA).count('"title": ') == 1


def keys(schema: Any) -> list[tuple[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in keys(item)]
    if not isinstance(schema, dict):
        return []
    named = [item for name in ("properties", "$defs") for item in schema.get(name, {}).items()]
    rest = [value for name, value in schema.items() if name not in ("properties", "$defs")]
    own = [item for item in named if item[0] in schema.get("properties", {})]
    return [*own, *(found for item in (*(value for _, value in named), *rest) for found in keys(item))]


def test_every_key_has_words_for_hovering_and_is_on_the_page() -> None:
    text = page()
    assert len(keys(SCHEMA)) > 50
    for key, value in keys(SCHEMA):
        assert value.get("description"), key
        assert f"`{key}`" in text or key == "type"


@pytest.mark.parametrize("text", [FULL.replace("\n    ", "\n"), (ROOT / ".insightpulse/sync.yaml").read_text()])
def test_what_loads_is_valid(text: str) -> None:
    document = yaml12.read(text.encode(), "f")
    assert [error.message for error in VALIDATOR.iter_errors(document.data)] == []


@pytest.mark.parametrize("name", ["unknown key", "inner key", "near value", "number for text", "yes for true",
    "text for number", "text for list", "list for mapping", "duration", "limit", "variable with value",
    "verification of nothing", "exit status", "endpoint", "no type", "option of an endpoint", "version as number",
    "out of range"])  # fmt: skip
def test_editors_see_the_same_mistakes(name: str) -> None:
    [text] = [row[1] for row in IN_A_TARGET if row[0] == name]
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    document = yaml12.read(f'version: "1.0"\ntargets:\n  one:\n{lines}'.encode(), "f")
    assert list(VALIDATOR.iter_errors(document.data))
