"""The history file over the years: older and newer programs, damage, other processes, kills, a disk that is full."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from directional_sync.errors import HostError
from directional_sync.store.history import History

DATA = Path(__file__).parent / "data"


def report(run: str, *targets: str) -> dict[str, Any]:
    results = [
        {"target": t, "outcome": "synced", "message": f"{run} {t}", "duration": 1.5, "commit": "c" * 40}
        for t in targets
    ]
    return {"run": run, "timestamp": "2026-01-01T00:00:00Z", "results": results}


def file(folder: Path) -> Path:
    return folder / "history.sqlite"


def everything(history: History) -> tuple[list[Any], ...]:
    return history.newest(limit=1000), sorted(history.last_runs().items()), history.statistics()


# what earlier versions have written


def test_what_the_first_format_kept_is_taken_over(tmp_path: Path) -> None:  # P13, F100, G23
    shutil.copytree(DATA / "format-1" / "history", tmp_path / "history")
    reports = sorted((DATA / "format-1" / "history" / "runs").glob("*.json"))
    history = History(tmp_path)
    assert history.newest() == [json.loads(path.read_text()) for path in reversed(reports)]
    last = history.last_runs()
    assert (last["oca"].commit, last["apps"].outcome) == ("d" * 40, "failed")
    assert last["apps"].good == "2026-01-01T02:00:00Z"
    assert {one.target: one.runs for one in history.statistics()} == {"oca": 3, "apps": 2}
    # The folder stays: named back, the older program goes on where it was.
    assert not (tmp_path / "history").exists()
    kept = {path.name: path.read_bytes() for path in (tmp_path / "history-1" / "runs").iterdir()}
    assert kept == {path.name: path.read_bytes() for path in reports}


def test_what_an_older_program_adds_meanwhile_is_taken_over_too(tmp_path: Path) -> None:
    """Somebody goes back to the older program for a day."""
    shutil.copytree(DATA / "format-1" / "history", tmp_path / "history")
    assert len(History(tmp_path).newest()) == 3
    (tmp_path / "history" / "runs").mkdir(parents=True)
    (tmp_path / "history" / "runs" / "r9.json").write_text(json.dumps(report("r9", "oca")))
    (tmp_path / "history" / "runs" / "torn.json").write_text("{")
    assert History(tmp_path).newest()[0]["run"] == "r9"
    assert len(History(tmp_path).newest()) == 4
    assert (tmp_path / "history-1-2" / "runs" / "torn.json").exists()


def test_todays_format_is_opened_as_it_was_written(tmp_path: Path) -> None:  # P13, G23: for all later versions
    shutil.copyfile(DATA / "format-2" / "history.sqlite", file(tmp_path))
    history = History(tmp_path)
    assert [one["run"][-1] for one in history.newest()] == ["4", "3", "2", "1"]
    assert [(one.run[-1], one.undoes[-1:], one.targets) for one in history.changing()] == [
        ("4", "3", ("oca",)),
        ("3", "", ("oca",)),
        ("1", "", ("oca", "apps")),
    ]
    found = {one.target: one for one in history.statistics()}
    assert found["oca"].outcomes == {"in_sync": 1, "synced": 3}
    whole, scanning = found["apps"].whole, found["apps"].steps["scanning"]
    assert whole is not None and whole.p99_s == pytest.approx(1.5, rel=0.02)
    assert scanning.p99_s == pytest.approx(0.75, rel=0.02)


_KILLED = """
    import os, sys
    from pathlib import Path
    import directional_sync.store.history as module
    left = int(sys.argv[2])
    real = module._connect
    def counting(*given, **options):
        database = real(*given, **options)
        def each(statement):
            global left
            left -= 1
            if left < 0:
                os._exit(9)
        database.set_trace_callback(each)
        return database
    module._connect = counting
    module.History(Path(sys.argv[1])).newest()
"""


def test_killed_at_each_statement_of_taking_over_it_is_the_old_or_the_new(tmp_path: Path) -> None:  # F100, G23
    statement, done = 0, 9
    while done == 9:
        folder = tmp_path / str(statement)
        shutil.copytree(DATA / "format-1" / "history", folder / "history")
        arguments = [sys.executable, "-c", textwrap.dedent(_KILLED), str(folder), str(statement)]
        done = subprocess.run(arguments, timeout=60).returncode
        assert (folder / "history").is_dir() or (folder / "history-1").is_dir()
        assert len(History(folder).newest()) == 3
        assert {one.target: one.runs for one in History(folder).statistics()} == {"oca": 3, "apps": 2}
        statement += 1
    assert done == 0 and statement > 15


def test_a_file_of_a_later_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:  # F99, P13
    History(tmp_path).add(report("r1", "a"))
    with sqlite3.connect(file(tmp_path)) as database:
        database.execute("PRAGMA user_version = 3")
        database.execute("UPDATE about SET value = '9.9.9' WHERE name = 'written_by'")
    database.close()
    was = file(tmp_path).read_bytes()
    history = History(tmp_path)
    for ask in (history.refuse_newer, history.newest, history.last_runs, lambda: history.add(report("r2", "a"))):
        with pytest.raises(HostError) as caught:
            ask()
        assert caught.value.code == "E-HISTORY-NEWER"
        assert "9.9.9" in caught.value.message and "format 3" in caught.value.message
    assert file(tmp_path).read_bytes() == was
    assert [path.name for path in tmp_path.iterdir()] == ["history.sqlite"]


# damage


def damaged(content: bytes, how: str, rng: random.Random) -> bytes:
    at = rng.randrange(len(content))
    if how == "cut":
        return content[:at]
    if how == "flipped":
        flips = bytearray(content)
        for _ in range(200):
            flips[rng.randrange(len(flips))] ^= 1 << rng.randrange(8)
        return bytes(flips)
    return content[:at] + bytes(len(content) - at)


@pytest.mark.parametrize("how", ["cut", "flipped", "zeroed"])
def test_damage_anywhere_loses_no_file_and_stops_nothing(tmp_path: Path, how: str) -> None:  # F97
    rng = random.Random(how)
    whole = tmp_path / "whole"
    for number in range(60):
        History(whole).add(report(f"r{number:02}", "a", "b"))
    content = file(whole).read_bytes()
    for trial in range(25):
        folder = tmp_path / str(trial)
        folder.mkdir()
        broken = damaged(content, how, rng)
        file(folder).write_bytes(broken)
        history = History(folder, lambda: [report("r07", "told"), report("r99", "told")])
        shown = history.newest(limit=100)
        history.add(report("z1", "c"))
        history.add(report("z2", "c"))
        assert [one["run"] for one in History(folder).newest(limit=2)] == ["z2", "z1"]
        aside = [path for path in folder.glob("history.sqlite.broken*") if "-wal" not in path.name]
        if history.notes:
            assert aside and aside[0].stat().st_size
            assert "is kept as history.sqlite.broken" in history.notes[0]
            assert "r99" in {one["run"] for one in History(folder, history._found).newest(limit=100)}
        else:
            assert not aside and (shown or not broken)


@pytest.mark.parametrize("content", [b"garbage" * 900, b"SQLite format 3\0" + b"\xff" * 5000], ids=["no", "head"])
def test_what_is_no_database_is_set_aside_whole(tmp_path: Path, content: bytes) -> None:  # F97
    file(tmp_path).write_bytes(content)
    history = History(tmp_path)
    history.add(report("r1", "a"))
    assert history.last_runs()["a"].run == "r1"
    assert (tmp_path / "history.sqlite.broken").read_bytes() == content


def test_somebody_elses_database_is_set_aside_too(tmp_path: Path) -> None:
    with sqlite3.connect(file(tmp_path)) as database:
        database.execute("CREATE TABLE runs (mine TEXT)")
        database.execute("INSERT INTO runs VALUES ('kept')")
    database.close()
    History(tmp_path).add(report("r1", "a"))
    with sqlite3.connect(tmp_path / "history.sqlite.broken") as database:
        assert database.execute("SELECT mine FROM runs").fetchall() == [("kept",)]
    database.close()


def test_what_can_still_be_read_is_read(tmp_path: Path) -> None:  # F97
    history = History(tmp_path)
    for number in range(200):
        history.add({**report(f"r{number:03}", "a"), "filler": os.urandom(300).hex()})
    content = bytearray(file(tmp_path).read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    file(tmp_path).write_bytes(content)
    for _ in range(2):
        found = History(tmp_path).newest(limit=300)
    history = History(tmp_path)
    history.add(report("z1", "a"))
    assert len(found) > 150


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_lost_file_is_made_again_from_what_commits_tell(tmp_path: Path, left: str) -> None:  # F97
    told = [report("r1", "a"), report("r2", "b")]
    history = History(tmp_path, lambda: told)
    if left != "nothing":
        file(tmp_path).touch()
    assert history.last_runs() == {} or left == "nothing"
    assert [one["run"] for one in history.newest()] == ["r2", "r1"]
    assert History(tmp_path).last_runs().keys() == {"a", "b"}  # and it is kept


def test_commits_are_asked_once(tmp_path: Path) -> None:
    asked: list[int] = []

    def told() -> list[dict[str, Any]]:
        asked.append(1)
        return [report("r0", "a")]

    History(tmp_path, told).add(report("r1", "a"))
    assert asked == []  # a run has no time for it
    for _ in range(3):
        assert [one["run"] for one in History(tmp_path, told).newest()] == ["r1", "r0"]
    assert len(asked) == 1


def test_one_broken_report_hides_only_itself(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(report("r1", "a"))
    history.add(report("r2", "a"))
    with sqlite3.connect(file(tmp_path)) as database:
        database.execute("UPDATE runs SET report = x'00' WHERE run = 'r2'")
    database.close()
    assert [one["run"] for one in History(tmp_path).newest()] == ["r1"]
    assert History(tmp_path).last_runs()["a"].run == "r2"


# other processes, and the disk


def test_a_file_that_another_process_keeps_to_itself_is_waited_for_and_then_told_of(tmp_path: Path) -> None:  # F98
    History(tmp_path).add(report("r1", "a"))
    other = sqlite3.connect(file(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HostError) as caught:
        History(tmp_path, wait_s=0.05).add(report("r2", "a"))
    assert caught.value.code == "E-HISTORY-LOCKED" and caught.value.retryable
    assert [one["run"] for one in History(tmp_path, wait_s=0.05).newest()] == ["r1"]  # reading waits for nobody
    other.execute("ROLLBACK")
    other.close()
    History(tmp_path).add(report("r2", "a"))
    assert [one["run"] for one in History(tmp_path).newest()] == ["r2", "r1"]


_WRITER = """
    import sys
    from pathlib import Path
    from directional_sync.store.history import History
    name, number = sys.argv[2], 0
    while True:
        run = f"{number:06}{name}"
        result = {"target": name, "outcome": "synced", "message": "", "duration": 1.0, "commit": "c"}
        report = {"run": run, "timestamp": "2026-01-01T00:00:00Z", "results": [result]}
        History(Path(sys.argv[1]), wait_s=60).add(report)
        print(run, flush=True)
        number += 1
"""


def test_no_run_that_was_kept_is_lost_when_writers_are_killed(tmp_path: Path) -> None:  # F98, G7
    command = [sys.executable, "-c", textwrap.dedent(_WRITER), str(tmp_path)]
    kept: set[str] = set()
    for round_ in range(4):
        writers = [
            subprocess.Popen([*command, f"w{round_}{n}"], stdout=subprocess.PIPE, text=True, bufsize=1)
            for n in range(3)
        ]
        for writer in writers:
            assert writer.stdout is not None
            for _ in range(random.Random(round_).randint(2, 6)):
                kept.add(writer.stdout.readline().strip())
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            kept |= set(writer.communicate(timeout=60)[0].split())
    with sqlite3.connect(file(tmp_path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    found = {one["run"] for one in History(tmp_path).newest(limit=100_000)}
    assert kept - {""} <= found
    assert sum(one.runs for one in History(tmp_path).statistics()) == len(found)


def test_a_history_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository on a read-only file system."""
    History(tmp_path).add(report("r1", "a"))

    def refused(*given: Any, **options: Any) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("directional_sync.store.history.os.open", refused)
    assert [one["run"] for one in History(tmp_path).newest()] == ["r1"]
    with pytest.raises(HostError) as caught:
        History(tmp_path).add(report("r2", "a"))
    assert caught.value.code == "E-READ-ONLY"
    file(tmp_path).unlink()
    assert [one["run"] for one in History(tmp_path, lambda: [report("r7", "a")]).newest()] == ["r7"]
    assert list(tmp_path.iterdir()) == []


def test_no_room_is_told_and_what_was_kept_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # F22
    History(tmp_path).add(report("r1", "a"))
    import directional_sync.store.history as module

    real = module._connect

    def narrow(*given: Any, **options: Any) -> sqlite3.Connection:
        database = real(*given, **options)
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages}")
        return database

    monkeypatch.setattr(module, "_connect", narrow)
    with pytest.raises(HostError) as caught:
        History(tmp_path).add({**report("r2", "a"), "filler": os.urandom(40_000).hex()})
    assert caught.value.code == "E-DISK-FULL"
    assert [one["run"] for one in History(tmp_path).newest()] == ["r1"]
