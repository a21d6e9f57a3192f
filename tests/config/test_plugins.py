"""Names to endpoints: built-in, known but not here, and by third parties."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.config.conftest import HEAD, loaded, problems
from tests.plugged import HEAD as PLUGIN
from tests.plugged import Site

from directional_sync import plugins
from directional_sync.endpoints.base import Options
from directional_sync.errors import HostError


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The part of a file that allows a plugin which is installed."""
    site = Site(tmp_path / "site", monkeypatch)
    digest = site.install("acme-sync", PLUGIN)
    yield f"plugins: {{Acme_Sync: {digest}}}\n"
    site.again()


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


def test_a_third_partys_options_are_checked_like_ours(acme: str) -> None:
    [target] = loaded(FILE.format("acme, colour: red, tags: [a, b]") + acme).targets
    assert type(target.options).__name__ == "AcmeOptions"
    assert (target.options.colour, target.options.tags) == ("red", ("a", "b"))
    [problem] = problems(FILE.format("acme, color: red") + acme)
    assert "did you mean `colour`?" in problem.message
    [problem] = problems(FILE.format("akme") + acme)
    assert "did you mean acme?" in problem.message


def test_one_that_is_not_allowed_is_known_and_not_loaded(acme: str) -> None:  # T39
    [target] = loaded(FILE.format("acme, color: red")).targets
    assert target.options == {"color": "red"} and "acme_sync" not in sys.modules
    with pytest.raises(HostError) as found:
        plugins.options_model("acme")
    assert found.value.code == "E-PLUGIN-NOT-ALLOWED"


@pytest.mark.parametrize("digest", ["", "abc", "sha1:" + "0" * 40, "0" * 63])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    [problem] = problems(FILE.format("files, url: /far") + f"plugins: {{acme: '{digest}'}}\n")
    assert "plugins" in problem.message or problem.line == 4
