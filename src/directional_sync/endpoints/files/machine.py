"""A folder on another machine as a far side, over the system's own ssh.

Nothing has to be installed there: a program for its shell goes out with each question, and content travels as tar. A
look is one question, and two more when there is something to read; changes go in portions, each of which is one
program that looks at every place once more before it puts new content there.
"""

from __future__ import annotations

import os
import secrets
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from directional_sync.endpoints.base import Context
from directional_sync.endpoints.files import far_script
from directional_sync.endpoints.files.deeds import ALREADY, Deed, ordered, portions, sifted, unfit
from directional_sync.endpoints.files.far import Prior, check_size, in_time, steadily, stopper
from directional_sync.endpoints.files.far_script import Row
from directional_sync.endpoints.files.reading import WHOLE_BYTES, Found, Item, Read, Reading
from directional_sync.endpoints.files.seen import Mark, Memory
from directional_sync.endpoints.files.site import Site, folders_of
from directional_sync.endpoints.ssh import complaints
from directional_sync.endpoints.ssh.words import environment, trusted_keys, words
from directional_sync.endpoints.temporary import token
from directional_sync.errors import RemoteError, SyncError
from directional_sync.git.objects import ObjectStore
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import EXECUTABLE, FILE, LINK, Entry
from directional_sync.system import host
from directional_sync.system.process import Finished, pour

if TYPE_CHECKING:
    from directional_sync.endpoints.files.options import SshFilesOptions

_KEPT = "nothing was changed on either side"
_CHUNK, _ENDS = 1 << 20, 1 << 16
_CLOCK_STEP_S, _COARSE_STEP_S = 0.05, 2.5
_WAYS = {
    "link": "is a symbolic link, and nothing is written through one",
    "repository": "is a repository of its own, and nothing is written into it",
    "file": "is a file",
    "forbidden": "may not be entered",
}
_NOT_THERE = {
    "absent": ("E-FILES-ROOT", "is not there", "mount or make it; if it moved, change `path`"),
    "file": ("E-FILES-ROOT", "is no folder", "look at what stands there: ls -ld"),
    "forbidden": ("E-FILES-ROOT", "may not be entered by the user that we are there", "check who may: ls -ld"),
    "tools": (
        "E-FILES-TOOLS",
        "is on a machine without GNU find and tar, which are needed there",
        "install findutils, tar and coreutils on it",
    ),
    "room": ("E-FILES-PLACE", "takes no new files", "check its free space and who may write there: df, ls -ld"),
}


class Machine:
    """See `far.FarSide`."""

    def __init__(self, context: Context, options: SshFilesOptions, site: Site, memory: Memory) -> None:
        self._context, self._options, self._site, self._memory = context, options, site, memory
        self._objects = cast(ObjectStore, context.objects)
        self._stamps: dict[str, str] = {}
        """Path -> what find said of it last."""

    # looking

    def look(self, reading: Reading, found: Found) -> list[Item]:
        """Raises RemoteError, CredentialError, RefusedError or HostError when nothing at all can be said."""
        stop = stopper(self._context, "reading")
        items = self._listed(found, stop)
        check_size(items, self._options.max_size, self._site.url)

        def read(some: list[Item]) -> list[Item]:
            stop()
            return reading.entries(some, _Content(self, stop), found, stop)

        return steadily(items, lambda: self._listed(found, stop), lambda item: self._stamps[item.path], read, found)

    def _listed(self, found: Found, stop: Callable[[], None]) -> list[Item]:
        mark = _mark()
        program = far_script.listing(self._options.path, self._options.sentinel, mark)
        said = self._ask(program, (), mark, stop, "the list")
        try:
            clock, listed = far_script.rows(said)
            rows = list(listed)
        except far_script.Cut:
            raise self._cut("the list") from None
        return self._items(rows, clock, found)

    def _items(self, rows: Sequence[Row], clock: float, found: Found) -> list[Item]:
        scope = self._site.scope
        nested = {row.path.rpartition("/")[0] for row in rows if row.path.endswith("/.git")}
        for path in nested:
            if scope.inside(path) is not None:
                found.unreadable[path] = f"E-FILES-NESTED: {path} is a repository of its own"
        items = []
        for row in rows:
            if nested and not nested.isdisjoint((row.path, *folders_of(row.path))):
                continue
            if row.kind == "Ud" and scope.inside(row.path) is not None:
                found.unreadable[row.path] = f"E-FILES-READ: {row.path} may not be entered"
            if row.kind.endswith("d") or not scope.names(row.path):
                continue
            if row.kind == "f":
                self._stamps[row.path] = row.stamp
                mode = EXECUTABLE if row.executable and self._options.modes else FILE
                mark: Mark = (row.stamp,) if _old(row.ctime, clock) else ()
                items.append(Item(row.path, row.size, mark, mode, row.changed))
            elif row.kind == "l":
                self._link(row, found)
            elif row.kind == "Uf":
                found.unreadable[row.path] = f"E-FILES-READ: {row.path} may not be read"
            else:
                found.unreadable[row.path] = f"E-FILES-SPECIAL: {row.path} is a device, a pipe or a socket"
        return sorted(items, key=lambda item: item.path)

    def _link(self, row: Row, found: Found) -> None:
        self._stamps[row.path] = row.stamp
        if self._options.symlinks == "skip":
            found.aside.add(row.path)
        elif self._options.symlinks == "refuse":
            found.unreadable[row.path] = f"E-FILES-LINK: {row.path} is a symbolic link, and `symlinks` is `refuse`"
        else:
            found.entries[row.path] = Entry(self._objects.write_blob(row.link), LINK)

    # asking

    def _ask(self, program: str, given: Iterable[bytes], mark: str, stop: Callable[[], None], what: str) -> bytes:
        """What the program answers to `given`. Raises SyncError."""
        with self._asked(program, given, mark, stop, what) as (file, size):
            return file.read(size)

    @contextmanager
    def _asked(
        self, program: str, given: Iterable[bytes], mark: str, stop: Callable[[], None], what: str
    ) -> Iterator[tuple[IO[bytes], int]]:
        """A file that stands where the answer begins, and how long that is. Raises SyncError."""
        text = program.encode("utf-8", "surrogateescape")
        question, answer = self._context.cache / "question", self._context.cache / "answer"
        argv = words(self._options, trusted_keys(self._options, self._context), far_script.started(text))
        try:
            with host.host_errors(question), question.open("wb") as file:
                file.write(text)
                file.writelines(given)
            with host.host_errors(answer):
                ended = pour(argv, question, answer, env=environment(self._context.environment), check=stop)
                with answer.open("rb") as file:
                    yield file, self._size_of_answer(file, ended, mark, what)
        finally:
            question.unlink(missing_ok=True)
            answer.unlink(missing_ok=True)

    def _size_of_answer(self, file: IO[bytes], ended: Finished, mark: str, what: str) -> int:
        """Leaves `file` at the beginning of the answer. Raises SyncError when it is not whole."""
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - _ENDS))
        tail = file.read()
        file.seek(0)
        head = file.read(_ENDS)
        try:
            start, after, last = far_script.span(head, tail, mark)
        except far_script.Cut:
            if mark.encode() in head:
                raise self._cut(what) from None
            raise complaints.from_words(self._options.host, ended.stderr, ended.status) from None
        word, _, failed = last.partition(" ")
        if failed and _troubled(ended.stderr):
            raise self._cut(what, complaints.shown(ended.stderr))
        if word != "done":
            raise self._not_there(word, complaints.shown(ended.stderr))
        file.seek(start)
        return length - after - start

    def _cut(self, what: str, detail: tuple[str, ...] = ()) -> SyncError:
        return RemoteError(
            "E-FILES-LISTING",
            f"{what} of {self._site.url} is not complete",
            hint="the next run tries again",
            kept=_KEPT,
            detail=detail,
            retryable=True,
        )

    def _not_there(self, word: str, detail: tuple[str, ...]) -> RemoteError:
        if word == "sentinel":
            what, hint = (
                f"lacks {self._options.sentinel}, so it is taken as not mounted",
                "mount it, or put the file back",
            )
            return RemoteError("E-FILES-SENTINEL", f"{self._site.url} {what}", hint=hint, kept=_KEPT)
        code, what, hint = _NOT_THERE[word]
        return RemoteError(code, f"{self._site.url} {what}", hint=hint, kept=_KEPT, detail=detail)

    # writing

    def apply(self, deeds: Sequence[Deed], there: Collection[str], prior: Prior) -> Iterator[Effect]:
        """Raises SyncError when a portion could not be begun, InterruptedRun between two portions."""
        stop = stopper(self._context, "writing")
        fit, why = self._sifted(deeds, there)
        yield from (deed.refused(why[deed.path]) for deed in deeds if deed.path in why)
        sizes = self._objects.size_many(deed.after.digest for deed in fit if deed.after.present)
        for portion in portions(ordered(fit), sizes):
            stop()
            yield from self._portion(portion, sizes, lambda path: prior.at(self._site.key(path)))

    def confirm(self, paths: Sequence[str], memory: Memory) -> None:
        """Each path would be a question of its own; a look at everything is hardly more."""

    def refusals(self, deeds: Sequence[Deed], there: Collection[str]) -> Mapping[str, str]:
        return self._sifted(deeds, there)[1]

    def tidy(self, left: Sequence[str]) -> None:
        """What a killed shell has left there is removed by the next one that writes."""

    def _sifted(self, deeds: Sequence[Deed], there: Collection[str]) -> tuple[list[Deed], dict[str, str]]:
        links = "" if self._options.symlinks == "keep" else "links are left alone; `symlinks: skip` says so"
        targets = self._objects.read_many(deed.after.digest for deed in deeds if deed.after.mode == LINK)
        return sifted(
            deeds,
            lambda deed: unfit(deed, links=links, target=targets.get(deed.after.digest)),
            there,
            folds=False,
        )

    def _portion(
        self, deeds: Sequence[Deed], sizes: Mapping[str, int], agreed: Callable[[str], Entry]
    ) -> Iterator[Effect]:
        lost = [deed for deed in deeds if deed.after.present and deed.after.digest not in sizes]
        yield from (deed.failed("its content is not in this repository") for deed in lost)
        work = [deed for deed in deeds if deed not in lost]
        mark = _mark()
        steps = [self._step(number, deed, agreed) for number, deed in enumerate(work)]
        program = far_script.placing(self._options.path, self._options.sentinel, mark, token(self._context), steps)
        try:
            # A portion is never left half read: what has been done there is told, even when we are asked to stop.
            said = self._ask(program, self._packed(work, sizes), mark, in_time(self._context, "writing"), "the answer")
        except RemoteError as error:
            if error.code not in ("E-FILES-LISTING", "E-FILES-TIMEOUT"):
                raise
            yield from (deed.failed(f"{error.message}; the next run looks what came of it") for deed in work)
            return
        told, _, clock = said.rpartition(b"\0")
        results = told.split(b"\0")
        for deed, result in zip(work, results, strict=True):
            word, _, detail = result.decode("utf-8", "replace").partition("\t")
            self._learn(deed, detail if word == "done" else "", float(clock))
            yield _effect(deed, word, detail)

    def _step(self, number: int, deed: Deed, agreed: Callable[[str], Entry]) -> list[str]:
        folder, _, name = deed.path.rpartition("/")
        stamp = self._stamps.get(deed.path, "") if deed.before.present else ""
        if deed.before.present and not stamp:
            stamp = "unknown"  # which nothing has: it will be stale
        aside = ["", ""]
        if (
            self._options.keep_deleted
            and deed.before.present
            and (deed.after.absent or deed.before != agreed(deed.path))
        ):
            kept = f"{self._options.keep_deleted}/{deed.path}.{deed.before.digest[:12]}"
            aside = [kept.rpartition("/")[0], kept.rpartition("/")[2]]
        if deed.after.absent:
            return ["take", folder, name, stamp, *aside]
        mode = "" if not self._options.modes else "+x" if deed.after.mode == EXECUTABLE else "-x"
        return ["put", str(number), folder, name, stamp, mode, *aside]

    def _packed(self, deeds: Sequence[Deed], sizes: Mapping[str, int]) -> Iterator[bytes]:
        """A tar of the new content, each file under its number."""
        for number, deed in enumerate(deeds):
            if deed.after.absent:
                continue
            info = tarfile.TarInfo(str(number))
            if deed.after.mode == LINK:
                info.type = tarfile.SYMTYPE
                info.linkname = self._objects.read(deed.after.digest).decode("utf-8", "surrogateescape")
            else:
                info.size = sizes[deed.after.digest]
                info.mode = 0o777 if deed.after.mode == EXECUTABLE and self._options.modes else 0o666
            yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
            if info.size:
                yield from self._objects.parts(deed.after.digest)
                yield bytes(-info.size % tarfile.BLOCKSIZE)
        yield bytes(2 * tarfile.BLOCKSIZE)

    def _learn(self, deed: Deed, stamp: str, clock: float) -> None:
        """What was put there need not be read by the next look."""
        mark: Mark = ()
        parts = stamp.split(" ")
        if len(parts) == 5 and parts[0] == "f" and _old(parts[4], clock):
            mark = (stamp,)
        self._memory.learn(deed.path, mark, deed.after.digest)

    def close(self) -> None:
        """Nothing is held open between questions."""

    def contents(self, items: Sequence[Item], spool: Path, stop: Callable[[], None]) -> Iterator[Read]:
        """See `reading.Source`. What does not come is no longer there; whether that is so shows when all is listed
        once more."""
        waiting = {item.path: item for item in items}
        mark = _mark()
        names = [b"./" + item.path.encode("utf-8", "surrogateescape") + b"\0" for item in items]
        program = far_script.reading(self._options.path, mark)
        with self._asked(program, names, mark, stop, "the content") as (file, _):
            try:
                with tarfile.open(fileobj=file, mode="r|", encoding="utf-8", errors="surrogateescape") as tar:
                    for member in tar:
                        item = waiting.pop(member.name.removeprefix("./"), None)
                        if item is not None and member.isreg():
                            yield _read(item, member.size, tar.extractfile(member), spool)
            except tarfile.TarError:
                raise self._cut("the content") from None
        yield from (Read(item, gone=True) for item in waiting.values())


@dataclass
class _Content:
    """See `reading.Source`."""

    machine: Machine
    stop: Callable[[], None]

    def read(self, items: Sequence[Item], spool: Path) -> Iterator[Read]:
        return self.machine.contents(items, spool, self.stop)


def _read(item: Item, size: int, source: IO[bytes] | None, spool: Path) -> Read:
    if source is None or size != item.size:
        return Read(item, gone=True)  # it is another by now, and so it will be listed
    if size <= WHOLE_BYTES:
        return Read(item, source.read(), item.mark)
    spool.parent.mkdir(parents=True, exist_ok=True)
    with spool.open("wb") as file:
        while part := source.read(_CHUNK):
            file.write(part)
    return Read(item, spool, item.mark)


def _effect(deed: Deed, word: str, detail: str) -> Effect:
    if word == "done":
        return deed.done()
    if word == "already":
        return deed.done(ALREADY)
    if word == "stale":
        return deed.stale()
    if word == "blocked":
        what = _WAYS.get(detail, "could not be reached")
        message = f"a folder on its way {what}"
        return deed.refused(message) if detail in ("link", "repository") else deed.stale(message)
    return deed.failed(detail)


def _old(ctime: str, clock: float) -> bool:
    """Whether whatever happens to a file that was changed then shows in its times. Some file systems count in seconds
    only."""
    step = _COARSE_STEP_S if not ctime.partition(".")[2].strip("0") else _CLOCK_STEP_S
    return float(ctime) < clock - step


def _troubled(errors: bytes) -> bool:
    """Whether find met more than what vanished under its hands."""
    lines = [line for line in errors.splitlines() if line.startswith(b"find: ")]
    return any(not line.endswith(b": No such file or directory") for line in lines)


def _mark() -> str:
    return f"dsync-{secrets.token_hex(16)}"
