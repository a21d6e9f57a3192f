"""Content in which nothing was found, remembered so that it need not be looked at again.

A plan looks at everything, and the run that follows would do it once more. Only that nothing at all was found is kept,
for one content under one name, judged by rules that are the same to the last byte; so whatever has a finding, allowed
or not, is looked at each time. A damaged file knows less, never more: it takes a digest to match.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from directional_sync.errors import HostError
from directional_sync.system.files import write_private

_WIDTH = 16
_KEPT_MAX = 1_000_000


class Clean:
    """What is known to be clean under one `stamp` (see `engines`)."""

    def __init__(self, folder: Path | None, stamp: str) -> None:
        """None, or a stamp of "": nothing is known and nothing is kept."""
        self._path = folder / f"clean-{stamp}" if folder is not None and stamp else None
        self._known: set[bytes] = set()
        self._new: set[bytes] = set()
        if self._path is not None:
            try:
                content = self._path.read_bytes()
            except OSError:
                return
            whole = len(content) - len(content) % _WIDTH
            self._known = {content[at : at + _WIDTH] for at in range(0, whole, _WIDTH)}

    def knows(self, digest: str, key: str) -> bool:
        return bool(self._known) and _name(digest, key) in self._known

    def add(self, digest: str, key: str) -> None:
        """Nothing was found in the content `digest` at `key`."""
        if self._path is not None:
            self._new.add(_name(digest, key))

    def save(self) -> None:
        """For the next time; what was known under other stamps is forgotten. Where it cannot be kept, it is not."""
        if self._path is None or not self._new:
            return
        kept = self._new if len(self._known) + len(self._new) > _KEPT_MAX else self._known | self._new
        try:
            for other in self._path.parent.glob("clean-*"):
                if other != self._path:
                    other.unlink(missing_ok=True)
            write_private(self._path, b"".join(kept))
        except (OSError, HostError):
            return


def _name(digest: str, key: str) -> bytes:
    content = f"{digest}\0{key}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(content, digest_size=_WIDTH).digest()
