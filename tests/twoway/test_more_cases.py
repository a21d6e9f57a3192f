"""Links, names and broken state."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.twoway.conftest import Two, configure

from directional_sync.errors import Exit
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.target import Prefer


def test_links_that_stay_inside_travel_both_ways(two: Two) -> None:  # B69
    two.agree({"d/f": "1"})
    (two.far / "l").symlink_to("d/f")
    (two.project.root / "data/k").symlink_to("d")
    two.project.commit()
    assert two.run().success
    assert (two.far / "k").readlink() == Path("d") and (two.project.root / "data/l").readlink() == Path("d/f")
    two.settled()


@pytest.mark.parametrize("to", ["/etc/passwd", "../../outside", "d/../../../x"])
def test_links_that_lead_out_go_nowhere(two: Two, to: str) -> None:  # B69
    two.agree({"d/f": "1"})
    (two.far / "l").symlink_to(to)
    two.b({"d/f": "2"})
    assert not two.run().success
    assert "l" not in two.here


def _foretold(two: Two) -> dict[str, str]:
    """What a dry run says would be refused. It changes nothing, and a run then refuses just that."""
    before = (two.project.head, two.pair.state())
    [planned] = two.project.plan().records
    assert (two.project.head, two.pair.state()) == before
    assert planned.plan is not None and planned.exit is Exit.REFUSED
    assert planned.failure is not None and planned.failure.code == "E-APPLY"
    done = two.run()
    refused = {effect.change.key: effect.message for effect in done.effects if not effect.done}
    assert refused == {item.key: item.detail for item in planned.plan.foreseen}
    assert done.exit is Exit.REFUSED
    return refused


def test_a_plan_foretells_which_links_lead_out(two: Two) -> None:  # B69, I5
    two.agree({"f": "1"})
    (two.project.root / "data/l").symlink_to("/etc/passwd")
    two.a({"f": "2"})
    assert list(_foretold(two)) == ["data/l"]
    assert two.there == {"f": "2"}


def test_names_that_differ_only_by_case_are_told_before_anything_is_written(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:  # B70, F52
    from directional_sync.endpoints.files import placing

    monkeypatch.setattr(placing, "_folds", lambda reach: True)
    two.agree({"f": "1"})
    two.b({"readme": "there"})
    two.a({"README": "here", "f": "2"})
    before = (two.project.head, two.pair.state())
    [planned] = two.project.plan().records
    assert planned.exit is Exit.REFUSED and planned.plan is not None
    assert "the same file as readme" in planned.plan.foreseen[0].detail
    record = two.run()
    assert record.exit is Exit.REFUSED  # both names in one repository are refused as well
    assert (two.project.head, two.pair.state()) == before
    assert two.there == {"f": "1", "readme": "there"} and two.here == {"f": "2", "README": "here"}


def test_a_plan_foretells_what_lies_behind_a_link(two: Two, tmp_path: Path) -> None:  # B69, I5
    configure(two.project, two.far, remote="symlinks: skip")
    two.agree({"f": "1"})
    victim = tmp_path / "victim"
    victim.mkdir()
    (two.far / "d").symlink_to(victim)
    two.a({"d/n": "n", "f": "2"})
    assert "symbolic link" in _foretold(two)["data/d/n"]
    assert list(victim.iterdir()) == [] and two.there["f"] == "2"


def test_two_links_to_other_places_are_a_conflict(two: Two) -> None:  # B69, B50
    two.agree({"a": "1", "b": "1", "c": "1"})
    (two.far / "l").symlink_to("a")
    assert two.run().success
    (two.far / "l").unlink()
    (two.far / "l").symlink_to("b")
    (two.project.root / "data/l").unlink()
    (two.project.root / "data/l").symlink_to("c")
    two.project.commit()
    record = two.run()
    assert record.exit is Exit.CONFLICTS and record.plan is not None
    assert record.plan.conflicts[0].why == "it is a link"
    assert (two.far / "l").readlink() == Path("b") and (two.project.root / "data/l").readlink() == Path("c")


def test_a_broken_ref_of_ours_is_taken_for_lost(two: Two) -> None:  # B86
    two.agree({"f": "1"})
    two.a({"f": "2"})
    two.b({"f": "3"})
    assert two.run().exit is Exit.CONFLICTS
    empty = two.project.git("hash-object", "-t", "tree", "-w", "/dev/null")
    commit = two.project.git("commit-tree", empty, "-m", "nothing")
    two.project.git("update-ref", "refs/directional-sync/conflicts/share", commit)
    assert two.run().exit is Exit.CONFLICTS
    assert '"data/f"' in two.project.git("show", "refs/directional-sync/conflicts/share:conflicts.json")
    two.project.git("update-ref", "-d", "refs/directional-sync/conflicts/share")
    assert two.run().exit is Exit.CONFLICTS
    assert two.run(prefer=Prefer.REMOTE).success
    assert two.here == two.there == {"f": "3"}


def test_a_lock_of_a_newer_version_stops_and_is_kept(two: Two) -> None:  # B86
    two.agree({"f": "1", "g": "1"})
    two.b({"g": None})
    content = (two.project.root / "sync.lock").read_text()
    for broken in (content.replace('"version": 1', '"version": 99'), content[: len(content) // 2]):
        two.project.write("sync.lock", broken.encode())
        two.project.commit()
        before = (two.project.head, two.pair.state())
        record = two.run()
        assert record.failure is not None and record.failure.code == "E-LOCKFILE"
        assert (two.project.head, two.pair.state()) == before
    two.project.git("rm", "-q", "sync.lock")
    two.project.commit()
    assert two.run().success  # our own ref knows what was agreed
    assert two.here == two.there == {"f": "1"}


@pytest.mark.parametrize("what", ["base", "both"])
def test_a_base_that_leads_nowhere_is_taken_for_lost(two: Two, what: str) -> None:  # B86, B83
    two.agree({"f": "1", "g": "1"})
    two.b({"g": None})
    nothing = two.project.git("commit-tree", "-m", "x", two.project.git("hash-object", "-t", "tree", "-w", "/dev/null"))
    two.project.git("update-ref", "refs/directional-sync/base/share", nothing)
    if what == "both":
        two.project.git("rm", "-q", "sync.lock")
        two.project.git("checkout", "-q", "--orphan", "fresh")
        two.project.commit()
    record = two.run()
    assert record.success, record.failure
    assert two.here == two.there and two.here["f"] == "1"
    if what == "both":  # nobody knows that it was agreed on, so it was not deleted
        assert two.here["g"] == "1"
    two.settled()


@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 300, b'{"form": 99}'])
def test_damaged_memory_is_read_anew(two: Two, damage: bytes) -> None:  # B86
    two.agree({"f": "1"})
    time.sleep(0.1)  # a file that was written a moment ago is not remembered
    two.run()
    found = list((two.project.root / ".git/directional-sync").rglob("seen.json"))
    assert found
    for path in found:
        path.write_bytes(damage)
    two.b({"f": "2"})
    assert two.run().success
    assert two.here == {"f": "2"}
    two.settled()


def test_conflicts_of_a_newer_version_are_kept_aside(two: Two) -> None:  # B86
    two.agree({"f": "1"})
    two.a({"f": "2"})
    two.b({"f": "3"})
    assert two.run().exit is Exit.CONFLICTS
    ref = "refs/directional-sync/conflicts/share"
    text = two.project.git("show", f"{ref}:conflicts.json").replace('"version": 1', '"version": 99')
    (two.project.root / "newer.json").write_text(text)
    blob = two.project.git("hash-object", "-w", "newer.json")
    (two.project.root / "newer.json").unlink()
    tree = _tree(two, f"100644 blob {blob}\tconflicts.json\n")
    newer = two.project.git("commit-tree", tree, "-m", "newer")
    two.project.git("update-ref", ref, newer)
    assert two.run().exit is Exit.CONFLICTS
    assert two.project.git("rev-list", ref).splitlines()[1] == newer


def _tree(two: Two, listed: str) -> str:
    import subprocess

    made = subprocess.run(
        ["git", "mktree"], cwd=two.project.root, input=listed, capture_output=True, check=True, text=True
    )
    return made.stdout.strip()


def test_with_lf_other_line_ends_are_no_difference(two: Two) -> None:  # B26
    configure(two.project, two.far, "policy: {max_delete: 100%}", remote="eol: lf")
    two.agree({"f": "a\nb\n", "bin": b"\0\n"})
    two.b({"f": "a\r\nb\r\n"})
    assert two.run().outcome is Outcome.IN_SYNC
    two.settled()
    assert (two.far / "f").read_bytes() == b"a\r\nb\r\n"
    two.b({"f": "a\r\nb\r\nc\r\n", "bin": b"\0\r\n"})
    assert two.run().success
    assert two.here["f"] == "a\nb\nc\n" and two.here["bin"] == "\0\r\n"
    assert (two.far / "f").read_bytes() == b"a\r\nb\r\nc\r\n"
    two.settled()
    two.a({"f": "a\nb\nc\nd\n"})  # written over the other line ends, which are no edit
    assert two.run().success
    assert (two.far / "f").read_bytes() == b"a\nb\nc\nd\n"
    two.b({"f": "A\r\nb\r\nc\r\nd\r\n"})
    two.a({"f": "a\nb\nc\nD\n"})
    assert two.run().success
    assert two.here["f"] == two.there["f"] == "A\nb\nc\nD\n"
    two.settled()


@pytest.mark.parametrize("side", ["A", "B"])
@pytest.mark.parametrize(
    "name",
    [
        "line\nfeed",
        "a\tb",
        "x" * 255,
        "trailing.",
        "trailing ",
        "-rf",
        "con",
        "\udcff\udcfe",
        "\U0001f469\u200d\U0001f4bb",
    ],
)
def test_odd_names_travel_or_are_refused_with_a_code(two: Two, name: str, side: str) -> None:  # B72
    """What a repository holds already may go out; control characters do not come in."""
    two.agree({"f": "1"})
    root = two.project.root / "data" if side == "A" else two.far
    (root / name).write_text("n")
    if side == "A":
        two.project.commit()
    record = two.run()
    other = two.far if side == "A" else two.project.root / "data"
    if record.success:
        assert (other / name).read_text() == "n"
        two.settled()
    else:
        assert record.failure is not None and record.failure.code.startswith("E-"), record
        assert record.exit is Exit.REFUSED and not (other / name).exists() and (root / name).read_text() == "n"
    assert record.success is not (side == "B" and any(character < " " for character in name))


@pytest.mark.parametrize("to", ["nowhere", "l", "d", "."])
def test_links_to_nothing_to_themselves_and_to_folders_are_links(two: Two, to: str) -> None:  # B69
    two.agree({"d/f": "1"})
    (two.far / "l").symlink_to(to)
    record = two.run()
    there = two.project.root / "data/l"
    assert record.success and there.readlink() == Path(to)
    two.settled()


@pytest.mark.parametrize("policy", ["skip", "refuse"])
def test_links_may_be_left_alone_or_refused(two: Two, policy: str) -> None:  # B69
    configure(two.project, two.far, remote=f"symlinks: {policy}")
    two.agree({"f": "1"})
    (two.far / "l").symlink_to("f")
    two.b({"f": "2"})
    record = two.run()
    assert record.success is (policy == "skip")
    assert two.here == {"f": "2"} and (two.far / "l").is_symlink()
    if policy == "refuse":
        assert record.failure is not None and record.failure.code == "E-FILES-LINK"


def test_what_a_plan_brings_in_it_does_not_send_back(two: Two) -> None:  # B101
    two.agree({"f": "1", "both": "a\nb\nc\n"})
    two.a({"here": "h", "f": "2", "both": "A\nb\nc\n"})
    two.b({"there": "t", "both": "a\nb\nC\n"})
    [planned] = two.project.plan().records
    assert planned.plan is not None
    assert [change.key for change in planned.plan.repo] == ["data/both", "data/there"]
    assert [change.key for change in planned.plan.remote] == ["data/both", "data/f", "data/here"]
    settled = {one.conflict.key for one in planned.plan.settled}
    twice = {c.key for c in planned.plan.repo} & {c.key for c in planned.plan.remote}
    assert twice == settled == {"data/both"}  # merged, so it is new to either side


def test_what_is_overwritten_again_and_again_is_kept_each_time(two: Two) -> None:  # B102, I3
    configure(two.project, two.far, "policy: {max_delete: 100%, on_conflict: repo}", remote="keep_deleted: .old")
    two.agree({"f": "0"})
    for number in range(1, 4):
        two.a({"f": f"here {number}"})
        two.b({"f": f"there {number}"})
        assert two.run().success
        two.settled()
    kept = {path.read_text() for path in (two.far / ".old").iterdir()}
    assert kept == {"there 1", "there 2", "there 3"}
    assert two.here == {"f": "here 3"}  # the folder itself never travels


def test_a_place_for_what_is_deleted_that_is_synced_already_is_refused(two: Two) -> None:  # B102
    two.agree({"f": "1", "old/g": "1"})
    configure(two.project, two.far, remote="keep_deleted: old")
    two.b({"f": None})
    before = (two.here, two.there)
    record = two.run()
    assert record.failure is not None and record.failure.code == "E-FILES-KEEP", record
    assert (two.here, two.there) == before


def test_other_files_of_the_far_side_belong_to_somebody_else(two: Two) -> None:  # I6
    configure(two.project, two.far, globs='["data/in/**"]', remote="into: data")
    two.b({"in/f": "1", "out/f": "1"})
    two.a({"out/g": "1"})
    assert two.run().success
    assert two.here == {"in/f": "1", "out/g": "1"} and two.there == {"in/f": "1", "out/f": "1"}
    two.settled()


def test_a_large_text_is_not_merged(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    from directional_sync.run import unite

    monkeypatch.setattr(unite, "MERGE_BYTES_MAX", 10)
    text = "".join(f"line {number}\n" for number in range(10))
    two.agree({"f": text})
    two.a({"f": text.replace("line 1\n", "a\n")})
    two.b({"f": text.replace("line 8\n", "b\n")})
    record = two.run()
    assert record.exit is Exit.CONFLICTS and record.plan is not None
    assert "larger" in record.plan.conflicts[0].why


def test_hostile_content_is_a_conflict_and_no_crash(two: Two) -> None:
    deep = "[" * 20_000
    two.agree({"f.json": "{}\n", "g.yaml": "a: 1\n"})
    two.a({"f.json": deep, "g.yaml": "a: &a [*a, *a]\nb: 1\n"})
    two.b({"f.json": '{"a": 1}\n', "g.yaml": "a: 2\n"})
    record = two.run()
    assert record.exit is Exit.CONFLICTS, record.failure
    assert two.there == {"f.json": '{"a": 1}\n', "g.yaml": "a: 2\n"}


def test_a_bidirectional_target_says_what_it_shares(two: Two) -> None:
    from directional_sync.config.load import read
    from directional_sync.errors import ConfigError

    text = (
        b'version: "1.0"\ntargets:\n  s:\n    direction: bidirectional\n    remote: {type: files, url: /x, into: d}\n'
    )
    with pytest.raises(ConfigError) as caught:
        read(text, "sync.yaml", {})
    assert "goes both ways, but names no `outputs`" in caught.value.problems[0].message


def test_rules_by_path_come_back_from_the_kept_configuration(two: Two) -> None:
    from directional_sync.app import open_workspace
    from directional_sync.model.target import ConflictRule, OnConflict

    configure(two.project, two.far, 'policy: {on_conflict_at: {"data/a/**": newer, "data/**": keep_both}}')
    rules = (ConflictRule("data/a/**", OnConflict.NEWER), ConflictRule("data/**", OnConflict.KEEP_BOTH))
    assert two.run().success
    assert two.run().success  # the first had no folder to keep it in
    kept = two.project.root / ".git/directional-sync/cache/config.json"
    assert b"keep_both" in kept.read_bytes()
    for anew in (True, False):
        workspace = open_workspace(None, two.project.root, two.project.environ, anew=anew)
        assert workspace.config.targets[0].policy.on_conflict_at == rules


def test_what_keeps_two_versions_needs_two_directions(two: Two) -> None:
    from directional_sync.config.load import read
    from directional_sync.errors import ConfigError

    start = (
        'version: "1.0"\ntargets:\n  s:\n    direction: pull\n    remote: {type: files, url: /x}\n    outputs: [d/**]\n'
    )
    with pytest.raises(ConfigError) as caught:
        read(f"{start}    policy: {{on_conflict: keep_both}}\n".encode(), "sync.yaml", {})
    [problem] = caught.value.problems
    assert problem.line == 7 and "needs both directions" in problem.message
