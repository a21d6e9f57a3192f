"""What a command knows of the repository it was called in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.interface.values import targets

from directional_sync.cli.options import Face
from directional_sync.model.target import Config, Safety
from directional_sync.workspace import Workspace, redactor


def test_what_is_masked(tmp_path: Path) -> None:
    target = replace(targets()[0], env=("REGION",), env_vars=("DEPLOY_LOGIN",))
    config = Config((target,), Safety(), "sync.yaml", "c" * 64, secrets=("named-in-the-file",))
    environ = {"REGION": "eu", "DEPLOY_LOGIN": "ada-of-the-team", "API_TOKEN": "t0k3n", "EDITOR": "nano-editor"}
    workspace = Workspace(tmp_path, config, environ)
    said = "named-in-the-file ada-of-the-team t0k3n in eu with nano-editor"
    assert redactor(workspace).text(said) == "*** *** *** in eu with nano-editor"
    assert Face(workspace=workspace).redactor().text(said) == "*** *** *** in eu with nano-editor"
