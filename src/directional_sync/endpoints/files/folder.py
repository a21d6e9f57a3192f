"""A folder on this machine, looked at without following any link."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from directional_sync.endpoints.files.leading import Astray, Leads
from directional_sync.endpoints.files.reading import WHOLE_BYTES, Found, Item, Read
from directional_sync.endpoints.files.seen import Mark
from directional_sync.endpoints.files.site import Scope, Site, reserved
from directional_sync.endpoints.temporary import PREFIX
from directional_sync.errors import HostError, RemoteError
from directional_sync.git.objects import ObjectStore
from directional_sync.model.snapshot import EXECUTABLE, FILE, LINK, Entry
from directional_sync.system.reach import Kind, Reach

_TRIES = 3
_CHUNK = 1 << 20
_CLOCK_STEP_NS = 50_000_000
_COARSE_STEP_NS = 2_500_000_000
_SECOND_NS = 1_000_000_000
KEPT = "nothing was changed on either side"


def open_root(site: Site, sentinel: str) -> Reach:
    """The folder, opened. Raises RemoteError when it is not there, is no folder, or lacks its sentinel: then it is
    not an empty side but one that nobody can see; HostError when it may not be entered."""
    assert site.folder is not None
    try:
        reach = Reach(site.folder)
    except FileNotFoundError:
        raise _root("is not there", "mount or make it; if it moved, change `url`", site.folder) from None
    except NotADirectoryError:
        raise _root("is no folder", "look at what stands there: ls -ld", site.folder) from None
    except OSError as error:
        raise HostError(
            "E-FILES-READ",
            f"{site.folder} cannot be opened: {error.strerror or error}",
            hint=f"check who may read it: ls -ld {site.folder}",
            kept=KEPT,
        ) from error
    if sentinel:
        try:
            found = reach.sight(sentinel).kind
        except OSError:
            found = Kind.ABSENT
        if found is not Kind.FILE:
            reach.close()
            raise RemoteError(
                "E-FILES-SENTINEL",
                f"{site.folder} lacks {sentinel}, so it is taken as not mounted",
                hint=f"mount it, or put the file back: touch {site.folder / sentinel}",
                kept=KEPT,
            )
    return reach


def _root(what: str, hint: str, folder: Path) -> RemoteError:
    return RemoteError("E-FILES-ROOT", f"{folder} {what}", hint=hint, kept=KEPT)


@dataclass
class Listing:
    """All that is meant under a root."""

    items: list[Item] = field(default_factory=list)
    links: dict[str, bytes] = field(default_factory=dict)
    """Path -> where the link points."""


class FolderSource:
    """One root, for one look at it."""

    def __init__(self, reach: Reach, scope: Scope, *, symlinks: str, modes: bool) -> None:
        self._reach, self._scope, self._symlinks, self._modes = reach, scope, symlinks, modes
        self.leads = Leads(reach)

    def listing(self, found: Found) -> Listing:
        """Files and links; what cannot be looked at is noted in `found`. Raises HostError when that is the root."""
        listing = Listing()
        waiting = [("", self._scope)]
        while waiting:
            folder, scope = waiting.pop()
            try:
                below = self._folder(folder, scope, listing, found)
            except FileNotFoundError:
                continue  # removed since it was listed
            except OSError as error:
                if not folder:
                    raise HostError(
                        "E-FILES-READ",
                        f"{self._reach.root} cannot be listed: {error.strerror or error}",
                        hint=f"check who may read it: ls -ld {self._reach.root}",
                        kept=KEPT,
                    ) from error
                found.unreadable[folder] = _why(error)
                continue
            waiting += below
        return listing

    def _folder(self, folder: str, scope: Scope, listing: Listing, found: Found) -> list[tuple[str, Scope]]:
        files, below, everything = [], [], scope.all
        for name, kind in self._reach.names(self.leads.of(folder)):
            if everything and kind is Kind.FILE and not reserved(name):
                files.append(name)
                continue
            path = f"{folder}/{name}" if folder else name
            inside = scope.folder(name) if kind in (Kind.FOLDER, Kind.REPOSITORY) else None
            if kind is Kind.FOLDER and inside is not None:
                if folder not in self.leads.real or self._entered(path, f"{self.leads.of(folder)}/{name}", found):
                    below.append((path, inside))
            elif kind is Kind.REPOSITORY and inside is not None:
                found.unreadable[path] = f"E-FILES-NESTED: {path} is a repository of its own"
            elif kind is Kind.FILE and scope.file(name):
                files.append(name)
            elif kind is Kind.LINK and self._symlinks == "materialise":
                below += self._led(folder, name, scope, listing, found)
            elif kind is Kind.LINK and scope.file(name):
                self._link(path, listing, found)
            elif kind is Kind.OTHER and scope.file(name):
                found.unreadable[path] = f"E-FILES-SPECIAL: {path} is a device, a pipe or a socket"
            elif name.startswith(PREFIX):
                found.left.append(path)
        self._files(folder, files, listing, found)
        return below

    def _files(self, folder: str, names: list[str], listing: Listing, found: Found) -> None:
        real = self.leads.of(folder)
        try:
            stats = list(zip(names, self._reach.stats(real, names), strict=True))
        except OSError:
            stats = []
            for name in names:
                with suppress(FileNotFoundError):
                    stats += [(name, one) for one in self._reach.stats(real, [name])]
        above, behind_link = f"{folder}/" if folder else "", folder in self.leads.real
        for name, about in stats:
            listing.items.append(self._item(f"{above}{name}", about))
            if behind_link:
                self.leads.file(f"{above}{name}", f"{real}/{name}" if real else name)

    def _item(self, path: str, about: os.stat_result) -> Item:
        return Item(path, about.st_size, _mark(about), self._mode(about), about.st_mtime)

    def _led(self, folder: str, name: str, scope: Scope, listing: Listing, found: Found) -> list[tuple[str, Scope]]:
        """What a link leads to, as if it stood in the link's place."""
        path, real = (f"{where}/{name}" if where else name for where in (folder, self.leads.of(folder)))
        inside = scope.folder(name)
        if inside is None and not scope.file(name):
            return []
        try:
            goal, kind = self.leads.follow(real)
            about = self._reach.sight(goal).stat if kind is Kind.FILE else None
        except Astray as astray:
            found.unreadable[path] = f"E-FILES-LINK: {path} is a symbolic link that {astray}"
            return []
        except OSError as error:
            found.unreadable[path] = _why(error)
            return []
        if about is not None and scope.file(name):
            self.leads.file(path, goal)
            listing.items.append(self._item(path, about))
        is_folder = kind is Kind.FOLDER and inside is not None and self._entered(path, goal, found)
        return [(path, inside)] if is_folder and inside is not None else []

    def _entered(self, path: str, real: str, found: Found) -> bool:
        try:
            self.leads.enter(path, real)
        except Astray as astray:
            found.unreadable[path] = f"E-FILES-LINK: {path} is behind a symbolic link that {astray}"
            return False
        return True

    def _link(self, path: str, listing: Listing, found: Found) -> None:
        if self._symlinks == "skip":
            found.aside.add(path)
        elif self._symlinks == "refuse":
            found.unreadable[path] = f"E-FILES-LINK: {path} is a symbolic link, and `symlinks` is `refuse`"
        else:
            with suppress(FileNotFoundError):
                listing.links[path] = self._reach.link_target(path)

    def read(self, items: Sequence[Item], spool: Path) -> Iterator[Read]:
        """See `reading.Source`."""
        for item in items:
            yield self._read(item, spool)

    def _read(self, item: Item, spool: Path) -> Read:
        for _ in range(_TRIES):
            try:
                read = self._once(item, spool)
            except FileNotFoundError:
                return Read(item, gone=True)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise
                return Read(item, why=_why(error))
            if read is not None:
                return read
        return Read(item, why=f"E-FILES-UNSTEADY: {item.path} was changing while it was read")

    def _once(self, item: Item, spool: Path) -> Read | None:
        """None when it changed meanwhile."""
        descriptor = self._reach.open(self.leads.of(item.path))
        try:
            before = os.fstat(descriptor)
            content: bytes | Path = spool
            if before.st_size > WHOLE_BYTES:
                size = _copy(descriptor, spool)
            else:
                content = _all(descriptor, before.st_size)
                size = len(content)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if size != after.st_size or _times(before) != _times(after):
            return None
        mark = () if _racy(after) else _mark(after)
        return Read(Item(item.path, size, mark, self._mode(after)), content, mark)

    def _mode(self, about: os.stat_result) -> str:
        return EXECUTABLE if self._modes and about.st_mode & 0o100 else FILE


def links(store: ObjectStore, listing: Listing, found: Found) -> None:
    """Adds the links to `found`."""
    for path, target in listing.links.items():
        found.entries[path] = Entry(store.write_blob(target), LINK)


def leftovers(reach: Reach, folders: set[str], token: str) -> Iterator[str]:
    """Temporary files of an earlier run in these folders."""
    for folder in sorted(folders):
        with suppress(OSError):
            for name, _ in reach.names(folder):
                if name.startswith(f"{PREFIX}{token}-"):
                    yield f"{folder}/{name}" if folder else name


def _all(descriptor: int, size: int) -> bytes:
    """Up to one byte more than `size`: a file that grows is found out."""
    parts = []
    rest = size + 1
    while rest and (part := os.read(descriptor, min(rest, _CHUNK))):
        parts.append(part)
        rest -= len(part)
    return b"".join(parts)


def _copy(descriptor: int, spool: Path) -> int:
    size = 0
    spool.parent.mkdir(parents=True, exist_ok=True)
    with spool.open("wb") as file:
        while part := os.read(descriptor, _CHUNK):
            file.write(part)
            size += len(part)
    return size


def _mark(about: os.stat_result) -> Mark:
    return (about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def _times(about: os.stat_result) -> tuple[int, ...]:
    return (about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def _racy(about: os.stat_result) -> bool:
    """Whether another write might leave the same times behind: it was changed a moment ago, or, by a clock that is not
    this machine's, is yet to be. Some file systems count in seconds only."""
    step = _COARSE_STEP_NS if about.st_ctime_ns % _SECOND_NS == 0 else _CLOCK_STEP_NS
    return about.st_ctime_ns > time.time_ns() - step


def _why(error: OSError) -> str:
    return f"E-FILES-READ: {error.strerror or error}"
