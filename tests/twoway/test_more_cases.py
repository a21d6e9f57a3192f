"""Links, names and broken state."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.twoway.conftest import Two, configure

from directional_sync.errors import Exit
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
