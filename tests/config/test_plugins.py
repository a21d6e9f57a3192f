"""Names to endpoints: built-in, known but not here, and by third parties."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint

import pytest
from tests.config.conftest import HEAD, loaded, problems

from directional_sync import plugins
from directional_sync.endpoints.base import Options
from directional_sync.errors import HostError


class AcmeOptions(Options):
    colour: str
    tags: tuple[str, ...] = ()


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("acme_sync")
    module.OPTIONS = AcmeOptions  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_sync", module)
    entries = {
        name: EntryPoint(name, value, plugins.GROUP) for name, value in (("acme", "acme_sync"), ("gone", "no_such"))
    }
    monkeypatch.setattr(plugins, "_third_parties", lambda: entries)
    return module


def test_built_in_ones() -> None:
    assert plugins.available("git") and plugins.available("command")
    for name in plugins.builtin_types():
        assert plugins.known(name)
        assert plugins.described(name)
        model = plugins.options_model(name)
        assert (model is not None) == plugins.available(name)
    assert {"rest", "notion", "sections", "files", "ssh-files", "server_config", "catalogue", "git"} == set(
        plugins.builtin_types()
    )
    assert not plugins.known("nonsense")
    assert not plugins.available("nonsense")


def test_available_ones_load() -> None:
    for name in plugins.endpoint_types():
        if plugins.available(name):
            model = plugins.options_model(name)
            assert model is not None and issubclass(model, Options)


FILE = HEAD + "targets:\n  a: {{direction: push, remote: {{type: {0}}}}}\n"


def test_a_third_partys_options_are_checked_like_ours(acme: types.ModuleType) -> None:
    [target] = loaded(FILE.format("acme, colour: red, tags: [a, b]")).targets
    assert target.options == AcmeOptions(colour="red", tags=("a", "b"))
    [problem] = problems(FILE.format("acme, color: red"))
    assert "did you mean `colour`?" in problem.message
    [problem] = problems(FILE.format("akme"))
    assert "did you mean acme?" in problem.message


def test_a_broken_plugin_names_itself(acme: types.ModuleType) -> None:
    with pytest.raises(HostError) as found:
        loaded(FILE.format("gone"))
    assert found.value.code == "E-PLUGIN"
    assert "no_such" in found.value.message
    del acme.OPTIONS
    with pytest.raises(HostError, match="has no `OPTIONS`"):
        loaded(FILE.format("acme"))
