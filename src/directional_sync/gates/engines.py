"""What looks for secrets in one text: the built-in rules, the configured patterns, and the detector if there is one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directional_sync import __version__
from directional_sync.core.escape import one_line
from directional_sync.gates.detector import Detector, description
from directional_sync.gates.patterns import Patterns
from directional_sync.gates.rules import Hit, built_in

_JUDGES = ("detector", "engines", "finding", "literals", "patterns", "rules", "search")
"""The files of this room by which content is judged."""


class NotJudgedError(Exception):
    """An engine could not do its work."""


class judging:
    """Turns whatever an engine raises into NotJudgedError: a gate that fell over has not said yes."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # The library's failures in native code arrive as BaseException (a panic); those of the user must go on.
        if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            raise NotJudgedError(f"{self._what} could not be applied: {type(error).__name__}") from error


@dataclass(frozen=True)
class Engines:
    patterns: Patterns
    detector: Detector | None
    prefilter: Any
    """Matches wherever the built-in rules or the patterns may find something."""

    def find(self, content: bytes, path: str) -> list[Hit]:
        """All hits; where several say the same of one place, the first."""
        hits = []
        if self.detector is not None:
            with judging(f"the detector on {one_line(path, 200)}"):
                hits += list(self.detector.find(content, path))
        if self.prefilter.search(content) is not None:
            hits += built_in(content)
            hits += self.patterns.find(content, path)
        kept: list[Hit] = []
        for hit in hits:
            if not any(hit.start < other.end and other.start < hit.end for other in kept):
                kept.append(hit)
        return sorted(kept, key=lambda hit: hit.start)

    def stamp(self) -> str:
        """Changes with whatever could make `find` answer differently; "" when that cannot be told."""
        detector = description() if self.detector is not None else "none"
        total = hashlib.sha256(repr((__version__, detector, self.patterns.expression)).encode())
        try:
            for name in _JUDGES:
                total.update((Path(__file__).with_name(f"{name}.py")).read_bytes())
        except OSError:
            return ""
        return total.hexdigest()[:32]
