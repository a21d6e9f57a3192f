"""From what the history has counted to what people ask: how long, how often, how well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from directional_sync.core.percentiles import timing
from directional_sync.model.lifecycle import Step
from directional_sync.model.past import Statistics, Timing

_WHOLE = ""
_ORDER = {str(step): number for number, step in enumerate(Step)}


def statistics(outcomes: Iterable[tuple[Any, ...]], spans: Iterable[tuple[Any, ...]]) -> list[Statistics]:
    """`outcomes`: (target, outcome, number). `spans`: (target, step or "", bucket, number). By name of target."""
    ended: dict[str, dict[str, int]] = {}
    for target, outcome, number in outcomes:
        ended.setdefault(target, {})[outcome] = number
    taken: dict[str, dict[str, dict[int, int]]] = {}
    for target, step, bucket, number in spans:
        taken.setdefault(target, {}).setdefault(step, {})[bucket] = number
    return [_of(target, ended[target], taken.get(target, {})) for target in sorted(ended)]


def _of(target: str, outcomes: Mapping[str, int], taken: Mapping[str, Mapping[int, int]]) -> Statistics:
    steps: dict[str, Timing] = {}
    for step in sorted(taken, key=lambda name: _ORDER.get(name, len(_ORDER))):
        found = timing(taken[step])
        if step != _WHOLE and found is not None:
            steps[step] = found
    return Statistics(target, outcomes, timing(taken.get(_WHOLE, {})), steps)
