"""What a file comes to: frozen values, variables, places."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.config.conftest import HEAD, loaded, problems, target

from directional_sync import plugins
from directional_sync.config.load import find, load
from directional_sync.endpoints.git.options import GitOptions
from directional_sync.errors import ConfigError, Exit
from directional_sync.model.target import (
    Allowed,
    Check,
    Direction,
    DriftGate,
    Limit,
    OnConflict,
    OnDelete,
    Pause,
    Place,
    Policy,
    Schedule,
    Verification,
)

FULL = """
    version: "1.0"
    defaults:
      timezone: Europe/Brussels
      retries: 5
      env: [SHARED]
      policy: {on_conflict: remote, max_delete: 10%}
    targets:
      upstream:
        direction: pull
        description: Vendored
        schedule: "0 2 * * *"
        remote:
          type: git
          url: "https://example.org/{name}.git"
          ref: "18.0"
          names: [web, hr]
          into: "addons/{name}"
        outputs: ["addons/**"]
        verification: {command: count, expected_min: 100, expected_max: 2e3, timeout: 10s}
        policy: {on_delete: keep, max_delete: "25% or 7", overwrite_edits: true, allow_empty: true}
        priority: -3
        timeout: 1h30m
        retries: 0
        git_commit_message: "Update $target"
        fail_on_diff: true
        idempotent: false
      publish:
        direction: push
        entrypoint: bin/publish.py
        args: [--all, "two words"]
        dry_run_flag: --dry-run
        inputs: ["docs/**"]
        needs: [upstream, upstream]
        env: [OWN, SHARED]
        timezone: UTC
        schedule: "0 3 * * *"
        git_commit: false
        dry_run: true
        paused: true
        config: {env_vars: [TOKEN], nested: {a: [1, 2.5, null, yes]}}
    safety:
      secret_patterns: ["NOTION_.*_DB_ID"]
      pre_sync_checks: [{name: a, command: "echo $HOME", expected_exit_code: 1, skip_on_push: true, timeout: 1m}]
      post_sync_checks: [{name: b, command: c, skip_on_pull: true}]
      drift_gates: [{name: g, command: d, max_drift_score: 0, max_value: 1.5, targets: ["up*"]}]
      allowed_secrets: [{fingerprint: 5d1f0c, reason: an example, expires: 2026-12-31}]
      require_detector: true
      max_file_bytes: 5MB
      protected: ["infra/**"]
      allow_protected: [.github/workflows/x.yml]
    """


def test_everything_arrives() -> None:
    config = loaded(FULL)
    upstream, publish = config.targets
    assert upstream.direction is Direction.PULL
    assert upstream.endpoint == "git"
    assert isinstance(upstream.options, GitOptions)
    assert upstream.options.names == ("web", "hr")
    assert upstream.schedule == Schedule("0 2 * * *", "Europe/Brussels")
    assert upstream.verification == Verification("count", 100, 2000.0, None, 10.0)
    assert upstream.policy == Policy(OnConflict.REMOTE, OnDelete.KEEP, Limit(0.25, 7), True, True)
    assert (upstream.priority, upstream.timeout_s, upstream.retries) == (-3, 5400.0, 0)
    assert (upstream.git_commit_message, upstream.fail_on_diff, upstream.idempotent) == ("Update $target", True, False)
    assert upstream.env == ("SHARED",)
    assert upstream.place == Place("sync.yaml", 9, 3)
    assert publish.endpoint == "command"
    assert publish.options.entrypoint == "bin/publish.py"
    assert tuple(publish.options.args) == ("--all", "two words")
    assert publish.options.dry_run_flag == "--dry-run"
    assert publish.needs == ("upstream",)
    assert publish.env == ("SHARED", "OWN")
    assert publish.env_vars == ("TOKEN",)
    assert publish.schedule == Schedule("0 3 * * *", "UTC")
    assert publish.config == {"env_vars": ["TOKEN"], "nested": {"a": [1, 2.5, None, "yes"]}}
    assert publish.policy == Policy(OnConflict.REMOTE, max_delete=Limit(0.1, None))
    assert (publish.git_commit, publish.dry_run, publish.paused, publish.retries) == (False, True, Pause(), 5)
    safety = config.safety
    assert safety.secret_patterns == ("NOTION_.*_DB_ID",)
    assert safety.pre_sync_checks == (Check("a", "echo $HOME", 1, skip_on_push=True, timeout_s=60.0),)
    assert safety.post_sync_checks == (Check("b", "c", skip_on_pull=True),)
    assert safety.drift_gates == (DriftGate("g", "d", 0, None, 1.5, targets=("up*",)),)
    assert safety.allowed_secrets == (Allowed("5d1f0c", "an example", "2026-12-31"),)
    assert (safety.require_detector, safety.max_file_bytes) == (True, 5_000_000)
    assert (safety.protected, safety.allow_protected) == (("infra/**",), (".github/workflows/x.yml",))


@pytest.mark.parametrize(
    ("written", "limit"),
    [("50", Limit(None, 50)), ("0", Limit(None, 0)), ("10%", Limit(0.1, None)), ("12.5 %", Limit(0.125, None)),
     ("100%", Limit(1.0, None)), ('"10% or 50"', Limit(0.1, 50))],
)  # fmt: skip
def test_limits(written: str, limit: Limit) -> None:
    found = target(f"direction: push\nentrypoint: a.sh\npolicy: {{max_delete: {written}}}")
    assert found.policy.max_delete == limit


GIT = "direction: pull\noutputs: [x/**]\nremote: {type: git, url: $BASE/x.git, ref: '${REF:-main}'}"


def test_a_variable_that_is_set() -> None:
    found = target(GIT, {"BASE": "https://example.org"})
    assert found.options.url == "https://example.org/x.git"
    assert found.options.ref == "main"
    assert found.missing == ()
    assert found.variables == ("BASE", "REF")


def test_a_variable_that_is_not_set_fails_its_target_only() -> None:
    """The target is there and says what it misses and where; the others are as they should be."""
    text = f"""
    {HEAD.strip()}
    targets:
      lacking:
        direction: pull
        outputs: [x/**]
        schedule: $WHEN
        remote: {{type: git, url: $BASE/x.git}}
      fine: {{direction: pull, entrypoint: a.sh, outputs: [y]}}
    """
    lacking, fine = loaded(text).targets
    assert lacking.missing == (("WHEN", Place("sync.yaml", 7, 15)), ("BASE", Place("sync.yaml", 8, 30)))
    assert lacking.schedule is None
    assert lacking.options is None
    assert fine.missing == ()


def test_a_mistake_beside_a_missing_variable_is_still_told() -> None:
    [problem] = problems(f"{HEAD}targets:\n  a: {{direction: pul, outputs: [$X], entrypoint: a.sh}}\n")
    assert problem.message.startswith("pul is no `direction`")


def test_a_variable_outside_of_targets_must_be_set() -> None:
    text = f"{HEAD}defaults: {{timezone: $ZONE}}\ntargets:\n  a: {{direction: push, entrypoint: a.sh}}\n"
    assert [(p.line, p.column, p.message) for p in problems(text)] == [(2, 22, "$ZONE is not set and has no default")]
    assert problems(text, {"ZONE": "UTC"}) == []


def test_secret_looking_variables_are_known_for_redaction() -> None:
    text = f"{HEAD}targets:\n  a: {{direction: push, entrypoint: a.sh, config: {{t: $API_TOKEN, h: $HOST}}}}\n"
    config = loaded(text, {"API_TOKEN": "s3cr3t-value", "HOST": "example.org", "OTHER_TOKEN": "unused"})
    assert config.secrets == ("s3cr3t-value",)
    assert config.variables == ("API_TOKEN", "HOST")
    assert ", secrets=" not in repr(config)


def test_an_unavailable_endpoint_keeps_its_options_as_a_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins._BUILT_IN, "later", plugins._BuiltIn("Comes with a later version."))
    found = target("direction: push\nremote: {type: later, database: X, deep: {a: [1]}}")
    assert found.options == {"database": "X", "deep": {"a": [1]}}


def test_protected_paths_may_be_allowed() -> None:
    text = HEAD + "targets:\n  a: {direction: pull, entrypoint: a.sh, outputs: [.github/workflows/x.yml]}\n"
    assert len(problems(text)) == 1
    assert problems(text + "safety: {allow_protected: ['.github/workflows/**']}\n") == []


def test_the_digest_is_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "sync.yaml"
    file.write_bytes((HEAD + "targets: {a: {direction: push, entrypoint: a.sh}}\n").encode())
    config = load(file, tmp_path, {})
    assert config.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert config.path == "sync.yaml"
    assert load(file, tmp_path / "elsewhere", {}).path == str(file)


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as missing:
        find(None, {}, tmp_path)
    assert missing.value.code == "E-CONFIG-MISSING"
    assert missing.value.exit is Exit.USAGE
    assert missing.value.problems[0].hint == "dsync init"
    places = ["sync.yaml", ".insightpulse/sync.yaml", "by-variable.yaml", "explicit.yaml"]
    environ: dict[str, str] = {}
    for place in places:
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
        environ = {"DIRECTIONAL_SYNC_CONFIG": place} if place.startswith("by") else environ
        explicit = place if place.startswith("explicit") else None
        assert find(explicit, environ, tmp_path) == tmp_path / place
    with pytest.raises(ConfigError) as named:
        find("nowhere.yaml", {}, tmp_path)
    assert "nowhere.yaml (--config)" in named.value.message


def test_f90_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as found:
        load(tmp_path, tmp_path, {})
    assert found.value.code == "E-CONFIG-READ"
