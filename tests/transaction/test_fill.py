"""A folder of many new files is made by git's own code: byte for byte the blobs, and only where it is sure of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.transaction.workbench import Wish, Workbench, write

from directional_sync.errors import HostError
from directional_sync.git import fill, placing, transaction
from directional_sync.system.reach import Reach

HOSTILE = b"""\
[attr]evil text eol=crlf filter=evil ident working-tree-encoding=UTF-16 export-subst
* evil
*.txt text eol=crlf filter=evil ident working-tree-encoding=UTF-16LE
"""


def many(count: int = 300) -> dict[str, Wish]:
    wishes: dict[str, Wish] = {f"lib/d{n % 7}/f{n}.txt": b"$Id$ $Format:%%H$ %d\r\nx\ny\r\n" % n for n in range(count)}
    return {
        **wishes,
        "lib/.gitattributes": HOSTILE,
        "lib/d1/.gitattributes": HOSTILE,
        "lib/empty": b"",
        "lib/run.sh": ("100755", b"#!/bin/sh\n"),
        "lib/d2/link": ("120000", b"../run.sh"),
        "lib/d2/dangling": ("120000", b"nowhere"),
        "lib/d2.txt": b"sorts between d2 and what is in it\n",
        "lib/sp ace/tab\there/new\nline": b"odd name\n",
        "lib/\udcff\udcfe": b"no UTF-8\n",
        "lib/d3/-q": b"looks like an option\n",
        "lib/d3/:(top)x": b"looks like a pathspec\n",
    }


@pytest.fixture(params=["sha1", "sha256"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workbench]:
    made = Workbench.make(tmp_path / "work", {"a.txt": b"one\n"}, f"--object-format={request.param}")
    for name, value in {
        "core.autocrlf": "true",
        "core.eol": "crlf",
        "filter.evil.smudge": f"touch {tmp_path}/evil; cat",
        "filter.evil.process": f"touch {tmp_path}/evil",
        "filter.evil.required": "true",
        "checkout.workers": "3",
    }.items():
        made.git("config", name, value)
    write(made.root, ".git/info/attributes", HOSTILE)
    made.reopen()
    yield made
    made.store.close()
    assert not (tmp_path / "evil").exists()


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether git made the folder, for each that it was asked to."""
    answers = []

    def watched(*arguments: object) -> list[bytes] | None:
        found = fill.fill(*arguments)  # type: ignore[arg-type]
        answers.append(found is not None)
        return found

    monkeypatch.setattr(placing, "fill", watched)
    return answers


def commit(bench: Workbench, wishes: dict[str, Wish]) -> list[str]:
    return transaction.commit(bench.repository, bench.store, bench.work(wishes))[1]


def is_exactly(root: Path, wishes: dict[str, Wish]) -> None:
    for key, wish in wishes.items():
        path = Path(os.fsdecode(os.fsencode(root) + b"/" + key.encode("utf-8", "surrogateescape")))
        if isinstance(wish, tuple) and wish[0] == "120000":
            assert os.fsencode(path.readlink()) == wish[1]
        else:
            content = wish[1] if isinstance(wish, tuple) else wish
            assert not path.is_symlink() and path.read_bytes() == content
            assert path.stat().st_mode & 0o777 == (0o755 if isinstance(wish, tuple) else 0o644)
    there = sum(
        len(files) + sum((Path(at) / f).is_symlink() for f in folders) for at, folders, files in os.walk(root / "lib")
    )
    assert there == len(wishes)


def test_the_bytes_are_those_of_the_blobs(bench: Workbench, filled: list[bool]) -> None:
    wishes = many()
    before = os.umask(0o022)
    try:
        assert commit(bench, wishes) == []
    finally:
        os.umask(before)
    assert filled == [True]
    is_exactly(bench.root, wishes)
    assert bench.leftovers() == []
    found = (bench.root / "lib/d0/f0.txt").stat()
    known = bench.git("ls-files", "--debug", "lib/d0/f0.txt").decode()
    assert f"mtime: {found.st_mtime_ns // 10**9}:{found.st_mtime_ns % 10**9}" in known
    assert f"ino: {found.st_ino}" in known and f"size: {found.st_size}" in known


@pytest.mark.parametrize("obstacle", ["no such path", "git fails", "a file is missing", "a file is too long"])
def test_where_git_cannot_it_is_done_without(
    bench: Workbench, filled: list[bool], monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    if obstacle == "no such path":
        monkeypatch.setattr(Reach, "held", contextmanager(lambda reach, folder: iter([None])))
    elif obstacle == "git fails":
        monkeypatch.setattr(fill, "_write", lambda git, files: False)
    else:
        written = fill._write

        def spoils(git: fill.Git, files: list[fill.Wanted]) -> bool:
            path = git.work_tree / files[-1].path
            done = written(git, files)
            path.write_bytes(b"!" * 99) if "long" in obstacle else path.unlink()
            return done

        monkeypatch.setattr(fill, "_write", spoils)
    wishes = many()
    assert commit(bench, wishes) == []
    assert filled == [False]
    is_exactly(bench.root, wishes)
    assert bench.leftovers() == []


def test_each_folder_is_made_in_its_place(bench: Workbench, filled: list[bool]) -> None:
    write(bench.root, "lib/mine.txt", b"not tracked\n")
    wishes: dict[str, Wish] = {f"lib/{top}/f{n}": b"%d\n" % n for top in ("one", "two") for n in range(210)}
    wishes |= {"lib/few/a": b"a\n", "b.txt": b"b\n"}
    assert commit(bench, wishes) == []
    assert filled == [True, True]
    assert all((bench.root / key).read_bytes() == wish for key, wish in wishes.items())
    assert (bench.root / "lib/mine.txt").read_bytes() == b"not tracked\n"
    assert bench.leftovers() == []


def test_a_link_put_in_the_way_turns_nothing_aside(
    bench: Workbench, filled: list[bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (bench.root / "lib").mkdir()
    write(bench.root, "lib/keep", b"")
    outside = tmp_path / "outside"
    outside.mkdir()
    begin = fill.begin

    def swapped(*arguments: object) -> None:
        begin(*arguments)  # type: ignore[arg-type]
        (bench.root / "lib").rename(bench.root / "moved")
        (bench.root / "lib").symlink_to(outside)

    monkeypatch.setattr(fill, "begin", swapped)
    with pytest.raises(HostError, match="E-IO"):
        commit(bench, {f"lib/new/f{n}": b"%d\n" % n for n in range(210)})
    assert list(outside.iterdir()) == []
    assert bench.head() == bench.repository.head


def test_an_edit_in_the_last_moment_is_seen_by_git(
    bench: Workbench, filled: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = transaction.IndexUpdate.publish

    def edited(update: transaction.IndexUpdate, placed: dict[str, bytes]) -> None:
        (bench.root / "lib/f7").write_bytes(b"8\n")
        publish(update, placed)

    monkeypatch.setattr(transaction.IndexUpdate, "publish", edited)
    commit(bench, {f"lib/f{n}": b"%d\n" % (n % 10) for n in range(210)})
    assert filled == [True]
    assert bench.repository.git.touched("lib") == ["lib/f7"]
