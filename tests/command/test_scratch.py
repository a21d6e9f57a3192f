"""What is kept between runs of a program, and what is put right before each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command.conftest import Flow

from directional_sync.errors import RefusedError, ScriptError
from directional_sync.system import host


def _append(flow: Flow, fail: str = "") -> None:
    flow.write("out/log", "first\n")
    flow.program(f"date +%N >> /dev/null; echo line >> out/log; echo junk >> out/junk; {fail}")


def test_r10_an_appending_program_does_not_pile_up(flow: Flow) -> None:
    _append(flow)
    once = {"out/log": b"first\nline\n", "out/junk": b"junk\n"}
    assert [flow.pull() for _ in range(3)] == [once] * 3


def test_r10_what_a_failing_program_wrote_is_gone(flow: Flow) -> None:
    _append(flow, "test -e /nowhere")
    for _ in range(3):
        with pytest.raises(ScriptError):
            flow.pull()
    flow.program("cat out/junk 2> /dev/null; true")
    assert flow.pull() == {"out/log": b"first\n"}


def test_r10_appending_shows_on_the_next_run_over_its_own_result(flow: Flow) -> None:
    _append(flow)
    first = flow.pull()
    flow.accept(first)
    second = flow.pull()
    assert second != first
    assert second["out/log"] == b"first\nline\nline\n"


def test_r10_a_pull_that_writes_to_a_remote_of_the_repository_cannot(flow: Flow, tmp_path: Path) -> None:
    flow.git("init", "-q", "--bare", str(tmp_path / "remote.git"))
    flow.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    flow.git("push", "-q", "origin", "main")
    flow.program("git push origin HEAD:main --force")
    with pytest.raises(ScriptError) as caught:
        flow.pull()
    assert any("origin" in line for line in caught.value.detail)


def test_the_scratch_follows_the_branch(flow: Flow) -> None:
    flow.program("mkdir -p out; cat in/* > out/all 2> /dev/null; ls in | sort > out/names; true")
    flow.write("in/a", "1")
    flow.write("in/d/e", "x")
    flow.commit()
    assert flow.pull()["out/names"] == b"a\nd\n"
    flow.write("in/b", "2")
    flow.git("rm", "-qr", "in/d", "in/a")
    flow.commit()
    assert flow.pull() == {"out/all": b"2", "out/names": b"b\n"}
    assert not (flow.scratch / "in/d").exists()
    flow.git("checkout", "-q", "HEAD~1")
    flow.git("checkout", "-q", "-B", "main")
    assert flow.pull()["out/names"] == b"a\nd\n"


@pytest.mark.parametrize("times", [1, 2])
def test_files_the_same_second_and_size_are_told_apart(flow: Flow, times: int) -> None:
    flow.write("in", "0000")
    flow.program("mkdir -p out; cp in out/copy")
    for number in range(5):
        flow.write("in", f"{number:04}")
        flow.commit()
        for _ in range(times):
            assert flow.pull() == {"out/copy": f"{number:04}".encode()}


def test_ignored_files_outside_are_a_cache(flow: Flow) -> None:
    flow.program("mkdir -p cache out; echo x >> cache/runs; cat cache/runs > out/runs")
    assert flow.pull() == {"out/runs": b"x\n"}
    assert flow.pull() == {"out/runs": b"x\nx\n"}


def _break_index(flow: Flow) -> None:
    (flow.cache / "engine.git/index").write_bytes(b"nonsense")


def _break_state(flow: Flow) -> None:
    (flow.cache / "state.json").write_bytes(b"\0\0\0")


def _lock_index(flow: Flow) -> None:
    (flow.cache / "engine.git/index.lock").write_bytes(b"")


def _lose_engine(flow: Flow) -> None:
    host.remove_tree(flow.cache / "engine.git")


def _lose_scratch(flow: Flow) -> None:
    host.remove_tree(flow.scratch)


def _link_scratch(flow: Flow) -> None:
    host.remove_tree(flow.scratch)
    flow.scratch.symlink_to(flow.root)


def _half_engine(flow: Flow) -> None:
    (flow.cache / "engine.git/HEAD").unlink()


@pytest.mark.parametrize(
    "damage", [_break_index, _break_state, _lock_index, _lose_engine, _lose_scratch, _link_scratch, _half_engine]
)
def test_a_damaged_cache_mends_itself(flow: Flow, damage: Callable[[Flow], None]) -> None:
    flow.write("out/a", "1")
    flow.program("echo 2 >> out/a")
    before = flow.pull()
    damage(flow)
    flow.write("out/b", "3")
    flow.commit()
    assert flow.pull() == {**before, "out/b": b"3"}
    assert (flow.root / "out/a").read_text() == "1"


def test_a_repository_that_was_moved_takes_its_scratch_along(flow: Flow, tmp_path: Path) -> None:
    flow.write("out/a", "1")
    flow.program("git status > /dev/null; echo 2 >> out/a")
    before = flow.pull()
    flow.root = flow.root.rename(tmp_path / "elsewhere")
    assert flow.pull() == before


# clones as caches


@pytest.fixture
def upstream(flow: Flow, tmp_path: Path) -> Flow:
    root = tmp_path / "upstream"
    root.mkdir()
    upstream = Flow(root)
    upstream.git("init", "-q", "-b", "main")
    upstream.write("module/a.py", "a = 1\n")
    upstream.write("old.txt", "old\n")
    upstream.write(".gitignore", "*.pyc\n")
    upstream.write("kept.pyc", "tracked though ignored\n")
    upstream.git("add", "-f", "kept.pyc")
    upstream.commit()
    return upstream


def _cloning(flow: Flow, upstream: Flow, update: str) -> None:
    flow.program(
        f"""
        set -e
        if [ -d out/up/.git ]; then
            echo updating; cd out/up; {update}
        else
            echo cloning; git clone -q --depth 1 file://{upstream.root} out/up
        fi
        """
    )


UPDATES = ["git fetch -q --depth 1 origin main; git reset -q --hard FETCH_HEAD", "git pull -q --ff-only"]
FIRST = {
    "out/up/module/a.py": b"a = 1\n",
    "out/up/old.txt": b"old\n",
    "out/up/.gitignore": b"*.pyc\n",
    "out/up/kept.pyc": b"tracked though ignored\n",
}


@pytest.mark.parametrize("update", UPDATES)
def test_a_clone_is_kept_and_never_enters_the_tree(flow: Flow, upstream: Flow, update: str) -> None:
    _cloning(flow, upstream, update)
    assert flow.pull() == FIRST
    assert "cloning" in flow.said()
    flow.events.clear()
    assert flow.pull() == FIRST  # a second dry run
    assert "updating" in flow.said()
    flow.accept(FIRST)
    assert flow.pull() == FIRST
    upstream.write("module/b.py", "b = 1\n")
    upstream.write("module/a.py", "a = 2\n")
    upstream.git("rm", "-q", "old.txt")
    upstream.commit()
    second = {**FIRST, "out/up/module/a.py": b"a = 2\n", "out/up/module/b.py": b"b = 1\n"}
    del second["out/up/old.txt"]
    assert flow.pull() == second
    assert flow.pull() == second
    flow.accept(second, gone=["out/up/old.txt"])
    assert flow.pull() == second
    assert flow.git("ls-files", "-s", "out").count("160000") == 0


@pytest.mark.parametrize("update", UPDATES)
def test_a_clone_survives_a_run_that_failed(flow: Flow, upstream: Flow, update: str) -> None:
    _cloning(flow, upstream, update)
    assert flow.pull() == FIRST
    upstream.write("module/a.py", "a = 2\n")
    upstream.commit()
    _cloning(flow, upstream, f"{update}; echo junk > junk; echo junk >> old.txt; false")
    with pytest.raises(ScriptError):
        flow.pull()
    _cloning(flow, upstream, update)
    flow.events.clear()
    assert flow.pull() == {**FIRST, "out/up/module/a.py": b"a = 2\n"}
    assert "updating" in flow.said()


def test_an_edit_of_vendored_files_in_the_branch_does_not_leak_into_what_was_found(flow: Flow, upstream: Flow) -> None:
    _cloning(flow, upstream, UPDATES[1])
    flow.accept(flow.pull())
    flow.write("out/up/module/a.py", "edited here\n")
    flow.commit()
    assert flow.pull() == FIRST


def test_a_clone_that_went_is_cloned_again(flow: Flow, upstream: Flow) -> None:
    _cloning(flow, upstream, UPDATES[0])
    flow.pull()
    host.remove_tree(flow.scratch / "out/up")
    assert flow.pull() == FIRST


def test_a_broken_clone_is_thrown_away_after_a_failure(flow: Flow, upstream: Flow) -> None:
    _cloning(flow, upstream, "rm -rf .git/objects; false")
    flow.pull()
    with pytest.raises(ScriptError):
        flow.pull()
    flow.events.clear()
    assert flow.pull() == FIRST
    assert "cloning" in flow.said()


def test_clones_with_submodules_and_gitfiles(flow: Flow, upstream: Flow) -> None:
    flow.program(
        f"""
        set -e
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always
        [ -d out/up ] && exit 0
        git clone -q file://{upstream.root} out/up
        git -C out/up submodule --quiet add file://{upstream.root} inner
        git -C out/up worktree add -q ../tree -b side
        """
    )
    found = flow.pull()
    assert found["out/up/inner/module/a.py"] == b"a = 1\n"
    assert found["out/tree/module/a.py"] == b"a = 1\n"
    assert not [key for key in found if "/.git/" in key or key.endswith("/.git")]
    assert flow.pull() == found


def test_a_clone_outside_the_outputs_is_refused_and_removed(flow: Flow, upstream: Flow) -> None:
    flow.program(f"git clone -q file://{upstream.root} elsewhere")
    for _ in range(2):
        with pytest.raises(RefusedError) as caught:
            flow.pull()
        assert caught.value.code == "E-UNDECLARED"
        assert caught.value.detail == ("elsewhere/",)


def test_fresh_outputs_empties_everything_first(flow: Flow, upstream: Flow) -> None:
    flow.options["fresh_outputs"] = True
    flow.target["outputs"] = ("out/**", "list.txt", "data/*.json")
    flow.write("out/stale", "1")
    flow.write("data/a.json", "1")
    flow.write("data/readme", "stays\n")
    flow.program(
        f"set -e; test ! -e out; test -e data/readme; test ! -e data/a.json; ls -A > list.txt;"
        f" git clone -q file://{upstream.root} out/up"
    )
    for _ in range(3):
        found = flow.pull()
        names = found.pop("list.txt").decode().split()
        assert names == [".git", ".gitignore", "README.md", "data", "list.txt", "scripts"]
        assert found == FIRST


def test_a_clone_into_what_is_there_gets_the_hint(flow: Flow, upstream: Flow) -> None:
    flow.write("out/up/a", "1")
    flow.program(f"git clone -q file://{upstream.root} out/up")
    with pytest.raises(ScriptError) as caught:
        flow.pull()
    assert "fresh_outputs: true" in caught.value.hint
