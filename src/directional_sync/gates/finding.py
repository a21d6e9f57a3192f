"""What the secrets gate finds, and how it speaks of it without saying it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from directional_sync.core.escape import one_line


@dataclass(frozen=True, slots=True)
class Finding:
    """One likely secret in one file, and in those that are equal to it."""

    key: str
    """As it may be shown: a value within a name is masked."""
    line: int
    """1-based; 0 for the name itself."""
    rule: str
    masked: str
    fingerprint: str
    """Twelve hexadecimal digits of the value's hash: the same wherever and by whatever rule it is found."""
    keys: tuple[str, ...] = field(default=(), repr=False)
    """Of all the files, as they are."""

    def __str__(self) -> str:
        place = f"{one_line(self.key, 200)}:{self.line}"
        return f"{place}   rule {one_line(self.rule, 80)}   {self.masked}   fingerprint {self.fingerprint}"


def fingerprint(value: str) -> str:
    """Twelve hexadecimal digits that stand for a value. White space, and for a private key everything but its
    body, makes no difference."""
    body = re.search(r"PRIVATE KEY(?: BLOCK)?-----(.*?)(?:-----END|$)", value, re.DOTALL)
    if body:
        value = re.sub(r"\\[nr]|[^A-Za-z0-9+/=]", "", body.group(1))
    return hashlib.sha256(b"dsync-secret\0" + re.sub(r"\s", "", value).encode("utf-8", "replace")).hexdigest()[:12]


def masked(value: str) -> str:
    """The first characters of a value, at most four and never more than a quarter, and stars that do not tell how
    long it is."""
    shown = one_line(value.lstrip()[: min(4, len(value) // 4)])
    return shown + "*" * 12
