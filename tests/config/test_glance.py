"""What is only shown may be remembered; it is forgotten when anything it depends on changes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.config.conftest import HEAD
from tests.config.test_load import FULL

from directional_sync.config.glance import FILE, glance
from directional_sync.config.load import load
from directional_sync.errors import ConfigError
from directional_sync.model.target import Config

STARTER = Path(__file__).parents[2] / ".insightpulse" / "sync.yaml"


def without_options(config: Config) -> Config:
    return replace(config, targets=tuple(replace(target, options=None) for target in config.targets))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sync.yaml"
    path.write_text(HEAD + "targets:\n  a: {direction: push, entrypoint: a.sh, config: {x: '${X:-d}', h: $HOME}}\n")
    return path


@pytest.mark.parametrize("text", [FULL, STARTER.read_text(encoding="utf-8")], ids=["full", "starter"])
def test_what_is_remembered_is_what_was_read(text: str, tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "sync.yaml"
    path.write_text(text.replace("\n    ", "\n") if text is FULL else text)
    environ = {"HOME": "/home/ada"}
    read = without_options(load(path, tmp_path, environ))
    assert without_options(glance(path, tmp_path, environ, cache)) == read
    assert (cache / FILE).exists()
    remembered = glance(path, tmp_path, environ, cache)
    assert remembered == read
    assert [type(target.direction) for target in remembered.targets] == [type(t.direction) for t in read.targets]


def test_nothing_heavy_is_loaded_for_it(file: Path, tmp_path: Path, cache: Path) -> None:
    glance(file, tmp_path, {"HOME": "/h"}, cache)
    code = (
        "import sys; from pathlib import Path; from directional_sync.config.glance import glance\n"
        f"glance(Path({str(file)!r}), Path({str(tmp_path)!r}), {{'HOME': '/h'}}, Path({str(cache)!r}))\n"
        "print(*{'pydantic', 'yaml', 're2', 'httpx2'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_another_content_path_variable_or_form_is_read_again(file: Path, tmp_path: Path, cache: Path) -> None:
    def value(environ: dict[str, str]) -> str:
        return str(glance(file, tmp_path, environ, cache).targets[0].config["h"])

    assert value({"HOME": "/one"}) == "/one"
    assert value({"HOME": "/two"}) == "/two"
    file.write_text(file.read_text().replace("h: $HOME", "h: other"))
    assert value({"HOME": "/two"}) == "other"
    kept = json.loads((cache / FILE).read_text())
    kept["form"] = "0"
    kept["config"]["targets"][0]["config"]["items"]["h"] = "older program"
    (cache / FILE).write_text(json.dumps(kept))
    assert value({"HOME": "/two"}) == "other"


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"form": 1}', '{"form": "", "path": "", "digest": ""}'])
def test_whatever_lies_in_its_place_does_no_harm(content: str, file: Path, tmp_path: Path, cache: Path) -> None:
    (cache / FILE).write_text(content)
    assert glance(file, tmp_path, {"HOME": "/h"}, cache).targets[0].name == "a"


def test_p10_nothing_is_kept_where_a_variable_could_be_secret(file: Path, tmp_path: Path, cache: Path) -> None:
    assert (
        glance(file, tmp_path, {"X": "perhaps-secret", "HOME": "/h"}, cache).targets[0].config["x"] == "perhaps-secret"
    )
    assert not (cache / FILE).exists()


def test_nothing_is_kept_where_there_is_no_state(file: Path, tmp_path: Path) -> None:
    glance(file, tmp_path, {"HOME": "/h"}, tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_mistakes_are_told_every_time(file: Path, tmp_path: Path, cache: Path) -> None:
    file.write_text(HEAD + "targets: {}\n")
    for _ in range(2):
        with pytest.raises(ConfigError):
            glance(file, tmp_path, {}, cache)
    assert not (cache / FILE).exists()
