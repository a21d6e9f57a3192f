"""What is remembered of the files that were read, so that they need not be read again.

A *mark* is what the far side says of a file without showing its content: size, times and inode of a file on this
machine, ETag and size of an object. As long as it stays, so does the content; where that is not certain (a file that
was changed a moment ago may be changed again without a trace) nothing is remembered. All of it may be deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from directional_sync.errors import HostError
from directional_sync.system import host

_FORM = 1

Mark = tuple[int | str, ...]
"""() is no mark: it never equals what is remembered."""


class Known(NamedTuple):
    """The content that a file had."""

    mark: Mark
    digest: str
    shelf: str
    """The shelf that has the content; "" when it went elsewhere."""


@dataclass
class Memory:
    """What is remembered of one far side."""

    path: Path
    about: str
    """What it is true for; another url, another kind of digest, and nothing is remembered."""
    files: dict[str, Known] = field(default_factory=dict)
    _before: Mapping[str, Known] = field(default_factory=dict)

    @classmethod
    def recall(cls, path: Path, about: str) -> Memory:
        """What was kept at `path`; nothing where that is damaged or about something else."""
        found: dict[str, Known] = {}
        with suppress(OSError, ValueError, TypeError):
            seal, _, content = path.read_bytes().partition(b"\n")
            if seal.decode("ascii") == hashlib.sha256(content).hexdigest():
                kept = json.loads(content)
                if (kept["form"], kept["about"]) == (_FORM, about):
                    found = {name: Known(tuple(mark), *rest) for name, mark, *rest in kept["files"]}
        return cls(path, about, found, dict(found))

    def known(self, path: str, mark: Mark) -> Known | None:
        """What the file at `path` holds, if it still has this mark."""
        found = self.files.get(path)
        return found if found is not None and mark and found.mark == mark else None

    def learn(self, path: str, mark: Mark, digest: str, shelf: str = "") -> None:
        if mark:
            self.files[path] = Known(mark, digest, shelf)
        else:
            self.files.pop(path, None)

    def only(self, paths: Set[str]) -> None:
        """Forgets all but these."""
        for path in self.files.keys() - paths:
            del self.files[path]

    def keep(self) -> None:
        """Writes it down where something has changed. What cannot be kept is only slower next time."""
        if self.files == self._before:
            return
        rows = [(path, known.mark, known.digest, known.shelf) for path, known in sorted(self.files.items())]
        content = json.dumps({"form": _FORM, "about": self.about, "files": rows}).encode("ascii")
        with suppress(HostError):
            host.atomic_write(self.path, hashlib.sha256(content).hexdigest().encode("ascii") + b"\n" + content)
            self._before = dict(self.files)
