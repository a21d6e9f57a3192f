"""Every example of the how-to is a file that loads, and its table of paginations is accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from tests.config.conftest import loaded

from directional_sync.endpoints.rest.options import RestOptions, RestPagination
from directional_sync.pages import pages

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "keep-an-api-inventory.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(r"^\| [^|]+\| `(\{.*?\})`", PAGE, re.MULTILINE)


@pytest.mark.parametrize("text", BLOCKS)
def test_every_example_loads(text: str) -> None:
    [target] = loaded(text).targets
    assert isinstance(target.options, RestOptions)
    assert not target.missing


@pytest.mark.parametrize("text", ROWS)
def test_every_pagination_is_accepted(text: str) -> None:
    RestPagination.model_validate_json(json.dumps(yaml.safe_load(text)))


def test_there_are_as_many_as_there_seem() -> None:
    assert (len(BLOCKS), len(ROWS)) == (3, 7)
    assert set(re.findall(r"E-[A-Z-]+", PAGE)) <= set(pages())
