"""Durations and sizes as people write them: `90s`, `5m`, `1h30m`; `500kB`, `100MB`, `2GiB`."""

from __future__ import annotations

import re

DURATION_PATTERN = r"^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
SIZE_PATTERN = r"^[0-9]+(\.[0-9]+)? ?(B|kB|KB|MB|GB|KiB|MiB|GiB)$"

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def seconds(text: str) -> float:
    """`1h30m` is 5400.0. Days, hours, minutes and seconds in this order, whole numbers. Raises ValueError."""
    if not re.fullmatch(DURATION_PATTERN.strip("^$"), text):
        raise ValueError(f"{text!r} is no duration; write it like 30s, 5m or 1h30m")
    return float(sum(int(amount) * _SECONDS[unit] for amount, unit in re.findall(r"([0-9]+)([dhms])", text)))


def written(duration_s: float) -> str:
    """The shortest form that `seconds` reads back, in whole seconds: 5400 is `1h30m`."""
    left, parts = int(duration_s), []
    for unit, size in _SECONDS.items():
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"


def size(text: str) -> int:
    """`100MB` is 100,000,000 and `1MiB` 1,048,576 bytes. Raises ValueError."""
    found = re.fullmatch(SIZE_PATTERN.strip("^$"), text)
    if not found:
        raise ValueError(f"{text!r} is no size; write it like 500kB, 100MB or 1GiB")
    unit = found.group(2)
    return int(float(text[: -len(unit)]) * _BYTES[unit])
