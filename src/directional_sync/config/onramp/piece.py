"""One value of a file, with its place: what it should be is asked for, and told when it is something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from directional_sync.config.onramp.base import Fate, LeftOver
from directional_sync.core.escape import one_line
from directional_sync.core.yaml12 import Document, Path
from directional_sync.upstream.addresses import shown

_SHOWN_MAX = 60
_NO_TEXT = re.compile(r"[\n\r\0\ud800-\udfff]")

Explained = Mapping[str, tuple[Fate, str, str]]
"""Key -> what becomes of it, why, and what to do instead."""

_UNKNOWN = (Fate.LOST, "this key is not known here", "look at what it does, and write that into the YAML")


@dataclass(frozen=True)
class Piece:
    """The value at `path`; `told` is where everything about the file is collected."""

    document: Document
    path: Path
    value: Any
    told: list[LeftOver]
    of: str = ""
    """The folder of the repository that is being looked at."""
    row: int = 0
    """Its line, where that is not known to the document."""

    @property
    def line(self) -> int:
        return self.row or self.document.near(self.path, key=True).line

    @property
    def name(self) -> str:
        """What it is called: its key, or that of the list it is in."""
        return next((str(part) for part in reversed(self.path) if isinstance(part, str)), "the file")

    def about(self, of: str) -> Piece:
        """The same, as a part of what the file says about the folder `of`."""
        return replace(self, of=quoted(of))

    def tell(self, what: str, why: str, instead: str = "", *, fate: Fate = Fate.LOST, line: int = 0) -> None:
        self.told.append(LeftOver(what, why, instead, line or self.line, self.of, fate))

    def at(self, key: str) -> Piece:
        """The value under `key`; None when there is none, or this is no mapping."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Piece(self.document, (*self.path, key), value, self.told, self.of)

    def items(self) -> Iterator[tuple[str, Piece]]:
        """The entries of a mapping; anything but a mapping or nothing is told."""
        if isinstance(self.value, dict):
            for key in self.value:
                yield key, self.at(key)
        elif self.value is not None:
            self._not("a mapping")

    def each(self) -> Iterator[Piece]:
        """The items of a list; anything but a list or nothing is told."""
        if isinstance(self.value, list):
            for index, item in enumerate(self.value):
                yield Piece(self.document, (*self.path, index), item, self.told, self.of)
        elif self.value is not None:
            self._not("a list")

    @property
    def text(self) -> str:
        """The text as it is written (`8.0` stays `8.0`); "" when there is none or it is not on one line."""
        if isinstance(self.value, str):
            if _NO_TEXT.search(self.value.strip()):
                self._not("one line of text")
                return ""
            return self.value.strip()
        if self.value is None or isinstance(self.value, dict | list):
            if self.value is not None:
                self._not("text")
            return ""
        return self.document.written(self.path)

    @property
    def flag(self) -> bool:
        """Whether it is true, in any spelling that YAML 1.1 has for that."""
        return self.value is True or str(self.value).lower() in ("true", "yes", "on", "y")

    @property
    def no(self) -> bool:
        """Whether it is false, in any spelling that YAML 1.1 has for that."""
        return self.value is False or str(self.value).lower() in ("false", "no", "off", "n")

    def tell_others(self, carried: frozenset[str], explained: Explained) -> None:
        """Tells of every key of a mapping that is not among `carried`."""
        for key, piece in self.items():
            if key not in carried:
                fate, why, instead = explained.get(key, _UNKNOWN)
                piece.tell(f"`{quoted(key)}`", why, instead, fate=fate)

    def _not(self, kind: str) -> None:
        self.tell(f"`{quoted(self.name)}`", f"it should be {kind}", "correct it, and carry over again")


def quoted(text: str) -> str:
    """Text of the file, fit for a message."""
    return one_line(shown(text), _SHOWN_MAX)
