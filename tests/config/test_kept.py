"""What is only shown may be remembered; it is forgotten when anything it depends on changes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.config.conftest import HEAD
from tests.config.test_load import FULL

import directional_sync
from directional_sync import plugins
from directional_sync.config import build
from directional_sync.config.kept import FILE, only_fields, recall
from directional_sync.config.load import load
from directional_sync.endpoints.base import Options
from directional_sync.errors import ConfigError
from directional_sync.model.target import Config
from directional_sync.model.values import Values

STARTER = Path(__file__).parents[2] / ".insightpulse" / "sync.yaml"


def comparable(config: Config) -> Config:
    """With the options of every target as what they are for an endpoint: names and values."""
    return replace(config, targets=tuple(replace(target, options=plain(target.options)) for target in config.targets))


def plain(value: Any) -> Any:
    if isinstance(value, BaseModel | Values):
        return {name: plain(item) for name, item in value}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


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
    read = load(path, tmp_path, environ)
    assert comparable(recall(path, tmp_path, environ, cache)) == comparable(read)
    assert (cache / FILE).stat().st_mode & 0o777 == 0o600
    remembered = recall(path, tmp_path, environ, cache)
    assert all(isinstance(t.options, Values) == plugins.available(t.endpoint) for t in remembered.targets)
    assert comparable(remembered) == comparable(read)
    assert [type(target.direction) for target in remembered.targets] == [type(t.direction) for t in read.targets]


def test_nothing_heavy_is_loaded_for_it(file: Path, tmp_path: Path, cache: Path) -> None:
    recall(file, tmp_path, {"HOME": "/h"}, cache)
    code = (
        "import sys; from pathlib import Path; from directional_sync.config.kept import recall\n"
        f"recall(Path({str(file)!r}), Path({str(tmp_path)!r}), {{'HOME': '/h'}}, Path({str(cache)!r}))\n"
        "print(*{'pydantic', 'yaml', 're2', 'httpx2'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_another_content_path_variable_or_form_is_read_again(file: Path, tmp_path: Path, cache: Path) -> None:
    def value(environ: dict[str, str]) -> str:
        return str(recall(file, tmp_path, environ, cache).targets[0].config["h"])

    assert value({"HOME": "/one"}) == "/one"
    assert value({"HOME": "/two"}) == "/two"
    file.write_text(file.read_text().replace("h: $HOME", "h: other"))
    assert value({"HOME": "/two"}) == "other"
    rewrite(cache / FILE, ('"h": "other"', '"h": "kept"'))
    assert value({"HOME": "/two"}) == "kept"
    rewrite(cache / FILE, ('"program": "', '"program": "0'))
    assert value({"HOME": "/two"}) == "other"


def rewrite(path: Path, *exchanges: tuple[str, str], sealed: bool = True) -> None:
    content = path.read_bytes().partition(b"\n")[2]
    seal = path.read_bytes().partition(b"\n")[0]
    for before, after in exchanges:
        assert before.encode() in content
        content = content.replace(before.encode(), after.encode())
    seal = hashlib.sha256(content).hexdigest().encode() if sealed else seal
    path.write_bytes(seal + b"\n" + content)


def test_what_was_damaged_is_not_believed(file: Path, tmp_path: Path, cache: Path) -> None:
    recall(file, tmp_path, {"HOME": "/h"}, cache)
    rewrite(cache / FILE, ('"h": "/h"', '"h": "/x"'), sealed=False)
    assert recall(file, tmp_path, {"HOME": "/h"}, cache).targets[0].config["h"] == "/h"


def test_what_others_may_touch_is_not_believed(file: Path, tmp_path: Path, cache: Path) -> None:
    recall(file, tmp_path, {"HOME": "/h"}, cache)
    rewrite(cache / FILE, ('"h": "/h"', '"h": "/x"'))
    (cache / FILE).chmod(0o620)
    assert recall(file, tmp_path, {"HOME": "/h"}, cache).targets[0].config["h"] == "/h"


def test_another_build_of_the_program_reads_again(
    file: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recall(file, tmp_path, {"HOME": "/h"}, cache)
    rewrite(cache / FILE, ('"h": "/h"', '"h": "/x"'))
    shutil.copytree(Path(directional_sync.__file__).parent, tmp_path / "program", ignore=lambda *_: ["__pycache__"])
    monkeypatch.setattr(directional_sync, "__file__", str(tmp_path / "program" / "__init__.py"))
    assert recall(file, tmp_path, {"HOME": "/h"}, cache).targets[0].config["h"] == "/h"


@pytest.mark.parametrize("name", ["git", "command"])
def test_options_of_our_own_endpoints_have_fields_only(name: str) -> None:
    """Or a run could not do without their class: put what is done with them into functions."""
    model = plugins.options_model(name)
    assert model is not None and only_fields(model)


class Richer(Options):
    place: str = ""

    def whole_place(self) -> str:
        return f"/{self.place}"


class Dated(Options):
    day: date = date(2026, 1, 1)


@pytest.mark.parametrize("model", [Richer, Dated])
def test_options_that_are_more_than_plain_fields_are_not_kept(
    model: type[Options], file: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "options_model", lambda name: model)
    monkeypatch.setattr(build, "entrypoint_options", lambda part: {})
    for _ in range(2):
        assert isinstance(recall(file, tmp_path, {"HOME": "/h"}, cache).targets[0].options, model)
    assert not (cache / FILE).exists()


def test_endpoints_by_third_parties_get_their_own_class(
    file: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "built_in", lambda name: False)
    for _ in range(2):
        assert isinstance(recall(file, tmp_path, {"HOME": "/h"}, cache).targets[0].options, Options)
    assert recall(file, tmp_path, {"HOME": "/h"}, cache, glance=True).targets[0].options is None


def test_kept_options_cannot_be_changed_and_show_no_values() -> None:
    options = Values("Kind", {"url": "https://hidden"})
    assert options.url == "https://hidden"
    assert "hidden" not in repr(options)
    with pytest.raises(AttributeError):
        options.url = "https://other"
    with pytest.raises(AttributeError, match="Kind has no field 'uri'"):
        _ = options.uri


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"form": 1}', '{"form": "", "path": "", "digest": ""}'])
def test_whatever_lies_in_its_place_does_no_harm(content: str, file: Path, tmp_path: Path, cache: Path) -> None:
    (cache / FILE).write_text(content)
    assert recall(file, tmp_path, {"HOME": "/h"}, cache).targets[0].name == "a"


def test_p10_nothing_is_kept_where_a_variable_could_be_secret(file: Path, tmp_path: Path, cache: Path) -> None:
    assert (
        recall(file, tmp_path, {"X": "perhaps-secret", "HOME": "/h"}, cache).targets[0].config["x"] == "perhaps-secret"
    )
    assert not (cache / FILE).exists()


def test_nothing_is_kept_where_there_is_no_state(file: Path, tmp_path: Path) -> None:
    recall(file, tmp_path, {"HOME": "/h"}, tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_mistakes_are_told_every_time(file: Path, tmp_path: Path, cache: Path) -> None:
    file.write_text(HEAD + "targets: {}\n")
    for _ in range(2):
        with pytest.raises(ConfigError):
            recall(file, tmp_path, {}, cache)
    assert not (cache / FILE).exists()
