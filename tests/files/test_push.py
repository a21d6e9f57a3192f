"""Pushes to a folder, from configuration to what lies there afterwards."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.files.conftest import HERE, Pair

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.record import EffectKind
from directional_sync.system.reach import Reach


def pushed(pair: Pair, files: dict[str, str], more: str = "", *, remote: str = "") -> None:
    """A first push of these files."""
    for path, content in files.items():
        pair.project.write(f"data/{path}", content)
    pair.target("push", more, remote=remote)
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure


def texts(pair: Pair) -> dict[str, str]:
    return {path: content.decode() for path, content in pair.files().items()}


def test_first_push_then_nothing_then_each_kind_of_change(pair: Pair) -> None:
    """B01, B02, B14, B15, B16."""
    pushed(pair, {"a.txt": "1\n", "deep/er/b.txt": "2\n"})
    assert texts(pair) == {"a.txt": "1\n", "deep/er/b.txt": "2\n"}
    head, state = pair.project.head, pair.state()
    ref = pair.project.git("rev-parse", "refs/directional-sync/base/share")
    record = pair.project.one()
    assert record.outcome is Outcome.IN_SYNC, record.message
    assert (pair.project.head, pair.state()) == (head, state)
    assert pair.project.git("rev-parse", "refs/directional-sync/base/share") == ref

    pair.project.write("data/a.txt", "1, changed\n")
    pair.project.write("data/new/c.txt", "3\n")
    (pair.project.root / "data/deep/er/b.txt").unlink()
    pair.project.commit()
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert (record.counts.added, record.counts.changed, record.counts.deleted) == (1, 1, 1)
    assert len(record.effects) == 3
    assert texts(pair) == {"a.txt": "1, changed\n", "new/c.txt": "3\n"}
    assert sorted(path.name for path in pair.far.iterdir()) == ["a.txt", "new"]
    assert pair.project.one().outcome is Outcome.IN_SYNC
    assert pair.project.clean() and pair.project.fsck() == ""


def test_a_push_leaves_the_branch_as_it_is(pair: Pair) -> None:
    pair.project.write("data/a", "1")
    pair.target("push")
    head = pair.project.head
    pair.project.one()
    assert pair.project.head == head


def test_b16_a_folder_with_something_unknown_in_it_stays(pair: Pair) -> None:
    pushed(pair, {"d/a": "1", "d/b": "2", "e": "3", "f": "4", "g": "5"})
    pair.put("d/theirs", "x")
    for name in ("a", "b"):
        (pair.project.root / "data/d" / name).unlink()
    pair.project.commit()
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert texts(pair) == {"d/theirs": "x", "e": "3", "f": "4", "g": "5"}


def test_b17_and_b18_a_file_becomes_a_folder_and_back(pair: Pair) -> None:
    pushed(pair, {"x": "file", "y/1": "1", "y/2": "2"}, "policy: {max_delete: 100%}")
    root = pair.project.root / "data"
    (root / "x").unlink()
    for name in ("1", "2"):
        (root / "y" / name).unlink()
    (root / "y").rmdir()
    pair.project.write("data/x/inside", "in")
    pair.project.write("data/y", "file now")
    pair.project.commit()
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert texts(pair) == {"x/inside": "in", "y": "file now"}
    assert pair.project.one().outcome is Outcome.IN_SYNC


def test_b24_the_executable_bit_is_carried(pair: Pair) -> None:
    pair.project.write("data/run.sh", "#!/bin/sh\n", mode=0o755)
    pushed(pair, {"a": "1"})
    assert (pair.far / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (pair.far / "a").stat().st_mode & 0o777 == 0o644
    pair.project.write("data/a", "1", mode=0o755)
    pair.project.commit()
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert (pair.far / "a").stat().st_mode & 0o111
    assert pair.project.one().outcome is Outcome.IN_SYNC


def test_b24_a_folder_without_modes_is_no_drift_for_ever(pair: Pair) -> None:
    pair.project.write("data/run.sh", "#!/bin/sh\n", mode=0o755)
    pushed(pair, {}, remote="modes: false")
    (pair.far / "run.sh").chmod(0o644)
    assert pair.project.one().outcome is Outcome.IN_SYNC
    pair.project.git("update-ref", "-d", "refs/directional-sync/base/share")  # B82: lost state is adopted
    pair.project.one()
    assert pair.project.one().outcome is Outcome.IN_SYNC


def test_edits_on_the_far_side_are_held_and_never_overwritten(pair: Pair) -> None:
    pushed(pair, {"a": "1", "b": "1"})
    pair.put("a", "theirs")
    record = pair.project.one()
    assert record.outcome is Outcome.IN_SYNC
    assert [held.key for held in record.plan.held] == ["data/a"] if record.plan else False
    pair.project.write("data/a", "ours")
    pair.project.write("data/b", "ours")
    pair.project.commit()
    record = pair.project.one()
    assert record.exit is Exit.CONFLICTS, record.message
    assert texts(pair) == {"a": "theirs", "b": "ours"}


def test_b04_and_b35_what_both_have_at_the_first_sync(pair: Pair) -> None:
    pair.put("same", "s")
    pair.put("other", "theirs")
    pair.put("only-there", "x")
    for path, content in {"same": "s", "other": "ours", "only-here": "y"}.items():
        pair.project.write(f"data/{path}", content)
    pair.target("push")
    record = pair.project.one()
    assert record.exit is Exit.CONFLICTS
    assert texts(pair) == {"same": "s", "other": "theirs", "only-there": "x", "only-here": "y"}


def test_overwrite_edits_keeps_what_it_overwrites_when_asked_to(pair: Pair) -> None:
    """B15, B102: what only the far side knew is moved, under a name that says its content."""
    pushed(pair, {"a": "1", "b": "1"}, "policy: {overwrite_edits: true}", remote="keep_deleted: .deleted")
    pair.put("a", "theirs")
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    (pair.project.root / "data/b").unlink()
    pair.project.commit()
    assert pair.project.one().outcome is Outcome.SYNCED
    found = texts(pair)
    assert found.pop("a") == "1"
    assert sorted(found.values()) == ["1", "theirs"]
    assert all(path.startswith((".deleted/a.", ".deleted/b.")) for path in found)
    assert pair.project.one().outcome is Outcome.IN_SYNC


@pytest.mark.parametrize(("limit", "outcome"), [("50%", Outcome.REFUSED), ("60%", Outcome.SYNCED)])
def test_b63_max_delete_counts_the_far_side(pair: Pair, limit: str, outcome: Outcome) -> None:
    pushed(pair, {str(number): str(number) for number in range(9)}, f"policy: {{max_delete: {limit}}}")
    for number in range(5):
        (pair.project.root / "data" / str(number)).unlink()
    pair.project.commit()
    state = pair.state()
    record = pair.project.one()
    assert record.outcome is outcome, record.message
    if outcome is Outcome.REFUSED:
        assert record.failure is not None and record.failure.code == "E-GUARD-DELETE"
        assert pair.state() == state
        assert pair.project.one(allow_delete=5).outcome is Outcome.SYNCED
    assert len(pair.files()) == 4


def test_u18_b60_an_emptied_source_deletes_nothing(pair: Pair) -> None:
    pushed(pair, {"a": "1", "b": "2"}, "policy: {max_delete: 100%}")
    for name in "ab":
        (pair.project.root / "data" / name).unlink()
    pair.project.commit()
    state = pair.state()
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-GUARD-EMPTIED"
    assert pair.state() == state


def test_g8_a_dry_run_writes_nothing_there(pair: Pair) -> None:
    pushed(pair, {"a": "1", "b": "2"})
    pair.project.write("data/a", "changed")
    pair.project.write("data/c", "new")
    (pair.project.root / "data/b").unlink()
    pair.project.commit()
    state = pair.state()
    [record] = pair.project.plan().records
    assert record.outcome is Outcome.PLANNED
    assert (record.counts.added, record.counts.changed, record.counts.deleted) == (1, 1, 1)
    assert pair.state() == state
    [real] = pair.project.run().records
    assert real.plan_digest == record.plan_digest  # B100


def test_b61_b62_a_missing_root_is_an_error_and_heals(pair: Pair) -> None:
    pushed(pair, {"a": "1"})
    away = pair.far.with_name("away")
    pair.far.rename(away)
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-ROOT"
    pair.far.write_text("a file")
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-ROOT"
    pair.far.unlink()
    away.rename(pair.far)
    assert pair.project.one().outcome is Outcome.IN_SYNC


def test_b65_without_its_sentinel_a_root_is_not_mounted(pair: Pair) -> None:
    pair.put(".mounted", "")
    pushed(pair, {"a": "1"}, remote="sentinel: .mounted")
    (pair.far / ".mounted").unlink()
    (pair.far / "a").unlink()
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-SENTINEL"
    assert pair.files() == {}


@HERE
def test_t21_a_folder_that_the_machine_has_not_allowed_is_not_written(pair: Pair) -> None:
    pair.project.git("config", "--unset", "directional-sync.externalRoots")
    pair.project.write("data/a", "1")
    pair.target("push")
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-EXTERNAL"
    assert record.exit is Exit.REFUSED
    pair.allow()
    pair.project.environ["CI"] = "true"
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-EXTERNAL"
    assert pair.files() == {}
    del pair.project.environ["CI"]
    link = pair.far.parent / "link"
    link.symlink_to(pair.project.root.parent)
    pair.project.configure(
        f"""
        targets:
          share: {{direction: push, remote: {{type: files, url: "{link}/elsewhere"}}, inputs: ["data/**"]}}
        """
    )
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-FILES-EXTERNAL"


def test_t03_nothing_is_written_through_a_link(pair: Pair, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    pushed(pair, {"a": "1"})
    (pair.far / "d").symlink_to(victim)
    pair.project.write("data/d/b", "2")
    pair.project.commit()
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-APPLY"
    assert list(victim.iterdir()) == []


def test_t04_links_that_lead_out_are_refused_and_others_are_links(pair: Pair) -> None:
    pair.project.write("data/a", "1")
    for name, target in {"in": "a", "d/up": "../a", "out": "../../secret", "abs": "/etc/passwd"}.items():
        path = pair.project.root / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(target)
    pair.target("push")
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-APPLY"
    assert sorted(effect.change.key for effect in record.effects if effect.message) == ["data/abs", "data/out"]
    assert (pair.far / "in").readlink() == Path("a") and (pair.far / "d/up").readlink() == Path("../a")
    assert not os.path.lexists(pair.far / "out")


def test_b67_b66_what_is_newly_excluded_is_untouched_on_both_sides(pair: Pair) -> None:
    pushed(pair, {"a": "1", "tmp/b": "2", "tmp/c": "3"})
    pair.target("push", remote="exclude: ['tmp/**']")
    assert pair.project.one().outcome is Outcome.IN_SYNC
    pair.project.write("data/tmp/b", "changed")
    (pair.project.root / "data/tmp/c").unlink()
    pair.project.commit()
    assert pair.project.one().outcome is Outcome.IN_SYNC
    assert texts(pair) == {"a": "1", "tmp/b": "2", "tmp/c": "3"}
    pair.target("push")
    assert pair.project.one().outcome is Outcome.SYNCED
    assert texts(pair) == {"a": "1", "tmp/b": "changed"}


@HERE
@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EIO])
def test_b95_f19_f25_what_cannot_be_written_is_named_and_made_up_for(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Read-only, full, forbidden, broken: one path fails, the others are done and recorded. B93, F59."""
    pushed(pair, {"a": "1"})
    real = Reach.writing

    def writing(self: Reach, folder: str, files: Any, *, sync: bool) -> Any:
        if folder == "bad" and str(self.root) == str(pair.far):
            raise OSError(number, os.strerror(number))
        return real(self, folder, files, sync=sync)

    (pair.far / "bad").mkdir()
    for name in ("bad/x", "b", "c"):
        pair.project.write(f"data/{name}", name)
    pair.project.commit()
    monkeypatch.setattr(Reach, "writing", writing)
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-APPLY"
    assert os.strerror(number) in record.failure.message
    assert texts(pair) == {"a": "1", "b": "b", "c": "c"}
    monkeypatch.undo()
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED
    assert [effect.change.key for effect in record.effects] == ["data/bad/x"]


@HERE
def test_f19_no_room_at_all_is_said_before_anything_is_written(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed(pair, {"a": "1"})
    pair.project.write("data/b", "2" * 1000)
    pair.project.commit()
    monkeypatch.setattr(Reach, "free_bytes", lambda self: 10)
    state = pair.state()
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-DISK-FULL"
    assert pair.state() == state


@HERE
def test_b90_f31_what_is_edited_between_plan_and_write_stays(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the latest moment: after the new content has been written beside it."""
    pushed(pair, {"a": "1", "b": "1", "c": "1"})
    for name in "ab":
        pair.project.write(f"data/{name}", "ours")
    (pair.project.root / "data/c").unlink()
    pair.project.commit()
    real = Reach.sync

    def sync(self: Reach, folders: set[str], *, bulk: bool) -> None:
        real(self, folders, bulk=bulk)
        if str(self.root) == str(pair.far) and not (pair.far / "new").exists():
            pair.put("a", "theirs")
            pair.put("c", "theirs")
            pair.put("new", "B91")

    monkeypatch.setattr(Reach, "sync", sync)
    record = pair.project.one()
    monkeypatch.undo()
    assert record.failure is not None and record.failure.code == "E-APPLY", record.message
    assert texts(pair) == {"a": "theirs", "b": "ours", "c": "theirs", "new": "B91"}
    assert sorted(e.change.key for e in record.effects if e.kind is EffectKind.STALE) == ["data/a", "data/c"]
    again = pair.project.one()
    assert again.exit is Exit.CONFLICTS  # a changed on both sides
    assert texts(pair)["c"] == "theirs"


def test_odd_names_arrive(pair: Pair) -> None:
    """B72."""
    names = ["-dash", "spa ce", "tab\there", "dot.", "n" * 255, "con", "👩‍👩‍👧", "new\nline", "b\\slash", "[x]*?"]
    for name in names:
        pair.project.write(f"data/{name}", name)
    bad = os.fsencode(pair.project.root / "data") + b"/\xff\xfe"
    with open(bad, "wb") as file:  # noqa: PTH123 (a name that is no text)
        file.write(b"bytes")
    pair.target("push")
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert sorted(os.listdir(os.fsencode(pair.far))) == sorted([*(os.fsencode(n) for n in names), b"\xff\xfe"])  # noqa: PTH208
    assert pair.project.one().outcome is Outcome.IN_SYNC


@HERE
def test_b70_names_that_are_one_file_there_are_refused_before_writing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    from directional_sync.endpoints.files import placing

    monkeypatch.setattr(placing, "_folds", lambda reach: True)
    for name in ("README", "Readme", "other"):
        pair.project.write(f"data/{name}", name)
    pair.target("push")
    record = pair.project.one()
    assert record.failure is not None and record.failure.code == "E-APPLY"
    assert texts(pair) == {"other": "other"}


def test_what_is_not_declared_is_not_pushed(pair: Pair) -> None:
    """Foreign files beside the inputs are nobody's business; the lock and git's folder never travel. B74."""
    pair.put("elsewhere/x", "x")
    pair.put(".git/config", "theirs")
    pair.project.write("data/sub/a", "1")
    pair.project.configure(
        f"""
        targets:
          share: {{direction: push, remote: {{type: files, url: "{pair.far}", into: data}}, inputs: ["data/sub/**"]}}
        """
    )
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED, record.failure
    assert record.plan is not None and record.plan.held == ()
    assert texts(pair) == {"elsewhere/x": "x", ".git/config": "theirs", "sub/a": "1"}


@pytest.mark.parametrize("url", ["{root}/inner", "{root}", "{parent}", ".", "sub", ".git/x"])
def test_a_folder_that_overlaps_the_repository_is_refused(pair: Pair, url: str) -> None:
    pair.project.write("data/a", "1")
    said = url.format(root=pair.project.root, parent=pair.project.root.parent)
    pair.project.git("config", "directional-sync.externalRoots", "/")
    pair.project.configure(
        f"""
        targets:
          share: {{direction: push, remote: {{type: files, url: "{said}"}}, inputs: ["data/**"]}}
        """
    )
    record = pair.project.one()
    assert record.failure is not None and "overlap" in record.message


def test_a_relative_url_begins_at_the_root_of_the_repository(pair: Pair) -> None:
    pair.project.write("data/a", "1")
    pair.project.configure(
        """
        targets:
          share: {direction: push, remote: {type: files, url: "../outside/share"}, inputs: ["data/**"]}
        """
    )
    assert pair.project.one().outcome is Outcome.SYNCED
    assert texts(pair) == {"a": "1"}


def test_what_a_push_would_change_can_be_looked_at(pair: Pair) -> None:
    """The content of the far side's changes, and whose edit it is that is held."""
    pushed(pair, {"a": "one\n", "b": "two\n"})
    pair.put("a", "theirs\n")
    pair.project.write("data/b", "ours\n")
    pair.project.commit()

    def said(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "directional_sync", *arguments],
            cwd=pair.project.root,
            env={**os.environ, **pair.project.environ},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "data/a  left as it is: was edited there" in said("plan")
    diff = said("diff", "share")
    assert "~ data/b" in diff and "| - two" in diff and "| + ours" in diff
    assert "~1 file on the far side" in diff
    assert "edited here" not in diff


def test_a_push_that_takes_too_long_ends_and_is_carried_on(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from directional_sync.endpoints.files import deeds, far, placing

    monkeypatch.setattr(deeds, "_PORTION", 2)
    monkeypatch.setattr(placing, "_PORTION", 2)
    clock = iter(range(0, 10_000, 10))
    for number in range(6):
        pair.project.write(f"data/{number}", str(number))
    pair.target("push", "timeout: 25")
    monkeypatch.setattr(far.host, "monotonic", lambda: next(clock))
    record = pair.project.one()
    monkeypatch.undo()
    assert record.failure is not None and record.failure.code == "E-FILES-TIMEOUT", record.failure
    made = len(pair.files())
    assert 0 < made < 6
    record = pair.project.one()
    assert record.outcome is Outcome.SYNCED and len(record.effects) == 6 - made
