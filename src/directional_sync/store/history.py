"""Every run that was carried out, in one SQLite file: its report, and what is asked of many reports at once.

The file can be lost. One that is broken is set aside under another name and made again: from what can still be read
of it, and from the commits that runs have made, whose trailers say which run it was. What an earlier version kept, a
folder of JSON files, is taken over once. A file of a later version is refused and left as it is.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from directional_sync import __version__
from directional_sync.errors import HostError, SelectionError
from directional_sync.model.past import LastRun, PastRun, Statistics
from directional_sync.store import tables
from directional_sync.system import host

if TYPE_CHECKING:
    import sqlite3

FILE = "history.sqlite"
KEPT_DAYS = 400
KEPT_LEAST = 1_000
"""The newest so many runs are kept however old they are."""
KEPT_MOST = 1_000_000
KEPT_BYTES = 512 * 2**20
_DROPPED_AT_ONCE = 50
_WAIT_S = 5.0
_HEADER_BYTES = 100
_PARTS = ("", "-wal", "-shm")

Reports = Callable[[], Iterable[Mapping[str, Any]]]


class History:
    """The runs of one repository, whose state is in `folder`. Reading never makes a file where there is nothing to
    remember."""

    def __init__(self, folder: Path, found: Reports = lambda: (), *, wait_s: float = _WAIT_S) -> None:
        """`found` answers reports of runs as commits tell of them, for when the file is lost. `wait_s`: how long
        another process may keep the file to itself."""
        self._folder = folder
        self._path = folder / FILE
        self._old = folder / "history"
        self._found = found
        self._wait_s = wait_s
        self.notes: list[str] = []
        """What people should know: that a broken file was set aside, and what was found again."""

    def refuse_newer(self) -> None:
        """Raises HostError E-HISTORY-NEWER when a later version has written the file; reads nothing but its head."""
        version = _version(self._path)
        if version > tables.FORMAT:
            raise self._newer(version)

    def add(self, report: Mapping[str, Any]) -> None:
        """Keeps the report of a finished run, in the place of an earlier one of the same run. Raises HostError when it
        cannot be kept."""

        def work(database: sqlite3.Connection) -> None:
            with _transaction(database):
                tables.remove(database, str(report["run"]))
                tables.insert(database, report)
                _drop_old(database, str(report["timestamp"]))

        self._working(work, writes=True)

    def last_runs(self) -> dict[str, LastRun]:
        """Target name -> its newest run that was no dry run. Raises HostError."""
        columns = "target, run, started, outcome, message, commit_id, duration_s, good"
        rows = self._ask(f"SELECT {columns} FROM latest ORDER BY run", searching=False)
        return {row[0]: LastRun(*row[1:]) for row in rows}

    def newest(self, target: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
        """Reports, newest first; only those that name `target` when one is given. Raises HostError."""
        if target is None:
            rows = self._ask("SELECT report FROM runs ORDER BY run DESC LIMIT ?", limit)
        else:
            those = "SELECT run FROM results WHERE target = ? ORDER BY run DESC LIMIT ?"
            rows = self._ask(f"SELECT report FROM runs WHERE run IN ({those}) ORDER BY run DESC", target, limit)
        return [report for row in rows if (report := tables.unpacked(row[0])) is not None]

    def find(self, part: str) -> dict[str, Any]:
        """The report of the one run whose id begins or ends with `part`. Raises SelectionError E-RUN-UNKNOWN, and
        HostError."""
        begins = "SELECT run, report FROM runs WHERE run >= ? AND run < ? LIMIT 2"
        ends = "SELECT run, report FROM runs WHERE backwards >= ? AND backwards < ? LIMIT 2"
        found = dict(self._ask(begins, part, _after(part))) | dict(self._ask(ends, part[::-1], _after(part[::-1])))
        exact = {run: report for run, report in found.items() if run == part} or found
        if len(exact) == 1 and (report := tables.unpacked(next(iter(exact.values())))) is not None:
            return report
        what = f"several runs match {part!r}" if found else f"there is no run {part!r}"
        raise SelectionError("E-RUN-UNKNOWN", what, hint="see the runs: dsync log")

    def changing(self, limit: int = 500) -> list[PastRun]:
        """The runs that left something which could be undone, newest first. Raises HostError."""
        rows = self._ask("SELECT report FROM runs WHERE changed > 0 ORDER BY run DESC LIMIT ?", limit)
        reports = (report for row in rows if (report := tables.unpacked(row[0])) is not None)
        return [tables.past_run(report) for report in reports]

    def statistics(self, target: str | None = None) -> list[Statistics]:
        """How often each target ended how, and how long it and its steps took; by name. Raises HostError."""
        from directional_sync.store.counts import statistics

        only, values = ("WHERE target = ?", (target,)) if target is not None else ("", ())
        outcomes = self._ask(f"SELECT target, outcome, number FROM outcomes {only}", *values)
        spans = self._ask(f"SELECT target, step, bucket, number FROM spans {only}", *values)
        return statistics(outcomes, spans)

    # asking

    def _ask(self, query: str, *values: object, searching: bool = True) -> list[tuple[Any, ...]]:
        """The rows that answer `query`. `searching`: what commits tell is looked for where the file was lost."""
        if not self._path.is_file() and not self._old_reports().is_dir():
            reports = list(self._found()) if searching else []
            if not reports:
                return []
        answer: list[tuple[Any, ...]] = []

        def work(database: sqlite3.Connection) -> None:
            if searching:
                self._search(database)
            answer[:] = database.execute(query, values).fetchall()

        self._working(work, writes=False)
        return answer

    def _search(self, database: sqlite3.Connection) -> None:
        """Takes in, once, what commits tell of runs."""
        if database.execute("SELECT value FROM about WHERE name = 'searched'").fetchone() is not None:
            return
        with contextlib.suppress(_sqlite().OperationalError), _transaction(database):
            for report in self._found():
                tables.insert(database, report)
            database.execute("INSERT INTO about VALUES ('searched', ?)", (host.utc_now(),))

    def _working(self, work: Callable[[sqlite3.Connection], None], *, writes: bool) -> None:
        """Does the work on the database; once more on a new one where it turns out to be broken."""
        sqlite = _sqlite()
        for last in (False, True):
            inode = _inode(self._path)
            try:
                with contextlib.closing(self._opened(writes)) as database:
                    work(database)
                return
            except (sqlite.DatabaseError, UnicodeDecodeError) as error:
                if last or not _broken(error):
                    raise self._trouble(error) from error
                self._set_aside(inode, str(error))

    def _opened(self, writes: bool) -> sqlite3.Connection:
        """The database, of today's format; in memory where the folder cannot be written and nothing has to be kept."""
        sqlite = _sqlite()
        try:
            return self._on_disk()
        except (sqlite.OperationalError, HostError) as error:
            if writes or (isinstance(error, HostError) and error.code == "E-HISTORY-NEWER"):
                raise
            if isinstance(error, sqlite.OperationalError) and _code(error) in _BUSY:
                raise
        if _version(self._path) == tables.FORMAT:
            return _read_only(self._path, "immutable=1")
        database = _connect(":memory:")
        self._prepare(database)
        return database

    def _on_disk(self) -> sqlite3.Connection:
        host.make_folder(self._folder)
        with host.host_errors(self._path):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            os.close(os.open(self._path, flags, host.OWNER_ONLY_FILE))
        database = _connect(self._path, timeout=self._wait_s)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    # making, taking over, setting aside

    def _prepare(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > tables.FORMAT:
            raise self._newer(version)
        if version != tables.FORMAT:
            database.execute("PRAGMA journal_mode = WAL")
        old = self._old_reports().is_dir()
        if version == tables.FORMAT and not old:
            return
        with _transaction(database):
            if database.execute("PRAGMA user_version").fetchone()[0] != tables.FORMAT:  # nobody was quicker
                tables.create(database)
                database.execute("INSERT INTO about VALUES ('written_by', ?)", (__version__,))
                database.execute(f"PRAGMA user_version = {tables.FORMAT}")
            if old:
                self._take_over(database)
        if old:
            self._put_old_away()

    def _old_reports(self) -> Path:
        """Where format 1 has one JSON file for each run."""
        return self._old / "runs"

    def _take_over(self, database: sqlite3.Connection) -> None:
        import json

        for path in sorted(self._old_reports().glob("*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                tables.insert(database, json.loads(path.read_bytes()))

    def _put_old_away(self) -> None:
        """The folder of format 1 stays, under another name: an older program finds it when it is named back."""
        with contextlib.suppress(OSError):
            self._old.rename(_free(self._folder / "history-1"))

    def _set_aside(self, inode: int, why: str) -> None:
        """Gives the broken file another name, and takes what can still be read of it into a new one. Does nothing
        where another process has done so already."""
        from directional_sync.store.salvage import salvaged
        from directional_sync.system.lock import Busy, locked

        try:
            with locked(self._folder / "history.lock", timeout_s=self._wait_s), host.host_errors(self._path):
                if inode and _inode(self._path) != inode:
                    return
                aside = _free(self._folder / f"{FILE}.broken")
                for part in _PARTS:
                    with contextlib.suppress(FileNotFoundError):
                        Path(f"{self._path}{part}").rename(f"{aside}{part}")
                with contextlib.closing(self._on_disk()) as database, _transaction(database):
                    number = sum(tables.insert(database, report) for report in salvaged(aside))
        except Busy:
            return
        self.notes.append(
            f"the history was broken ({why}) and is kept as {aside.name}; {number} runs could be read from it, and "
            "others are told again by their commits"
        )

    # errors

    def _newer(self, version: int) -> HostError:
        who = ""
        with contextlib.suppress(_sqlite().Error), contextlib.closing(_read_only(self._path)) as database:
            who = f", by directional-sync {database.execute(_WRITTEN_BY).fetchone()[0]}"
        return HostError(
            "E-HISTORY-NEWER",
            f"{self._path} was written by a later version (format {version}{who}; this one knows {tables.FORMAT})",
            hint="run that version, or move the file away to begin a new history",
            kept="nothing was changed",
        )

    def _trouble(self, error: Exception) -> HostError:
        if _code(error) in _BUSY:
            return HostError(
                "E-HISTORY-LOCKED",
                f"another process has kept {self._path} to itself for {self._wait_s:g} s",
                hint="let it end, then run again",
                kept="what was in it is unchanged",
                retryable=True,
            )
        if _code(error) == _FULL:
            free = _room(self._folder)
            hint = "make room on that file system, then run again"
            return HostError("E-DISK-FULL", f"no room to write {self._path} ({free})", hint=hint)
        return HostError("E-IO", f"{self._path}: {error}", hint="check the disk and who owns the file, then run again")


_WRITTEN_BY = "SELECT value FROM about WHERE name = 'written_by'"
_BUSY = (5, 6)
_FULL = 13
_BROKEN = (11, 26)
"""SQLite's own numbers: busy and locked; full; corrupt and no database."""


def _sqlite() -> Any:
    import sqlite3

    return sqlite3


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _broken(error: BaseException) -> bool:
    """Whether the file itself is to blame: damaged, no database, or somebody else's."""
    said = str(error)
    if isinstance(error, UnicodeDecodeError):
        return True
    return _code(error) in _BROKEN or said.startswith(
        ("no such table", "no such column", "table ", "malformed", "Could not decode")
    )


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _version(path: Path) -> int:
    """What the head of the file says about its format; 0 when there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError:
        return 0
    if len(head) < _HEADER_BYTES or not head.startswith(b"SQLite format 3\0"):
        return 0
    ours = int.from_bytes(head[68:72], "big") == tables.APPLICATION
    return int.from_bytes(head[60:64], "big") if ours else 0


def _read_only(path: Path, how: str = "mode=ro") -> sqlite3.Connection:
    return _connect(f"{path.absolute().as_uri()}?{how}", uri=True)


def _connect(where: Path | str, **options: Any) -> sqlite3.Connection:
    """A connection whose transactions begin where we say so."""
    import sqlite3

    database: sqlite3.Connection = sqlite3.connect(where, isolation_level=None, **options)
    return database


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(_sqlite().Error):
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _drop_old(database: sqlite3.Connection, now: str) -> None:
    """Lets go of runs that are too old or too many, a few at a time."""
    first, last = database.execute("SELECT (SELECT min(id) FROM runs), (SELECT max(id) FROM runs)").fetchone()
    number = last - first + 1
    if number <= KEPT_LEAST:
        return
    oldest = datetime.fromisoformat(now.replace("Z", "+00:00")).astimezone(UTC) - timedelta(days=KEPT_DAYS)
    limit = oldest.strftime("%Y-%m-%dT%H:%M:%SZ")
    pages, free, size = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in _SIZES)
    crowded = number > KEPT_MOST or (pages - free) * size > KEPT_BYTES
    most = min(_DROPPED_AT_ONCE, number - KEPT_LEAST)
    for run, started in database.execute("SELECT run, started FROM runs ORDER BY run LIMIT ?", (most,)).fetchall():
        if not crowded and started >= limit:
            break
        tables.remove(database, run)


_SIZES = ("page_count", "freelist_count", "page_size")


def _after(text: str) -> str:
    """The least text that is greater than all that begin with `text`."""
    return text + chr(0x10FFFF)


def _free(path: Path) -> Path:
    """`path`, with a number behind it when something is there."""
    number = 1
    free = path
    while free.exists() or free.is_symlink():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _room(folder: Path) -> str:
    import shutil

    return f"{shutil.disk_usage(folder).free:,} bytes free"


__all__ = ["History", "LastRun"]
