"""Pulls from a folder, whatever lies in it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.files.conftest import HERE, Pair

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.system.reach import Reach


@contextmanager
def counted_reads(root: Path) -> Iterator[list[str]]:
    """The files under `root` that are opened for reading meanwhile."""
    opened: list[str] = []
    real = Reach.open

    def watched(self: Reach, key: str) -> int:
        if str(self.root) == str(root):
            opened.append(key)
        return real(self, key)

    Reach.open = watched  # type: ignore[method-assign]
    try:
        yield opened
    finally:
        Reach.open = real  # type: ignore[method-assign]


def settled() -> None:
    """What was written a moment ago may be written again without a trace; nobody remembers it."""
    time.sleep(0.06)


def test_first_pull_then_nothing_then_each_kind_of_change(pair: Pair) -> None:
    pair.put("a.txt", "1\n")
    pair.put("deep/er/b.txt", "2\n")
    pair.put("run.sh", "x", 0o755)
    pair.target("pull")
    state = pair.state()
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert pair.project.files(under="data") == {"data/a.txt": "1", "data/deep/er/b.txt": "2", "data/run.sh": "x"}
    assert pair.project.git("ls-files", "-s", "data/run.sh").startswith("100755")
    head = pair.project.head
    assert pair.project.one().outcome is Outcome.IN_SYNC
    assert pair.project.head == head
    pair.put("a.txt", "changed")
    (pair.far / "deep/er/b.txt").unlink()
    pair.put("new", "n")
    after = pair.state()
    record = pair.project.one()
    assert (record.counts.added, record.counts.changed, record.counts.deleted) == (1, 1, 1), record.failure
    assert pair.project.files(under="data") == {"data/a.txt": "changed", "data/new": "n", "data/run.sh": "x"}
    assert pair.state() == after and after != state
    assert pair.project.clean() and pair.project.fsck() == ""


@HERE
def test_what_has_not_changed_is_not_read_again(pair: Pair) -> None:
    """Not after a dry run either, and not while it waits to be taken."""
    for number in range(30):
        pair.put(f"d{number % 3}/{number}", str(number))
    settled()
    pair.target("pull")
    with counted_reads(pair.far) as first:
        pair.project.plan()
    assert len(first) == 30
    with counted_reads(pair.far) as second:
        [record] = pair.project.plan().records
        assert record.counts.added == 30
        pair.project.one()
        assert pair.project.one().outcome is Outcome.IN_SYNC
    assert second == []
    assert len(pair.project.files(under="data")) == 30
    settled()
    pair.put("d0/0", "X")
    with counted_reads(pair.far) as third:
        pair.project.one()
    assert third == ["d0/0"]


def test_a_damaged_or_missing_cache_costs_time_and_nothing_else(pair: Pair) -> None:
    pair.put("a", "1")
    settled()
    pair.target("pull")
    pair.project.one()
    state = pair.project.root / ".git/directional-sync/cache/endpoints"
    [seen] = state.rglob("seen.json")
    kept = seen.read_bytes()
    for content in (b"", kept[:-5], kept.replace(b'"a"', b'"b"'), b"\xff\n{}"):
        seen.write_bytes(content)
        assert pair.project.one().outcome is Outcome.IN_SYNC
    subprocess.run(["rm", "-rf", str(state)], check=True)
    assert pair.project.one().outcome is Outcome.IN_SYNC


def test_b09_same_size_and_same_time_is_seen(pair: Pair) -> None:
    path = pair.put("a", "one")
    settled()
    pair.target("pull")
    pair.project.one()
    about = path.stat()
    settled()
    with path.open("r+b") as file:
        file.write(b"two")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (about.st_size, about.st_mtime_ns)
    assert pair.project.one().outcome is Outcome.SYNCED
    assert pair.project.files(under="data") == {"data/a": "two"}


def test_b07_b08_a_touch_and_an_edit_that_is_undone_are_no_changes(pair: Pair) -> None:
    path = pair.put("a", "one")
    pair.target("pull")
    pair.project.one()
    os.utime(path)
    assert pair.project.one().outcome is Outcome.IN_SYNC
    pair.put("a", "two")
    pair.put("a", "one")
    assert pair.project.one().outcome is Outcome.IN_SYNC


def test_b68_what_cannot_be_read_is_not_deleted(pair: Pair) -> None:
    for name in ("a", "b", "d/c", "d/e", "f"):
        pair.put(name, name)
    pair.target("pull")
    pair.project.one()
    (pair.far / "a").unlink()
    os.mkfifo(pair.far / "a")
    subprocess.run(["git", "init", "-q", str(pair.far / "d")], check=True)  # B74
    (pair.far / "f").unlink()
    record = pair.project.one()
    assert record.failure is not None and record.failure.code in ("E-FILES-SPECIAL", "E-FILES-NESTED")
    assert sorted(pair.project.files(under="data")) == ["data/a", "data/b", "data/d/c", "data/d/e"]
    pair.target("pull", remote="exclude: [a, d]")
    assert pair.project.one().outcome is Outcome.IN_SYNC  # B67
    assert sorted(pair.project.files(under="data")) == ["data/a", "data/b", "data/d/c", "data/d/e"]


@HERE
def test_b68_a_folder_that_may_not_be_entered(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "d/b"):
        pair.put(name, name)
    pair.target("pull")
    pair.project.one()
    real = Reach.names

    def names(self: Reach, folder: str) -> object:
        if folder == "d" and str(self.root) == str(pair.far):
            raise PermissionError(13, "Permission denied")
        return real(self, folder)

    monkeypatch.setattr(Reach, "names", names)
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-READ"
    assert sorted(pair.project.files(under="data")) == ["data/a", "data/d/b"]


def test_b60_an_emptied_folder_deletes_nothing(pair: Pair) -> None:
    pair.put("a", "1")
    pair.target("pull", "policy: {max_delete: 100%}")
    pair.project.one()
    (pair.far / "a").unlink()
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-GUARD-EMPTIED"
    pair.far.rmdir()
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-ROOT"
    assert pair.project.files(under="data") == {"data/a": "1"}


@pytest.mark.parametrize(
    ("policy", "there", "code"),
    [
        ("keep", {"in": "a", "back": "d/../a"}, "E-LINK-ESCAPES"),
        ("keep", {"out": "../../secret"}, "E-LINK-ESCAPES"),
        ("keep", {"abs": "/etc/passwd"}, "E-LINK-ABSOLUTE"),
        ("keep", {"in": "a", "dangling": "nothing", "folder": "d", "self": "self"}, ""),
        ("skip", {"in": "a", "out": "/etc/passwd"}, ""),
        ("refuse", {"in": "a"}, "E-FILES-LINK"),
    ],
)
def test_b69_links(pair: Pair, policy: str, there: dict[str, str], code: str) -> None:
    pair.put("a", "1")
    pair.put("d/b", "2")
    for name, target in there.items():
        (pair.far / name).symlink_to(target)
    pair.target("pull", remote=f"symlinks: {policy}")
    record = pair.project.one()
    assert (record.failure.code if record.failure else "") == code
    files = pair.project.files(under="data") if code in ("", "E-FILES-LINK") else {}
    links = {f"data/{name}": target for name, target in there.items()} if policy == "keep" and not code else {}
    assert files == ({"data/a": "1", "data/d/b": "2", **links} if files else {})


def test_a_link_in_place_of_a_file_is_left_alone_when_links_are(pair: Pair) -> None:
    pair.put("a", "1")
    pair.put("b", "2")
    pair.target("pull", remote="symlinks: skip")
    pair.project.one()
    (pair.far / "a").unlink()
    (pair.far / "a").symlink_to("b")
    assert pair.project.one().outcome is Outcome.IN_SYNC
    assert pair.project.files(under="data") == {"data/a": "1", "data/b": "2"}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("git~1/config", "E-NAME-GIT"),
        ("new\nline", "E-NAME-CONTROL"),
        ("b\\a", "E-NAME-BACKSLASH"),
    ],
)
def test_hostile_names_are_refused_before_anything_is_written(pair: Pair, name: str, code: str) -> None:
    pair.put("fine", "1")
    pair.put(name, "x")
    pair.target("pull")
    head = pair.project.head
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == code
    assert pair.project.head == head


def test_b70_names_that_are_one_file_elsewhere_are_refused(pair: Pair) -> None:
    pair.put("Readme", "1")
    pair.put("README", "2")
    pair.target("pull")
    record = pair.project.one()
    assert record.exit is Exit.REFUSED
    assert pair.project.files(under="data") == {}


def test_b74_git_folders_in_any_spelling_never_travel(pair: Pair) -> None:
    pair.put("a", "1")
    pair.put(".git/hooks/pre-commit", "evil")
    pair.put(".GIT/config", "evil")
    pair.target("pull")
    assert pair.project.one().outcome is Outcome.SYNCED
    assert pair.project.files(under="data") == {"data/a": "1"}


def test_paths_and_exclude(pair: Pair) -> None:
    for name in ("a.csv", "b.txt", "d/c.csv", "d/tmp/e.csv", "big/f.csv"):
        pair.put(name, name)
    os.mkfifo(pair.far / "b.pipe")
    pair.target("pull", remote="paths: ['**/*.csv'], exclude: ['**/tmp/**', big]")
    assert pair.project.one().outcome is Outcome.SYNCED
    assert sorted(pair.project.files(under="data")) == ["data/a.csv", "data/d/c.csv"]


def test_max_size_refuses_before_reading(pair: Pair) -> None:
    pair.put("a", "x" * 1001)
    pair.target("pull", remote="max_size: 1000")
    with counted_reads(pair.far) as opened:
        record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-SIZE"
    assert opened == []


def test_a_large_file_goes_through_in_parts(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from directional_sync.endpoints.files import folder, reading

    for module in (folder, reading):
        monkeypatch.setattr(module, "WHOLE_BYTES", 1000)
    content = os.urandom(3_000_000)
    pair.put("large", content)
    pair.put("small", "1")
    pair.target("pull")
    assert pair.project.one().outcome is Outcome.SYNCED
    found = subprocess.run(
        ["git", "cat-file", "blob", "HEAD:data/large"], cwd=pair.project.root, capture_output=True, check=True
    )
    assert found.stdout == content
    assert not list((pair.project.root / ".git/directional-sync").rglob("spool"))


@HERE
def test_a_file_that_never_stays_the_same_is_unreadable(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from directional_sync.endpoints.files import folder

    log = pair.put("log", "1")
    pair.put("a", "1")
    pair.target("pull")
    real = folder._all

    def growing(descriptor: int, size: int) -> bytes:
        found = real(descriptor, size)
        if found.startswith(b"1" * len(found)) and os.fstat(descriptor).st_ino == log.stat().st_ino:
            with log.open("ab") as file:
                file.write(b"1")
        return found

    monkeypatch.setattr(folder, "_all", growing)
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-UNSTEADY"
    assert pair.project.files(under="data") == {"data/a": "1"}


def test_edits_here_and_there_wait_for_a_person(pair: Pair) -> None:
    pair.put("a", "1")
    pair.target("pull")
    pair.project.one()
    pair.project.write("data/a", "ours")
    pair.project.commit()
    pair.put("a", "theirs")
    record = pair.project.one()
    assert record.exit is Exit.CONFLICTS
    assert pair.project.files(under="data") == {"data/a": "ours"}
    pair.put("a", "ours")
    pair.project.one()
    assert pair.project.one().outcome is Outcome.IN_SYNC  # B05
