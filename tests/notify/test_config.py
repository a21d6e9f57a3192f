"""The section `notify` of the file: what it may say, and what it must not hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.config.conftest import loaded

from directional_sync.config.kept import recall
from directional_sync.errors import ConfigError
from directional_sync.model.notify import USUAL, Channel, Means, Notify, Ping, Silence, Topic
from directional_sync.render.workflow import workflow

HEAD = 'version: "1.0"\ntargets:\n  one: {direction: pull, entrypoint: s.sh, outputs: ["x/**"]}\nnotify:\n'
FULL = (
    HEAD
    + """\
  channels:
    team: {type: slack, url: "${SLACK_WEBHOOK}", remind: 1d, events: [failed, recovered]}
    ours: {type: webhook, url: $OUR_HOOK, secret: "${OUR_KEY}", targets: ["o*"]}
  pings:
    nightly: {url: "${HEALTH}", phases: true}
  silences:
    - {targets: [one], until: "2026-12-24", reason: "it moves"}
"""
)
SECTION = Notify(
    (
        Channel("team", Means.SLACK, "SLACK_WEBHOOK", topics=(Topic.FAILED, Topic.RECOVERED), remind_s=86400.0),
        Channel("ours", Means.WEBHOOK, "OUR_HOOK", "OUR_KEY", USUAL, ("o*",)),
    ),
    (Ping("nightly", "HEALTH", (), True),),
    (Silence(("one",), "2026-12-24", "it moves"),),
)


def test_it_is_read() -> None:
    assert loaded(FULL).notify == SECTION
    assert SECTION.variables == ("SLACK_WEBHOOK", "OUR_HOOK", "OUR_KEY", "HEALTH")


def test_variables_that_are_not_set_are_no_mistake_and_their_values_are_nowhere(tmp_path: Path) -> None:
    """A laptop without the secrets plans and runs; and what is kept of the file holds none."""
    file = tmp_path / "sync.yaml"
    file.write_text(FULL)
    canary = "https://hooks.example.org/canary-Zq81"
    for environ in ({}, {"SLACK_WEBHOOK": canary, "OUR_KEY": canary}):
        for _ in range(2):
            config = recall(file, tmp_path, environ, tmp_path)
            assert config.notify == SECTION and "canary" not in repr(config)
        assert "canary" not in (tmp_path / "config.json").read_text()


@pytest.mark.parametrize(
    ("section", "line", "says"),
    [
        ("channels: {t: {type: slack, url: 'https://hooks.slack.com/x-canary'}}", 5, "an address or key is a secret"),
        ("channels: {t: {type: slack, url: 'https://h/${X}-canary'}}", 5, "an address or key is a secret"),
        ("channels: {t: {type: slack, url: '${X:-https://h/canary}'}}", 5, "an address or key is a secret"),
        ("pings: {t: {url: 'http://canary'}}", 5, "an address or key is a secret"),
        ("channels: {t: {type: slak, url: $X}}", 5, "did you mean slack?"),
        ("channels: {t: {type: slack, url: $X, secret: $Y}}", 5, "`secret` is for a webhook"),
        ("channels: {t: {type: webhook, url: $X}}", 5, "`secret` is missing"),
        ("channels: {t: {type: slack, url: $X, events: [fail]}}", 5, "did you mean failed?"),
        ("channels: {t: {type: slack, url: $X, events: []}}", 5, "`events` is empty"),
        ("channels: {t: {type: slack, url: $X, targets: [on]}}", 5, "`on` matches no target"),
        ("channels: {t: {type: slack, url: $X, remind: often}}", 5, "duration"),
        ("channels: {t: {type: slack}}", 5, "`url` is missing"),
        ("silences: [{targets: [one], until: tomorrow, reason: r}]", 5, "a date is written YYYY-MM-DD"),
        ("silences: [{targets: [one], until: '2026-01-01'}]", 5, "`reason` is missing"),
        ("silences: [{targets: ['b*'], until: '2026-01-01', reason: r}]", 5, "`b*` matches no target"),
        ("chanels: {}", 5, "did you mean `channels`?"),
    ],
)
def test_mistakes_have_a_place_and_show_no_secret(section: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(f"{HEAD}  {section}\n")
    [problem] = caught.value.problems
    assert problem.line == line and says in f"{problem.message} {problem.hint}"
    assert "canary" not in f"{problem.message} {problem.source} {problem.hint}"


def test_the_workflow_hands_them_on_as_secrets() -> None:  # T15: by name, and to the step that runs only
    text = workflow(loaded(FULL))
    for name in SECTION.variables:
        assert f"{name}: ${{{{ secrets.{name}" in text
    steps = yaml.load(text, yaml.BaseLoader)["jobs"]["sync"]["steps"]
    told = [step["with"] for step in steps if "told" in step.get("name", "")]
    assert {one["path"] for one in told} == {".git/directional-sync/told.json"} and len(told) == 2
    assert "what was told" not in workflow(loaded(FULL.partition("notify:")[0]))
    check = yaml.load(text, yaml.BaseLoader)["jobs"]["check"]  # whoever can only propose a change gets no secret
    assert "secrets." not in str(check)
