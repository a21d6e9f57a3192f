"""Content that was read and that nobody has taken yet: it is not read from the far side a second time.

What a snapshot reads goes onto a new *shelf*, an object store of its own in the endpoint's cache that the run borrows.
What is taken is carried into the repository from there. A shelf that holds nothing any more that is on the far side
and not in the repository is thrown away, and so is one that a killed run has left unfinished.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from directional_sync.git.quarantine import Content, Quarantine, hash_object, read_files
from directional_sync.system import host


class Borrower(Protocol):
    def borrow(self, objects_dir: Path) -> None: ...


class Shelves:
    """All shelves of one far side."""

    def __init__(self, folder: Path, store: Borrower, hash_name: str, run: str) -> None:
        self._folder, self._store, self._hash_name = folder, store, hash_name
        self._run = f"{run or 'now'}-"
        self.name = f"{self._run}{host.new_id()}"
        self._new = Quarantine(folder / self.name, hash_name)

    def there(self) -> list[str]:
        """Names of the shelves that are there."""
        try:
            return sorted(path.name for path in self._folder.iterdir())
        except OSError:
            return []

    def use(self, names: Collection[str]) -> None:
        """What is on these can be read from now on; the others, but for those of this run, are thrown away."""
        for name in self.there():
            if name in names:
                self._store.borrow(self._folder / name / "objects")
            elif not name.startswith(self._run):
                host.remove_tree(self._folder / name)

    def put(self, contents: Sequence[bytes]) -> list[str]:
        """Stores them; answers their object ids in order. Raises HostError."""
        found = [(hash_object("blob", content, self._hash_name), Content(content)) for content in contents]
        self._write(list(dict(found).items()))
        return [digest for digest, _ in found]

    def put_file(self, path: Path) -> str:
        """The same of one large file, which nobody else writes to. Raises HostError."""
        ((found,),) = list(read_files([path], self._hash_name))
        self._write([found])
        return found[0]

    def _write(self, objects: Sequence[tuple[str, Content]]) -> None:
        if objects:
            self._new.write_many("blob", objects)
            self._store.borrow(self._new.objects)

    def settle(self) -> None:
        """Makes what was put there durable. Raises HostError."""
        if not self._new.made:
            return
        with host.host_errors(self._new.folder):
            for folder, _, names in os.walk(self._new.folder):
                for name in names:
                    descriptor = os.open(Path(folder, name), os.O_RDONLY)
                    try:
                        os.fsync(descriptor)
                    finally:
                        os.close(descriptor)
                host.fsync_dir(Path(folder))
