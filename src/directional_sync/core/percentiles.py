"""Percentiles of durations from counts in buckets, each of which is 4 % wider than the one before.

So any number of durations fits into a few hundred counts, can be added to and taken from, and the percentile that
comes out is right to within 2 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from directional_sync.model.past import Timing

_GROWTH = 1.04
_LEAST_S = 1e-6


def bucket(seconds: float) -> int:
    """The bucket that a duration belongs into, at least 0."""
    if not seconds > _LEAST_S:
        return 0
    return 1 + int(math.log(seconds / _LEAST_S) / math.log(_GROWTH))


def middle(number: int) -> float:
    """The duration that a bucket stands for, in seconds."""
    return 0.0 if number <= 0 else float(_LEAST_S * _GROWTH ** (number - 0.5))


def timing(counts: Mapping[int, int]) -> Timing | None:
    """Of bucket -> how many durations; None when there are none."""
    total = sum(counts.values())
    if total <= 0:
        return None
    p50, p95, p99 = (_at(counts, math.ceil(total * share / 100)) for share in (50, 95, 99))
    return Timing(total, p50, p95, p99)


def _at(counts: Mapping[int, int], rank: int) -> float:
    """The duration at `rank`, the first being 1."""
    seen = 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= rank:
            return middle(number)
    return middle(max(counts))
