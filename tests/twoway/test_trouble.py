"""Runs that are disturbed, cut off or refused in the middle: nothing is lost, and the next run finishes by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.twoway.conftest import Two, configure

from directional_sync.endpoints.files.endpoint import FilesEndpoint
from directional_sync.errors import Exit
from directional_sync.git import transaction
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect

TEN = "".join(f"line {number}\n" for number in range(1, 11))


class Killed(BaseException):
    """What no handler of errors may catch: the process is gone."""


def _before_the_first_write(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], None]) -> None:
    """`deed` happens once between the plan and the first write to the far side."""
    usual, left = FilesEndpoint.apply, [deed]

    def apply(self: FilesEndpoint, changes: Sequence[Change]) -> Iterator[Effect]:
        while left:
            left.pop()()
        yield from usual(self, changes)

    monkeypatch.setattr(FilesEndpoint, "apply", apply)


def _killed_after(monkeypatch: pytest.MonkeyPatch, effects: int) -> None:
    """The process ends when so many effects are done."""
    usual = FilesEndpoint.apply

    def apply(self: FilesEndpoint, changes: Sequence[Change]) -> Iterator[Effect]:
        for change in changes[:effects]:
            yield from usual(self, [change])
        raise Killed

    monkeypatch.setattr(FilesEndpoint, "apply", apply)


def test_what_changed_since_the_plan_is_left_for_the_next_run(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    # B90
    two.agree({"f": "1", "g": "1"})
    two.a({"f": "2", "g": "2"})
    with monkeypatch.context() as patched:
        _before_the_first_write(patched, lambda: two.b({"f": "mine"}))
        record = two.run()
    assert [(effect.change.key, str(effect.kind)) for effect in record.effects] == [
        ("data/f", "stale"),
        ("data/g", "done"),
    ]
    assert two.there == {"f": "mine", "g": "2"} and two.here == {"f": "2", "g": "2"}
    assert two.run().exit is Exit.CONFLICTS
    assert two.there == {"f": "mine", "g": "2"} and two.here == {"f": "2", "g": "2"}


def test_a_merge_that_the_far_side_has_outrun(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:  # B90, I2, I3
    two.agree({"f": TEN})
    two.a({"f": TEN.replace("line 1\n", "first\n")})
    two.b({"f": TEN.replace("line 3\n", "third\n")})
    later = TEN.replace("line 3\n", "third\n").replace("line 2\n", "second\n")
    with monkeypatch.context() as patched:
        _before_the_first_write(patched, lambda: two.b({"f": later}))
        assert not two.run().success
    assert two.there == {"f": later}
    assert two.here == {"f": TEN.replace("line 1\n", "first\n").replace("line 3\n", "third\n")}
    # Compared with what was agreed first, lines 1 to 3 would be changed on both sides; they are not.
    record = two.run()
    both = TEN.replace("line 1\n", "first\n").replace("line 2\n", "second\n").replace("line 3\n", "third\n")
    if record.success:
        assert two.here == two.there == {"f": both}
        two.settled()
    else:
        assert record.exit is Exit.CONFLICTS and two.there == {"f": later}


def test_new_files_wait_for_the_next_run(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:  # B91
    two.agree({"f": "1"})
    two.a({"f": "2"})
    with monkeypatch.context() as patched:
        _before_the_first_write(patched, lambda: two.b({"n": "new"}))
        assert two.run().success
    assert two.here == {"f": "2"}
    assert two.run().success
    assert two.here == two.there == {"f": "2", "n": "new"}


@pytest.mark.parametrize("effects", [0, 1, 2, 5])
def test_a_kill_among_the_writes(two: Two, monkeypatch: pytest.MonkeyPatch, effects: int) -> None:  # B92, I10
    configure(two.project, two.far, "policy: {on_conflict: keep_both, max_delete: 100%}")
    two.agree({"a": "1", "b": "1", "f": "1", "m": TEN})
    two.a({"a": "2", "b": None, "f": "2", "m": TEN.replace("line 1\n", "here\n"), "n": "n"})
    two.b({"f": "3", "m": TEN.replace("line 9\n", "there\n")})
    with monkeypatch.context() as patched, pytest.raises(Killed):
        _killed_after(patched, effects)
        two.run()
    commits = two.project.git("rev-list", "refs/directional-sync/conflicts/share").splitlines()
    kept = two.project.git("ls-tree", "-r", commits[0])
    assert any(two.project.git("cat-file", "blob", line.split()[2]) == "3" for line in kept.splitlines())
    assert not any(path.startswith(".dsync") for path in two.there)
    record = two.run()
    assert record.success, record.failure
    merged = TEN.replace("line 1\n", "here\n").replace("line 9\n", "there\n")
    assert two.here == two.there
    assert two.here["m"] == merged and two.here["a"] == "2" and two.here["n"] == "n" and "b" not in two.here
    assert two.here["f"] == "2"
    if effects < 3:  # a, b, f: where f was not written yet, the far side's version is still to be kept
        assert two.here["f.conflict-1"] == "3"
    two.settled()


def test_a_crash_before_the_base_is_written_down(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:  # B94
    two.agree({"f": "1", "m": TEN})
    two.a({"f": "2", "n": "n", "m": TEN.replace("line 1\n", "here\n")})
    two.b({"m": TEN.replace("line 9\n", "there\n")})

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(transaction, "commit", killed)
        two.run()
    there = two.there
    assert there["n"] == "n" and there["f"] == "2"
    assert two.run().success
    assert two.here == two.there == there
    two.settled()


def test_one_write_that_fails_hides_no_other(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:  # B93
    two.agree({"f": "1"})
    two.a({str(number): "new" for number in range(10)})
    with monkeypatch.context() as patched:
        _before_the_first_write(patched, lambda: two.b({"3/strange": "theirs"}))
        record = two.run()
    assert record.exit is Exit.FAILED
    done = [effect.change.key for effect in record.effects if effect.done]
    assert len(done) == 9 and "data/3" not in done
    two.b({"3": None})
    record = two.run()
    assert record.success and [effect.change.key for effect in record.effects] == ["data/3"]
    assert two.here == two.there
    two.settled()


def test_a_commit_that_came_meanwhile_loses_nothing(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:  # I3, I10
    two.agree({"f": "1", "g": "1"})
    two.a({"f": "2"})
    two.b({"g": "2"})
    with monkeypatch.context() as patched:
        _before_the_first_write(patched, lambda: two.a({"h": "new"}))
        record = two.run()
    assert not record.success and two.there == {"f": "2", "g": "2"}
    assert two.run().success
    assert two.here == two.there == {"f": "2", "g": "2", "h": "new"}
    two.settled()


def test_two_clones_and_one_far_side(two: Two) -> None:  # B99, P5
    two.agree({"f": TEN})
    other = two.project.root.with_name("other")
    two.project.git("clone", "-q", str(two.project.root), str(other))
    shutil.copy(two.project.root / ".git/config", other / ".git/config")
    from tests.project import Project

    second = Two(Project(other), two.far, two.pair)
    second.a({"f": TEN.replace("line 9\n", "nine\n")})
    assert second.run().success
    two.a({"f": TEN.replace("line 1\n", "one\n")})
    assert two.run().success
    assert two.here == two.there == {"f": TEN.replace("line 1\n", "one\n").replace("line 9\n", "nine\n")}
    assert second.run().success
    assert second.here == two.there
