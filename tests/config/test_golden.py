"""What a person sees of a file with many mistakes, whole. Rewritten with UPDATE_GOLDEN=1."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from directional_sync.config.load import read
from directional_sync.errors import ConfigError, Exit
from directional_sync.render.ink import Ink
from directional_sync.render.problems import config_error

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("source", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_f90_one_screen_for_all_mistakes(source: Path) -> None:
    with pytest.raises(ConfigError) as found:
        read(source.read_bytes(), ".insightpulse/sync.yaml", {})
    assert found.value.exit is Exit.USAGE
    shown = config_error(found.value, Ink(width=100)) + "\n"
    expected = source.with_suffix(".txt")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(shown, encoding="utf-8")
    assert shown == expected.read_text(encoding="utf-8")
    assert "hunter2" not in shown
