"""Reading configuration from text, as the tests of this room do it."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from directional_sync.config.load import read
from directional_sync.errors import ConfigError, Problem
from directional_sync.model.target import Config, Target

HEAD = 'version: "1.0"\n'


def loaded(text: str, environ: Mapping[str, str] | None = None) -> Config:
    return read(dedent(text).encode(), "sync.yaml", environ or {})


def problems(text: str | bytes, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """What is wrong with the text; [] when nothing is."""
    content = text if isinstance(text, bytes) else dedent(text).encode()
    try:
        read(content, "sync.yaml", environ or {})
    except ConfigError as error:
        return list(error.problems)
    return []


def target(text: str, environ: Mapping[str, str] | None = None) -> Target:
    """The only target of a file; `text` is what it says, indented as one likes."""
    lines = "".join(f"    {line}\n" for line in dedent(text).strip("\n").splitlines())
    [found] = loaded(f"{HEAD}targets:\n  one:\n{lines}", environ).targets
    return found


def target_problems(text: str, environ: Mapping[str, str] | None = None) -> list[Problem]:
    lines = "".join(f"    {line}\n" for line in dedent(text).strip("\n").splitlines())
    return problems(f"{HEAD}targets:\n  one:\n{lines}", environ)


@pytest.fixture(autouse=True)
def no_surprises(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time zone of the machine."""
    monkeypatch.setenv("TZ", "UTC")
