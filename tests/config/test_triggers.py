"""The triggers of the generated workflow answer every firing in time, jitter or not (R5, F40, F43)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import yaml
from tests.config.conftest import HEAD, loaded
from tests.core.test_firing import at

from directional_sync import starters
from directional_sync.config import cron
from directional_sync.core.due import Ending, Tried, own_delay, standing
from directional_sync.model.target import Config, Schedule
from directional_sync.render.workflow import workflow

SAMPLE = starters.contents("insightpulse")[starters.CONFIG].decode()
FIRST, LAST = at("2026-11-24T11:00"), at("2026-12-04T11:00")
STEP = timedelta(minutes=5)


def jittered(jitter: str) -> Config:
    return loaded(SAMPLE.replace("\ndefaults:\n", f"\ndefaults:\n  jitter: {jitter}\n"), {"HOME": "/h"})


def triggers(config: Config) -> list[datetime]:
    """When the workflow starts, in those ten days."""
    found = set[datetime]()
    for one in yaml.safe_load(workflow(config))["on"]["schedule"]:
        rhythm = cron.rhythm(Schedule(one["cron"], one.get("timezone", "UTC")))
        found.update(rhythm.between(FIRST, LAST))
    return sorted(found)


def answered(config: Config, late: timedelta) -> dict[str, dict[datetime, datetime]]:
    """Target -> firing -> when a run answered it. Each trigger is `run --due`, so much later."""
    found: dict[str, dict[datetime, datetime]] = {}
    tries = {target.name: [Tried(FIRST, FIRST, Ending.WELL)] for target in config.targets}
    for trigger in triggers(config):
        now = trigger + late
        for target in config.targets:
            if target.schedule is None:
                continue
            rhythm = cron.rhythm(target.schedule)
            delay = own_delay(target.name, rhythm, target.punctuality)
            one = standing(rhythm, target.punctuality, tries[target.name], now, delay=delay)
            if one.due and one.answers is not None:
                found.setdefault(target.name, {})[one.answers] = now
                tries[target.name] = [Tried(now, now, Ending.WELL, one.answers)]
    return found


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=4)], ids=["on time", "four minutes late"])
@pytest.mark.parametrize("jitter", ["1s", "90s", "10m", "1h", "12h"])
def test_ten_days_of_the_sample_are_answered_in_time(jitter: str, late: timedelta) -> None:
    config = jittered(jitter)
    found = answered(config, late)
    for target in config.targets:
        assert target.schedule is not None
        rhythm = cron.rhythm(target.schedule)
        delay = own_delay(target.name, rhythm, target.punctuality)
        firings = [one for one in rhythm.between(FIRST, LAST) if one + delay + STEP + late < LAST]
        assert firings
        for firing in firings:
            assert timedelta(0) <= found[target.name][firing] - (firing + delay) < STEP + late, (target.name, firing)


def test_few_triggers_serve_many_targets() -> None:
    """Each of them starts a machine."""
    targets = [
        f"  t{n}: {{direction: push, entrypoint: a.sh, schedule: '0 2 * * *', jitter: 30m}}\n" for n in range(60)
    ]
    config = loaded(HEAD + "targets:\n" + "".join(targets))
    found = yaml.safe_load(workflow(config))["on"]["schedule"]
    assert len(found) == 6
    assert {one["cron"] for one in found} == {f"{minute} 2 * * *" for minute in range(5, 35, 5)}


def test_the_workflow_says_whose_delay_it_is() -> None:
    config = loaded(HEAD + "targets:\n  t3: {direction: push, entrypoint: a.sh, schedule: '0 2 * * *', jitter: 1h}\n")
    [line] = [line for line in workflow(config).splitlines() if "cron:" in line]
    minutes = int(line.partition("(+")[2].partition(" min")[0])
    assert f'"{minutes} 2 * * *"' in line and "# t3" in line and 0 < minutes <= 60
