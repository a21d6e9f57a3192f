"""What the pages about catalogues show is what the program takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from directional_sync.config.load import read
from directional_sync.core import skills
from directional_sync.endpoints.catalogue import document
from directional_sync.endpoints.catalogue.publish import schema
from directional_sync.model.target import Approve, HiddenText

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = (DOCS / "how-to" / "install-skills-from-a-catalogue.md").read_text(encoding="utf-8")
FORMAT = (DOCS / "reference" / "catalogue-format.md").read_text(encoding="utf-8")


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks(HOW_TO, "yaml"))
def test_the_how_to_is_valid(text: str) -> None:
    config = read(text.encode(), "sync.yaml", {})
    careful = {target.name: (target.approve, target.hidden_text) for target in config.targets}
    assert all(both == (Approve.EXECUTABLES, HiddenText.REFUSE) or name == "trusted" for name, both in careful.items())


def test_other_targets_are_not_asked_for_approvals_by_themselves() -> None:
    text = 'version: "1.0"\ntargets:\n  a: {direction: pull, outputs: ["v/**"], remote: {type: git, url: /srv/x}}\n'
    [target] = read(text.encode(), "sync.yaml", {}).targets
    assert (target.approve, target.hidden_text) == (Approve.NOTHING, HiddenText.ALLOW)


def test_the_format_page_shows_a_catalogue() -> None:
    [text] = blocks(FORMAT, "json")
    value = json.loads(text)
    Draft202012Validator(schema()).validate(value)
    [skill] = document.read(value)
    assert skill.name == "pdf-forms"


def test_the_limits_on_the_page_and_in_the_schema_are_the_programs_own() -> None:
    for limit in (document.SKILLS_MAX, document.FILES_MAX, document.FILE_BYTES_MAX, document.BYTES_MAX):
        assert f"{limit:,}" in FORMAT
    published = schema()
    skill, file = published["$defs"]["skill"]["properties"], published["$defs"]["file"]["properties"]
    assert published["properties"]["skills"]["maxItems"] == document.SKILLS_MAX
    assert skill["files"]["maxItems"] == document.FILES_MAX
    assert skill["name"]["maxLength"] == skills.NAME_LENGTH_MAX
    assert file["size"]["maximum"] == document.FILE_BYTES_MAX
    Draft202012Validator.check_schema(published)
