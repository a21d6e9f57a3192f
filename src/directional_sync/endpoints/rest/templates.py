"""How the file writes keys of items, and where they stand in names."""

from __future__ import annotations

import re

from directional_sync.endpoints.rest import paths
from directional_sync.endpoints.rest.paths import Path

HOLE = "{key}"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def template(text: str) -> tuple[str | Path, ...]:
    """A key as literal text and paths: `id`, or `{owner.name}-{name}`. Raises ValueError, with the reason."""
    if "{" not in text and "}" not in text:
        return (paths.parse(text),)
    found = _PLACEHOLDER.split(text)
    if any("{" in part or "}" in part for part in found):
        raise ValueError(f"{text!r} has a brace that is not one of a pair")
    return tuple(part if at % 2 == 0 else paths.parse(part) for at, part in enumerate(found) if part or at % 2)
