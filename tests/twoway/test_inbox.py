"""Conflicts as data: kept with all versions, listed, looked at, settled, and never met again."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.twoway.conftest import Two, configure

from directional_sync.cli.entry import enter
from directional_sync.errors import Exit

Dsync = Callable[..., tuple[int, str]]
REF = "refs/directional-sync/conflicts/share"


@pytest.fixture
def dsync(two: Two, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dsync:
    monkeypatch.chdir(two.project.root)

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = enter(list(arguments))
        said = capsys.readouterr()
        return status, said.out if "--json" in arguments else said.out + said.err

    return run


def _conflict(two: Two, **files: str) -> None:
    two.agree(dict.fromkeys(files or {"f": ""}, "1") | {"g": "1"})
    two.a(dict.fromkeys(files or {"f": ""}, "2"))
    two.b(dict.fromkeys(files or {"f": ""}, "3"))
    assert two.run().exit is Exit.CONFLICTS


def test_all_versions_are_kept(two: Two, dsync: Dsync) -> None:  # B30, F101
    _conflict(two)
    index = json.loads(two.project.git("show", f"{REF}:conflicts.json"))
    [one] = index["conflicts"]
    contents = [two.project.git("cat-file", "blob", one[side]["digest"]) for side in ("base", "repo", "remote")]
    assert contents == ["1", "2", "3"]
    two.project.git("gc", "--prune=now", "-q")
    status, said = dsync("conflicts", "show", "share", "data/f", "--json")
    assert status == Exit.CONFLICTS
    [shown] = json.loads(said)["conflicts"]
    assert (shown["base"], shown["repo"], shown["remote"]) == ("1", "2", "3")
    status, said = dsync("conflicts")
    assert status == Exit.CONFLICTS and "data/f" in said and "dsync resolve share" in said
    assert two.project.fsck() == ""


@pytest.mark.parametrize(
    ("take", "after"),
    [
        ("repo", {"f": "2", "g": "1"}),
        ("remote", {"f": "3", "g": "1"}),
        ("both", {"f": "2", "f.conflict-1": "3", "g": "1"}),
    ],
)
def test_a_settled_conflict_never_comes_back(two: Two, dsync: Dsync, take: str, after: dict[str, str]) -> None:
    _conflict(two)
    status, said = dsync("resolve", "share", "--take", take)
    assert status == 0, said
    assert two.here == two.there == after
    assert dsync("conflicts") == (0, "no conflicts wait\n")
    two.settled()
    assert two.run().success


def test_one_of_several_is_settled(two: Two, dsync: Dsync) -> None:
    _conflict(two, a="", b="")
    status, said = dsync("resolve", "share", "data/a", "--take", "remote")
    assert status == Exit.CONFLICTS, said
    assert (two.here["a"], two.there["a"], two.here["b"], two.there["b"]) == ("3", "3", "2", "3")
    status, said = dsync("conflicts", "--json")
    assert [one["key"] for one in json.loads(said)["conflicts"]] == ["data/b"]


def test_a_decision_holds_only_for_what_was_seen(two: Two, dsync: Dsync) -> None:  # B90
    _conflict(two)
    two.b({"f": "4"})
    status, said = dsync("resolve", "share", "--take", "repo")
    assert status == Exit.CONFLICTS and "changed since it was looked at" in said
    assert (two.here["f"], two.there["f"]) == ("2", "4")
    status, said = dsync("resolve", "share", "--take", "repo")
    assert status == 0, said
    assert two.there["f"] == "2"


def test_clashes_are_settled_one_by_one(two: Two, dsync: Dsync) -> None:  # B48
    def text(k: int, m: int, more: str = "") -> str:
        return f'{{\n  "k": {k},\n  "m": {m}{more}\n}}\n'

    two.agree({"f.json": text(1, 1)})
    two.a({"f.json": text(2, 2, ',\n  "here": 1')})
    two.b({"f.json": text(3, 3)})
    assert two.run().exit is Exit.CONFLICTS
    said = dsync("conflicts", "show", "share")[1]
    assert "$.k" in said and "$.m" in said
    status, said = dsync("resolve", "share", "--take", "merged", "--clash", "$.k=repo")
    assert status == Exit.CONFLICTS and "$.m" in said
    status, said = dsync("resolve", "share", "--take", "merged", "--clash", "$.k=repo", "--clash", "$.m=remote")
    assert status == 0, said
    assert json.loads(two.here["f.json"]) == json.loads(two.there["f.json"]) == {"k": 2, "m": 3, "here": 1}


def test_a_person_may_write_what_is_to_stand(
    two: Two, dsync: Dsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # B47
    two.agree({"f": "a\nb\nc\n"})
    two.a({"f": "a\nhere\nc\n"})
    two.b({"f": "a\nthere\nc\n"})
    assert two.run().exit is Exit.CONFLICTS
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ncp "$1" ' + f'"{tmp_path}/seen"\n' + "printf 'a\\nboth\\nc\\n' > \"$1\"\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(editor))
    status, said = dsync("resolve", "share", "--edit")
    assert status == 0, said
    seen = (tmp_path / "seen").read_text()
    assert seen == "a\n<<<<<<< repo\nhere\n||||||| base\nb\n=======\nthere\n>>>>>>> remote\nc\n"
    assert two.here == two.there == {"f": "a\nboth\nc\n"}
    two.settled()


def test_an_editor_that_settles_nothing_changes_nothing(
    two: Two, dsync: Dsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    _conflict(two)
    monkeypatch.setenv("VISUAL", "true")
    status, said = dsync("resolve", "share", "--edit")
    assert status == Exit.REFUSED and "E-RESOLVE-EDIT" in said
    assert (two.here["f"], two.there["f"]) == ("2", "3")


def test_what_is_replaced_can_be_had_again(two: Two, dsync: Dsync) -> None:  # I3
    _conflict(two)
    assert dsync("resolve", "share", "--take", "repo")[0] == 0
    commits = two.project.git("rev-list", REF).splitlines()
    trees = "\n".join(two.project.git("ls-tree", "-r", commit) for commit in commits)
    blobs = {line.split()[2] for line in trees.splitlines()}
    assert "3" in {two.project.git("cat-file", "blob", blob) for blob in blobs}


@pytest.mark.parametrize("winner", ["repo", "remote"])
def test_a_file_that_gives_way_to_a_folder_can_be_had_again(two: Two, winner: str) -> None:  # B37, I3
    configure(two.project, two.far, f"policy: {{max_delete: 100%, on_conflict: {winner}}}")
    two.agree({"d/x": "1\n", "k": "k"})
    (two.a if winner == "repo" else two.b)({"d/x": "2\n"})
    (two.b if winner == "repo" else two.a)({"d": None})
    (two.b if winner == "repo" else two.a)({"d": "a file\n"})
    assert two.run().success
    assert two.here == two.there == {"d/x": "2\n", "k": "k"}
    commits = two.project.git("rev-list", REF).splitlines()
    kept = "\n".join(two.project.git("ls-tree", "-r", commit) for commit in commits)
    assert "a file" in {two.project.git("cat-file", "blob", line.split()[2]) for line in kept.splitlines()}


def test_a_secret_of_the_far_side_is_not_kept(two: Two, dsync: Dsync) -> None:  # I12
    two.agree({"f": "1\n"})
    two.a({"f": "2\n"})
    canary = "AKIA" + "IOSFODNN7REALKEY"
    two.b({"f": f"aws_access_key_id = {canary}\n"})
    assert two.run().exit is Exit.CONFLICTS
    [one] = json.loads(two.project.git("show", f"{REF}:conflicts.json"))["conflicts"]
    assert one["withheld"]
    everything = two.project.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
    blobs = [line.split()[0] for line in everything.splitlines() if line.endswith("blob")]
    assert not any(canary in two.project.git("cat-file", "blob", blob) for blob in blobs)
    said = dsync("conflicts", "show", "share")[1]
    assert canary not in said and "a gate refuses it" in said


def test_nothing_that_waits_is_no_error_and_a_wrong_name_is_one(two: Two, dsync: Dsync) -> None:
    two.agree({"f": "1"})
    assert dsync("conflicts") == (0, "no conflicts wait\n")
    assert dsync("resolve", "share", "--take", "repo")[0] == Exit.REFUSED
    assert dsync("resolve", "share", "data/x", "--take", "repo")[0] == Exit.NOTHING_SELECTED
    assert dsync("resolve", "share")[0] == Exit.USAGE


def test_a_decision_may_be_looked_at_first(two: Two, dsync: Dsync) -> None:  # I4
    _conflict(two)
    before = (two.project.git("for-each-ref"), two.pair.state())
    status, said = dsync("resolve", "share", "--take", "remote", "--dry-run")
    assert status == 0 and "remote wins" in said
    assert (two.project.git("for-each-ref"), two.pair.state()) == before


def test_status_and_list_tell_of_it(two: Two, dsync: Dsync) -> None:
    _conflict(two)
    assert "1 in conflict" in dsync("status")[1]
    assert "conflict" in dsync("list")[1]


def test_conflicts_without_commits(two: Two, dsync: Dsync) -> None:
    configure(two.project, two.far, "git_commit: false")
    two.project.write("data/f", "1")
    assert two.run().success
    two.project.write("data/f", "2")
    two.b({"f": "3"})
    assert two.run().exit is Exit.CONFLICTS
    assert dsync("resolve", "share", "--take", "remote")[0] == 0
    assert (two.project.root / "data/f").read_text() == "3"


def test_the_merge_tool_of_git_is_asked(two: Two, dsync: Dsync, tmp_path: Path) -> None:  # B47
    two.agree({"d/f.txt": "a\nb\nc\n"})
    two.a({"d/f.txt": "a\nhere\nc\n"})
    two.b({"d/f.txt": "a\nthere\nc\n"})
    assert two.run().exit is Exit.CONFLICTS
    cat = f'cat "$BASE" "$LOCAL" "$REMOTE" > "{tmp_path}/seen"; printf "a\\nboth\\nc\\n" > "$MERGED"'
    two.project.git("config", "merge.tool", "mine")
    two.project.git("config", "mergetool.mine.cmd", cat)
    two.project.git("config", "mergetool.mine.trustExitCode", "true")
    status, said = dsync("resolve", "share", "--edit")
    assert status == 0, said
    assert (tmp_path / "seen").read_text() == "a\nb\nc\na\nhere\nc\na\nthere\nc\n"
    assert two.here == two.there == {"d/f.txt": "a\nboth\nc\n"}
    two.project.git("config", "mergetool.mine.cmd", "false")
    two.a({"d/f.txt": "a\nhere again\nc\n"})
    two.b({"d/f.txt": "a\nthere again\nc\n"})
    assert two.run().exit is Exit.CONFLICTS
    status, said = dsync("resolve", "share", "--edit")
    assert status == Exit.REFUSED and "E-RESOLVE-EDIT" in said
