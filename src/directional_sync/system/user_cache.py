"""Where what can be made again at any time is kept for all repositories of a user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def user_cache(environ: Mapping[str, str], name: str) -> Path | None:
    """The private folder `name` in the user's cache, made where there was none. None where there can be none: no home,
    or one that cannot be written."""
    stated = environ.get("XDG_CACHE_HOME", "")
    home = environ.get("HOME", "")
    base = Path(stated) if stated.startswith("/") else Path(home, ".cache")
    if not base.is_absolute():
        return None
    folder = base / "directional-sync" / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder
