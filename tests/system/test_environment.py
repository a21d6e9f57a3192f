"""What the programs of a target may see of the environment."""

from __future__ import annotations

import pytest

from directional_sync.errors import CredentialError, Exit
from directional_sync.model.target import Direction, Place, Target
from directional_sync.system.environment import environment_for


def _target(env: tuple[str, ...] = (), env_vars: tuple[str, ...] = ()) -> Target:
    return Target("one", Direction.PULL, "command", env=env, env_vars=env_vars, place=Place("sync.yaml", 7, 3))


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "http_proxy",
        "HTTPS_PROXY",
        "no_proxy",
        "NO_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ],
)
def test_allowed(name: str) -> None:
    assert environment_for(_target(), {name: "1"}) == {name: "1"}


@pytest.mark.parametrize(
    "name",
    [
        "NOTION_API_TOKEN",
        "GITHUB_TOKEN",
        "GIT_DIR",
        "GIT_CONFIG_GLOBAL",
        "SSH_AUTH_SOCK",
        "PYTHONPATH",
        "LD_PRELOAD",
        "BASH_ENV",
        "PATHS",
        "XPATH",
        "LC_",
        "Path",
    ],
)
def test_not_allowed_unless_named(name: str) -> None:
    assert environment_for(_target(), {name: "1"}) == {}
    named = environment_for(_target(env=(name,)), {name: "1"})
    assert named == ({} if name == "GIT_DIR" else {name: "1"})


@pytest.mark.parametrize("name", ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GIT_WORK_TREE"])
def test_t10_never_even_when_named(name: str) -> None:
    assert environment_for(_target(env=(name,), env_vars=(name,)), {name: "/tmp/x"}) == {}


def test_required_variables_are_handed_on() -> None:
    assert environment_for(_target(env_vars=("TOKEN",)), {"TOKEN": "t", "OTHER": "o"}) == {"TOKEN": "t"}


@pytest.mark.parametrize("environ", [{}, {"TOKEN": ""}])
def test_a_missing_required_variable_is_named_with_its_place(environ: dict[str, str]) -> None:
    with pytest.raises(CredentialError) as caught:
        environment_for(_target(env_vars=("TOKEN", "OTHER")), {"OTHER": "o", **environ})
    error = caught.value
    assert (error.code, error.exit, error.place) == ("E-ENV-MISSING", Exit.CREDENTIAL, "sync.yaml:7:3")
    assert error.message == "one needs TOKEN, which is not set"
    assert "TOKEN=..." in error.hint


def test_all_missing_ones_at_once() -> None:
    with pytest.raises(CredentialError, match="needs A, B and C, which are not set"):
        environment_for(_target(env_vars=("A", "B", "C")), {})
