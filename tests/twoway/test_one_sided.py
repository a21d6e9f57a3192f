"""What only one side has changed, and what both have changed to the same: no conflict, and nothing copied in vain."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest
from tests.twoway.conftest import Two, configure

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome

Files = Mapping[str, str | bytes | None]

TABLE: dict[str, tuple[Files, Files, Files, Files]] = {
    # name: (agreed, then A, then B, both afterwards)
    "B01 nothing changed": ({"f": "1"}, {}, {}, {"f": "1"}),
    "B02 A edits": ({"f": "1"}, {"f": "2"}, {}, {"f": "2"}),
    "B03 B edits": ({"f": "1"}, {}, {"f": "2"}, {"f": "2"}),
    "B04 both create the same": ({"f": "1"}, {"n": "n"}, {"n": "n"}, {"f": "1", "n": "n"}),
    "B05 both edit to the same": ({"f": "1"}, {"f": "2"}, {"f": "2"}, {"f": "2"}),
    "B06 both delete": ({"f": "1", "g": "1"}, {"f": None}, {"f": None}, {"g": "1"}),
    "B08 A edits and edits back": ({"f": "1"}, {"f": "1"}, {}, {"f": "1"}),
    "B14 A creates in a new folder": ({"f": "1"}, {"d/e/n": "n"}, {}, {"f": "1", "d/e/n": "n"}),
    "B14 B creates in a new folder": ({"f": "1"}, {}, {"d/e/n": "n"}, {"f": "1", "d/e/n": "n"}),
    "B15 A deletes": ({"f": "1", "g": "1"}, {"f": None}, {}, {"g": "1"}),
    "B15 B deletes": ({"f": "1", "g": "1"}, {}, {"f": None}, {"g": "1"}),
    "B17 A makes a folder of a file": ({"f": "1", "g": "g"}, {"f": None, "f/x": "x"}, {}, {"f/x": "x", "g": "g"}),
    "B17 B makes a folder of a file": ({"f": "1", "g": "g"}, {}, {"f": None, "f/x": "x"}, {"f/x": "x", "g": "g"}),
    "B18 A makes a file of a folder": ({"d/x": "x", "d/y": "y"}, {"d": None, "dd": "s"}, {}, {"dd": "s"}),
    "B19 A renames": ({"f": "1", "g": "g"}, {"f": None, "r": "1"}, {}, {"r": "1", "g": "g"}),
    "B21 A moves into a folder": (
        {"f": "1", "d/x": "x"}, {"f": None, "d/f": "1"}, {"d/x": "y"}, {"d/f": "1", "d/x": "y"}),
    "B36 both make the same folder": ({"f": "1"}, {"d/a": "a"}, {"d/b": "b"}, {"f": "1", "d/a": "a", "d/b": "b"}),
    "B38 A edits, B deletes": ({"f": "1", "g": "g"}, {"f": "2"}, {"f": None}, {"f": "2", "g": "g"}),
    "B38 A deletes, B edits": ({"f": "1", "g": "g"}, {"f": None}, {"f": "2"}, {"f": "2", "g": "g"}),
    "B39 A deletes a folder, B adds to it": (
        {"d/k": "k", "g": "g"}, {"d": None}, {"d/new": "n"}, {"d/new": "n", "g": "g"}),
    "B42 A renames, B edits": ({"f": "1", "g": "g"}, {"f": None, "r": "1"}, {"f": "2"}, {"r": "1", "f": "2", "g": "g"}),
    "B43 both rename": ({"f": "1"}, {"f": None, "r": "1"}, {"f": None, "s": "1"}, {"r": "1", "s": "1"}),
    "B09 same size": ({"f": "12"}, {}, {"f": "21"}, {"f": "21"}),
    "B26 line ends": ({"f": "a\nb\n"}, {}, {"f": "a\r\nb\r\n"}, {"f": "a\r\nb\r\n"}),
    "B72 odd names": (
        {"f": "1"}, {"-dash": "a", "a b": "s", "tab\tbed": "t"}, {"con": "c", "\U0001f469\u200d\U0001f4bb": "e"},
        {"f": "1", "-dash": "a", "a b": "s", "tab\tbed": "t", "con": "c", "\U0001f469\u200d\U0001f4bb": "e"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_both_sides_become_equal(name: str, two: Two) -> None:  # I1, I2
    agreed, a, b, after = TABLE[name]
    two.agree({path: content for path, content in agreed.items() if content is not None})
    two.a(a)
    two.b(b)
    record = two.run()
    assert record.success, record.failure
    assert two.here == two.there == dict(after)
    two.settled()


def test_a_file_takes_the_place_of_a_folder(two: Two) -> None:  # B18, B23
    two.agree({"d/x": "x", "d/y": "y", "g": "g"})
    two.a({"d": None})
    two.a({"d": "file"})
    assert two.run().success
    assert two.here == two.there == {"d": "file", "g": "g"}
    two.b({"g": None, "d": None})
    two.b({"d/x": "again", "g": "h"})
    assert two.run().success
    assert two.here == two.there == {"d/x": "again", "g": "h"}
    assert "x" in two.project.git("show", "HEAD~4:data/d/x")
    two.settled()


def test_nothing_changed_writes_nothing(two: Two) -> None:  # B01
    two.agree({"f": "1"})
    two.settled()
    assert two.run().outcome is Outcome.IN_SYNC


def test_times_alone_are_no_change(two: Two) -> None:  # B07
    two.agree({"f": "1"})
    os.utime(two.far / "f", (1_000_000_000, 1_000_000_000))
    two.settled()
    os.utime(two.far / "f", (1_100_000_000, 1_100_000_000))
    two.a({"f": "2"})
    assert two.run().success
    assert two.there == {"f": "2"}


def test_same_size_and_time_is_seen(two: Two) -> None:  # B09
    two.agree({"f": "12"})
    about = (two.far / "f").stat()
    with (two.far / "f").open("r+b") as file:
        file.write(b"21")
    os.utime(two.far / "f", ns=(about.st_atime_ns, about.st_mtime_ns))
    assert two.run().success
    assert two.here == {"f": "21"}


def test_an_empty_folder_is_nothing(two: Two) -> None:  # B14
    two.agree({"f": "1"})
    (two.far / "empty" / "deep").mkdir(parents=True)
    two.settled()
    assert (two.far / "empty" / "deep").is_dir()


def test_a_folder_goes_only_when_it_holds_nothing_else(two: Two) -> None:  # B16
    configure(two.project, two.far, "policy: {max_delete: 100%}", remote='exclude: ["**/*.tmp"]')
    two.agree({"d/x": "x", "e/y": "y", "g": "g"})
    (two.far / "d" / "mine.tmp").write_text("kept")
    two.a({"d": None, "e": None})
    assert two.run().success
    assert two.there == {"d/mine.tmp": "kept", "g": "g"}
    assert not (two.far / "e").exists()


def test_moving_a_large_folder_is_no_mass_deletion(two: Two) -> None:  # B20
    configure(two.project, two.far, "policy: {max_delete: 10}")
    two.agree({f"d/{number}": f"{number}" for number in range(300)})
    two.project.git("mv", "data/d", "data/d2")
    two.project.commit()
    record = two.run()
    assert record.success, record.failure
    assert (record.counts.moved, record.counts.deleted) == (300, 300)
    assert two.there == {f"d2/{number}": f"{number}" for number in range(300)}


def test_the_executable_bit_travels(two: Two) -> None:  # B24
    two.agree({"f": "1"})
    (two.project.root / "data/f").chmod(0o755)
    two.project.commit()
    assert two.run().success
    assert (two.far / "f").stat().st_mode & 0o111
    (two.far / "f").chmod(0o644)
    assert two.run().success
    assert not (two.project.root / "data/f").stat().st_mode & 0o111
    two.settled()


def test_where_there_are_no_bits_they_are_no_drift(two: Two) -> None:  # B24
    configure(two.project, two.far, remote="modes: false")
    two.a({"f": "1"})
    (two.project.root / "data/f").chmod(0o755)
    two.project.commit()
    assert two.run().success
    two.settled()
    two.b({"f": "2"})
    assert two.run().success
    assert (two.project.root / "data/f").stat().st_mode & 0o111
    two.settled()


def test_an_edit_that_outlives_a_deletion_is_told(two: Two) -> None:  # B38
    two.agree({"f": "1", "g": "1"})
    two.a({"f": "2", "g": None})
    two.b({"f": None, "g": "2"})
    record = two.run()
    assert record.success, record.failure
    assert record.plan is not None and record.plan.outlived == ("data/f", "data/g")
    assert any("deleted on one side, edited on the other" in note for note in record.notes)
    two.settled()


def test_with_strict_a_deletion_against_an_edit_is_a_conflict(two: Two) -> None:  # B38
    configure(two.project, two.far, "policy: {on_delete: strict}")
    two.agree({"f": "1", "g": "1"})
    two.a({"f": "2"})
    two.b({"f": None})
    record = two.run()
    assert record.exit is Exit.CONFLICTS
    assert (two.here, two.there) == ({"f": "2", "g": "1"}, {"g": "1"})


def test_a_bit_that_only_one_side_changed_is_no_reason_to_delete(two: Two) -> None:  # B41
    two.agree({"f": "1", "g": "1"})
    two.a({"f": None})
    (two.far / "f").chmod(0o755)
    record = two.run()
    assert record.success and record.plan is not None and record.plan.outlived == ("data/f",)
    assert two.here == two.there == {"f": "1", "g": "1"}
