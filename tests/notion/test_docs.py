"""What the how-to says works as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from directional_sync.config.load import read
from directional_sync.config.schema import json_schema
from directional_sync.endpoints.notion import rows, schema
from directional_sync.endpoints.notion.documents import records

PAGE = (Path(__file__).parents[2] / "docs/how-to/publish-rows-to-notion.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_file_and_its_documents() -> None:
    [text] = blocks("yaml")
    Draft202012Validator(json_schema()).validate(yaml.safe_load(text))
    options = read(text.encode(), "sync.yaml", {}).target("monthend").options
    [document] = blocks("json")
    json.loads(document)
    made = rows.recipe(options, schema.owned(options.properties))
    found, problems = rows.gather([("docs/month_end_tasks_2026_01.json", document.encode())], made)
    assert not problems
    assert list(found) == ["monthend_RIM_bank_reconciliation_2026_01"]
    [row] = found.values()
    assert len(rows.content(row, made)) == 2


def test_the_markdown() -> None:
    [text] = blocks("markdown")
    [record] = records("docs/odoo_fields/vat.md", text.encode(), "")
    assert record.look_up("model") == "res.partner" and record.look_up("required") is True
    assert record.look_up("body") == "The number that the tax office gave."


def test_every_type_is_in_the_table() -> None:
    from directional_sync.endpoints.notion.values import KINDS

    words = {"rich_text": "text", "multi_select": "multi-select", "phone_number": "phone"}
    for kind in KINDS:
        assert re.search(rf"^\|.*\b{words.get(kind, kind)}\b.*\|.*\|$", PAGE, re.MULTILINE), kind
