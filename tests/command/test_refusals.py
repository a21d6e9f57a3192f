"""Programs that do what they must not, or fail, or cannot be started: each has its code, and nothing is left."""

from __future__ import annotations

import re
import stat
import time
from pathlib import Path

import pytest
from tests.command.conftest import Flow

from directional_sync.endpoints.command import endpoint as command
from directional_sync.errors import Exit, RefusedError, ScriptError, SyncError


def _failure(flow: Flow) -> SyncError:
    before = flow.state()
    with pytest.raises(SyncError) as caught:
        flow.pull()
    assert flow.state() == before
    assert caught.value.hint
    assert caught.value.kept
    assert caught.value.place == "sync.yaml:4:3"
    return caught.value


UNDECLARED = {
    "new file": ("echo 1 > elsewhere", ["elsewhere"]),
    "tracked file": ("echo 1 >> README.md", ["README.md"]),
    "deleted file": ("rm README.md", ["README.md"]),
    "mode": ("chmod +x README.md", ["README.md"]),
    "cd ..": ("cd ..; echo 1 > beside", ["../beside"]),
    "another target's path": ("mkdir -p other; echo 1 > other/a", ["other/a"]),
    "through a link": ("ln -s ../data out/link; echo 1 > out/link/a", ["data/a"]),
    "several": ("mkdir d; touch d/b d/a; rm README.md", ["README.md", "d/a", "d/b"]),
    "a link in a folder's place": ("mv data moved; ln -s moved data", ["data", "data/x", "moved/x"]),
    "own settings": ("echo '*' > .gitignore", [".gitignore"]),
    "attributes": ("echo '* -diff' > .gitattributes", [".gitattributes"]),
    "nearly everything": ("rm -rf *", ["README.md", "data/x", "scripts/sync.sh"]),
}


@pytest.mark.parametrize("case", UNDECLARED)
def test_p50_f84_writing_outside_the_outputs(flow: Flow, case: str) -> None:
    script, paths = UNDECLARED[case]
    flow.write("data/x", "x\n")
    flow.program(f"mkdir -p out; echo fine > out/a\n{script}")
    for _ in range(2):  # nothing of it is left for the second run
        error = _failure(flow)
        assert isinstance(error, RefusedError)
        assert (error.code, error.exit) == ("E-UNDECLARED", Exit.REFUSED)
        assert list(error.detail) == paths
    flow.program("cat README.md data/x > /dev/null && test ! -e elsewhere && test ! -e ../beside")
    assert flow.pull() == {}


def test_p50_a_long_list_is_cut(flow: Flow) -> None:
    flow.program("touch file{1..50}")
    error = _failure(flow)
    assert "50 paths" in error.message
    assert len(error.detail) == 21
    assert error.detail[-1] == "and 30 more"


def test_p50_a_linked_output_folder_is_not_followed(flow: Flow, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "private").write_text("private")
    flow.write("out/deep/a", "1")
    flow.program(f"rm -r out/deep; ln -s {tmp_path}/outside out/deep")
    found = flow.pull()
    assert found == {"out/deep": str(tmp_path / "outside").encode()}
    flow.program("true")
    assert flow.pull() == {"out/deep/a": b"1"}
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["private"]


def test_an_output_folder_that_is_a_link_itself(flow: Flow, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    flow.write("out/a", "1")
    flow.program(f"rm -r out; ln -s {tmp_path}/outside out; echo evil > out/b")
    assert _failure(flow).code == "E-UNDECLARED"  # `out` itself is not under `out/**`
    flow.program("echo 2 > out/a")
    assert flow.pull() == {"out/a": b"2\n"}
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["b"]


GIT = {
    "commit": ("echo 1 > out/a; git add -A; git -c user.name=A -c user.email=a@b commit -qm own", "refs/heads/main"),
    "branch": ("git branch other", "refs/heads/other"),
    "checkout": ("git checkout -q -b other", "HEAD"),
    "tag": ("git tag v1", "refs/tags/v1"),
    "config": ("git config user.name Mallory", "config"),
    "hook": ("git config core.hooksPath /tmp", "config"),
    "remote": ("git remote add origin /nowhere", "config"),
    "amend": ("git update-ref -d HEAD", "refs/heads/main"),
    "gone": ("rm -rf .git", "HEAD"),
    "everything gone": ('rm -rf "$SYNC_ROOT"', "HEAD"),
}


@pytest.mark.parametrize("case", GIT)
def test_f85_git_in_the_scratch(flow: Flow, case: str) -> None:
    script, name = GIT[case]
    flow.program(f"mkdir -p out\n{script}")
    for _ in range(2):
        error = _failure(flow)
        assert (error.code, error.exit) == ("E-SCRIPT-GIT", Exit.REFUSED)
        assert name in error.detail
    assert flow.git("log", "--format=%s", "-1") == "Work"


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("git -C ROOT branch sneaky", "refs/heads/sneaky"),
        ("git -C ROOT config alias.x '!evil'", "config"),
        ("git -C ROOT checkout -q -b other", "HEAD"),
    ],
)
def test_f85_git_in_the_users_repository(flow: Flow, script: str, name: str) -> None:
    flow.program(script.replace("ROOT", str(flow.root)))
    with pytest.raises(RefusedError) as caught:
        flow.pull()
    assert caught.value.code == "E-SCRIPT-GIT"
    assert name in caught.value.detail
    assert "your repository" in caught.value.message


def test_f85_the_users_git_directory_is_not_found_from_above(flow: Flow) -> None:
    flow.program("cd ..; git config user.name Mallory; git branch evil; true")
    flow.pull()
    assert flow.git("branch", "--list", "evil") == ""


def test_our_own_refs_may_move_meanwhile(flow: Flow) -> None:
    flow.program(f"git -C {flow.root} update-ref refs/directional-sync/base/x HEAD; mkdir out; echo 1 > out/a")
    assert flow.pull() == {"out/a": b"1\n"}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('read -r answer; test -n "$answer"', ""),
        ("python3 -c 'input()'", "EOFError"),
        ("git commit --allow-empty", ""),
        ("${EDITOR:-vi} file", ""),
        ("git ls-remote https://127.0.0.1:9/x.git", "fatal"),
        ("git log | cat | head -1 > /dev/null; git --paginate log > /dev/null; exit 7", ""),
    ],
)
def test_f86_whoever_would_ask_fails_at_once(flow: Flow, script: str, said: str) -> None:
    flow.program(script)
    started = time.monotonic()
    error = _failure(flow)
    assert error.code == "E-SCRIPT-FAILED"
    assert said in "\n".join(error.detail)
    assert time.monotonic() - started < 5


def test_f83_a_program_that_fails_half_way_leaves_nothing(flow: Flow) -> None:
    flow.write("out/a", "old\n")
    flow.program("set -e; echo half > out/a; echo more > out/b; echo 'no such host' >&2; exit 3")
    error = _failure(flow)
    assert isinstance(error, ScriptError)
    assert error.code == "E-SCRIPT-FAILED"
    assert error.message == "scripts/sync.sh ended with status 3"
    assert error.detail == ("no such host",)
    assert str(flow.cache / "last.log") in error.hint
    flow.program("true")
    assert flow.pull() == {"out/a": b"old\n"}


def test_the_last_lines_are_shown(flow: Flow) -> None:
    flow.program("seq 100 >&2; exit 1")
    assert list(_failure(flow).detail) == [str(number) for number in range(81, 101)]
    flow.program("echo on stdout; exit 1")
    assert _failure(flow).detail == ("on stdout",)


def test_f81_a_program_that_hangs(flow: Flow) -> None:
    flow.target["timeout_s"] = 0.5
    flow.program("trap 'exit 0' TERM; mkdir out; echo 1 > out/a; setsid sleep 400 & sleep 400 & wait")
    error = _failure(flow)
    assert (error.code, error.exit) == ("E-SCRIPT-TIMEOUT", Exit.FAILED)
    assert "0.5 s" in error.message


def test_f14_a_program_that_is_killed(flow: Flow) -> None:
    flow.program("kill -9 $$")
    error = _failure(flow)
    assert error.code == "E-SCRIPT-KILLED"
    assert "out of memory?" in error.message
    flow.program("kill -SEGV $$")
    assert "signal 11" in _failure(flow).message


def test_f87_not_committed(flow: Flow) -> None:
    flow.write(flow.script, "true")
    error = _failure(flow)
    assert error.code == "E-SCRIPT-MISSING"
    assert "only in your work tree" in error.message
    assert error.hint.startswith("git add scripts/sync.sh && git commit")


@pytest.mark.parametrize("script", ["scripts/none.sh", "no-such-program-at-all", "../../../bin/x"])
def test_f87_missing(flow: Flow, script: str) -> None:
    flow.script = script
    assert _failure(flow).code == "E-SCRIPT-MISSING"


def test_f87_missing_with_arguments_in_its_name(flow: Flow) -> None:
    flow.program("true")
    flow.script = "scripts/sync.sh --all"
    error = _failure(flow)
    assert error.code == "E-SCRIPT-MISSING"
    assert "args" in error.hint


def test_f87_a_folder(flow: Flow) -> None:
    flow.program("true")
    flow.script = "scripts"
    error = _failure(flow)
    assert error.code == "E-SCRIPT-MISSING"
    assert "a folder" in error.message


def test_f87_not_executable(flow: Flow) -> None:
    flow.script = "scripts/sync"
    flow.write(flow.script, "#!/bin/sh\ntrue\n")
    flow.commit()
    error = _failure(flow)
    assert error.code == "E-SCRIPT-NOT-EXECUTABLE"
    assert "chmod=+x" in error.hint


@pytest.mark.parametrize("script", ["scripts/sync.sh", "scripts/sync"])
def test_f87_windows_line_ends(flow: Flow, script: str) -> None:
    flow.script = script
    flow.write(script, b"#!/usr/bin/env bash\r\necho hi\r\n", 0o755)
    flow.commit()
    assert _failure(flow).code == "E-SCRIPT-CRLF"


@pytest.mark.parametrize(
    "content",
    ["#!/no/such/interpreter\n", "#!/usr/bin/env no-such-interpreter\n", "#!\n", "just words\n", "#!/tmp\n"],
)
def test_f87_no_interpreter(flow: Flow, content: str) -> None:
    flow.script = "scripts/sync"
    flow.write(flow.script, content, 0o755)
    flow.commit()
    assert _failure(flow).code == "E-SCRIPT-INTERPRETER"


@pytest.mark.parametrize(
    ("name", "content", "mode"),
    [
        ("a.sh", "mkdir out; echo ${BASH_VERSION:+bash} > out/a\n", 0o644),
        ("a", "#!/usr/bin/env bash\nmkdir out; echo bash > out/a\n", 0o755),
        ("a b", "#!/bin/bash -e\nmkdir out; echo bash > out/a\n", 0o755),
        ("a.py", "import os\nos.mkdir('out')\nopen('out/a', 'w').write('bash\\n')\r\n", 0o644),
    ],
)
def test_ways_to_start(flow: Flow, name: str, content: str, mode: int) -> None:
    flow.script = name
    flow.write(name, content, mode)
    flow.commit()
    assert flow.pull() == {"out/a": b"bash\n"}


def test_a_program_on_path(flow: Flow) -> None:
    flow.script = "cp"
    flow.options["args"] = ("README.md", "out.txt")
    flow.target["outputs"] = ("out.txt",)
    assert flow.pull() == {"out.txt": b"hello\n"}


def test_t42_nobody_else_can_read_the_scratch(flow: Flow) -> None:
    flow.program("true")
    flow.pull()
    assert stat.S_IMODE(flow.cache.stat().st_mode) == 0o700


def test_every_code_has_its_page() -> None:
    folder = Path(command.__file__).parent
    codes: set[str] = set()
    for path in folder.glob("*.py"):
        codes |= set(re.findall(r'"(E-(?:SCRIPT|UNDECLARED|ENV|SUPERVISOR)[A-Z-]*)"', path.read_text()))
    pages = (folder.parent.parent / "pages" / "command.md").read_text()
    for code in codes | {"E-ENV-MISSING", "E-SUPERVISOR"}:
        section = pages.split(f"## {code}\n", 1)[1].split("\n## ", 1)[0]
        assert "**Kept:** " in section
        assert "**Next:** " in section
