"""Trees that have been read, by id: as lists of lines, and as entries by name.

Two versions of a large folder hold nearly the same. So the entries of one that is open are kept once, whatever trees
they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from directional_sync.errors import HostError
from directional_sync.model.snapshot import Entry

_LISTED_KEPT = 200_000
_OPENED_KEPT = 500_000
"""Names in the trees that are kept."""
_MODES = {b"100644": "100644", b"100755": "100755", b"40000": "040000", b"120000": "120000", b"160000": "160000"}


class TreeItem(NamedTuple):
    """One line of a tree."""

    mode: str
    """Six octal digits."""
    name: str
    """Bytes that are not UTF-8 travel as surrogate escapes."""
    digest: str


class Opened:
    """Those of one store."""

    def __init__(self, width: int) -> None:
        """`width`: of an object id, in bytes."""
        self._line = re.compile(rb"([0-7]+) ([^\0]+)\0(.{%d})" % width, re.DOTALL)
        self.forget()

    def forget(self) -> None:
        self.listed: dict[str, tuple[TreeItem, ...]] = {}
        self.entries: dict[str, dict[str, Entry]] = {}
        self._once: dict[tuple[bytes, bytes], Entry] = {}
        self._names_listed = self._names_opened = 0

    def list(self, digest: str, content: bytes) -> tuple[TreeItem, ...]:
        """The lines of the tree `digest`, which has this content, in git's order. Raises HostError."""
        lines = self._lines(digest, content)
        kept = tuple(
            TreeItem(_digits(mode), name.decode("utf-8", "surrogateescape"), raw.hex()) for mode, name, raw in lines
        )
        if self._names_listed > _LISTED_KEPT:
            self.listed.clear()
            self._names_listed = 0
        self.listed[digest] = kept
        self._names_listed += len(kept) + 1
        return kept

    def open(self, digest: str, content: bytes) -> dict[str, Entry]:
        """The same by name. Raises HostError."""
        lines = self._lines(digest, content)
        if self._names_opened > _OPENED_KEPT:
            self.entries.clear()
            self._once.clear()
            self._names_opened = 0
        once, opened = self._once, {}
        for mode, name, raw in lines:
            entry = once.get((mode, raw))
            if entry is None:
                entry = once[mode, raw] = Entry(raw.hex(), _digits(mode))
            opened[name.decode("utf-8", "surrogateescape")] = entry
        self.entries[digest] = opened
        self._names_opened += len(opened) + 1
        return opened

    def _lines(self, digest: str, content: bytes) -> Sequence[tuple[bytes, bytes, bytes]]:
        lines: list[tuple[bytes, bytes, bytes]] = self._line.findall(content)
        if sum([len(mode) + len(name) + len(raw) for mode, name, raw in lines]) + 2 * len(lines) != len(content):
            raise HostError("E-GIT-CORRUPT", f"tree {digest} cannot be understood", hint="run git fsck")
        return lines


def _digits(mode: bytes) -> str:
    return _MODES.get(mode) or mode.decode("ascii").rjust(6, "0")
