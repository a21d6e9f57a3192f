"""The detector library: several hundred rules for credentials of services, in-process and offline.

An optional dependency (`pip install 'directional-sync[secrets]'`). Only its scanner is ever imported: the same
distribution can try credentials out over the network and revoke them, which nothing here may do.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from directional_sync.gates.literals import literal_secret
from directional_sync.gates.rules import Hit

DISTRIBUTION = "kingfisher-secret-scanner"
_MODULE = "kingfisher_sdk"
_FILE_TIMEOUT_S = 60.0


def installed() -> bool:
    """Whether the library is there, without importing it."""
    return find_spec(_MODULE) is not None


def description() -> str:
    """Its name and version, "" when it is not installed."""
    try:
        return f"kingfisher {version(DISTRIBUTION)}"
    except PackageNotFoundError:
        return ""


class Detector:
    """The library's rules, compiled. About 4 s the first time, 0.3 s when `folder` remembers them, and nothing when
    this process has them already."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is a private one for the compiled rules, None to keep none. Raises whatever the library
        raises: who calls takes every exception for "this was not judged"."""
        self._scanner = _scanner(folder)

    def find(self, content: bytes, path: str) -> Iterator[Hit]:
        """What it finds in `content`. Guesses (rules of low confidence, or for anything in general) count only if
        the value looks like a secret. Raises whatever the library raises."""
        from kingfisher_sdk.inputs import ScanInput

        for found in self._scanner.scan_input(ScanInput(path=path, data=content), timeout=_FILE_TIMEOUT_S):
            guess = found.confidence == "low" or "generic" in found.rule_id
            if found.visible and (not guess or literal_secret(found.secret)):
                place = found.location
                rule = found.rule_id.rpartition("/")[2].removeprefix("betterleaks.").removeprefix("kingfisher.")
                yield Hit(rule, place["start_offset"], place["end_offset"], found.secret)


@cache
def _scanner(folder: Path | None) -> Any:
    """One for all runs of this process: it takes 100 MB, and answers do not depend on what was asked before."""
    from kingfisher_sdk import Rules, Scanner

    rules = Rules(cache_dir=str(folder)) if folder is not None else Rules(cache=False)
    return Scanner(rules=rules)
