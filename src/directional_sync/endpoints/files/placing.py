"""Changes carried into a folder on this machine: written beside their places, looked at once more, put in place.

Holds at any instant: each path has its old or its new content, whole. A path that no longer holds what the plan saw is
left alone. What a killed run leaves are temporary files under names of its own, which are never taken for items, and
which the next run removes.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from directional_sync.endpoints.files.confirming import as_lf
from directional_sync.endpoints.files.deeds import (
    ALREADY,
    HELD_BYTES,
    STALE,
    Deed,
    ordered,
    portions,
    sifted,
    unfit,
)
from directional_sync.endpoints.files.folder import leftovers
from directional_sync.endpoints.files.site import folders_of
from directional_sync.endpoints.temporary import PREFIX
from directional_sync.errors import HostError
from directional_sync.git.objects import ObjectStore
from directional_sync.git.standing import Seen, see
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, LINK, Entry
from directional_sync.system.reach import Content, Kind, NewFile, Reach, can_sync_at_once, signature

_FILES = (FILE, EXECUTABLE)
_PORTION = 2_000
"""Making a portion durable costs the same for any number of files."""
_SHOWN = "on the far side a link leads to it; change what it leads to, or put a file in the link's place"
_CLOSED = {
    Kind.LINK: "{stop} is a symbolic link, and nothing is written through one",
    Kind.REPOSITORY: "{stop} is a repository of its own, and nothing is written into it",
}


@dataclass(frozen=True)
class Manner:
    """How the folder is to be written."""

    token: str
    """What this repository's temporary files on the far side have in their names."""
    links: bool = True
    modes: bool = True
    keep_deleted: str = ""
    lf: bool = False
    """Whether other line ends of a text are no difference."""
    shown: Collection[str] = ()
    """Paths at which something is seen that a link leads to."""
    agreed: Callable[[str], Entry] = lambda path: ABSENT
    """What both sides held last: what differs from it is known to the far side only."""
    stop: Callable[[], None] = lambda: None
    """Raises InterruptedRun when somebody asked us to stop."""


@dataclass
class _Work:
    """One change on its way."""

    deed: Deed
    seen: Seen | None = None
    """What stood there when it was looked at."""
    temporary: str = ""
    effect: Effect | None = None


@dataclass
class Placing:
    """One `apply` to one folder."""

    reach: Reach
    store: ObjectStore
    manner: Manner
    emptied: set[str] = field(default_factory=set)
    """Folders out of which something was taken."""

    def apply(self, deeds: Sequence[Deed], there: Collection[str]) -> Iterator[Effect]:
        """One effect for each. `there`: paths that the folder is known to hold. Raises HostError E-DISK-FULL
        before anything is written, InterruptedRun between two portions."""
        self.reach.forget()
        self._sweep(deeds)
        fit, why = self._sifted(deeds, there)
        yield from (deed.refused(why[deed.path]) for deed in deeds if deed.path in why)
        sizes = self.store.size_many(deed.after.digest for deed in fit if deed.after.present)
        self._check_room(fit, sizes)
        going = {deed.path for deed in fit if deed.after.absent}
        for portion in portions(ordered(fit), sizes, _PORTION):
            self.manner.stop()
            yield from self._portion(portion, sizes, going)

    def refusals(self, deeds: Sequence[Deed], there: Collection[str]) -> dict[str, str]:
        """Path -> why what is to come there would be refused. `there`: as in `apply`."""
        self.reach.forget()
        fit, why = self._sifted(deeds, there)
        going = {deed.path for deed in fit if deed.after.absent}
        for deed in fit:
            way = self.reach.way(deed.path.rpartition("/")[0])
            if way.stop and deed.after.present and way.kind in _CLOSED and way.stop not in going:
                why[deed.path] = _CLOSED[way.kind].format(stop=way.stop)
        return why

    def _sifted(self, deeds: Sequence[Deed], there: Collection[str]) -> tuple[list[Deed], dict[str, str]]:
        links = "" if self.manner.links else "links are not kept on the far side; `symlinks: skip` leaves them alone"
        targets = self.store.read_many(deed.after.digest for deed in deeds if deed.after.mode == LINK)
        return sifted(
            deeds,
            lambda deed: (
                _SHOWN
                if deed.path in self.manner.shown
                else unfit(deed, links=links, target=targets.get(deed.after.digest))
            ),
            there,
            folds=bool(deeds) and _folds(self.reach),
        )

    def _sweep(self, deeds: Sequence[Deed]) -> None:
        """Removes what a killed run has left in the folders that this one comes to, too."""
        if not deeds:
            return
        folders = {"", *(folder for deed in deeds for folder in folders_of(deed.path))}
        for path in leftovers(self.reach, {f for f in folders if not self.reach.way(f).stop}, self.manner.token):
            with suppress(OSError):
                self.reach.remove_all(path)

    def _check_room(self, deeds: Sequence[Deed], sizes: Mapping[str, int]) -> None:
        needed = sum(sizes.get(deed.after.digest, 0) for deed in deeds)
        free = self.reach.free_bytes()
        if needed > free:
            raise HostError(
                "E-DISK-FULL",
                f"{self.reach.root} needs {needed:,} bytes more, and {free:,} are free",
                hint="make room on that file system, then run again",
                kept="nothing was written on the far side; the branch is unchanged",
            )

    def _portion(self, deeds: Sequence[Deed], sizes: Mapping[str, int], going: Collection[str]) -> Iterator[Effect]:
        works = [_Work(deed) for deed in deeds]
        new = (deed.after.digest for deed in deeds if deed.after.present)
        contents = self.store.read_many(digest for digest in new if sizes.get(digest, 0) <= HELD_BYTES)
        for number, work in enumerate(works):
            self._guarded(work, partial(self._prepare, number=number, contents=contents, sizes=sizes, going=going))
        del contents
        bulk = can_sync_at_once()
        folders = {work.temporary.rpartition("/")[0] for work in works if work.temporary}
        self._synced(works, folders, bulk=bulk)
        self.reach.forget()
        for work in works:
            if work.effect is None:
                self._guarded(work, self._carry_out)
        self._remove_emptied()
        touched = {"", *(folder for work in works for folder in folders_of(work.deed.path))}
        self._synced(works, touched, bulk=bulk)
        for work in works:
            if work.temporary:
                with suppress(OSError):
                    self.reach.remove(work.temporary)
        yield from (work.effect for work in works if work.effect is not None)

    def _guarded(self, work: _Work, deed: Callable[[_Work], None]) -> None:
        """One that fails does not keep the others from being done."""
        try:
            deed(work)
        except OSError as error:
            self.reach.forget()
            work.effect = work.deed.failed(_said(error))

    def _synced(self, works: Sequence[_Work], folders: set[str], *, bulk: bool) -> None:
        """What cannot be made durable is not done."""
        try:
            if bulk or folders:
                self.reach.sync(folders, bulk=bulk)
        except OSError as error:
            for work in works:
                if work.effect is None or (work.effect == work.deed.done() and work.temporary == ""):
                    work.effect = work.deed.failed(f"it could not be made durable: {_said(error)}")

    # looking

    def _prepare(
        self,
        work: _Work,
        *,
        number: int,
        contents: Mapping[str, bytes],
        sizes: Mapping[str, int],
        going: Collection[str],
    ) -> None:
        """Looks at what is there, and writes the new content beside it. `contents`: what is at hand."""
        deed = work.deed
        way = self.reach.way(deed.path.rpartition("/")[0])
        if way.stop and way.kind is not Kind.ABSENT and way.stop not in going:
            work.effect = self._blocked(deed, way.stop, way.kind)
            return
        work.seen = see(self.reach, deed.path, self.store.hash_name) if not way.stop else None
        now = self._stands(deed, work.seen, going)
        if self.manner.lf and now is not None and not self._same(now, deed.before) and now.mode in _FILES:
            now = as_lf(self.reach, deed.path, now, self.store.hash_name)
        if self._same(now, deed.after):
            work.effect = deed.done(ALREADY)
        elif not self._same(now, deed.before):
            work.effect = deed.stale()
        elif deed.after.present:
            work.temporary = self._write(work, way.folder, number, contents, sizes)

    def _blocked(self, deed: Deed, stop: str, kind: Kind) -> Effect:
        if deed.after.absent:
            return deed.done(ALREADY) if kind is Kind.FILE else deed.stale(f"{stop} is {kind}")
        if kind in _CLOSED:
            return deed.refused(_CLOSED[kind].format(stop=stop))
        return deed.stale(f"{stop} is {kind}")

    def _stands(self, deed: Deed, seen: Seen | None, going: Collection[str]) -> Entry | None:
        """What is at the path; ABSENT also for a folder in which everything is about to go, or where no file is wanted;
        None for anything else."""
        if seen is not None:
            return seen.entry if seen.entry.digest else None
        sight = self.reach.sight(deed.path)
        if sight.blocked or sight.kind is Kind.ABSENT:
            return ABSENT
        free = sight.kind is Kind.FOLDER and (deed.after.absent or self._empties(deed.path, going))
        return ABSENT if free else None

    def _empties(self, folder: str, going: Collection[str]) -> bool:
        waiting = [folder]
        while waiting:
            above = waiting.pop()
            for name, kind in self.reach.names(above):
                path = f"{above}/{name}"
                if kind is Kind.FOLDER:
                    waiting.append(path)
                elif path not in going:
                    return False
        return True

    def _same(self, now: Entry | None, wanted: Entry) -> bool:
        if now is None or now.digest != wanted.digest:
            return False
        return now.mode == wanted.mode or (not self.manner.modes and {now.mode, wanted.mode} <= set(_FILES))

    # writing

    def _write(
        self, work: _Work, folder: str, number: int, contents: Mapping[str, bytes], sizes: Mapping[str, int]
    ) -> str:
        """The path of the temporary file that holds the new content."""
        after = work.deed.after
        content: Content | None = contents.get(after.digest)
        if content is None and sizes.get(after.digest, 0) > HELD_BYTES:
            content = partial(self.store.parts, after.digest)
        if content is None:
            work.effect = work.deed.failed("its content is not in this repository")
            return ""
        name = f"{PREFIX}{self.manner.token}-{number}"
        file = _new_file(name, after, content, work.seen, modes=self.manner.modes)
        path = f"{folder}/{name}" if folder else name
        with suppress(FileNotFoundError):
            self.reach.remove(path)
        try:
            self.reach.writing(folder, [file], sync=not can_sync_at_once())()
        except OSError:
            with suppress(OSError):
                self.reach.remove(path)
            raise
        return path

    def _carry_out(self, work: _Work) -> None:
        deed = work.deed
        if not self._unchanged(work):
            work.effect = deed.stale()
            return
        try:
            if deed.after.absent:
                self._delete(work)
            else:
                self._put(work)
        except (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError):
            work.effect = deed.stale()  # somebody has been here since it was looked at
            self.reach.forget()
            return
        work.effect = deed.done()
        if deed.after.mode in _FILES and self.manner.modes:
            found = self.reach.sight(deed.path).stat
            if found is not None and bool(found.st_mode & 0o100) != (deed.after.mode == EXECUTABLE):
                work.effect = deed.failed("the folder does not keep executable bits; `modes: false` says so")

    def _unchanged(self, work: _Work) -> bool:
        """Whether what stood there still does, to the content."""
        sight = self.reach.sight(work.deed.path)
        if work.seen is None:
            return work.deed.before.absent and (sight.kind in (Kind.ABSENT, Kind.FOLDER) or bool(sight.blocked))
        if sight.blocked or sight.stat is None:
            return False
        if work.seen.signature and signature(sight.stat) == work.seen.signature:
            return True
        now = see(self.reach, work.deed.path, self.store.hash_name)
        return now is not None and now.entry == work.seen.entry

    def _delete(self, work: _Work) -> None:
        path = work.deed.path
        if self.manner.keep_deleted:
            self._set_aside(path, work.deed.before)
        else:
            self.reach.remove(path)
        self.emptied.update(folders_of(path))

    def _put(self, work: _Work) -> None:
        path = work.deed.path
        if work.seen is None:
            self._clear(path)
            self._make_folders(path.rpartition("/")[0])
            self.reach.rename_new(work.temporary, path)
        else:
            edited = work.deed.before != self.manner.agreed(path)
            if self.manner.keep_deleted and edited:
                self._set_aside(path, work.deed.before)
            self.reach.rename(work.temporary, path)
        work.temporary = ""

    def _set_aside(self, path: str, entry: Entry) -> None:
        """Moves it to where deleted files are kept, under a name that says which content it has."""
        kept = f"{self.manner.keep_deleted}/{path}.{entry.digest[:12]}"
        self._make_folders(kept.rpartition("/")[0])
        try:
            self.reach.rename_new(path, kept)
        except FileExistsError:
            self.reach.remove(path)  # this very content has been kept before

    def _make_folders(self, folder: str) -> None:
        way = self.reach.way(folder)
        while way.stop and way.kind is Kind.ABSENT:
            self.reach.make_folder(way.stop)
            way = self.reach.way(folder)
        if way.stop:
            raise NotADirectoryError(errno.ENOTDIR, STALE)

    def _clear(self, path: str) -> None:
        """A folder of which all files have just been deleted may still hold empty folders."""
        if self.reach.sight(path).kind is not Kind.FOLDER:
            return
        folders = [path]
        for folder in folders:
            folders += [f"{folder}/{name}" for name, kind in self.reach.names(folder) if kind is Kind.FOLDER]
        for folder in reversed(folders):
            self.reach.remove_folder(folder)

    def _remove_emptied(self) -> None:
        """The folders out of which this run took the last thing, and no others."""
        for folder in sorted(self.emptied, key=lambda path: path.count("/"), reverse=True):
            with suppress(OSError):
                self.reach.remove_folder(folder)
        self.emptied.clear()


def _new_file(name: str, after: Entry, content: Content, seen: Seen | None, *, modes: bool) -> NewFile:
    """A file that is replaced keeps its permissions, but for the executable bits."""
    if after.mode == LINK:
        return NewFile(name, content, None)
    executable = after.mode == EXECUTABLE and modes
    if seen is None or seen.entry.mode == LINK:
        return NewFile(name, content, 0o777 if executable else 0o666)
    kept = seen.permissions & ~0o111 if modes else seen.permissions
    if executable:
        kept |= seen.permissions & 0o111 or (kept & 0o444) >> 2
    return NewFile(name, content, kept, exact=True)


def _said(error: OSError) -> str:
    return error.strerror or str(error)


def _folds(reach: Reach) -> bool:
    """Whether the folder's file system takes names in another letter case for the same, as far as its own name or one
    in it tells without a write."""
    for name, _ in reach.names(""):
        other = name.swapcase()
        if other != name:
            one, two = reach.sight(name).stat, reach.sight(other).stat
            return one is not None and two is not None and (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)
    path = reach.root.resolve()
    other_path = path.with_name(path.name.swapcase()) if path.name.swapcase() != path.name else None
    with suppress(OSError):
        return other_path is not None and other_path.samefile(path)
    return False
