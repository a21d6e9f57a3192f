"""Reaches what lies under a folder without ever following a symbolic link.

A *key* is a path below the root with forward slashes, as in `model.snapshot`. Every folder on the way to it is
opened by its own descriptor, relative to the one above, and refused when it is a link: so nobody can turn a
write aside by putting a link in the way, not even between the look and the write. A folder with a `.git` of its
own belongs to another repository and is not entered either.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol

_OPEN_FOLDERS = 64
_CHUNK = 1 << 20
_CLOCK_STEP_NS = 50_000_000
"""Two writes closer to each other than this may leave the same time behind."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Kind(StrEnum):
    """What stands at a key."""

    ABSENT = "nothing"
    FILE = "a file"
    LINK = "a symbolic link"
    FOLDER = "a folder"
    REPOSITORY = "another repository"
    OTHER = "a special file"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen at a key."""

    kind: Kind
    stat: os.stat_result | None = None
    blocked: str = ""
    """The key of a parent that is no folder of this repository; `kind` says what it is instead."""


@dataclass(frozen=True, slots=True)
class Way:
    """How far one gets towards a folder."""

    folder: str
    """The deepest folder that is there, as a key; "" is the root."""
    stop: str = ""
    """The first part that is no folder, as a key; "" when the whole way is open."""
    kind: Kind = Kind.FOLDER
    """What stands at `stop`."""


Content = bytes | Callable[[], Generator[bytes, None, None]]
"""At hand, or in parts where it is too large to be held."""


class NewFile(NamedTuple):
    """A file or a link to be made."""

    name: str
    content: Content
    """Of a link: where it points."""
    permissions: int | None
    """None: it is a link."""
    exact: bool = False
    """The umask is not to narrow the permissions."""


class Reach:
    """Sees and changes what is under `root`. Use as a context manager; keep it for one phase only, since it
    remembers the folders it has opened. Every method raises OSError as the system does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open: OrderedDict[str, int] = OrderedDict()
        self._ways: dict[str, Way] = {}

    def close(self) -> None:
        self.forget()
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def __enter__(self) -> Reach:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def forget(self) -> None:
        """Looks at every folder anew from now on."""
        while self._open:
            os.close(self._open.popitem()[1])
        self._ways.clear()

    # looking

    def way(self, folder: str) -> Way:
        """How far one gets towards the folder `folder`."""
        unknown = []
        at = folder
        while at and at not in self._ways:
            unknown.append(at)
            at = at.rpartition("/")[0]
        way = self._ways.get(at, Way(""))
        for part in reversed(unknown):
            way = self._ways[part] = way if way.stop else self._one_further(part)
        return way

    def sight(self, key: str) -> Sight:
        """What stands at `key`; ABSENT also when a parent is missing."""
        folder, _, name = key.rpartition("/")
        way = self.way(folder)
        if way.stop:
            return Sight(way.kind, blocked=way.stop if way.kind is not Kind.ABSENT else "")
        try:
            found = os.stat(_name(name), dir_fd=self.folder(folder), follow_symlinks=False)
        except FileNotFoundError:
            return Sight(Kind.ABSENT)
        return Sight(_kind(found), found)

    def open(self, key: str) -> int:
        """A descriptor for reading the file `key`; its last part is no link either."""
        folder, _, name = key.rpartition("/")
        return os.open(_name(name), _READ_FLAGS, dir_fd=self.folder(folder))

    def hash(self, key: str, start: Callable[[int], Hash]) -> tuple[str, os.stat_result]:
        """The hash of a file's bytes, begun by `start(size)`, and what stat said of that very file; an empty
        hash when the file changed its size meanwhile. Memory stays small."""
        descriptor = self.open(key)
        try:
            found = os.fstat(descriptor)
            total, size = start(found.st_size), 0
            while chunk := os.read(descriptor, _CHUNK):
                total.update(chunk)
                size += len(chunk)
        finally:
            os.close(descriptor)
        return (total.hexdigest() if size == found.st_size else ""), found

    def stats(self, folder: str, names: Sequence[str]) -> list[os.stat_result]:
        """What stat says of these in `folder`. Raises FileNotFoundError when one is missing."""
        descriptor = self.folder(folder)
        return [os.stat(_name(name), dir_fd=descriptor, follow_symlinks=False) for name in names]

    @contextmanager
    def held(self, folder: str) -> Iterator[Path | None]:
        """A path that leads into the folder as it is now, for a program to start in, whatever is renamed on the way
        there meanwhile; None where the system has no such paths."""
        descriptor = os.dup(self.folder(folder))
        try:
            path = Path(f"/proc/{os.getpid()}/fd/{descriptor}")
            yield path if path.is_dir() else None
        finally:
            os.close(descriptor)

    def link_target(self, key: str) -> bytes:
        folder, _, name = key.rpartition("/")
        return os.readlink(_name(name), dir_fd=self.folder(folder))

    def free_bytes(self) -> int:
        """How much may still be written to the file system of the root."""
        found = os.fstatvfs(self._root)
        return found.f_bavail * found.f_frsize

    def names(self, folder: str) -> Iterator[tuple[str, Kind]]:
        """Names and kinds in a folder, in no order. A folder with a `.git` in it is a REPOSITORY."""
        descriptor = self.folder(folder)
        with os.scandir(descriptor) as entries:
            listed = list(entries)
        for entry in listed:
            name = os.fsencode(entry.name).decode("utf-8", "surrogateescape")
            if entry.is_symlink():
                yield name, Kind.LINK
            elif entry.is_dir(follow_symlinks=False):
                yield name, Kind.REPOSITORY if self._is_repository(entry.name, descriptor) else Kind.FOLDER
            else:
                yield name, Kind.FILE if entry.is_file(follow_symlinks=False) else Kind.OTHER

    def folder(self, key: str) -> int:
        """The descriptor of a folder, good until the call after the next. Raises NotADirectoryError when a part of the
        way is a link or a file, FileNotFoundError when one is missing."""
        if not key:
            return self._root
        known = self._open.get(key)
        if known is not None:
            self._open.move_to_end(key)
            return known
        while len(self._open) > _OPEN_FOLDERS:
            os.close(self._open.popitem(last=False)[1])
        parts = key.split("/")
        at, depth = self._root, 0
        for length in range(len(parts) - 1, 0, -1):
            above = self._open.get("/".join(parts[:length]))
            if above is not None:
                at, depth = above, length
                break
        for length in range(depth + 1, len(parts) + 1):
            at = os.open(_name(parts[length - 1]), _FOLDER_FLAGS, dir_fd=at)
            self._open["/".join(parts[:length])] = at
        return at

    # changing

    def make_folder(self, key: str) -> None:
        """Makes one folder; it may be there already, but not as a link."""
        above, _, name = key.rpartition("/")
        with suppress(FileExistsError):
            os.mkdir(_name(name), dir_fd=self.folder(above))
        self._ways.clear()
        self.folder(key)

    def writing(self, folder: str, files: Sequence[NewFile], *, sync: bool) -> Callable[[], list[os.stat_result]]:
        """The deed of making these files in `folder`, where they are not yet, to be done once, by any thread:
        it answers what stat says of each. `sync` makes each durable."""
        descriptor = os.dup(self.folder(folder))

        def write() -> list[os.stat_result]:
            try:
                return [_make(descriptor, file, sync) for file in files]
            finally:
                os.close(descriptor)

        return write

    def rename(self, source: str, goal: str) -> None:
        """Puts `source` in the place of `goal`, at once."""
        (below, _, old), (above, _, new) = source.rpartition("/"), goal.rpartition("/")
        start = self.folder(below)
        os.rename(_name(old), _name(new), src_dir_fd=start, dst_dir_fd=self.folder(above))

    def rename_new(self, source: str, goal: str) -> None:
        """Like `rename`, but raises FileExistsError rather than replace anything, even what came to be there a
        moment ago. Where the file system has no hard links it looks first and hopes for that moment."""
        (below, _, old), (above, _, new) = source.rpartition("/"), goal.rpartition("/")
        start = self.folder(below)
        end = self.folder(above)
        try:
            os.link(_name(old), _name(new), src_dir_fd=start, dst_dir_fd=end, follow_symlinks=False)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            try:
                os.stat(_name(new), dir_fd=end, follow_symlinks=False)
            except FileNotFoundError:
                os.rename(_name(old), _name(new), src_dir_fd=start, dst_dir_fd=end)
                return
            raise FileExistsError(goal) from None
        os.unlink(_name(old), dir_fd=start)

    def remove(self, key: str) -> None:
        folder, _, name = key.rpartition("/")
        os.unlink(_name(name), dir_fd=self.folder(folder))

    def remove_folder(self, key: str) -> bool:
        """Removes a folder when nothing is in it; answers whether it is gone."""
        above, _, name = key.rpartition("/")
        self._drop(key)
        try:
            os.rmdir(_name(name), dir_fd=self.folder(above))
        except FileNotFoundError:
            return True
        except OSError:
            return False
        self._ways.clear()
        return True

    def remove_all(self, key: str) -> None:
        """Removes whatever stands at `key`, a folder with all that is in it. Missing is fine."""
        folder, _, name = key.rpartition("/")
        self._drop(key)
        above = self.folder(folder)
        try:
            os.unlink(_name(name), dir_fd=above)
        except FileNotFoundError:
            return
        except OSError:  # a folder: the system says EISDIR or EPERM
            shutil.rmtree(_name(name), dir_fd=above)

    def sync(self, folders: set[str], *, bulk: bool) -> None:
        """Makes the names in `folders` durable. `bulk`: all that was written on this file system, contents
        included, in one go where the system can do that."""
        if bulk and _sync_file_system(self._root):
            return
        for key in sorted(folders):
            with suppress(FileNotFoundError, NotADirectoryError):  # gone meanwhile: nothing to make durable
                os.fsync(self.folder(key))

    def _one_further(self, folder: str) -> Way:
        """Holds here: the folder above is open."""
        above, _, name = folder.rpartition("/")
        try:
            found = os.stat(_name(name), dir_fd=self.folder(above), follow_symlinks=False)
        except FileNotFoundError:
            return Way(above, folder, Kind.ABSENT)
        kind = _kind(found)
        if kind is Kind.FOLDER and self._is_repository(name, self.folder(above)):
            kind = Kind.REPOSITORY
        return Way(folder) if kind is Kind.FOLDER else Way(above, folder, kind)

    def _is_repository(self, name: str, above: int) -> bool:
        try:
            os.stat(_name(name) + b"/.git", dir_fd=above, follow_symlinks=False)
        except OSError:
            return False
        return True

    def _drop(self, key: str) -> None:
        """Forgets the folder `key` and all below it."""
        for known in [k for k in self._open if k == key or k.startswith(key + "/")]:
            os.close(self._open.pop(known))


def signature(found: os.stat_result) -> tuple[int, ...]:
    """Changes with every write to the file. Empty when it was changed so recently that another write might not
    show."""
    if 0 <= time.time_ns() - found.st_ctime_ns < _CLOCK_STEP_NS:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)


def can_sync_at_once() -> bool:
    """Whether one call makes everything on a file system durable, contents included."""
    return sys.platform == "linux"


def _sync_file_system(descriptor: int) -> bool:
    """syncfs(2), which waits for all data and (since Linux 5.8) reports what could not be written. Answers
    False where the system has none; sync(2) is no substitute, it need not wait."""
    if not can_sync_at_once():
        return False
    call: Callable[[int], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return False
    if call(descriptor) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return True


def _make(folder: int, file: NewFile, sync: bool) -> os.stat_result:
    name = _name(file.name)
    if file.permissions is None:
        assert isinstance(file.content, bytes)
        os.symlink(file.content, name, dir_fd=folder)
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    descriptor = os.open(name, _WRITE_FLAGS, file.permissions, dir_fd=folder)
    try:
        with closing(_parts(file.content)) as parts:
            for part in parts:
                rest = memoryview(part)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
        if file.exact:
            os.fchmod(descriptor, file.permissions)
        if sync:
            os.fsync(descriptor)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _parts(content: Content) -> Generator[bytes, None, None]:
    yield from [content] if isinstance(content, bytes) else content()


def _name(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _kind(found: os.stat_result) -> Kind:
    if stat.S_ISREG(found.st_mode):
        return Kind.FILE
    if stat.S_ISLNK(found.st_mode):
        return Kind.LINK
    return Kind.FOLDER if stat.S_ISDIR(found.st_mode) else Kind.OTHER
